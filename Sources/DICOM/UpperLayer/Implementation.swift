// SPDX-License-Identifier: Apache-2.0

/// How the box names itself to peers and in files (PS3.7 D.3.3.2). The class UID stands for this
/// implementation, whatever its version, and does not change.
package enum Implementation {
    /// PS3.5 B.2: the UUID 989b594a-7b9c-454a-aca3-6324afbbc3cf in decimal.
    package static let classUID = UID(literal: "2.25.202849272407974437874701213990632801231")
    /// At most 16 characters.
    package static let versionName = "DRIMBOX_1"
}
