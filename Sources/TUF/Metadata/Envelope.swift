// SPDX-License-Identifier: Apache-2.0

/// Metadata as it arrives (TUF 4.2): a document and its signatures, nothing of it verified.
struct Envelope: Equatable, Sendable {
    /// By keyid. A signature that is no hexadecimal text, such as one still to be made, is empty.
    let signatures: NameMap<[UInt8]>
    let signed: JSON
    /// What the signatures are of: the whole of `signed`, fields unknown here included.
    let signedBytes: [UInt8]

    init(parsing bytes: [UInt8]) throws(FormatError) {
        let fields = try Fields(JSON(parsing: bytes), "metadata")
        var signatures: [NameMap<[UInt8]>.Entry] = []
        for (index, element) in try fields.array("signatures").enumerated() {
            let signature = try Fields(element, "signatures[\(index)]")
            signatures.append(
                .init(
                    name: try signature.string("keyid"),
                    value: HexDigits.bytes(of: try signature.string("sig")) ?? []
                )
            )
        }
        guard let map = NameMap(unsorted: signatures) else {
            throw FormatError(place: "signatures", found: "a keyid twice", expected: "each keyid once")
        }
        self.signatures = map
        signed = try fields.value("signed")
        signedBytes = signed.canonical
    }

    /// The members of `signed`, which is of the given type and of specification version 1.
    func fields(type: String) throws(FormatError) -> Fields {
        let fields = try Fields(signed, "signed")
        let found = try fields.string("_type")
        if found != type {
            throw FormatError(
                place: "signed._type",
                found: "\"\(found.shown)\"",
                expected: "\"\(type)\""
            )
        }
        let version = try fields.string("spec_version")
        if !version.hasPrefix("1.") {
            throw FormatError(
                place: "signed.spec_version",
                found: "\"\(version.shown)\"",
                expected: "\"1.\" and more"
            )
        }
        return fields
    }
}

/// What every role's metadata states about itself (TUF 4.3 to 4.6).
package protocol Role: Equatable, Sendable {
    var version: Int { get }
    var expires: UTCTime { get }
}

extension Fields {
    /// At most 2^53 - 1, which every JSON reader can tell from its neighbours.
    func version() throws(FormatError) -> Int {
        let version = try integer("version", atLeast: 1)
        if version >= 1 << 53 {
            throw FormatError(place: place("version"), found: "\(version)", expected: "less than 2^53")
        }
        return version
    }

    func expires() throws(FormatError) -> UTCTime {
        let text = try string("expires")
        guard let time = UTCTime(text) else {
            throw FormatError(
                place: place("expires"),
                found: "\"\(text.shown)\"",
                expected: "a date and time such as 2030-01-31T00:00:00Z"
            )
        }
        return time
    }
}
