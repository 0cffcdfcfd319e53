// SPDX-License-Identifier: Apache-2.0
import Glibc
import Linux
import Updates

/// Installs one release from a directory into two files or devices, and prints what it took as JSON.
///
///     update-benchmark TARGETS RELEASE DATA HASHES [RUNNING]
///
/// RUNNING is the running slot's data, whose root hash the release's first patch names.
@main struct UpdateBenchmark {
    static func main() async throws {
        let arguments = CommandLine.arguments
        guard arguments.count >= 5 else {
            StandardError.print("usage: update-benchmark TARGETS RELEASE DATA HASHES [RUNNING]")
            exit(2)
        }
        let file = "\(arguments[1])/releases/\(arguments[2])/manifest.json"
        let manifest = try ReleaseManifest(
            parsing: try readFile(file, limit: ReleaseManifest.maximumLength)
        )
        let target = TargetSlot(
            data: try BlockStorage(opening: arguments[3], isWritable: true),
            hashes: try BlockStorage(opening: arguments[4], isWritable: true)
        )
        let running = try arguments.count > 5 ? BlockStorage(opening: arguments[5]) : nil
        let phases = Phases()
        let installation = try Installation(
            of: manifest,
            from: try DirectorySource(arguments[1]),
            into: target,
            running: running.flatMap { data in
                manifest.patches.first.map { RunningSlot(data: data, rootHash: $0.fromRootHash) }
            },
            report: { phases.note($0.phase) }
        )
        let outcome = try await installation.run()
        let progress = outcome.progress
        // What getrusage(2) says of the largest size counts the parent's before the exec.
        let status = String(decoding: try readFile("/proc/self/status", limit: 64 << 10), as: UTF8.self)
        let peak =
            status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }?
            .split(whereSeparator: { " \t".contains($0) }).dropFirst().first ?? "0"
        print(
            """
            {"seconds": {\(phases.seconds)}, "cpu": \(ProcessUsage.own().cpuSeconds), "peakKiB": \(peak), \
            "copied": \(progress.segmentsCopied), "patched": \(progress.segmentsPatched), \
            "fetched": \(progress.segmentsFetched), "bytesFetched": \(progress.bytesFetched)}
            """
        )
    }
}
