// SPDX-License-Identifier: Apache-2.0

/// The frame around the instances of a multipart/related response (RFC 2387, RFC 2046 5.1, PS3.18 8.6.1.2):
/// part header, the instance's bytes, part header, ..., `closing`.
package struct MultipartRelated: Equatable, Sendable {
    package let boundary: String

    /// A boundary of 128 random bits does not occur in an instance.
    package init(using generator: inout some RandomNumberGenerator) {
        let digits = (0..<2).map { _ in
            let half = String(UInt64.random(in: 0...UInt64.max, using: &generator), radix: 16)
            return String(repeating: "0", count: 16 - half.utf8.count) + half
        }
        boundary = "drimbox-" + digits.joined()
    }

    /// Of the response.
    package var contentType: String {
        "multipart/related; type=\"application/dicom\"; boundary=\(boundary)"
    }

    /// Of a response whose parts are of another media type (PS3.18 8.6.1.2.1).
    package func contentType(of type: String) -> String {
        "multipart/related; type=\"\(type)\"; boundary=\(boundary)"
    }

    /// What precedes a part of another media type: frames and bulk data.
    package func partHeader(
        isFirst: Bool,
        contentType: String,
        contentLength: Int,
        contentLocation: String? = nil
    ) -> [UInt8] {
        var text = isFirst ? "--" : "\r\n--"
        text += "\(boundary)\r\nContent-Type: \(contentType)\r\nContent-Length: \(contentLength)\r\n"
        if let contentLocation { text += "Content-Location: \(contentLocation)\r\n" }
        text += "\r\n"
        return Array(text.utf8)
    }

    /// What precedes an instance of `contentLength` bytes. Some servers store only parts that name no transfer syntax.
    package func partHeader(
        isFirst: Bool,
        transferSyntax: UID?,
        contentLength: Int,
        contentID: String? = nil
    ) -> [UInt8] {
        var text = isFirst ? "--" : "\r\n--"
        let parameter = transferSyntax.map { ";transfer-syntax=\($0)" } ?? ""
        text += "\(boundary)\r\nContent-Type: application/dicom\(parameter)\r\n"
        text += "Content-Length: \(contentLength)\r\n"
        if let contentID { text += "Content-ID: <\(contentID)>\r\n" }
        text += "\r\n"
        return Array(text.utf8)
    }

    /// What follows the last instance.
    package var closing: [UInt8] { Array("\r\n--\(boundary)--\r\n".utf8) }
}
