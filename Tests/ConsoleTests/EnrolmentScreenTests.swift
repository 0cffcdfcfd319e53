// SPDX-License-Identifier: Apache-2.0
import Admin
import Foundation
import Testing

@testable import Console

@Suite("Console: the key's fingerprint as a QR code") struct EnrolmentScreenTests {
    private static let support = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent()
        .appending(path: "Support")
    private static let python = support.deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: ".build/python/bin/python").path

    private static var canLook: Bool {
        [python, "/usr/bin/zbarimg", "/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf"]
            .allSatisfy(FileManager.default.fileExists(atPath:))
    }

    /// What qrencode makes of `content`.
    private static let modules = [
        "#######.####..#######",
        "#.....#.#..#..#.....#",
        "#.###.#..####.#.###.#",
        "#.###.#.....#.#.###.#",
        "#.###.#.#...#.#.###.#",
        "#.....#.#.#.#.#.....#",
        "#######.#.#.#.#######",
        "........####.........",
        "###..##.###.#####..##",
        "#......###.#.#.#.#...",
        "###...#.#..####...#..",
        "..#.##..######...#...",
        ".##..###.#.##.#..#.##",
        "........#......#.#...",
        "#######....###.###.#.",
        "#.....#.##....###.#.#",
        "#.###.#..###.#.###.##",
        "#.###.#..........#...",
        "#.###.#.#####.####.##",
        "#.....#.###..#..#.##.",
        "#######.#.#.#####.###",
    ]
    private static let content = "0123456789ABCDEF01234567"
    private static let code = EnrolmentCode(
        fingerprint: content.lowercased() + String(repeating: "89abcdef", count: 5),
        content: content,
        modules: modules
    )

    private func box(_ code: EnrolmentCode) throws -> FakeBox {
        let box = try FakeBox()
        box.handlers["GET /v1/enrolment/code"] = { _ in FakeBox.ok(code) }
        return box
    }

    private func decoded(_ lines: String, _ arguments: [String]) throws -> String {
        let picture = FileManager.default.temporaryDirectory.appending(
            path: "screen-\(UUID().uuidString).png"
        )
        defer { try? FileManager.default.removeItem(at: picture) }
        let draw = try output(
            Self.python,
            [Self.support.appending(path: "screen_picture.py").path, picture.path] + arguments,
            input: lines
        )
        #expect(draw.isEmpty)
        return try output("/usr/bin/zbarimg", ["--quiet", "--raw", picture.path]).trimmingCharacters(
            in: .newlines
        )
    }

    private func output(_ program: String, _ arguments: [String], input: String = "") throws -> String {
        let process = Process()
        process.executableURL = URL(filePath: program)
        process.arguments = arguments
        let (given, taken) = (Pipe(), Pipe())
        process.standardInput = given
        process.standardOutput = taken
        try process.run()
        try given.fileHandleForWriting.write(contentsOf: Data(input.utf8))
        try given.fileHandleForWriting.close()
        let bytes = taken.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test(
        "a decoder reads it from a picture of the whole screen, in both languages, on dark and on light terminals",
        .enabled(if: canLook, "needs zbarimg, DejaVu Sans Mono and the tests' Python"),
        arguments: ConsoleLanguage.allCases,
        [false, true]
    )
    func picture(language: ConsoleLanguage, isInverted: Bool) throws {
        var player = Player(try box(Self.code), language)
        player.choose(.enrolment)
        if isInverted { player.enter("i") }
        for size in [12, 16, 24] {
            let arguments = ["--size", "\(size)"] + (isInverted ? ["--dark-on-light"] : [])
            // Somebody holds the telephone nearer, or steps back.
            let read = try ["0.25", "0.35", "0.45", "0.5", "0.6"].map {
                try decoded(player.screen, arguments + ["--blur", $0])
            }
            #expect(
                read.contains(Self.content) && Set(read).isSubset(of: [Self.content, ""]),
                "\(size): \(read)"
            )
        }
    }

    @Test("the digits stand beside the code, and i changes light and dark") func digits() throws {
        var player = Player(try box(Self.code))
        player.choose(.enrolment)
        #expect(player.shows("0123 4567 89ab cdef"))
        #expect(player.screen.hasSuffix("i inverts: "))
        #expect(player.screen.split(separator: "\n", omittingEmptySubsequences: false).count == 24)
        let first = player.screen
        player.enter("i")
        #expect(player.screen != first)
        player.enter("i")
        #expect(player.screen == first)
        player.enter("")
        #expect(player.screen.hasSuffix("1-16> "))
    }

    @Test("without qrencode the digits remain; without a key it is said how to make one") func nothing()
        throws
    {
        let bare = EnrolmentCode(fingerprint: Self.code.fingerprint, content: Self.content, modules: nil)
        var player = Player(try box(bare))
        player.choose(.enrolment)
        #expect(player.shows("0123 4567 89ab cdef") && player.shows("qrencode is not installed"))
        let none = try FakeBox()
        none.handlers["GET /v1/enrolment/code"] = { _ in
            FakeBox.problem(404, "enrol.no-key")
        }
        var other = Player(none, .french)
        other.choose(.enrolment)
        #expect(other.shows("pas encore de cle d'identite"))
    }
}
