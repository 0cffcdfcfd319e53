// SPDX-License-Identifier: Apache-2.0

/// What the box asks for when it opens an association (PS3.8 7.1, 9.3.2; PS3.7 D.3).
package struct AssociationProposal: Sendable {
    /// A service or a storage class, and how its data sets may be written.
    package struct Service: Hashable, Sendable {
        package let abstractSyntax: UID
        package let transferSyntaxes: [UID]
        /// We serve it on this association too: storage while a C-GET runs (PS3.7 D.3.3.4).
        package let isSCP: Bool
        /// C-FIND: relational queries are asked for (PS3.4 C.5.1.1).
        package let isRelational: Bool

        package init(
            _ abstractSyntax: UID,
            _ transferSyntaxes: [UID] = [
                TransferSyntax.explicitVRLittleEndian, TransferSyntax.implicitVRLittleEndian,
            ],
            isSCP: Bool = false,
            isRelational: Bool = false
        ) {
            self.abstractSyntax = abstractSyntax
            self.transferSyntaxes = transferSyntaxes
            self.isSCP = isSCP
            self.isRelational = isRelational
        }
    }

    /// PS3.8 9.3.2.2: identifiers are the odd numbers of one byte.
    package static let maximumContexts = 128

    package var callingAETitle: AETitle
    package var calledAETitle: AETitle
    /// At most `maximumContexts`; more are left out.
    package var services: [Service]
    package var maximumPDULength: Int
    /// Operations we would have outstanding; 1 proposes no window.
    package var maximumOperationsInvoked: Int

    package init(
        callingAETitle: AETitle,
        calledAETitle: AETitle,
        services: [Service],
        maximumPDULength: Int = 131_072,
        maximumOperationsInvoked: Int = 1
    ) {
        self.callingAETitle = callingAETitle
        self.calledAETitle = calledAETitle
        self.services = services
        self.maximumPDULength = maximumPDULength
        self.maximumOperationsInvoked = maximumOperationsInvoked
    }

    package var request: AssociateRQ {
        let services = services.prefix(Self.maximumContexts)
        var information = UserInformation(
            maximumLength: UInt32(clamping: maximumPDULength),
            implementationClassUID: Implementation.classUID,
            implementationVersionName: Implementation.versionName
        )
        if maximumOperationsInvoked > 1 {
            information.asynchronousOperationsWindow = AsynchronousOperationsWindow(
                invoked: UInt16(clamping: maximumOperationsInvoked),
                performed: 1
            )
        }
        var roles: Set<UID> = []
        for service in services where service.isSCP && roles.insert(service.abstractSyntax).inserted {
            information.roleSelections.append(
                RoleSelection(sopClassUID: service.abstractSyntax, scuRole: false, scpRole: true)
            )
        }
        for service in services where service.isRelational {
            information.sopClassExtendedNegotiations.append(
                SOPClassExtendedNegotiation(
                    sopClassUID: service.abstractSyntax,
                    serviceClassApplicationInformation: [1]
                )
            )
        }
        return AssociateRQ(
            calledAETitle: calledAETitle,
            callingAETitle: callingAETitle,
            presentationContexts: services.enumerated().map { index, service in
                PresentationContext(
                    id: UInt8(2 * index + 1),
                    abstractSyntax: service.abstractSyntax,
                    transferSyntaxes: service.transferSyntaxes
                )
            },
            userInformation: information
        )
    }

    /// What `accept` made of the proposal.
    package func agreement(_ accept: AssociateAC) -> NegotiatedAssociation {
        let proposed = Dictionary(uniqueKeysWithValues: request.presentationContexts.map { ($0.id, $0) })
        var contexts: [UInt8: AcceptedContext] = [:]
        for answer in accept.presentationContexts where answer.result == .acceptance {
            guard let context = proposed[answer.id], let syntax = answer.transferSyntax,
                context.transferSyntaxes.contains(syntax)
            else { continue }
            contexts[answer.id] = AcceptedContext(
                abstractSyntax: context.abstractSyntax,
                transferSyntax: syntax
            )
        }
        let information = accept.userInformation
        // PS3.7 D.3.3.3: 0 is any number, and without an answer there is no window.
        let window =
            information.asynchronousOperationsWindow.map { Int($0.maximumNumberOperationsInvoked) } ?? 1
        return NegotiatedAssociation(
            callingAETitle: callingAETitle,
            calledAETitle: calledAETitle,
            peerMaximumPDULength: information.maximumLength.map(Int.init)
                ?? AssociationNegotiation.unannouncedMaximumPDULength,
            contexts: contexts,
            window: OperationsWindow(
                invoked: window == 0 ? maximumOperationsInvoked : min(window, maximumOperationsInvoked),
                performed: 1
            ),
            peerImplementationClassUID: information.implementationClassUID,
            peerImplementationVersionName: information.implementationVersionName
        )
    }

    /// SOP classes for which the peer does relational queries (PS3.4 C.5.1.1).
    package static func relationalClasses(_ accept: AssociateAC) -> Set<UID> {
        Set(
            accept.userInformation.sopClassExtendedNegotiations
                .filter { $0.serviceClassApplicationInformation.first == 1 }.map(\.sopClassUID)
        )
    }
}
