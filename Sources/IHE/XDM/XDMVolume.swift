// SPDX-License-Identifier: Apache-2.0

/// Names and places in the XDM archive of a month of manifests: `KA202401/IHE_XDM/SS000001/KOS_1_1.DCM` (ITI TF-3 3.32,
/// with the names of the DRIM-M local archive).
package enum XDMVolume {
    package static let index = "INDEX.HTM"
    package static let readme = "README.TXT"
    package static let root = "IHE_XDM"
    package static let metadata = "METADATA.XML"
    package static let report = "CR.TXT"
    package static let signature = "SIGN_1.XML"
    package static let manifest = "KOS_1_1.DCM"

    /// What a directory holds: six digits number it.
    package static let longest = 999_999

    /// `KA202401` of the month "202401".
    package static func name(month: String) -> String { "KA\(month)" }

    /// `SS000001` of the first submission.
    package static func directory(_ number: Int) -> String {
        let digits = String(number)
        return "SS" + String(repeating: "0", count: max(0, 6 - digits.utf8.count)) + digits
    }

    /// Whether a name is that of a submission's directory.
    package static func isDirectory(_ name: String) -> Bool {
        name.utf8.count == 8 && name.hasPrefix("SS") && name.dropFirst(2).allSatisfy { "0"..."9" ~= $0 }
    }
}

/// CR.TXT: which report a submission belongs to, and whose it is, in six fields between semicolons.
package struct XDMReport: Equatable, Sendable {
    /// The document's id; `extension` is empty where the id is a root alone.
    package var root: String
    package var `extension`: String
    package var nationalIdentifier: String
    package var nationalAuthority: String
    package var localIdentifier: String
    package var localAuthority: String

    package init(
        root: String,
        extension: String,
        nationalIdentifier: String,
        nationalAuthority: String,
        localIdentifier: String,
        localAuthority: String
    ) {
        self.root = root
        self.extension = `extension`
        self.nationalIdentifier = nationalIdentifier
        self.nationalAuthority = nationalAuthority
        self.localIdentifier = localIdentifier
        self.localAuthority = localAuthority
    }

    /// Reads the file.
    package init(reading bytes: [UInt8]) throws(XDMError) {
        // Readers split the whole file: a line end after the last field is none of it.
        let text = String(decoding: bytes, as: UTF8.self).filter { $0 != "\r" && $0 != "\n" && $0 != "\r\n" }
        let fields = text.split(separator: ";", omittingEmptySubsequences: false).map(String.init)
        guard fields.count == 6, !fields[0].isEmpty, !fields[2].isEmpty else {
            throw XDMError(
                XDMVolume.report,
                found: "\(fields.count) fields",
                expected: "six between semicolons, the report's id and the INS among them"
            )
        }
        (root, `extension`) = (fields[0], fields[1])
        (nationalIdentifier, nationalAuthority) = (fields[2], fields[3])
        (localIdentifier, localAuthority) = (fields[4], fields[5])
    }

    /// The file, without a line end.
    package var bytes: [UInt8] {
        let fields = [
            root, `extension`, nationalIdentifier, nationalAuthority, localIdentifier, localAuthority,
        ]
        return Array(fields.map(Self.plain).joined(separator: ";").utf8)
    }

    private static func plain(_ field: String) -> String {
        field.filter { $0 != ";" && $0 != "\r" && $0 != "\n" && $0 != "\r\n" }
    }
}

/// What of an XDM archive cannot be used. Holds nothing of a patient.
package struct XDMError: Error, Equatable, Sendable, CustomStringConvertible {
    package let description: String

    package init(_ place: String, found: String, expected: String) {
        description = "\(place): found \(found), expected \(expected)"
    }
}
