// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import Synchronization

/// How a process ended.
package enum ProcessExit: Equatable, Sendable, CustomStringConvertible {
    case status(Int32)
    case signal(Int32)

    init(waitStatus: Int32) {
        let signal = clinux_term_signal(waitStatus)
        self = signal != 0 ? .signal(signal) : .status(clinux_exit_status(waitStatus))
    }

    package var description: String {
        switch self {
        case .status(let status): "exit status \(status)"
        case .signal(let number): "signal \(number)"
        }
    }
}

/// Signal numbers that a supervisor sends.
package enum Signal {
    package static let terminate = SIGTERM
    package static let kill = SIGKILL
}

/// A program started by this process.
///
/// A thread of its own starts the program and waits for it: PR_SET_PDEATHSIG of the child fires when the
/// *thread* that made it ends, and the threads of the cooperative pool end when they are idle.
package final class ChildProcess: Sendable {
    private enum State {
        case starting(CheckedContinuation<Result<Void, SystemCallError>, Never>)
        case running(pid: pid_t, waiters: [CheckedContinuation<ProcessExit, Never>])
        case ended(pid: pid_t, ProcessExit)
        case notStarted
    }

    package enum Output: Sendable {
        /// Shares this process's standard output.
        case inherited
        /// An end of a socket pair; the caller keeps it open until the start returns.
        case descriptor(Int32)
    }

    package enum Input: Sendable {
        /// /dev/null
        case nothing
        /// An end of a socket pair; the caller keeps it open until the start returns.
        case descriptor(Int32)
        /// This process's standard input, and its process group: what a terminal's keys mean reaches both.
        case terminal
    }

    private let state: Mutex<State>

    private init(_ started: CheckedContinuation<Result<Void, SystemCallError>, Never>) {
        state = Mutex(.starting(started))
    }

    /// Starts `executable`, a path. Without our terminal it is in a process group of its own: Ctrl-C reaches only us.
    /// Signals are at their defaults; what binds this process to its service manager is not handed down.
    package static func start(
        _ executable: String,
        _ arguments: [String],
        input: Input = .nothing,
        output: Output = .inherited
    ) async throws(SystemCallError) -> ChildProcess {
        let holder = Mutex<ChildProcess?>(nil)
        let result = await withCheckedContinuation { started in
            let child = ChildProcess(started)
            holder.withLock { $0 = child }
            let isRunning = DetachedThread.start {
                child.run(executable, arguments, input, output)
            }
            if !isRunning {
                child.finishStart(
                    .failure(SystemCallError(call: "pthread_create", subject: executable, errno: EAGAIN))
                )
            }
        }
        try result.get()
        guard let child = holder.withLock({ $0 }) else {
            throw SystemCallError(call: "posix_spawn", subject: executable, errno: ECHILD)
        }
        return child
    }

    /// Nil when it never ran.
    package var pid: Int32? {
        state.withLock { state in
            switch state {
            case .running(let pid, _), .ended(let pid, _): pid
            case .starting, .notStarted: nil
            }
        }
    }

    /// Sends a signal; nothing happens once the process has ended.
    package func signal(_ number: Int32) {
        // The process stays a zombie until `run` has the lock, so the number is not another's.
        state.withLock { state in
            if case .running(let pid, _) = state { _ = kill(pid, number) }
        }
    }

    /// Waits for the end. Not interrupted by cancellation: stop the process first.
    package func exit() async -> ProcessExit {
        await withCheckedContinuation { continuation in
            let ended: ProcessExit? = state.withLock { state in
                switch state {
                case .running(let pid, let waiters):
                    state = .running(pid: pid, waiters: waiters + [continuation])
                    return nil
                case .ended(_, let exit): return exit
                case .starting, .notStarted: return .status(127)
                }
            }
            if let ended { continuation.resume(returning: ended) }
        }
    }

    /// The life of the process, on its thread.
    private func run(_ executable: String, _ arguments: [String], _ input: Input, _ output: Output) {
        let pid: pid_t
        do {
            pid = try spawn(executable, arguments, input, output)
        } catch {
            return finishStart(.failure(error))
        }
        finishStart(.success(()), pid: pid)
        var information = unsafe siginfo_t()
        while unsafe waitid(P_PID, id_t(pid), &information, WEXITED | WNOWAIT) < 0, errno == EINTR {}
        let (exit, waiters) = state.withLock { state in
            var status: Int32 = 0
            while unsafe waitpid(pid, &status, 0) < 0, errno == EINTR {}
            let exit = ProcessExit(waitStatus: status)
            var waiters: [CheckedContinuation<ProcessExit, Never>] = []
            if case .running(_, let list) = state { waiters = list }
            state = .ended(pid: pid, exit)
            return (exit, waiters)
        }
        for waiter in waiters { waiter.resume(returning: exit) }
    }

    private func finishStart(_ result: Result<Void, SystemCallError>, pid: pid_t = 0) {
        let started: CheckedContinuation<Result<Void, SystemCallError>, Never>? = state.withLock { state in
            guard case .starting(let started) = state else { return nil }
            state = pid > 0 ? .running(pid: pid, waiters: []) : .notStarted
            return started
        }
        started?.resume(returning: result)
    }
}

