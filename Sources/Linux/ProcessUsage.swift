// SPDX-License-Identifier: Apache-2.0
import Glibc

/// What a process takes from the machine.
package struct ProcessUsage: Equatable, Sendable {
    package let residentBytes: Int
    /// User and system time.
    package let cpuSeconds: Double

    /// Of this process. Zeros where the kernel does not say.
    package static func own() -> ProcessUsage {
        var usage = rusage()
        _ = unsafe getrusage(RUSAGE_SELF.rawValue, &usage)
        let seconds = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec
        let microseconds = usage.ru_utime.tv_usec + usage.ru_stime.tv_usec
        return ProcessUsage(
            residentBytes: residentPages() * sysconf(Int32(_SC_PAGESIZE)),
            cpuSeconds: Double(seconds) + Double(microseconds) / 1e6
        )
    }

    /// Second field of proc_pid_statm(5).
    private static func residentPages() -> Int {
        guard let file = try? Descriptor(opening: "/proc/self/statm", O_RDONLY) else { return 0 }
        var bytes = [UInt8](repeating: 0, count: 128)
        let count = unsafe bytes.withUnsafeMutableBytes {
            unsafe Glibc.read(file.rawValue, $0.baseAddress, $0.count)
        }
        let fields = bytes.prefix(max(0, count)).split(separator: UInt8(ascii: " "))
        return fields.dropFirst().first.flatMap { Int(String(decoding: $0, as: UTF8.self)) } ?? 0
    }
}
