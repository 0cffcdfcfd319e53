// SPDX-License-Identifier: Apache-2.0
import Admin
import ArgumentParser
import FoundationEssentials
import Linux
import WhiteList

struct WhiteListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "whitelist",
        abstract: "The national list of boxes that may ask each other for images.",
        subcommands: [WhiteListVerifyCommand.self]
    )
}

struct WhiteListVerifyCommand: AsyncParsableCommand {
    /// Bytes of a list.
    private static let limit = 16 << 20

    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Whether a list is the national agency's, and why not; exit 1 if not."
    )

    @OptionGroup var options: Options

    @Argument(help: "The signed list.")
    var file: String

    @Option(help: ArgumentHelp("The time for which it is asked (RFC 3339); else now.", valueName: "time"))
    var at: String?

    @Option(
        help: ArgumentHelp(
            "PEM: a root or intermediate certificate to trust; may be repeated.",
            valueName: "file"
        )
    )
    var authority: [String] = []

    @Option(help: ArgumentHelp("DER or PEM: a revocation list; may be repeated.", valueName: "file"))
    var crl: [String] = []

    @Option(help: ArgumentHelp("The signer's CN and OU; else the agency's.", valueName: "name"))
    var signer: String?

    @Option(help: ArgumentHelp("Refuse a list that was generated before.", valueName: "time"))
    var notBefore: String?

    func run() async throws {
        let time = try Self.time(at, "--at") ?? Timestamp(milliseconds: WallClock.milliseconds())
        let accepted = try Self.time(notBefore, "--not-before")
        var pinned = WhiteListVerifier.Signer.agency
        if let signer {
            guard let name = WhiteListVerifier.Signer(signer) else {
                throw ValidationError("--signer: found \"\(signer)\", expected a name with one CN and one OU")
            }
            pinned = name
        }
        let authorities = try authority.map { String(decoding: try Self.read($0), as: UTF8.self) }
        let revoked = try crl.map { try Self.read($0) }
        let document = try Self.read(file)
        let verdict: WhiteListVerdict
        do throws(WhiteListError) {
            let lists = try RevocationLists(revoked)
            let verifier = try WhiteListVerifier(
                authorities: authorities,
                signer: pinned,
                revocation: revoked.isEmpty ? nil : lists.check
            )
            verdict = WhiteListVerdict(
                try await verifier.verify(document, at: time, notOlderThan: accepted),
                at: time
            )
        } catch {
            verdict = WhiteListVerdict(error, at: time)
        }
        options.show(Array(try JSONEncoder().encode(verdict))) { options.rendering.whiteList(verdict) }
        if !verdict.isAccepted { throw Exit.failed }
    }

    private static func time(_ text: String?, _ name: String) throws -> Timestamp? {
        guard let text else { return nil }
        guard let time = Timestamp(text) else {
            throw ValidationError("\(name): found \"\(text)\", expected a time as 2026-11-23T18:02:11Z")
        }
        return time
    }

    private static func read(_ file: String) throws -> [UInt8] {
        do {
            return try readFile(file == "-" ? "/dev/stdin" : file, limit: limit)
        } catch {
            StandardError.print("drimboxctl: \(error)")
            throw Exit.usage
        }
    }
}

/// What is found of a list, as JSON has it.
struct WhiteListVerdict: Codable, Equatable {
    struct Domain: Codable, Equatable {
        let operatorIdentifier: String
        let db: String
        let vi: String
        let operatorName: String
    }

    let isAccepted: Bool
    let at: Timestamp
    /// Nil where it is accepted: a word, and a sentence.
    var code: String?
    var reason: String?
    var generated: Timestamp?
    var signingTime: Timestamp?
    var validUntil: Timestamp?
    var signer: String?
    var issuers: [String]?
    var isRevocationChecked: Bool?
    var method: String?
    var transforms: [String]?
    var domains: [Domain]?
    var unusable: [String]?

    init(_ signed: SignedWhiteList, at time: Timestamp) {
        isAccepted = true
        at = time
        generated = signed.list.generated
        signingTime = signed.signingTime
        validUntil = signed.validUntil
        signer = signed.signer
        issuers = signed.issuers
        isRevocationChecked = signed.isRevocationChecked
        method = signed.method
        transforms = signed.transforms
        domains = signed.list.domains.map {
            Domain(
                operatorIdentifier: $0.operatorIdentifier,
                db: $0.db,
                vi: $0.vi,
                operatorName: $0.operatorName
            )
        }
        unusable = signed.list.unusable.map { "Domaine \($0.number): \($0.words)" }
    }

    init(_ error: WhiteListError, at time: Timestamp) {
        isAccepted = false
        at = time
        code = error.code
        reason = "\(error)"
    }
}