extension ChildProcess {
    /// Gives the terminal to an interactive program until it ends. Ctrl-C and Ctrl-\ are its keys meanwhile, not ours.
    /// After `deadline` it is hung up, and killed 5 s later; nil: it may take for ever.
    package static func runOnTerminal(
        _ executable: String,
        _ arguments: [String],
        deadline: Duration? = nil
    ) async throws(SystemCallError) -> ProcessExit {
        let kept = [SIGINT, SIGQUIT].map { (number: $0, handler: Glibc.signal($0, SIG_IGN)) }
        defer {
            for item in kept { _ = Glibc.signal(item.number, item.handler) }
        }
        let child = try await start(executable, arguments, input: .terminal)
        let killer = Task {
            guard let deadline else { return }
            try await Task.sleep(for: deadline)
            child.signal(SIGHUP)
            try await Task.sleep(for: .seconds(5))
            child.signal(SIGKILL)
        }
        defer { killer.cancel() }
        return await child.exit()
    }

    /// Runs a program to its end and returns what it wrote to standard output, cut at `limit` bytes.
    package static func run(
        _ executable: String,
        _ arguments: [String],
        deadline: Duration,
        limit: Int = 64 << 10
    ) async throws(SystemCallError) -> (exit: ProcessExit, output: String) {
        var ends: [Int32] = [-1, -1]
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        _ = try systemCall("socketpair", on: executable) { unsafe socketpair(AF_UNIX, kind, 0, &ends) }
        let reader = ends[0]
        let child: ChildProcess
        do {
            let writer = Descriptor(owning: ends[1])
            child = try await start(executable, arguments, output: .descriptor(writer.rawValue))
        } catch {
            close(reader)
            throw error
        }
        // While it runs: a program that writes more than the socket holds would wait for ever.
        let output = Task { await collect(reader, limit) }
        let killer = Task {
            try await Task.sleep(for: deadline)
            child.signal(SIGKILL)
        }
        let exit = await child.exit()
        killer.cancel()
        // Whoever inherited the other end does not keep us. The descriptor is ours until the reader has ended: the
        // number must not be another socket's by now.
        shutdown(reader, Int32(SHUT_RD))
        let bytes = await output.value
        close(reader)
        return (exit, String(decoding: bytes, as: UTF8.self))
    }

    /// Reads until the end; what is beyond `limit` is dropped. The descriptor stays the caller's.
    private static func collect(_ descriptor: Int32, _ limit: Int) async -> [UInt8] {
        await withCheckedContinuation { (continuation: CheckedContinuation<[UInt8], Never>) in
            let isRunning = DetachedThread.start {
                var bytes: [UInt8] = []
                var chunk = [UInt8](repeating: 0, count: 64 << 10)
                while true {
                    let count = unsafe chunk.withUnsafeMutableBytes {
                        unsafe Glibc.read(descriptor, $0.baseAddress, $0.count)
                    }
                    if count < 0, errno == EINTR { continue }
                    guard count > 0 else { break }
                    bytes += chunk.prefix(min(count, max(0, limit - bytes.count)))
                }
                continuation.resume(returning: bytes)
            }
            if !isRunning { continuation.resume(returning: []) }
        }
    }
}

