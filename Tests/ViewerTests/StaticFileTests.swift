// SPDX-License-Identifier: Apache-2.0
import Foundation
import NIOHTTP1
import Testing
import Transfer

@testable import Viewer

/// A directory with the files of a page, which is removed with it.
final class PageDirectory {
    let url = FileManager.default.temporaryDirectory.appending(path: "viewer-\(UUID())")

    init(_ files: [String: String] = ["index.html": "<!DOCTYPE html>", "main.js": "start()"]) throws {
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        for (name, text) in files { try Data(text.utf8).write(to: url.appending(path: name)) }
    }

    deinit { try? FileManager.default.removeItem(at: url) }
}

@Suite("Files of the viewer's page") struct StaticFileTests {
    private func get(_ headers: HTTPHeaders = [:]) -> HTTPRequest {
        HTTPRequest(method: .GET, uri: "/viewer/a/main.js", headers: headers)
    }

    private static func size(_ response: HTTPResponse) -> Int? {
        guard case .bytes(let bytes) = response.body else { return nil }
        return bytes.count
    }

    @Test("files have their type and a tag, and are not sent again to who has them") func tags() throws {
        let directory = try PageDirectory()
        let files = try StaticFiles(directory: directory.url.path)
        let first = try #require(files.answer("main.js", to: get()))
        #expect(first.status == .ok)
        #expect(first.headers.first(name: "Content-Type") == "text/javascript; charset=utf-8")
        let tag = try #require(first.headers.first(name: "ETag"))
        for header in [tag, "W/\(tag)", "\"x\", \(tag)", "*"] {
            let again = try #require(files.answer("main.js", to: get(["If-None-Match": header])))
            #expect(again.status == .notModified && Self.size(again) == 0, "\(header)")
            #expect(again.headers.first(name: "ETag") == tag)
        }
        let other = try #require(files.answer("main.js", to: get(["If-None-Match": "\"x\""])))
        #expect(other.status == .ok && Self.size(other) == 7)
        // Other content, another tag.
        let newer = try PageDirectory(["index.html": "", "main.js": "stop()"])
        let changed = try StaticFiles(directory: newer.url.path)
        #expect(changed.answer("main.js", to: get())?.headers.first(name: "ETag") != tag)
    }

    @Test("only the page's own files are served, whatever a name leads to") func names() throws {
        let directory = try PageDirectory([
            "index.html": "", "a.css": "", ".hidden.js": "", "notes.txt": "", "no extension": "",
            "a b.js": "",
        ])
        try FileManager.default.createDirectory(
            at: directory.url.appending(path: "more"),
            withIntermediateDirectories: true
        )
        let files = try StaticFiles(directory: directory.url.path)
        #expect(files.names == ["a.css", "index.html"])
        for name in ["../a.css", "..", "", "more", "notes.txt", ".hidden.js", "A.css", "index.html"] {
            #expect(files.answer(name, to: get()) == nil, "\(name)")
        }
    }

    @Test("a directory that cannot be the page's is refused at start") func refused() throws {
        let partial = try PageDirectory(["main.js": ""])
        #expect(throws: StaticFilesError.missing(name: "index.html")) {
            try StaticFiles(directory: partial.url.path)
        }
        #expect(throws: StaticFilesError.self) { try StaticFiles(directory: "/nowhere/at/all") }
        let linked = try PageDirectory()
        try FileManager.default.createSymbolicLink(
            atPath: linked.url.appending(path: "passwd.js").path,
            withDestinationPath: "/etc/passwd"
        )
        #expect(throws: StaticFilesError.self) { try StaticFiles(directory: linked.url.path) }
        let large = try PageDirectory()
        try Data(count: (4 << 20) + 1).write(to: large.url.appending(path: "large.wasm"))
        #expect(throws: StaticFilesError.tooLarge(name: "large.wasm", limit: 4 << 20)) {
            try StaticFiles(directory: large.url.path)
        }
    }
}
