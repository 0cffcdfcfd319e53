// SPDX-License-Identifier: Apache-2.0
import Crypto
import Foundation
import Testing

@testable import Provisioning

@Suite("A sealed file opens with its key, whole, or not at all") struct SealedFileTests {
    private static let phrase = "correct horse battery"

    private func content(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) } }

    private func code(_ file: [UInt8], _ key: SealedFile.Key = .passphrase(phrase)) -> ProvisioningError.Code?
    {
        do {
            _ = try SealedFile.open(file, with: key)
            return nil
        } catch {
            return error.code
        }
    }

    @Test(
        "every length comes back, around the ends of chunks too",
        arguments: [0, 1, 65_535, 65_536, 65_537, 200_000]
    )
    func lengths(count: Int) throws {
        let owner = Curve25519.KeyAgreement.PrivateKey()
        let file = try SealedFile.seal(
            content(count),
            with: .recoveryKey(Array(owner.publicKey.rawRepresentation))
        )
        let key = SealedFile.Key.privateKey(Array(owner.rawRepresentation))
        #expect(try SealedFile.open(file, with: key) == content(count))
    }

    @Test("a pass phrase opens its file; another one, and a short one, have their codes") func phrases()
        throws
    {
        let file = try SealedFile.seal(content(100), with: .passphrase(Self.phrase))
        #expect(try SealedFile.open(file, with: .passphrase(Self.phrase)) == content(100))
        #expect(code(file, .passphrase("correct horse battery!")) == .backupPassphrase)
        #expect(code(file, .privateKey(content(32))) == .backupKey)
        #expect(throws: ProvisioningError.self) { try SealedFile.seal([], with: .passphrase("short")) }
        let other = try SealedFile.seal(content(100), with: .passphrase(Self.phrase))
        #expect(other != file)
        // Nothing of the content is to be seen.
        let secret = Array("$y$j9T$secret-of-a-person".utf8)
        let sealed = try SealedFile.seal(secret, with: .passphrase(Self.phrase))
        #expect(Data(sealed).range(of: Data(secret.prefix(8))) == nil)
    }

    @Test("a file that was cut anywhere is refused, as cut where that can be known") func truncated() throws {
        let owner = Curve25519.KeyAgreement.PrivateKey()
        let file = try SealedFile.seal(
            content(150_000),
            with: .recoveryKey(Array(owner.publicKey.rawRepresentation))
        )
        let key = SealedFile.Key.privateKey(Array(owner.rawRepresentation))
        for count in stride(from: 0, to: file.count, by: 997) {
            #expect(code(Array(file.prefix(count)), key) == .backupTruncated, "\(count)")
        }
        // Exactly behind a chunk.
        let header = file.count - (150_000 + 3 * 20)
        for end in [header + 65_556, header + 2 * 65_556] {
            #expect(code(Array(file.prefix(end)), key) == .backupTruncated)
        }
        #expect(code(file + [0], key) == .backupTruncated || code(file + [0], key) == .backupDamaged)
    }

    @Test("a changed bit anywhere is found; chunks cannot be exchanged") func altered() throws {
        let owner = Curve25519.KeyAgreement.PrivateKey()
        let file = try SealedFile.seal(
            content(140_000),
            with: .recoveryKey(Array(owner.publicKey.rawRepresentation))
        )
        let key = SealedFile.Key.privateKey(Array(owner.rawRepresentation))
        for index in Array(0..<300) + Array(stride(from: 300, to: file.count, by: 4999)) {
            var bytes = file
            bytes[index] ^= 0x10
            #expect(code(bytes, key) != nil, "byte \(index)")
        }
        let header = file.count - (140_000 + 3 * 20)
        let (one, two) = (header..<header + 65_556, header + 65_556..<header + 2 * 65_556)
        let swapped = file[..<header] + file[two] + file[one] + file[(header + 2 * 65_556)...]
        #expect(code(Array(swapped), key) == .backupDamaged)
    }

    @Test("another kind of file, and a later version") func formats() {
        #expect(code(Array("PK\u{3}\u{4} and so on, long enough".utf8)) == .backupFormat)
        #expect(code(Array("DRIMBACK".utf8) + [2, 0, 0, 0, 0]) == .backupVersion)
        #expect(code(SealedFile.magic + [0, 0, 0, 2] + Array("{}".utf8)) == .backupFormat)
        #expect(code(SealedFile.magic + [0xFF, 0xFF, 0xFF, 0xFF]) == .backupDamaged)
        // A header that asks for 8 GiB.
        let greedy = Array(
            #"{"kind":"scrypt","salt":[1,2,3,4,5,6,7,8,9,1,2,3,4,5,6,7],"rounds":8388608,"blockSize":8,"parallelism":1}"#
                .utf8
        )
        #expect(code(SealedFile.magic + [0, 0, 0, UInt8(greedy.count)] + greedy) == .backupFormat)
    }
}

@Suite("A detached signature") struct DetachedSignatureTests {
    private let key = Curve25519.Signing.PrivateKey()
    private let content = Array(#"{"site":"Nord"}"#.utf8)

    /// SubjectPublicKeyInfo as openssl writes it.
    private var pem: String {
        let head: [UInt8] = [0x30, 0x2A, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x03, 0x21, 0x00]
        let text = Data(head + Array(key.publicKey.rawRepresentation)).base64EncodedString()
        return "-----BEGIN PUBLIC KEY-----\n\(text)\n-----END PUBLIC KEY-----\n"
    }

    private func code(_ content: [UInt8], _ signature: [UInt8], _ keys: [String]) -> ProvisioningError.Code? {
        do {
            _ = try DetachedSignature.verify(content, signature: signature, publicKeys: keys)
            return nil
        } catch {
            return error.code
        }
    }

    @Test("raw or base64, PEM or base64, one of several keys") func good() throws {
        let signature = Array(try key.signature(for: content))
        let raw = key.publicKey.rawRepresentation.base64EncodedString()
        let other = Curve25519.Signing.PrivateKey().publicKey.rawRepresentation.base64EncodedString()
        #expect(code(content, signature, [pem]) == nil)
        #expect(
            code(content, Array((Data(signature).base64EncodedString() + "\n").utf8), [other, raw]) == nil
        )
        #expect(code(content + [0x20], signature, [pem]) == .answerSignature)
        #expect(code(content, signature, [other]) == .answerSignature)
        #expect(code(content, Array(signature.dropLast()), [pem]) == .answerSignature)
        #expect(code(content, signature, []) == .answerKey)
        #expect(code(content, signature, ["AAAA"]) == .answerKey)
    }
}

@Suite("A tape archive") struct TapeArchiveTests {
    @Test("tar lists and extracts it") func tar() throws {
        var archive = TapeArchive()
        archive.add("one.json", Array("{}\n".utf8), seconds: 1_795_737_600)
        archive.add("two.txt", [UInt8](repeating: 0x41, count: 1024), seconds: 0)
        let directory = FileManager.default.temporaryDirectory.appending(path: "tar-\(UUID())")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        try Data(archive.content).write(to: directory.appending(path: "a.tar"))
        let tar = Process()
        tar.executableURL = URL(filePath: "/bin/tar")
        tar.arguments = ["xf", "a.tar"]
        tar.currentDirectoryURL = directory
        try tar.run()
        tar.waitUntilExit()
        #expect(tar.terminationStatus == 0)
        #expect(try Data(contentsOf: directory.appending(path: "one.json")) == Data("{}\n".utf8))
        #expect(try Data(contentsOf: directory.appending(path: "two.txt")).count == 1024)
    }
}
