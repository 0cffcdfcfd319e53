// SPDX-License-Identifier: Apache-2.0

extension UpperLayerStateMachine {
    /// An action of PS3.8 Tables 9-6 (AE), 9-7 (DT), 9-8 (AR) and 9-9 (AA).
    enum TableEntry: Sendable {
        case ae1, ae2, ae3, ae4, ae5, ae6, ae7, ae8
        case dt1, dt2
        case ar1, ar2, ar3, ar4, ar5, ar6, ar7, ar8, ar9, ar10
        case aa1, aa2, aa3, aa4, aa5, aa6, aa7, aa8
    }

    /// The cell of PS3.8 Table 9-10; nil where it is blank.
    static func tableEntry(_ event: Event, _ state: State) -> TableEntry? {
        switch event {
        case .associateRequest: state == .idle ? .ae1 : nil
        case .transportConnected: state == .awaitingTransportConnection ? .ae2 : nil
        case .associateAC: state == .awaitingAssociateACOrRJ ? .ae3 : unexpectedPDU(state)
        case .associateRJ: state == .awaitingAssociateACOrRJ ? .ae4 : unexpectedPDU(state)
        case .transportIndication: state == .idle ? .ae5 : nil
        case .associateRQ: associateRQ(state)
        case .associateAccept: state == .awaitingAssociateResponse ? .ae7 : nil
        case .associateReject: state == .awaitingAssociateResponse ? .ae8 : nil
        case .dataRequest: dataRequest(state)
        case .dataTF: dataTF(state)
        case .releaseRequest: state == .established ? .ar1 : nil
        case .releaseRQ: releaseRQ(state)
        case .releaseRP: releaseRP(state)
        case .releaseResponse: releaseResponse(state)
        case .abortRequest: abortRequest(state)
        case .abort: abort(state)
        case .transportClosed: transportClosed(state)
        case .artimExpired: artimExpired(state)
        case .invalidPDU: state == .awaitingTransportClose ? .aa7 : unexpectedPDU(state)
        }
    }

    /// The cell of a PDU that the state does not expect.
    private static func unexpectedPDU(_ state: State) -> TableEntry? {
        switch state {
        case .idle, .awaitingTransportConnection: nil
        case .awaitingAssociateRQ: .aa1
        case .awaitingTransportClose: .aa6
        default: .aa8
        }
    }

    private static func associateRQ(_ state: State) -> TableEntry? {
        switch state {
        case .awaitingAssociateRQ: .ae6
        case .awaitingTransportClose: .aa7
        default: unexpectedPDU(state)
        }
    }

    private static func dataRequest(_ state: State) -> TableEntry? {
        switch state {
        case .established: .dt1
        case .awaitingReleaseResponse: .ar7
        default: nil
        }
    }

    private static func dataTF(_ state: State) -> TableEntry? {
        switch state {
        case .established: .dt2
        case .awaitingReleaseRP: .ar6
        default: unexpectedPDU(state)
        }
    }

    private static func releaseRQ(_ state: State) -> TableEntry? {
        switch state {
        case .established: .ar2
        case .awaitingReleaseRP: .ar8
        default: unexpectedPDU(state)
        }
    }

    private static func releaseRP(_ state: State) -> TableEntry? {
        switch state {
        case .awaitingReleaseRP, .collisionRequestorAwaitingReleaseRP: .ar3
        case .collisionAcceptorAwaitingReleaseRP: .ar10
        default: unexpectedPDU(state)
        }
    }

    private static func releaseResponse(_ state: State) -> TableEntry? {
        switch state {
        case .awaitingReleaseResponse, .collisionAcceptorAwaitingReleaseResponse: .ar4
        case .collisionRequestorAwaitingReleaseResponse: .ar9
        default: nil
        }
    }

    private static func abortRequest(_ state: State) -> TableEntry? {
        switch state {
        case .idle, .awaitingAssociateRQ, .awaitingTransportClose: nil
        case .awaitingTransportConnection: .aa2
        default: .aa1
        }
    }

    private static func abort(_ state: State) -> TableEntry? {
        switch state {
        case .idle, .awaitingTransportConnection: nil
        case .awaitingAssociateRQ, .awaitingTransportClose: .aa2
        default: .aa3
        }
    }

    private static func transportClosed(_ state: State) -> TableEntry? {
        switch state {
        case .idle: nil
        case .awaitingAssociateRQ: .aa5
        case .awaitingTransportClose: .ar5
        default: .aa4
        }
    }

    private static func artimExpired(_ state: State) -> TableEntry? {
        switch state {
        case .awaitingAssociateRQ, .awaitingTransportClose: .aa2
        default: nil
        }
    }
}