// MARK: posix_spawn(3)

private func spawn(
    _ executable: String,
    _ arguments: [String],
    _ input: ChildProcess.Input,
    _ output: ChildProcess.Output
) throws(SystemCallError) -> pid_t {
    var attributes = posix_spawnattr_t()
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawnattr_init(&attributes)
    unsafe posix_spawn_file_actions_init(&actions)
    defer {
        unsafe posix_spawnattr_destroy(&attributes)
        unsafe posix_spawn_file_actions_destroy(&actions)
    }
    var defaults = sigset_t()
    var unblocked = sigset_t()
    unsafe sigfillset(&defaults)
    unsafe sigemptyset(&unblocked)
    unsafe posix_spawnattr_setsigdefault(&attributes, &defaults)
    unsafe posix_spawnattr_setsigmask(&attributes, &unblocked)
    unsafe posix_spawnattr_setpgroup(&attributes, 0)
    var flags = Int32(POSIX_SPAWN_SETSIGDEF) | Int32(POSIX_SPAWN_SETSIGMASK)
    if case .terminal = input {} else { flags |= Int32(POSIX_SPAWN_SETPGROUP) }
    unsafe posix_spawnattr_setflags(&attributes, Int16(flags))
    switch input {
    case .terminal: break
    case .nothing: unsafe posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    case .descriptor(let descriptor):
        unsafe posix_spawn_file_actions_adddup2(&actions, descriptor, STDIN_FILENO)
    }
    if case .descriptor(let descriptor) = output {
        unsafe posix_spawn_file_actions_adddup2(&actions, descriptor, STDOUT_FILENO)
    }
    // Not every library marks its descriptors close-on-exec: a child that outlives us would keep our sockets.
    _ = unsafe clinux_spawn_close_from(&actions, 3)
    var words = CStrings([executable] + arguments)
    var variables = CStrings(try inheritedEnvironment())
    var pid: pid_t = 0
    let code = unsafe posix_spawn(
        &pid,
        executable,
        &actions,
        &attributes,
        &words.pointers,
        &variables.pointers
    )
    guard code == 0 else { throw SystemCallError(call: "posix_spawn", subject: executable, errno: code) }
    return pid
}

/// `NAME=value` of this process, less what sd_notify(3) and sd_listen_fds(3) mean for it alone.
private func inheritedEnvironment() throws(SystemCallError) -> [String] {
    let own = [
        "NOTIFY_SOCKET=", "WATCHDOG_USEC=", "WATCHDOG_PID=", "LISTEN_FDS=", "LISTEN_PID=", "LISTEN_FDNAMES=",
    ]
    let file = try Descriptor(opening: "/proc/self/environ", O_RDONLY)
    var bytes: [UInt8] = []
    while let chunk = try file.readChunk() { bytes += chunk }
    return bytes.split(separator: 0)
        .map { String(decoding: $0, as: UTF8.self) }
        .filter { variable in !own.contains { variable.hasPrefix($0) } }
}

/// A null-terminated array of C strings that lives as long as the value.
@safe private struct CStrings: ~Copyable {
    var pointers: [UnsafeMutablePointer<CChar>?]

    init(_ strings: [String]) {
        unsafe pointers = strings.map { unsafe strdup($0) } + [nil]
    }

    deinit {
        for index in unsafe pointers.indices { unsafe free(pointers[index]) }
    }
}

extension Descriptor {
    /// What is there to read, at most 64 KiB; nil at the end.
    fileprivate func readChunk() throws(SystemCallError) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 64 << 10)
        let count = try systemCall("read", on: "descriptor \(rawValue)") {
            unsafe bytes.withUnsafeMutableBytes { unsafe Glibc.read(rawValue, $0.baseAddress, $0.count) }
        }
        return count > 0 ? Array(bytes.prefix(count)) : nil
    }
}
