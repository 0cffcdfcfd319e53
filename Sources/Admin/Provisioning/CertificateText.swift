// SPDX-License-Identifier: Apache-2.0

/// The certificates of a PEM file, without what else stands in it: text, parameters, a private key.
package enum CertificateText {
    private static let begin = "-----BEGIN CERTIFICATE-----"
    private static let end = "-----END CERTIFICATE-----"

    package static func certificates(in file: [UInt8]) -> String {
        var kept: [Substring] = []
        var isInside = false
        for line in String(decoding: file, as: UTF8.self).split(whereSeparator: \.isNewline) {
            if line.hasPrefix(begin) { isInside = true }
            if isInside { kept.append(line) }
            if line.hasPrefix(end) { isInside = false }
        }
        return kept.isEmpty ? "" : kept.joined(separator: "\n") + "\n"
    }
}
