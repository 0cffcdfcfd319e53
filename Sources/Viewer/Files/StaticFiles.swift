// SPDX-License-Identifier: Apache-2.0
import Crypto
import Linux
import NIOHTTP1
import Transfer

/// The browser's part of the viewer: a handful of files, read once at start. What is asked for is looked up by its name in
/// memory: no request opens a file.
package struct StaticFiles: Sendable {
    private struct File: Sendable {
        let type: String
        let tag: String
        let bytes: [UInt8]
    }

    /// Bytes of one file, bytes of all, files.
    private static let longest = 4 << 20
    private static let most = 32 << 20
    private static let capacity = 256
    private static let types = [
        "html": "text/html; charset=utf-8", "js": "text/javascript; charset=utf-8",
        "mjs": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8",
        "json": "application/json", "svg": "image/svg+xml", "png": "image/png", "ico": "image/x-icon",
        "woff2": "font/woff2", "wasm": "application/wasm",
    ]
    private static let indexName = "index.html"

    private let files: [String: File]

    /// The files of a directory; those below it, and those of other types, are no part of it.
    package init(directory path: String) throws(StaticFilesError) {
        let names: [String]
        let tree: FileTree
        do throws(SystemCallError) {
            names = try Directory.names(in: path)
            tree = try FileTree(path)
        } catch {
            throw .unreadable("\(error)")
        }
        var files: [String: File] = [:]
        var total = 0
        for name in names.sorted() {
            guard let type = Self.type(of: name) else { continue }
            let bytes: [UInt8]
            do throws(SystemCallError) {
                bytes = try tree.read(name, 0..<Self.longest + 1)
            } catch {
                throw .unreadable("\(error)")
            }
            guard bytes.count <= Self.longest else { throw .tooLarge(name: name, limit: Self.longest) }
            total += bytes.count
            guard total <= Self.most else { throw .tooLarge(name: path, limit: Self.most) }
            guard files.count < Self.capacity else { throw .tooMany(limit: Self.capacity) }
            files[name] = File(type: type, tag: Self.tag(bytes), bytes: bytes)
        }
        guard files[Self.indexName] != nil else { throw .missing(name: Self.indexName) }
        self.files = files
    }

    /// Names in alphabetical order.
    package var names: [String] { files.keys.sorted() }

    /// A file by its name; the page that a session shows is none of them.
    func answer(_ name: String, to request: HTTPRequest) -> HTTPResponse? {
        guard name != Self.indexName, let file = files[name] else { return nil }
        // A new release takes over with the next load; a browser asks whether what it has is still it.
        let headers: HTTPHeaders = ["ETag": file.tag, "Cache-Control": "public, no-cache"]
        if Self.names(file.tag, request.headers["If-None-Match"]) {
            return HTTPResponse(.notModified, headers: headers)
        }
        var response = HTTPResponse(.ok, headers: headers, body: .bytes(file.bytes))
        response.headers.add(name: "Content-Type", value: file.type)
        return response
    }

    /// The page of a session.
    var index: HTTPResponse {
        let file = files[Self.indexName]
        return HTTPResponse(
            .ok,
            headers: ["Content-Type": file?.type ?? "text/html; charset=utf-8", "Cache-Control": "no-store"],
            body: .bytes(file?.bytes ?? [])
        )
    }

    /// Nil for names that are not served.
    private static func type(of name: String) -> String? {
        let isPlain = name.utf8.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
            default: "-_.".utf8.contains(byte)
            }
        }
        guard isPlain, !name.hasPrefix("."), let end = name.lastIndex(of: ".") else { return nil }
        return types[String(name[name.index(after: end)...])]
    }

    /// 128 bits of SHA-256 over the content.
    private static func tag(_ bytes: [UInt8]) -> String {
        "\"\(SHA256.hash(data: bytes).prefix(16).hexadecimal)\""
    }

    /// RFC 9110 13.1.2, weak comparison.
    private static func names(_ tag: String, _ headers: [String]) -> Bool {
        headers.flatMap { $0.split(separator: ",") }.contains { item in
            let item = item.filter { $0 != " " }
            return item == "*" || item == tag || item == "W/" + tag
        }
    }
}

/// Why the files of a directory are not served.
package enum StaticFilesError: Error, Equatable, CustomStringConvertible {
    case unreadable(String)
    case missing(name: String)
    /// Bytes.
    case tooLarge(name: String, limit: Int)
    case tooMany(limit: Int)

    package var description: String {
        switch self {
        case .unreadable(let reason): reason
        case .missing(let name): "found no \(name), expected the page of the viewer"
        case .tooLarge(let name, let limit): "\(name): found more bytes, expected \(limit) at most"
        case .tooMany(let limit): "found more files, expected \(limit) at most"
        }
    }
}
