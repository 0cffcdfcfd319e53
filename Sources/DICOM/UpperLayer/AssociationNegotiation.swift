// SPDX-License-Identifier: Apache-2.0

/// Whom the box answers, and with what limits.
package struct AcceptorPolicy: Sendable {
    package var calledAETitle: AETitle
    /// Peers that may call; all may where unknown ones are accepted.
    package var callingAETitles: Set<AETitle>
    package var acceptUnknownPeers: Bool
    /// Bytes of a P-DATA-TF PDU after its header that we take.
    package var maximumPDULength: Int
    /// Operations a peer may have outstanding with us where it negotiates a window; at least 1.
    package var maximumOperationsPerformed: Int

    package init(
        calledAETitle: AETitle,
        callingAETitles: Set<AETitle> = [],
        acceptUnknownPeers: Bool = false,
        maximumPDULength: Int = 131_072,
        maximumOperationsPerformed: Int = 16
    ) {
        self.calledAETitle = calledAETitle
        self.callingAETitles = callingAETitles
        self.acceptUnknownPeers = acceptUnknownPeers
        self.maximumPDULength = maximumPDULength
        self.maximumOperationsPerformed = maximumOperationsPerformed
    }
}

/// An accepted presentation context.
package struct AcceptedContext: Hashable, Sendable {
    package let abstractSyntax: UID
    package let transferSyntax: UID

    package init(abstractSyntax: UID, transferSyntax: UID) {
        self.abstractSyntax = abstractSyntax
        self.transferSyntax = transferSyntax
    }
}

/// Operations that may be outstanding (PS3.7 D.3.3.3), seen from us.
package struct OperationsWindow: Hashable, Sendable {
    /// Ours with the peer.
    package let invoked: Int
    /// The peer's with us.
    package let performed: Int

    package init(invoked: Int, performed: Int) {
        self.invoked = invoked
        self.performed = performed
    }
}

/// What both sides agreed on.
package struct NegotiatedAssociation: Hashable, Sendable {
    package let callingAETitle: AETitle
    package let calledAETitle: AETitle
    /// Bytes of a P-DATA-TF PDU after its header that the peer takes; 0 means any number.
    package let peerMaximumPDULength: Int
    package let contexts: [UInt8: AcceptedContext]
    package let window: OperationsWindow
    package let peerImplementationClassUID: UID?
    package let peerImplementationVersionName: String?
}

package enum NegotiationAnswer: Sendable {
    case accept(AssociateAC, NegotiatedAssociation)
    /// `reason` is for the log: what was found and expected.
    case reject(AssociateRJ, reason: String)
}

