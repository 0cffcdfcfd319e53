// SPDX-License-Identifier: Apache-2.0

/// The upper layer protocol (PS3.8 9.2, Tables 9-6 to 9-10) of one association in either role: events in,
/// actions out. It has no clock and no connection; whoever drives it does what the actions say, in their
/// order.
package struct UpperLayerStateMachine: Sendable {
    package enum State: CaseIterable, Sendable {
        /// Sta1
        case idle
        /// Sta2
        case awaitingAssociateRQ
        /// Sta3
        case awaitingAssociateResponse
        /// Sta4
        case awaitingTransportConnection
        /// Sta5
        case awaitingAssociateACOrRJ
        /// Sta6
        case established
        /// Sta7
        case awaitingReleaseRP
        /// Sta8
        case awaitingReleaseResponse
        /// Sta9
        case collisionRequestorAwaitingReleaseResponse
        /// Sta10
        case collisionAcceptorAwaitingReleaseRP
        /// Sta11
        case collisionRequestorAwaitingReleaseRP
        /// Sta12
        case collisionAcceptorAwaitingReleaseResponse
        /// Sta13
        case awaitingTransportClose
    }

    package enum Event: Sendable {
        /// Evt1: A-ASSOCIATE request primitive.
        case associateRequest(AssociateRQ)
        /// Evt2: transport connect confirmation.
        case transportConnected
        /// Evt3
        case associateAC(AssociateAC)
        /// Evt4
        case associateRJ(AssociateRJ)
        /// Evt5: transport connection indication.
        case transportIndication
        /// Evt6
        case associateRQ(AssociateRQ)
        /// Evt7: A-ASSOCIATE response primitive, accept.
        case associateAccept(AssociateAC)
        /// Evt8: A-ASSOCIATE response primitive, reject.
        case associateReject(AssociateRJ)
        /// Evt9: P-DATA request primitive.
        case dataRequest
        /// Evt10: P-DATA-TF PDU, or a part of one.
        case dataTF
        /// Evt11: A-RELEASE request primitive.
        case releaseRequest
        /// Evt12
        case releaseRQ
        /// Evt13
        case releaseRP
        /// Evt14: A-RELEASE response primitive.
        case releaseResponse
        /// Evt15: A-ABORT request primitive.
        case abortRequest
        /// Evt16
        case abort(Abort)
        /// Evt17: transport connection closed indication.
        case transportClosed
        /// Evt18
        case artimExpired
        /// Evt19: unrecognized or invalid PDU.
        case invalidPDU(PDUError)
    }

    package enum Action: Hashable, Sendable {
        case openTransport
        case closeTransport
        case send(PDU)
        /// The P-DATA request may be sent.
        case sendDataTF
        /// Starts the ARTIM timer, anew if it runs.
        case startARTIM
        case stopARTIM
        case indicate(Indication)
    }

    /// What the service user is told.
    package enum Indication: Hashable, Sendable {
        case associate(AssociateRQ)
        case associateAccepted(AssociateAC)
        case associateRejected(AssociateRJ)
        case data
        case release
        /// A-RELEASE indication while our own request is open.
        case releaseCollision
        case releaseConfirmed
        /// A-ABORT: the peer's user aborted.
        case abort(Abort)
        /// A-P-ABORT: the peer's or our own provider aborted, or the connection is lost (nil).
        case providerAbort(Abort?)
    }

    package private(set) var state = State.idle
    /// The role decides a release collision (AR-8).
    private var isRequestor = false
    /// Kept from the request to the connection's confirmation.
    private var request: AssociateRQ?

    package init() {}

    /// Whether P-DATA is indicated and nothing else happens (DT-2, AR-6), so that `apply` need not be called
    /// for each piece of it.
    @inlinable
    package var receivesData: Bool { state == .established || state == .awaitingReleaseRP }

    /// Applies `event`: what to do, in this order. Nil where Table 9-10 is blank, that is where the event
    /// cannot occur; nothing changes then.
    package mutating func apply(_ event: Event) -> [Action]? {
        guard let action = Self.tableEntry(event, state) else { return nil }
        return perform(action, event)
    }
}

// MARK: - Actions

extension UpperLayerStateMachine {
    /// Tables 9-6 to 9-9.
    private mutating func perform(_ action: TableEntry, _ event: Event) -> [Action] {
        switch action {
        case .ae1, .ae2, .ae3, .ae4, .ae5, .ae6, .ae7, .ae8: performEstablishment(action, event)
        case .dt1, .ar7: [.sendDataTF]
        case .dt2, .ar6: [.indicate(.data)]
        case .ar1, .ar2, .ar3, .ar4, .ar5, .ar8, .ar9, .ar10: performRelease(action)
        case .aa1, .aa2, .aa3, .aa4, .aa5, .aa6, .aa7, .aa8: performAbort(action, event)
        }
    }

