// SPDX-License-Identifier: Apache-2.0
import Admin
import Crypto
import Foundation
import Store
import Synchronization
import Testing

@testable import Supervisor

@Suite("The break-glass shell opens for a signed challenge") struct ShellDeskTests {
    private static let vendorTool = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appending(
            path: "image/vendor/shell-response"
        )

    private final class Clock: Sendable {
        /// Milliseconds.
        let ahead = Mutex<Int64>(0)

        var now: Timestamp { Timestamp(milliseconds: Timestamp.now.milliseconds + ahead.withLock { $0 }) }
    }

    /// A box with an identity, and the desk of a document with these keys.
    private final class Bench: Sendable {
        let box: UnstartedBox
        let audit: AuditTable
        let desk: ShellDesk
        let clock = Clock()

        /// With a `probe` root makes the challenge, and a unit would give the shell.
        init(
            _ keys: [Curve25519.Signing.PublicKey],
            hasIdentity: Bool = true,
            probe: String? = nil
        ) throws {
            box = try UnstartedBox()
            let list = keys.map { "\"\($0.rawRepresentation.base64EncodedString())\"" }.joined(separator: ",")
            let text = """
                { "site": "Test", "stateDirectory": "\(box.folder.path)", "runtimeDirectory": "\(box.folder.path)",
                  "admin": { "shellKeys": [\(list)] },
                  "gateway": { "dicom": { "aeTitle": "A", "listen": ["127.0.0.1:0"] },
                               "web": { "listen": ["127.0.0.1:0"], "authorization": "none" } } }
                """
            let settings = try SupervisorConfiguration(json: Array(text.utf8))
            audit = try AuditTable(path: box.folder.path + "/shell-audit.db")
            if hasIdentity {
                let key = P256.Signing.PrivateKey().publicKey.derRepresentation
                try box.table.set("identity-public-key", to: key.base64EncodedString())
            }
            let nobody = HardwareProbe(door: .socket(box.folder.path + "/none"))
            let folder = box.folder
            let root = try probe.map {
                try HardwareProbe(door: .child(executable: folder.script("probe", $0), arguments: []))
            }
            let clock = clock
            desk = ShellDesk(
                settings: settings,
                enrolment: try box.desk(nobody).enrolment,
                hardware: root ?? nobody,
                audit: audit,
                board: box.board,
                journal: box.journal,
                startsUnit: root != nil,
                now: { clock.now }
            )
        }

        func open(_ response: String, terminal: String = "") async throws -> ShellOpening {
            try await desk.open(
                ShellResponse(response: response, terminal: terminal),
                user: "anne",
                reason: "RAID"
            )
        }

        func refusal(_ response: String, terminal: String = "") async -> String? {
            do {
                _ = try await open(response, terminal: terminal)
                return nil
            } catch { return (error as? Problem)?.code }
        }

        var isOpened: Bool { get throws { try !audit.rows(after: 0, limit: 10).isEmpty } }
    }

    private let key = Curve25519.Signing.PrivateKey()

    private func response(_ challenge: String, _ key: Curve25519.Signing.PrivateKey) throws -> String {
        base32(Array(try key.signature(for: Data(ShellChallenge.signedContent(challenge)))))
    }

