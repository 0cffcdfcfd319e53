// SPDX-License-Identifier: Apache-2.0

/// The parts of a Retrieve URL that decide whether a professional's token may be sent to it.
package struct RetrieveAddress: Equatable, Sendable {
    /// In small letters.
    package let host: String
    package let port: Int

    /// - Throws: what about the URL is not as `https://host[:port]/path` has it.
    package init(_ url: String) throws(ImageSourceError) {
        let scheme = "https://"
        guard url.lowercased().hasPrefix(scheme) else {
            throw .forbiddenAddress("found another scheme, expected https")
        }
        guard url.utf8.count <= 2048, url.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw .forbiddenAddress("found characters that are none of a URL's, expected RFC 3986")
        }
        let rest = url.dropFirst(scheme.count)
        guard let slash = rest.firstIndex(of: "/") else {
            throw .forbiddenAddress("found no path, expected /studies/… in it")
        }
        let authority = rest[..<slash]
        // A user's name, a backslash, a query or a fragment can make others read another host than we do.
        guard !authority.contains(where: { "@\\?#%".contains($0) }) else {
            throw .forbiddenAddress("found more than a host and a port, expected them alone")
        }
        guard !rest.contains(where: { "?#\\".contains($0) }) else {
            throw .forbiddenAddress("found a query or a fragment, expected none")
        }
        let parts = authority.split(separator: ":", omittingEmptySubsequences: false)
        let isName = parts.first?.utf8.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "."): true
            default: false
            }
        }
        guard parts.count <= 2, isName == true, let host = parts.first, !host.isEmpty else {
            throw .forbiddenAddress("found no host name, expected one")
        }
        guard let port = parts.count == 2 ? Int(parts[1]) : 443, (1...65535).contains(port) else {
            throw .forbiddenAddress("found no port, expected 1 to 65535")
        }
        self.host = host.lowercased()
        self.port = port
    }
}