    private mutating func performEstablishment(_ action: TableEntry, _ event: Event) -> [Action] {
        switch (action, event) {
        case (.ae1, .associateRequest(let request)):
            self.request = request
            isRequestor = true
            return enter(.awaitingTransportConnection, [.openTransport])
        case (.ae2, _):
            let actions: [Action] = if let request { [.send(.associateRQ(request))] } else { [] }
            request = nil
            return enter(.awaitingAssociateACOrRJ, actions)
        case (.ae3, .associateAC(let pdu)):
            return enter(.established, [.indicate(.associateAccepted(pdu))])
        case (.ae4, .associateRJ(let pdu)):
            return enter(.idle, [.indicate(.associateRejected(pdu)), .closeTransport])
        case (.ae5, _):
            isRequestor = false
            return enter(.awaitingAssociateRQ, [.startARTIM])
        case (.ae6, .associateRQ(let pdu)) where pdu.isProtocolVersionSupported:
            return enter(.awaitingAssociateResponse, [.stopARTIM, .indicate(.associate(pdu))])
        case (.ae6, _):
            let reject = PDU.associateRJ(.protocolVersionNotSupported)
            return enter(.awaitingTransportClose, [.stopARTIM, .send(reject), .startARTIM])
        case (.ae7, .associateAccept(let pdu)):
            return enter(.established, [.send(.associateAC(pdu))])
        case (.ae8, .associateReject(let pdu)):
            return enter(.awaitingTransportClose, [.send(.associateRJ(pdu)), .startARTIM])
        default:
            return []
        }
    }

    private mutating func performRelease(_ action: TableEntry) -> [Action] {
        switch action {
        case .ar1:
            return enter(.awaitingReleaseRP, [.send(.releaseRQ)])
        case .ar2:
            return enter(.awaitingReleaseResponse, [.indicate(.release)])
        case .ar3:
            return enter(.idle, [.indicate(.releaseConfirmed), .closeTransport])
        case .ar4:
            return enter(.awaitingTransportClose, [.send(.releaseRP), .startARTIM])
        case .ar5:
            return enter(.idle, [.stopARTIM])
        case .ar8:
            let next: State =
                isRequestor ? .collisionRequestorAwaitingReleaseResponse : .collisionAcceptorAwaitingReleaseRP
            return enter(next, [.indicate(.releaseCollision)])
        case .ar9:
            return enter(.collisionRequestorAwaitingReleaseRP, [.send(.releaseRP)])
        case .ar10:
            return enter(.collisionAcceptorAwaitingReleaseResponse, [.indicate(.releaseConfirmed)])
        default:
            return []
        }
    }

    private mutating func performAbort(_ action: TableEntry, _ event: Event) -> [Action] {
        switch action {
        case .aa1:
            return enter(.awaitingTransportClose, [.send(.abort(Abort(source: .serviceUser))), .startARTIM])
        case .aa2:
            request = nil
            return enter(.idle, [.stopARTIM, .closeTransport])
        case .aa3:
            return enter(.idle, [.indicate(Self.indication(of: event)), .closeTransport])
        case .aa4:
            request = nil
            return enter(.idle, [.indicate(.providerAbort(nil))])
        case .aa5:
            return enter(.idle, [.stopARTIM])
        case .aa7:
            return enter(.awaitingTransportClose, [.send(.abort(Self.abort(after: event)))])
        case .aa8:
            let abort = Self.abort(after: event)
            let actions: [Action] = [.send(.abort(abort)), .indicate(.providerAbort(abort)), .startARTIM]
            return enter(.awaitingTransportClose, actions)
        default:
            return []
        }
    }

    private mutating func enter(_ next: State, _ actions: [Action]) -> [Action] {
        state = next
        return actions
    }

    /// AA-3: an A-ABORT of the peer's user or of its provider.
    private static func indication(of event: Event) -> Indication {
        guard case .abort(let pdu) = event else { return .providerAbort(nil) }
        return pdu.source == .serviceUser ? .abort(pdu) : .providerAbort(pdu)
    }

    /// The A-ABORT of our provider that answers `event` (PS3.8 9.3.8).
    private static func abort(after event: Event) -> Abort {
        guard case .invalidPDU(let error) = event else {
            return Abort(source: .serviceProvider, reason: Abort.unexpectedPDU)
        }
        return Abort(source: .serviceProvider, reason: error.abortReason)
    }
}
