// SPDX-License-Identifier: Apache-2.0
import AsyncHTTPClient
import NIOHTTP1
import Synchronization

/// A repository on a web server: static files below `metadata` and `targets`, with ranges.
package final class HTTPRepository: UpdateRepository {
    private let server: UpdateServer
    private let metadataPath: String
    private let targetsPath: String
    /// By file, what its content was when it was first read (RFC 9110, 8.8.3): parts of two contents are never mixed.
    private let tags = Mutex<[String: String]>([:])

    /// `baseURL` is what `metadata` and `targets` are below.
    package init(
        baseURL: String,
        options: UpdateServerOptions = UpdateServerOptions()
    ) throws(SourceFailure) {
        server = try UpdateServer(baseURL, options)
        metadataPath = "metadata/"
        targetsPath = "targets/"
    }

    /// For repositories that have the two at places of their own; both end in a slash.
    package init(
        metadataURL: String,
        targetsURL: String,
        options: UpdateServerOptions = UpdateServerOptions()
    ) throws(SourceFailure) {
        server = try UpdateServer("", options)
        metadataPath = metadataURL
        targetsPath = targetsURL
    }

    /// To be called before the last reference goes.
    package func close() async { await server.close() }

    package func metadata(_ path: String, limit: Int) async throws(SourceFailure) -> [UInt8]? {
        do throws(SourceFailure) {
            return try await get(metadataPath + path, limit: limit)
        } catch {
            // An object store without listing answers 403 for a file that is not there.
            if error.kind == .gone { return nil }
            throw error
        }
    }

    package func target(_ path: String, limit: Int) async throws(SourceFailure) -> [UInt8] {
        try await get(targetsPath + path, limit: limit)
    }

    private func get(_ path: String, limit: Int) async throws(SourceFailure) -> [UInt8] {
        let response = try await server.execute(path, statuses: 200...200)
        return try await server.collect(response, of: path, limit: limit)
    }

    package func read(_ file: String, _ range: Range<Int>) async throws(SourceFailure) -> [UInt8] {
        if range.isEmpty { return [] }
        let path = targetsPath + file
        let tag = tags.withLock { $0[file] }
        var headers = [("Range", "bytes=\(range.lowerBound)-\(range.upperBound - 1)")]
        if let tag { headers.append(("If-Range", tag)) }
        let response = try await server.execute(path, headers: headers, statuses: 200...206)
        let found = response.headers.first(name: "ETag")
        if let tag, response.status == .ok || (found != nil && found != tag) {
            // After the metadata is fresh, the new content may be what is wanted.
            tags.withLock { $0[file] = nil }
            throw SourceFailure(.gone, path, "found ETag \(found ?? "none"), expected \(tag): it has changed")
        }
        let header = response.headers.first(name: "Content-Range")
        guard response.status == .partialContent, let content = header.flatMap({ ContentRange($0) }),
            content.range == range
        else {
            if let header, let content = ContentRange(header), content.isEnd(of: range) {
                throw SourceFailure(
                    .gone,
                    path,
                    "found the end at byte \(content.range.upperBound), expected byte \(range.upperBound)"
                )
            }
            throw SourceFailure(
                .refused,
                path,
                """
                wrong range: found status \(response.status.code) with \(header ?? "no Content-Range"), \
                expected 206 with bytes \(range.lowerBound)-\(range.upperBound - 1)
                """
            )
        }
        let bytes = try await server.collect(response, of: path, limit: range.count)
        if bytes.count != range.count {
            throw SourceFailure(
                .transient,
                path,
                "found \(bytes.count) bytes from \(range.lowerBound), expected \(range.count)"
            )
        }
        // A weak one says nothing about bytes.
        if let found, !found.hasPrefix("W/") { tags.withLock { $0[file] = found } }
        return bytes
    }
}

/// "bytes 0-99/200", the length being "*" where the server does not know it (RFC 9110, 14.4).
struct ContentRange: Equatable {
    let range: Range<Int>
    let length: Int?

    init?(_ text: String) {
        let parts = text.split(separator: " ")
        guard parts.count == 2, parts[0].lowercased() == "bytes" else { return nil }
        let sides = parts[1].split(separator: "/", omittingEmptySubsequences: false)
        guard sides.count == 2 else { return nil }
        let ends = sides[0].split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2, let first = Self.number(ends[0]), let last = Self.number(ends[1]),
            first <= last, last < Int.max
        else { return nil }
        range = first..<last + 1
        if sides[1] == "*" {
            length = nil
        } else {
            guard let number = Self.number(sides[1]), number > last else { return nil }
            length = number
        }
    }

    /// Whether these are the first bytes of `wanted`, and the last of the file.
    func isEnd(of wanted: Range<Int>) -> Bool {
        range.lowerBound == wanted.lowerBound && range.upperBound < wanted.upperBound
            && length == range.upperBound
    }

    private static func number(_ digits: Substring) -> Int? {
        digits.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } ? Int(digits) : nil
    }
}
