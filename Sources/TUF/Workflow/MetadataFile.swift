// SPDX-License-Identifier: Apache-2.0

/// A file to fetch from the repository's metadata.
package struct MetadataFile: Equatable, Sendable {
    package let role: String
    /// Part of the file's name, if not nil.
    package let version: Int?
    /// In bytes; to read on after them is pointless.
    package let maximumLength: Int

    /// Below the metadata's URL: one segment, whatever the role's name is.
    package var path: String {
        let name = "\(PercentEncoding.segment(role)).json"
        return if let version { "\(version).\(name)" } else { name }
    }
}

/// A file that the client keeps between updates.
package enum StoredFile: Equatable, Sendable {
    case root(version: Int)
    case role(String)

    /// A name for the disk: no separator, no dot but those before "root" and "json", so that no role's name can
    /// point elsewhere or at another role's file.
    package var fileName: String {
        switch self {
        case .root(let version): "\(version).root.json"
        case .role(let name): "\(PercentEncoding.name(name)).json"
        }
    }
}

extension TargetFile {
    /// Below the targets' URL (TUF 5.7.3). With consistent snapshots the file's name carries its hash.
    package func repositoryPath(consistentSnapshot: Bool) -> String {
        var segments = path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
            .map { PercentEncoding.segment(String(decoding: $0, as: UTF8.self)) }
        if consistentSnapshot, let hash = hashes.sha256 ?? hashes.sha512 {
            segments[segments.count - 1] = "\(hash).\(segments[segments.count - 1])"
        }
        return segments.joined(separator: "/")
    }

    /// A name for the disk, of this path only: no separator and no dot, so that it points nowhere else.
    package var fileName: String { PercentEncoding.name(path) }
}

/// Names in file names and URLs (RFC 3986, 2.1).
enum PercentEncoding {
    /// Letters, digits and `-._~` stand for themselves.
    static func segment(_ text: String) -> String { encode(text, unreserved: "-._~") }

    /// Letters, digits, `-` and `_` stand for themselves.
    static func name(_ text: String) -> String { encode(text, unreserved: "-_") }

    private static func encode(_ text: String, unreserved: String) -> String {
        text.utf8.reduce(into: "") { encoded, byte in
            let scalar = Unicode.Scalar(byte)
            let isAlphanumeric =
                scalar.isASCII && (scalar.properties.isAlphabetic || scalar.properties.numericType != nil)
            if isAlphanumeric || unreserved.utf8.contains(byte) {
                encoded.unicodeScalars.append(scalar)
            } else {
                let digits = String(byte, radix: 16, uppercase: true)
                encoded += byte < 16 ? "%0\(digits)" : "%\(digits)"
            }
        }
    }
}
