// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials
import XML

/// A report as it lies in the record: CDA R2, whose body is a PDF in most (level 1).
struct ReportDocument: Sendable {
    private static let namespace = "urn:hl7-org:v3"
    private static let longest = 100 << 20

    let source: [UInt8]
    /// Nil where the body is something else.
    let pdf: [UInt8]?

    init(_ bytes: [UInt8]) {
        source = bytes
        guard bytes.count <= Self.longest, let document = try? XMLElement(parsing: bytes),
            document.name == XMLName("ClinicalDocument", in: Self.namespace),
            let text = document.first(at: ["component", "nonXMLBody", "text"]),
            text["mediaType"] == "application/pdf", text["representation"] == "B64",
            let data = Data(base64Encoded: text.text.filter { !$0.isWhitespace })
        else {
            pdf = nil
            return
        }
        // What says it is a PDF and is none is not handed to a browser as one.
        pdf = data.starts(with: Array("%PDF-".utf8)) ? Array(data) : nil
    }
}
