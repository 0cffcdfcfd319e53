// SPDX-License-Identifier: Apache-2.0

/// Retrieve URL (0008,1190): of a series in the national form, of the service in MADO's.
enum RetrieveURL {
    private static let scheme = "https://"
    /// Bytes of a URL, at most.
    private static let limit = 2048

    /// The URL of a series, where `url` is that of its service.
    static func complete(_ url: String, _ study: UID, _ series: UID) -> String {
        guard url.firstRange(of: "/studies/") == nil else { return url }
        var base = Substring(url)
        while base.last == "/" { base.removeLast() }
        return "\(base)/studies/\(study)/series/\(series)"
    }

    /// The URL of the service, where `url` is that of a series.
    static func service(_ url: String) -> String {
        url.firstRange(of: "/studies/").map { String(url[..<$0.lowerBound]) } ?? url
    }

    /// The host in small letters; nil where the URL is not as `https://host[:port][/path]` has it, alone.
    static func host(_ url: String) -> String? {
        guard url.utf8.count <= limit, url.utf8.allSatisfy({ (0x21...0x7E).contains($0) }),
            url.lowercased().hasPrefix(scheme)
        else { return nil }
        let rest = url.dropFirst(scheme.count)
        guard !rest.contains(where: { "@?#\\".contains($0) }) else { return nil }
        let parts = rest.prefix { $0 != "/" }.split(separator: ":", omittingEmptySubsequences: false)
        guard let host = parts.first, !host.isEmpty, parts.count <= 2 else { return nil }
        if parts.count == 2 {
            guard let port = Int(parts[1]), (1...65535).contains(port) else { return nil }
        }
        let isName = host.utf8.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "."): true
            default: false
            }
        }
        return isName ? host.lowercased() : nil
    }
}
