// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

/// The page that the viewer shows in these tests; the real one is in `web/viewer`.
enum ViewerPage {
    static func directory(in directory: TemporaryDirectory) throws -> String {
        let page = try directory.directory("page")
        try Data("<!DOCTYPE html><title>viewer</title>\n".utf8).write(to: page.appending(path: "index.html"))
        try Data("start();\n".utf8).write(to: page.appending(path: "main.js"))
        return page.path
    }
}

/// Somebody at the viewer with a browser's cookies, who follows nothing by themselves.
final class ViewerVisitor {
    struct Answer {
        let status: Int
        /// Where a redirection leads.
        let location: String
        let head: String
        let body: Data

        var text: String { String(decoding: body, as: UTF8.self) }

        var json: [String: Any] {
            (try? JSONSerialization.jsonObject(with: body)) as? [String: Any] ?? [:]
        }
    }

    private let directory: TemporaryDirectory
    private let certificates: String
    private let origin: String

    /// `origin` is where paths are asked for.
    init(_ origin: String, certificates: String) throws {
        directory = try TemporaryDirectory()
        self.origin = origin
        self.certificates = certificates
    }

    private var jar: String { directory.appending("jar").path }

    func ask(_ address: String, _ arguments: [String] = [], cookies: String? = nil) throws -> Answer {
        let (body, head) = (directory.appending("body"), directory.appending("head"))
        for file in [body, head] { try? FileManager.default.removeItem(at: file) }
        let result = try Bench.curl(
            [
                "--silent", "--cacert", "\(certificates)/ca.pem", "--output", body.path, "--dump-header",
                head.path, "--write-out", "%{http_code} %{redirect_url}", "--path-as-is",
            ]
                + (cookies.map { ["--header", "Cookie: \($0)"] } ?? ["--cookie", jar, "--cookie-jar", jar])
                + arguments + [address.hasPrefix("/") ? origin + address : address]
        )
        let words = result.output.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
        return Answer(
            status: words.first.flatMap { Int($0) } ?? 0,
            location: words.count == 2 ? String(words[1]) : "",
            head: (try? String(contentsOf: head, encoding: .utf8)) ?? "",
            body: (try? Data(contentsOf: body)) ?? Data()
        )
    }

    /// The cookies as whoever reads the disk has them: `name=value; …`.
    func cookies() throws -> String {
        let text = try String(contentsOfFile: jar, encoding: .utf8)
        return text.split(separator: "\n").filter { $0.contains("drimbox-view") }.compactMap { line in
            let fields = line.split(separator: "\t")
            return fields.count == 7 ? "\(fields[5])=\(fields[6])" : nil
        }.joined(separator: "; ")
    }

    /// Follows a link and signs in; the answer to who comes back from Pro Santé Connect.
    func signIn(_ link: String, as professional: String) throws -> Answer {
        try choose(professional, after: try ask(link))
    }

    /// The same by a desk of its own, where patients have one too.
    func signIn(_ link: String, at desk: String, as name: String) throws -> Answer {
        let query = link.split(separator: "?").last.map(String.init) ?? ""
        return try choose(name, after: try ask("/viewer/sign-in/\(desk)?\(query)"))
    }

    private func choose(_ professional: String, after begun: Answer) throws -> Answer {
        try #require(begun.status == 303, "\(begun)")
        let chosen = try ask(begun.location, ["--data-urlencode", "professional=\(professional)"])
        try #require(chosen.status == 303, "\(chosen)")
        return try ask(chosen.location)
    }
}
