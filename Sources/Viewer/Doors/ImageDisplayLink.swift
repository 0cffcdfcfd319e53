// SPDX-License-Identifier: Apache-2.0
import Admin
package import DICOM

/// The link of a report to its images: `IHEInvokeImageDisplay` (IHE RAD-106), with the accession and the report besides
/// the study, so that who has guessed one of them has nothing (DOMAIN 2.6).
package struct ImageDisplayLink: Hashable, Sendable {
    package static let path = "/IHEInvokeImageDisplay"
    /// What a link may say besides, and is not looked at: how the caller would like to see the images.
    private static let ignored: Set = ["viewerType", "diagnosticQuality", "keyImagesOnly", "lang"]
    private static let longest = 1024

    package let studyInstanceUID: UID
    package let accessionNumber: String
    /// `root` or `root^extension`, as reports are known here.
    package let reportID: String

    package init(studyInstanceUID: UID, accessionNumber: String, reportID: String) {
        self.studyInstanceUID = studyInstanceUID
        self.accessionNumber = accessionNumber
        self.reportID = reportID
    }

    /// Nil where the query is not of the one form that links have: each parameter once, none empty, nothing unknown.
    package init?(query: String) {
        guard query.utf8.count <= Self.longest, let fields = QueryFields(query) else { return nil }
        var values: [String: String] = [:]
        for field in fields.all where !Self.ignored.contains(field.name) {
            guard values.updateValue(field.value, forKey: field.name) == nil else { return nil }
        }
        guard values.count == 4, values["requestType"] == "STUDY",
            let study = values["studyUID"], let uid = UID(study), uid.string == study,
            let accession = values["accessionNumber"], Self.isPlain(accession, most: 64),
            let report = values["idCDA"], Self.isPlain(report, most: 256)
        else { return nil }
        self.init(studyInstanceUID: uid, accessionNumber: accession, reportID: Self.identifier(report))
    }

    /// What the RIS is told: it puts the report's own id behind it, which it knows when it writes the report.
    package static func partialURL(_ origin: String, studyUID: String, accessionNumber: String) -> String {
        "\(origin)\(path)?\(partialQuery(studyUID, accessionNumber))"
    }

    private static func partialQuery(_ studyUID: String, _ accessionNumber: String) -> String {
        "requestType=STUDY&studyUID=\(studyUID)&accessionNumber=\(accessionNumber)&idCDA="
    }

    /// For a person who sets a RIS up.
    package static func template(_ origin: String) -> String {
        partialURL(origin, studyUID: "{StudyInstanceUID}", accessionNumber: "{AccessionNumber}") + "{id}"
    }

    /// The whole link.
    package func url(_ origin: String) -> String { url(origin, path: Self.path) }

    /// The link's query, under another path.
    func url(_ origin: String = "", path: String) -> String {
        let report = reportID.split(separator: "^").map { PathSegment.encoded(String($0)) }
        let query = Self.partialQuery(studyInstanceUID.string, PathSegment.encoded(accessionNumber))
        return "\(origin)\(path)?\(query)" + report.joined(separator: "_")
    }

    /// An OID has no underscore: the first one is where the extension begins.
    private static func identifier(_ text: String) -> String {
        guard let end = text.firstIndex(of: "_"), end != text.startIndex else { return text }
        let rest = text[text.index(after: end)...]
        return rest.isEmpty || text[..<end].contains("^") ? text : "\(text[..<end])^\(rest)"
    }

    private static func isPlain(_ text: String, most: Int) -> Bool {
        (1...most).contains(text.utf8.count) && text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
    }
}

/// The fields of a query (application/x-www-form-urlencoded), in their order.
struct QueryFields: Sendable {
    private static let most = 32

    let all: [(name: String, value: String)]

    /// Nil where "%" has no two hexadecimal digits after it, the bytes are no UTF-8, or there are too many fields.
    init?(_ text: String) {
        var fields: [(name: String, value: String)] = []
        for pair in text.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = Self.decoded(parts[0]),
                let value = Self.decoded(parts.count > 1 ? parts[1] : ""),
                fields.count < Self.most
            else { return nil }
            fields.append((name, value))
        }
        all = fields
    }

    /// The value of a field that is there once; nil where it is absent, or ambiguous.
    subscript(name: String) -> String? {
        let found = all.filter { $0.name == name }
        return found.count == 1 ? found.first?.value : nil
    }

    private static func decoded(_ text: some StringProtocol) -> String? {
        PathSegment.decoded(String(text.map { $0 == "+" ? " " : $0 }))
    }
}
