// SPDX-License-Identifier: Apache-2.0
import Linux
import X509

enum RevocationStatus: Sendable, Equatable {
    case good
    case revoked(source: String)
    /// Nothing was found out, and why.
    case unknown(String)
}

/// Finds out whether a certificate was revoked. A list that names it decides, however old. Then the responder
/// decides, where it is asked and answers; then a list of its issuer's that is not too old.
struct RevocationChecker: Sendable {
    /// Clocks may differ by so many seconds.
    static let clockSkew: Int64 = 300

    let lists: [RevocationList]
    let graceSeconds: Int64
    let isRequired: Bool
    let responder: OCSPResponders?
    var now: @Sendable () -> Int64 = { WallClock.milliseconds() / 1000 }

    init(_ settings: RevocationSettings, responders: OCSPResponders?) throws(TLSFileError) {
        var lists: [RevocationList] = []
        for path in settings.crls { lists.append(try RevocationList(file: path)) }
        self.lists = lists
        graceSeconds = settings.graceSeconds
        isRequired = settings.isRequired
        responder = settings.ocsp ? responders : nil
    }

    func status(of leaf: Certificate, issuer: Certificate) async -> RevocationStatus {
        guard let fields = try? CertificateFields(leaf), let issuerFields = try? CertificateFields(issuer)
        else {
            return .unknown("the certificate cannot be read")
        }
        let listed = status(of: fields, issuer: issuer, key: issuerFields.keyInfo)
        if case .revoked = listed { return listed }
        guard let responder else { return listed }
        let answered = await responder.status(
            of: leaf,
            fields,
            issuer: issuer,
            issuerFields,
            graceSeconds: graceSeconds,
            now: now
        )
        guard case .unknown(let reason) = answered else { return answered }
        guard case .unknown(let listReason) = listed else { return listed }
        return .unknown(lists.isEmpty ? reason : "\(reason); \(listReason)")
    }

    /// By the lists alone.
    private func status(of leaf: CertificateFields, issuer: Certificate, key: [UInt8]) -> RevocationStatus {
        var reason = "no revocation list of its issuer"
        var isGood = false
        for list in lists where list.issuer == leaf.issuer {
            let isInScope =
                list.distributionPoints.isEmpty
                || !list.distributionPoints.isDisjoint(with: leaf.distributionPoints)
            guard isInScope else { continue }
            guard list.isSigned(by: issuer, key: key) else {
                reason = "\(list.path) is not signed by the certificate's issuer"
                continue
            }
            if list.names(leaf.serialNumber) { return .revoked(source: list.path) }
            let time = now()
            if list.thisUpdate > time + Self.clockSkew {
                reason = "\(list.path) is from the future"
            } else if let next = list.nextUpdate, time > next + graceSeconds {
                reason = "\(list.path) should have been replaced \((time - next) / 3600) h ago"
            } else {
                isGood = true
            }
        }
        return isGood ? .good : .unknown(reason)
    }
}
