// SPDX-License-Identifier: Apache-2.0
package import DICOM

/// Why an association that we asked for did not do what it was for.
package enum AssociationError: Error, Equatable, Sendable {
    /// No connection; the system's or the TLS library's words.
    case notConnected(String)
    case rejected(AssociateRJ)
    case aborted(String)
    /// The peer closed the connection in the middle.
    case connectionLost
    /// Nothing came for so many seconds although a response was due.
    case timedOut(waitingFor: String, seconds: Int)
    /// The peer did not accept what the operation needs.
    case noPresentationContext(abstractSyntax: UID)
    /// The peer said what cannot be understood.
    case protocolViolation(String)
    /// The operation ended with another status than success.
    case refused(DIMSEStatus, comment: String?)
    /// The instance was not sent, since it cannot be given the identity that it is to have.
    case notCoerced(DataSetError)
    /// Our side gave up: the box ends, or the operation was cancelled.
    case cancelled

    /// Whether the same may succeed a little later.
    package var isTransient: Bool {
        switch self {
        case .notConnected, .aborted, .connectionLost, .timedOut: true
        case .rejected(let pdu): pdu.result == .rejectedTransient
        case .refused(let status, _): status.isOutOfResources
        case .noPresentationContext, .protocolViolation, .notCoerced, .cancelled: false
        }
    }
}

extension AssociationError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .notConnected(let reason): "no connection: \(reason)"
        case .rejected(let pdu):
            "A-ASSOCIATE-RJ \(pdu.result.rawValue)/\(pdu.source.rawValue)/\(pdu.reason): \(pdu.reasonDescription)"
        case .aborted(let reason): "association aborted: \(reason)"
        case .connectionLost: "connection closed by the peer"
        case .timedOut(let what, let seconds):
            "\(what): found nothing within \(seconds) s, expected an answer"
        case .noPresentationContext(let uid):
            "presentation contexts: found none accepted for \(uid), expected one"
        case .protocolViolation(let reason): reason
        case .refused(let status, let comment):
            comment.map { "status \(status): \($0)" } ?? "status \(status)"
        case .notCoerced(let error): "not coerced: \(error)"
        case .cancelled: "cancelled"
        }
    }
}

extension DIMSEStatus {
    /// Refused: out of resources (PS3.4 B.2.3, C.4.2.1.5): the peer may have room later.
    var isOutOfResources: Bool { rawValue & 0xFF00 == 0xA700 }
}
