// SPDX-License-Identifier: Apache-2.0
import AsyncHTTPClient
import FoundationEssentials
import NIOCore
import NIOHTTP1
import Synchronization
import X509

/// Asks the responders that certificates name (RFC 5280 4.2.2.1), and remembers what they said.
package final class OCSPResponders: Sendable {
    static let maximumResponse = 64 << 10
    static let remembered = 4096
    /// A good answer is asked for again after so many seconds, however long the responder says it lasts.
    static let freshSeconds: Int64 = 3600
    /// A responder that gave no answer is not asked again for so many seconds.
    static let pauseSeconds: Int64 = 30

    private struct Entry {
        var answer: OCSPAnswer?
        var askedAt: Int64
        var failure: String?
    }

    private let client: HTTPClient
    private let timeout: TimeAmount
    private let entries = Mutex<[OCSPCertID: Entry]>([:])

    package init(timeoutSeconds: Int64 = 5) {
        var configuration = HTTPClient.Configuration()
        configuration.redirectConfiguration = .disallow
        configuration.timeout.connect = .seconds(timeoutSeconds)
        client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        timeout = .seconds(timeoutSeconds)
    }

    /// To be called before the last reference goes.
    package func shutdown() async {
        try? await client.shutdown()
    }

    func status(
        of leaf: Certificate,
        _ leafFields: CertificateFields,
        issuer: Certificate,
        _ issuerFields: CertificateFields,
        graceSeconds: Int64,
        now: @Sendable () -> Int64
    ) async -> RevocationStatus {
        guard let url = Self.responder(of: leaf) else {
            return .unknown("the certificate names no OCSP responder")
        }
        let certID = OCSPCertID(leafFields, issuer: issuerFields)
        let time = now()
        let known = entries.withLock { $0[certID] }
        if let known, let status = Self.settled(known, time, graceSeconds) { return status }
        do {
            let answer = try OCSPAnswer(
                try await ask(url, certID),
                for: certID,
                issuer: issuer,
                issuerName: issuerFields.subject,
                now: now()
            )
            try Self.checkTimes(answer, now())
            remember(Entry(answer: answer, askedAt: now(), failure: nil), certID)
            switch answer.status {
            case .good: return .good
            case .revoked: return .revoked(source: "OCSP \(url)")
            case .unknown: return .unknown("OCSP \(url): the responder does not know the certificate")
            }
        } catch {
            let reason = "OCSP \(url): \((error as? OCSPAnswer.Unusable)?.description ?? "no answer")"
            remember(Entry(answer: known?.answer, askedAt: now(), failure: reason), certID)
            return Self.lastWord(known?.answer, graceSeconds, now()) ?? .unknown(reason)
        }

        func remember(_ entry: Entry, _ certID: OCSPCertID) {
            entries.withLock {
                if $0.count >= Self.remembered { $0 = [:] }
                $0[certID] = entry
            }
        }
    }

    /// What need not be asked now.
    private static func settled(_ entry: Entry, _ now: Int64, _ grace: Int64) -> RevocationStatus? {
        if let failure = entry.failure, now < entry.askedAt + pauseSeconds {
            return lastWord(entry.answer, grace, now) ?? .unknown(failure)
        }
        if let answer = entry.answer, entry.failure == nil {
            if answer.status == .revoked { return .revoked(source: "OCSP") }
            let end = min(answer.nextUpdate ?? entry.askedAt + 300, entry.askedAt + freshSeconds)
            if answer.status == .good, now < end { return .good }
        }
        return nil
    }

    /// The last good answer counts until its nextUpdate and the grace after it.
    private static func lastWord(_ answer: OCSPAnswer?, _ grace: Int64, _ now: Int64) -> RevocationStatus? {
        guard let answer else { return nil }
        switch answer.status {
        case .revoked: return .revoked(source: "OCSP")
        case .good: return now <= (answer.nextUpdate ?? answer.thisUpdate) + grace ? .good : nil
        case .unknown: return nil
        }
    }

    private static func checkTimes(_ answer: OCSPAnswer, _ now: Int64) throws(OCSPAnswer.Unusable) {
        let skew = RevocationChecker.clockSkew
        guard answer.thisUpdate <= now + skew, now <= (answer.nextUpdate ?? .max - skew) + skew else {
            throw OCSPAnswer.Unusable(description: "OCSP response: found one of another time")
        }
    }

    private static func responder(of leaf: Certificate) -> String? {
        guard let access = try? leaf.extensions.authorityInformationAccess else { return nil }
        for description in access where description.method == .ocspServer {
            if case .uniformResourceIdentifier(let url) = description.location, url.hasPrefix("http://") {
                return url
            }
        }
        return nil
    }

    private func ask(_ url: String, _ certID: OCSPCertID) async throws -> [UInt8] {
        var request = HTTPClientRequest(url: url)
        request.method = .POST
        request.headers = ["Content-Type": "application/ocsp-request", "Accept": "application/ocsp-response"]
        request.body = .bytes(ByteBuffer(bytes: certID.encodeRequest()))
        let response = try await client.execute(request, timeout: timeout)
        guard response.status == .ok else {
            throw OCSPAnswer.Unusable(description: "found HTTP status \(response.status.code), expected 200")
        }
        return Array((try await response.body.collect(upTo: Self.maximumResponse)).readableBytesView)
    }
}
