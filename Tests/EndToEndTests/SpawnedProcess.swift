// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
import Synchronization

/// A program started with posix_spawn(3), its output in files. Foundation's `Process` is not for tests that start some
/// thousands of them: now and then it reads beyond its own memory.
final class SpawnedProcess: Sendable {
    struct Failure: Error, CustomStringConvertible {
        let executable: String
        let code: Int32

        var description: String { "\(executable): \(String(cString: strerror(code)))" }
    }

    let pid: Int32
    private let ended = Mutex<Int32?>(nil)

    /// `output` and `errors` are written to from their ends on, and made where they are not there.
    init(
        _ executable: String,
        _ arguments: [String],
        environment: [String: String],
        output: String,
        errors: String
    ) throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        let flags = O_WRONLY | O_CREAT | O_APPEND
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output, flags, 0o644)
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, errors, flags, 0o644)
        // None of ours is for the program.
        for descriptor in Int32(3)..<256 { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var all = sigset_t()
        var none = sigset_t()
        sigfillset(&all)
        sigemptyset(&none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF) | Int16(POSIX_SPAWN_SETSIGMASK))
        let variables = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        var words = ([executable] + arguments).map { strdup($0) } + [nil]
        var values = variables.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for text in words + values { free(text) } }
        var pid: pid_t = 0
        let code = posix_spawn(&pid, executable, &actions, &attributes, &words, &values)
        guard code == 0 else { throw Failure(executable: executable, code: code) }
        self.pid = pid
    }

    /// Exit status, or the number of the signal that ended it; nil while it runs.
    var status: Int32? {
        ended.withLock { ended in
            if let ended { return ended }
            var status: Int32 = 0
            guard waitpid(pid, &status, WNOHANG) == pid else { return nil }
            ended = status & 0x7F == 0 ? status >> 8 & 0xFF : status & 0x7F
            return ended
        }
    }

    var isRunning: Bool { status == nil }

    /// Nothing happens once it has ended.
    func signal(_ number: Int32) {
        ended.withLock { if $0 == nil { kill(pid, number) } }
    }

    func waitUntilExit() -> Int32 {
        while true {
            if let status { return status }
            usleep(2_000)
        }
    }
}
