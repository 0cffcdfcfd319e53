// SPDX-License-Identifier: Apache-2.0
import Glibc

/// A system call that failed: which call, on what, and errno.
package struct SystemCallError: Error, Equatable, CustomStringConvertible {
    package let call: String
    /// What the call worked on: a path or a descriptor, never patient data.
    package let subject: String
    package let errno: Int32

    package init(call: String, subject: String, errno: Int32) {
        self.call = call
        self.subject = subject
        self.errno = errno
    }

    package var description: String {
        "\(call)(\(subject)): \(unsafe String(cString: strerror(errno))) (errno \(errno))"
    }
}

/// The one door to errno: runs `body` again on EINTR, throws on a negative result.
@inline(__always)
package func systemCall<Result: SignedInteger>(
    _ call: StaticString,
    on subject: @autoclosure () -> String,
    _ body: () -> Result
) throws(SystemCallError) -> Result {
    while true {
        let result = body()
        if result >= 0 { return result }
        let code = errno
        if code != EINTR { throw SystemCallError(call: "\(call)", subject: subject(), errno: code) }
    }
}

extension SystemCallError {
    package static let timedOut = ETIMEDOUT
    package static let again = EAGAIN
    package static let badDescriptor = EBADF
    package static let tooLarge = EFBIG
    package static let inputOutput = EIO
    package static let noMemory = ENOMEM
}
