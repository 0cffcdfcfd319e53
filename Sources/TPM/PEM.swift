// SPDX-License-Identifier: Apache-2.0
internal import FoundationEssentials

/// Bytes as text (RFC 4648, RFC 7468).
enum PEM {
    static func base64(_ bytes: some Sequence<UInt8>) -> String {
        Data(bytes).base64EncodedString()
    }

    static func text(label: String, _ bytes: [UInt8]) -> String {
        var rest = base64(bytes)[...]
        var lines = ["-----BEGIN \(label)-----"]
        while !rest.isEmpty {
            lines.append(String(rest.prefix(64)))
            rest = rest.dropFirst(64)
        }
        return (lines + ["-----END \(label)-----", ""]).joined(separator: "\n")
    }
}
