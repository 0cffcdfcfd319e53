// SPDX-License-Identifier: Apache-2.0

/// A shell-style pattern of target paths (TUF 4.5, PATHPATTERN): `*` is any run of characters but "/", `?` one
/// character but "/". Brackets stand for themselves, so that a pattern never covers more than it says.
struct PathPattern: Equatable, Sendable {
    private let pattern: [Unicode.Scalar]

    init(_ text: String) { pattern = Array(text.unicodeScalars) }

    /// Steps grow with the product of the lengths at most: only the last `*` is tried again.
    func matches(_ path: String) -> Bool {
        let path = Array(path.unicodeScalars)
        var (inPattern, inPath) = (0, 0)
        /// Where the last `*` is, and where in the path its run ends.
        var retry: (pattern: Int, path: Int)?
        while inPath < path.count {
            if inPattern < pattern.count, pattern[inPattern] == "*" {
                retry = (inPattern, inPath)
                inPattern += 1
            } else if inPattern < pattern.count,
                pattern[inPattern] == path[inPath] || (pattern[inPattern] == "?" && path[inPath] != "/")
            {
                inPattern += 1
                inPath += 1
            } else if let last = retry, path[last.path] != "/" {
                retry = (last.pattern, last.path + 1)
                inPattern = last.pattern + 1
                inPath = last.path + 1
            } else {
                return false
            }
        }
        return pattern[inPattern...].allSatisfy { $0 == "*" }
    }
}
