// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc

extension Descriptor {
    /// Takes disk blocks for a range beforehand and leaves the size alone. File systems that cannot (EOPNOTSUPP)
    /// take them at the write.
    package func reserve(
        _ range: Range<Int64>,
        of name: @autoclosure () -> String
    ) throws(SystemCallError) {
        do {
            _ = try systemCall("fallocate", on: name()) {
                clinux_fallocate_keep_size(rawValue, off_t(range.lowerBound), off_t(range.count))
            }
        } catch  where error.errno == EOPNOTSUPP {}
    }
}