/// The acceptor's side of association establishment (PS3.8 7.1, 9.3.3; PS3.7 D.3).
package enum AssociationNegotiation {
    /// Taken where the peer announces no maximum, though it must (PS3.8 D.1): what every peer takes.
    static let unannouncedMaximumPDULength = 16_384

    package static func answer(_ request: AssociateRQ, _ policy: AcceptorPolicy) -> NegotiationAnswer {
        if let (pdu, reason) = refusal(request, policy) { return .reject(pdu, reason: reason) }
        let results = request.presentationContexts.map(result)
        var contexts: [UInt8: AcceptedContext] = [:]
        for (proposed, answer) in zip(request.presentationContexts, results)
        where answer.result == .acceptance {
            guard let syntax = answer.transferSyntax else { continue }
            contexts[proposed.id] = AcceptedContext(
                abstractSyntax: proposed.abstractSyntax,
                transferSyntax: syntax
            )
        }
        let window = request.userInformation.asynchronousOperationsWindow.map { answer($0, policy) }
        let accept = AssociateAC(
            calledAETitle: request.calledAETitle,
            callingAETitle: request.callingAETitle,
            presentationContexts: results,
            userInformation: information(request.userInformation, policy, window, contexts)
        )
        return .accept(accept, agreement(request, contexts, window))
    }

    private static func refusal(_ request: AssociateRQ, _ policy: AcceptorPolicy) -> (AssociateRJ, String)? {
        guard request.isProtocolVersionSupported else {
            let reason = "protocol version: found \(request.protocolVersion), expected bit 0 set"
            return (.protocolVersionNotSupported, reason)
        }
        guard request.applicationContextName == .dicomApplicationContextName else {
            let found = request.applicationContextName
            let reason = "application context: found \(found), expected \(UID.dicomApplicationContextName)"
            return (.applicationContextNameNotSupported, reason)
        }
        guard request.calledAETitle == policy.calledAETitle else {
            let reason = "called AE title: found \(request.calledAETitle), expected \(policy.calledAETitle)"
            return (.calledAETitleNotRecognized, reason)
        }
        guard policy.acceptUnknownPeers || policy.callingAETitles.contains(request.callingAETitle) else {
            let reason = "calling AE title: found \(request.callingAETitle), expected a configured peer"
            return (.callingAETitleNotRecognized, reason)
        }
        return nil
    }

    private static func result(_ context: PresentationContext) -> PresentationContextResult {
        let isVerification = context.abstractSyntax == SOPClass.verification
        let isReport = context.abstractSyntax == SOPClass.storageCommitmentPushModel
        guard isVerification || isReport || SOPClass.isStorage(context.abstractSyntax) else {
            let first = context.transferSyntaxes.first
            return PresentationContextResult(
                id: context.id,
                result: .abstractSyntaxNotSupported,
                transferSyntax: first
            )
        }
        let proposed = context.transferSyntaxes
        let choose = isVerification ? verificationSyntax : isReport ? reportSyntax : storageSyntax
        guard let syntax = choose(proposed) else {
            return PresentationContextResult(
                id: context.id,
                result: .transferSyntaxesNotSupported,
                transferSyntax: nil
            )
        }
        return PresentationContextResult(id: context.id, result: .acceptance, transferSyntax: syntax)
    }

    /// The first proposed. Explicit VR Little Endian, where proposed, is taken before Implicit, which loses
    /// the VR of private elements, and before Big Endian, which is retired.
    private static func storageSyntax(_ proposed: [UID]) -> UID? {
        let explicit = TransferSyntax.explicitVRLittleEndian
        let inferior = [TransferSyntax.implicitVRLittleEndian, TransferSyntax.explicitVRBigEndian]
        guard let first = proposed.first else { return nil }
        return inferior.contains(first) && proposed.contains(explicit) ? explicit : first
    }

    /// C-ECHO has no data set, so that any transfer syntax will do.
    private static func verificationSyntax(_ proposed: [UID]) -> UID? {
        let preferred = [TransferSyntax.explicitVRLittleEndian, TransferSyntax.implicitVRLittleEndian]
        return preferred.first { proposed.contains($0) } ?? proposed.first
    }

    /// Event information is read as a data set.
    private static func reportSyntax(_ proposed: [UID]) -> UID? {
        let readable = [TransferSyntax.explicitVRLittleEndian, TransferSyntax.implicitVRLittleEndian]
        return readable.first { proposed.contains($0) }
    }

    private static func information(
        _ request: UserInformation,
        _ policy: AcceptorPolicy,
        _ window: AsynchronousOperationsWindow?,
        _ contexts: [UInt8: AcceptedContext]
    ) -> UserInformation {
        var information = UserInformation(
            maximumLength: UInt32(clamping: policy.maximumPDULength),
            implementationClassUID: Implementation.classUID,
            implementationVersionName: Implementation.versionName
        )
        information.asynchronousOperationsWindow = window
        // PS3.7 D.3.3.4: a role that is not proposed is not granted. We are SCU of storage commitment only, whose SCP
        // calls us to report.
        let accepted = Set(contexts.values.map(\.abstractSyntax))
        information.roleSelections = request.roleSelections.filter { accepted.contains($0.sopClassUID) }
            .map { role in
                let isReport = role.sopClassUID == SOPClass.storageCommitmentPushModel
                return RoleSelection(
                    sopClassUID: role.sopClassUID,
                    scuRole: role.scuRole && !isReport,
                    scpRole: role.scpRole && isReport
                )
            }
        return information
    }

    /// PS3.7 D.3.3.3: the acceptor may only reduce what is proposed. We invoke nothing: one is the least.
    private static func answer(
        _ proposed: AsynchronousOperationsWindow,
        _ policy: AcceptorPolicy
    ) -> AsynchronousOperationsWindow {
        let most = UInt16(clamping: max(1, policy.maximumOperationsPerformed))
        let invoked = proposed.maximumNumberOperationsInvoked
        return AsynchronousOperationsWindow(invoked: invoked == 0 ? most : min(invoked, most), performed: 1)
    }

    private static func agreement(
        _ request: AssociateRQ,
        _ contexts: [UInt8: AcceptedContext],
        _ window: AsynchronousOperationsWindow?
    ) -> NegotiatedAssociation {
        let information = request.userInformation
        return NegotiatedAssociation(
            callingAETitle: request.callingAETitle,
            calledAETitle: request.calledAETitle,
            peerMaximumPDULength: information.maximumLength.map(Int.init) ?? unannouncedMaximumPDULength,
            contexts: contexts,
            window: OperationsWindow(
                invoked: Int(window?.maximumNumberOperationsPerformed ?? 1),
                performed: Int(window?.maximumNumberOperationsInvoked ?? 1)
            ),
            peerImplementationClassUID: information.implementationClassUID,
            peerImplementationVersionName: information.implementationVersionName
        )
    }
}
