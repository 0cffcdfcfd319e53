// SPDX-License-Identifier: Apache-2.0
package import TUF

/// What the signed metadata says of a release beside its manifest's hash (TUF 4.5, "custom").
package struct ReleaseCustom: Equatable, Sendable {
    /// Models that it is for, such as "drimbox-1".
    package let hardware: [String]
    /// Never falls from one release to the next; the TPM's floor is compared with it.
    package let rollbackIndex: Int
    /// The oldest release that can be left for this one.
    package let minimumFrom: ReleaseVersion?

    package init(_ custom: JSON?) throws(FormatError) {
        let fields = try Fields(custom ?? .null, "custom")
        hardware = try fields.strings("hw")
        if hardware.isEmpty {
            throw FormatError(place: fields.place("hw"), found: "no element", expected: "one at least")
        }
        rollbackIndex = try fields.integer("rollback_index", atLeast: 0)
        minimumFrom = try fields.version(ifAny: "min_from")
    }
}
