// SPDX-License-Identifier: Apache-2.0
import Glibc

/// A terminal that hands over every byte as it comes: no line discipline, no echo, no signals from keys.
///
/// A device that is no terminal, such as a pipe, is read and written as it is.
package final class Terminal: Sendable {
    private let input: Int32
    private let output: Int32
    /// Nil where the device is no terminal.
    private let original: termios?

    /// Goes to raw mode. What was set before comes back with `restore()`, when the value goes, and when SIGTERM,
    /// SIGHUP or SIGINT ends the process.
    package init(input: Int32 = STDIN_FILENO, output: Int32 = STDOUT_FILENO) throws(SystemCallError) {
        self.input = input
        self.output = output
        guard isatty(input) == 1 else {
            original = nil
            return
        }
        var settings = termios()
        _ = try systemCall("tcgetattr", on: "terminal") { unsafe tcgetattr(input, &settings) }
        original = settings
        try takeRaw()
        if let original { TerminalSignals.restore(original, of: input) }
    }

    /// Takes the terminal back after `restore()`.
    package func takeRaw() throws(SystemCallError) {
        guard var settings = original else { return }
        // A stray XOFF must not stop the output for ever, nor a break end the program.
        settings.c_iflag &= ~tcflag_t(BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON)
        settings.c_iflag |= tcflag_t(IGNBRK)
        settings.c_oflag &= ~tcflag_t(OPOST)
        settings.c_lflag &= ~tcflag_t(ECHO | ECHONL | ICANON | ISIG | IEXTEN)
        settings.c_cc.5 = 0
        settings.c_cc.6 = 1
        _ = try systemCall("tcsetattr", on: "terminal") { unsafe tcsetattr(input, TCSANOW, &settings) }
    }

    /// The device's name below /dev, `ttyS0`; nil where it is no terminal.
    package var name: String? {
        guard original != nil else { return nil }
        var buffer = [CChar](repeating: 0, count: 64)
        guard unsafe ttyname_r(input, &buffer, buffer.count - 1) == 0 else { return nil }
        let path = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return path.hasPrefix("/dev/") ? String(path.dropFirst(5)) : nil
    }

    deinit {
        restore()
    }

    package func restore() {
        guard var original else { return }
        _ = unsafe tcsetattr(input, TCSADRAIN, &original)
    }

    /// What has come, at least a byte; nil where nothing came in time, empty where the line is gone.
    package func read(timeout: Duration) async throws(SystemCallError) -> [UInt8]? {
        let input = input
        let milliseconds = Int32(max(0, min(timeout / .milliseconds(1), 86_400_000)).rounded(.up))
        return try await onThread { () throws(SystemCallError) in
            var entry = pollfd(fd: input, events: Int16(POLLIN), revents: 0)
            let count = try systemCall("poll", on: "terminal") { unsafe poll(&entry, 1, milliseconds) }
            if count == 0 { return nil }
            var bytes = [UInt8](repeating: 0, count: 1024)
            do throws(SystemCallError) {
                let count = try systemCall("read", on: "terminal") {
                    unsafe bytes.withUnsafeMutableBytes {
                        unsafe Glibc.read(input, $0.baseAddress, $0.count)
                    }
                }
                return Array(bytes.prefix(count))
            } catch {
                // A line that was hung up (tty_ioctl(4)).
                if error.errno == EIO { return [] }
                throw error
            }
        }
    }

    /// Returns when the system has taken all of it.
    package func write(_ bytes: [UInt8]) async throws(SystemCallError) {
        let output = output
        try await onThread { () throws(SystemCallError) in
            var rest = bytes[...]
            while !rest.isEmpty {
                do throws(SystemCallError) {
                    let written = try systemCall("write", on: "terminal") {
                        unsafe rest.withUnsafeBytes { unsafe Glibc.write(output, $0.baseAddress, $0.count) }
                    }
                    rest = rest.dropFirst(written)
                } catch {
                    // Somebody else made the device non-blocking.
                    guard error.errno == EAGAIN else { throw error }
                    var entry = pollfd(fd: output, events: Int16(POLLOUT), revents: 0)
                    _ = try systemCall("poll", on: "terminal") { unsafe poll(&entry, 1, 1000) }
                }
            }
        }
    }

    /// Drops what was typed and not yet read.
    package func discardInput() {
        if original != nil { _ = tcflush(input, TCIFLUSH) }
    }

    /// Reading and writing block a thread of their own.
    private func onThread<Value: Sendable>(
        _ body: @escaping @Sendable () throws(SystemCallError) -> Value
    ) async throws(SystemCallError) -> Value {
        let result: Result<Value, SystemCallError> = await withCheckedContinuation { continuation in
            let isRunning = DetachedThread.start {
                do throws(SystemCallError) {
                    continuation.resume(returning: .success(try body()))
                } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
            if !isRunning {
                let error = SystemCallError(call: "pthread_create", subject: "terminal", errno: EAGAIN)
                continuation.resume(returning: .failure(error))
            }
        }
        return try result.get()
    }
}

/// Gives the terminal back when a signal ends the process. One terminal per process: the last one that was opened.
private enum TerminalSignals {
    // Read by the handler only, and written before it is set.
    private nonisolated(unsafe) static var settings = termios()
    private nonisolated(unsafe) static var descriptor: Int32 = -1

    static func restore(_ original: termios, of input: Int32) {
        unsafe settings = original
        unsafe descriptor = input
        for number in [SIGTERM, SIGHUP, SIGINT] {
            var action = sigaction()
            // tcsetattr(3) and _exit(2) may be called from a handler (signal-safety(7)).
            unsafe action.__sigaction_handler.sa_handler = { number in
                _ = unsafe tcsetattr(TerminalSignals.descriptor, TCSANOW, &TerminalSignals.settings)
                _exit(128 + number)
            }
            _ = unsafe sigaction(number, &action, nil)
        }
    }
}
