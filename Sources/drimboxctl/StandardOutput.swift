// SPDX-License-Identifier: Apache-2.0
import Glibc

enum StandardOutput {
    /// `print` keeps lines back where standard output is a pipe.
    static func flush() {
        _ = fflush(nil)
    }
}
