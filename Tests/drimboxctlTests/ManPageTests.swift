// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import drimboxctl

@Suite("docs/drimboxctl.1") struct ManPageTests {
    private static let page = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "docs/drimboxctl.1")

    @Test("the page is what the table of commands says: drimboxctl man-page > docs/drimboxctl.1")
    func upToDate()
        throws
    {
        let text = try ManPage().text
        #expect(try String(contentsOf: Self.page, encoding: .utf8) == text)
        for command in [
            "enrol import", "backup restore", "config apply", "acceptance report", "factory\\-reset",
        ] {
            #expect(text.contains(".B \(command)"), "\(command)")
        }
        #expect(!text.contains("man\\-page\n.br"))
    }

    @Test(
        "man finds nothing to complain about",
        .enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/groff"), "needs groff")
    )
    func groff() throws {
        let groff = Process()
        let complaints = Pipe()
        groff.executableURL = URL(filePath: "/usr/bin/groff")
        groff.arguments = ["-man", "-ww", "-Tutf8", "-z", Self.page.path]
        groff.standardError = complaints
        try groff.run()
        let text = String(decoding: try complaints.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        groff.waitUntilExit()
        #expect(groff.terminationStatus == 0 && text.isEmpty, "\(text.prefix(500))")
    }
}