    @Test("one signature opens once: audited, marked until the next boot, told as an issue") func once()
        async throws
    {
        let bench = try Bench([key.publicKey])
        let challenge = try await bench.desk.challenge(on: "")
        let answer = try response(challenge.challenge, key)
        // As somebody types it.
        let typed = answer.lowercased().enumerated().map {
            $0.offset % 4 == 3 ? "\($0.element) " : "\($0.element)"
        }
        #expect(try await bench.open(typed.joined()) == ShellOpening(isStarted: false, seconds: 1800))
        let rows = try bench.audit.rows(after: 0, limit: 10)
        #expect(
            rows.map(\.action) == ["SHELL-OPEN"] && rows.first?.user == "anne" && rows.first?.reason == "RAID"
        )
        #expect(rows.first?.subject.contains(challenge.challenge) == true)
        #expect(bench.desk.issues().map(\.code) == ["W-SHELL-01"])
        #expect(await bench.box.board.openIssues.map(\.code) == ["W-SHELL-01"])
        #expect(await bench.refusal(answer) == "shell.no-challenge")
        _ = try await bench.desk.challenge(on: "")
        #expect(await bench.refusal(answer) == "shell.signature")
        #expect(try bench.audit.rows(after: 0, limit: 10).count == 1)
    }

    @Test("another key's, another box's, a changed or an old challenge's signature opens nothing")
    func refused() async throws {
        let bench = try Bench([key.publicKey])
        let other = try Bench([key.publicKey])
        #expect(await bench.refusal(try response("x", key)) == "shell.no-challenge")
        var challenge = try await bench.desk.challenge(on: "").challenge
        #expect(await bench.refusal(try response(challenge, .init())) == "shell.signature")
        #expect(
            await bench.refusal(try response(try await other.desk.challenge(on: "").challenge, key))
                == "shell.signature"
        )
        // The right one still counts; after the third wrong one nothing does.
        #expect(await bench.refusal(try response(challenge + "x", key)) == "shell.signature")
        #expect(await bench.refusal(try response(challenge, key)) == "shell.no-challenge")
        let first = try await bench.desk.challenge(on: "").challenge
        challenge = try await bench.desk.challenge(on: "").challenge
        #expect(first != challenge)
        #expect(await bench.refusal(try response(first, key)) == "shell.signature")
        bench.clock.ahead.withLock { $0 = 30 * 60 * 1000 }
        #expect(await bench.refusal(try response(challenge, key)) == "shell.no-challenge")
        #expect(try !bench.isOpened && bench.desk.issues().isEmpty)
    }

    @Test("what is no signature or no terminal is refused, and costs no try") func malformed() async throws {
        let bench = try Bench([key.publicKey])
        let challenge = try await bench.desk.challenge(on: "ttyS0").challenge
        let good = try response(challenge, key)
        for text in [
            "", "A", good + "A", String(good.dropLast()), good.dropLast() + "1", good.dropLast() + "é",
        ] {
            #expect(await bench.refusal(text) == "shell.response", "\(text)")
        }
        for terminal in ["ttyS0.service ../x", "../tty", "pts/0", "tty S0", "console", "ttyS1", ""] {
            #expect(await bench.refusal(good, terminal: terminal) == "shell.response", "\(terminal)")
        }
        #expect(try await bench.open(good, terminal: "ttyS0").seconds == 1800)
    }

    @Test("without a vendor's key, or an identity, there is no challenge") func unavailable() async throws {
        await #expect(throws: Problem.self) { _ = try await Bench([]).desk.challenge(on: "") }
        await #expect(throws: Problem.self) {
            _ = try await Bench([key.publicKey], hasIdentity: false).desk.challenge(on: "")
        }
    }

    @Test(
        "on the appliance the challenge is root's: of the TPM's box, else of one that does not say which it is"
    )
    func rootsChallenge() async throws {
        let made = ShellChallenge(challenge: "root's", expires: .now)
        let answer = String(
            decoding: try JSONEncoder().encode(ProbeAnswer.shellChallenge(made)),
            as: UTF8.self
        )
        func answers(_ failure: TPMFailure.Kind) throws -> String {
            let mute = ProbeAnswer.tpmFailure(TPMFailure(kind: failure, call: "", code: "", words: ""))
            let text = String(decoding: try JSONEncoder().encode(mute), as: UTF8.self)
            return """
                case "$2" in
                *'"asksTPM":true'*) cat <<'END'
                \(text)
                END
                ;; *) cat <<'END'
                \(answer)
                END
                ;; esac
                """
        }
        var bench = try Bench([key.publicKey], hasIdentity: false, probe: "cat <<'END'\n\(answer)\nEND\n")
        #expect(try await bench.desk.challenge(on: "ttyS0").challenge == "root's")
        // A unit needs a line.
        await #expect(throws: Problem.self) { _ = try await bench.desk.challenge(on: "") }
        bench = try Bench([key.publicKey], probe: try answers(.unreachable))
        #expect(try await bench.desk.challenge(on: "ttyS0").challenge == "root's")
        bench = try Bench([key.publicKey], probe: try answers(.noKey))
        await #expect(throws: Problem.self) { _ = try await bench.desk.challenge(on: "ttyS0") }
        bench = try Bench([key.publicKey], probe: "exit 1")
        await #expect(throws: Problem.self) { _ = try await bench.desk.challenge(on: "ttyS0") }
    }

    @Test(
        "the vendor's tool answers with openssl, and refuses what is no challenge or has expired",
        .enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/openssl"), "needs openssl")
    )
    func vendorTool() async throws {
        let bench = try Bench([Curve25519.Signing.PrivateKey().publicKey, key.publicKey])
        let file = bench.box.folder.path + "/vendor.pem"
        // PKCS#8 of Ed25519 up to the key's 32 bytes (RFC 8410 7).
        let prefix: [UInt8] = [48, 46, 2, 1, 0, 48, 5, 6, 3, 43, 101, 112, 4, 34, 4, 32]
        let content = Data(prefix + Array(key.rawRepresentation)).base64EncodedString()
        try "-----BEGIN PRIVATE KEY-----\n\(content)\n-----END PRIVATE KEY-----\n"
            .write(toFile: file, atomically: true, encoding: .utf8)
        func run(_ challenge: String) throws -> (status: Int32, output: String) {
            let process = Process()
            process.executableURL = Self.vendorTool
            process.arguments = [file, challenge]
            let pipe = Pipe()
            process.standardOutput = pipe
            process.standardError = FileHandle.nullDevice
            try process.run()
            let output = pipe.fileHandleForReading.readDataToEndOfFile()
            process.waitUntilExit()
            return (process.terminationStatus, String(decoding: output, as: UTF8.self))
        }
        let challenge = try await bench.desk.challenge(on: "").challenge
        let answer = try run(challenge)
        #expect(answer.status == 0 && answer.output.split(separator: "\n").count == 4)
        _ = try await bench.open(answer.output.replacing("\n", with: " "))
        #expect(try run("x").status == 1)
        let parts = challenge.split(separator: ".")
        #expect(try run("\(parts[0]).20260101T0000Z.\(parts[2])").status == 1)
        let onLine = try await bench.desk.challenge(on: "ttyS0").challenge
        let typed = try run(onLine).output.replacing("\n", with: " ")
        #expect(await bench.refusal(typed, terminal: "ttyS1") == "shell.response")
        _ = try await bench.open(typed, terminal: "ttyS0")
        #expect(try run(onLine.replacing("ttyS0", with: "pts/0")).status == 1)
    }
}
