// SPDX-License-Identifier: Apache-2.0
import Glibc

/// How full a file system is, and whether it still takes writes.
package enum FileSystemProbe {
    package struct Usage: Equatable, Sendable {
        package let totalBytes: Int
        /// For everybody but root.
        package let freeBytes: Int
        /// Nil where the file system counts none.
        package let freeInodesPercent: Double?
    }

    package static func usage(of path: String) throws(SystemCallError) -> Usage {
        var status = statvfs()
        _ = try systemCall("statvfs", on: path) { unsafe statvfs(path, &status) }
        let unit = Int(clamping: status.f_frsize)
        return Usage(
            totalBytes: Int(clamping: status.f_blocks).multipliedReportingOverflow(by: unit).partialValue,
            freeBytes: Int(clamping: status.f_bavail).multipliedReportingOverflow(by: unit).partialValue,
            freeInodesPercent: status.f_files == 0
                ? nil : Double(status.f_favail) / Double(status.f_files) * 100
        )
    }

    /// Writes 4 KiB below `directory` and waits for the disk: false where that fails or takes longer than
    /// `deadline`. A mount table does not tell: ext4 refuses writes after an error while it still says `rw`.
    package static func takesWrites(_ directory: String, deadline: Duration) async -> Bool {
        await withCheckedContinuation { (continuation: CheckedContinuation<Bool, Never>) in
            let answer = OneAnswer(continuation)
            let isRunning = DetachedThread.start {
                let path = directory + "/.write-probe"
                let isWritten =
                    (try? replaceFile(path, with: [UInt8](repeating: 0x5A, count: 4096), mode: 0o600)) != nil
                answer.give(isWritten)
            }
            if !isRunning { answer.give(false) }
            Task {
                try? await Task.sleep(for: deadline)
                answer.give(false)
            }
        }
    }
}
