// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import DICOM

private typealias Machine = UpperLayerStateMachine

/// PS3.8 Table 9-10: a row per event, a column per state Sta1 to Sta13, in each cell the action. "-" is
/// blank.
private let table9_10 = """
    Evt1  AE-1 -    -    -    -    -    -    -    -    -     -    -    -
    Evt2  -    -    -    AE-2 -    -    -    -    -    -     -    -    -
    Evt3  -    AA-1 AA-8 -    AE-3 AA-8 AA-8 AA-8 AA-8 AA-8  AA-8 AA-8 AA-6
    Evt4  -    AA-1 AA-8 -    AE-4 AA-8 AA-8 AA-8 AA-8 AA-8  AA-8 AA-8 AA-6
    Evt5  AE-5 -    -    -    -    -    -    -    -    -     -    -    -
    Evt6  -    AE-6 AA-8 -    AA-8 AA-8 AA-8 AA-8 AA-8 AA-8  AA-8 AA-8 AA-7
    Evt7  -    -    AE-7 -    -    -    -    -    -    -     -    -    -
    Evt8  -    -    AE-8 -    -    -    -    -    -    -     -    -    -
    Evt9  -    -    -    -    -    DT-1 -    AR-7 -    -     -    -    -
    Evt10 -    AA-1 AA-8 -    AA-8 DT-2 AR-6 AA-8 AA-8 AA-8  AA-8 AA-8 AA-6
    Evt11 -    -    -    -    -    AR-1 -    -    -    -     -    -    -
    Evt12 -    AA-1 AA-8 -    AA-8 AR-2 AR-8 AA-8 AA-8 AA-8  AA-8 AA-8 AA-6
    Evt13 -    AA-1 AA-8 -    AA-8 AA-8 AR-3 AA-8 AA-8 AR-10 AR-3 AA-8 AA-6
    Evt14 -    -    -    -    -    -    -    AR-4 AR-9 -     -    AR-4 -
    Evt15 -    -    AA-1 AA-2 AA-1 AA-1 AA-1 AA-1 AA-1 AA-1  AA-1 AA-1 -
    Evt16 -    AA-2 AA-3 -    AA-3 AA-3 AA-3 AA-3 AA-3 AA-3  AA-3 AA-3 AA-2
    Evt17 -    AA-5 AA-4 AA-4 AA-4 AA-4 AA-4 AA-4 AA-4 AA-4  AA-4 AA-4 AR-5
    Evt18 -    AA-2 -    -    -    -    -    -    -    -     -    -    AA-2
    Evt19 -    AA-1 AA-8 -    AA-8 AA-8 AA-8 AA-8 AA-8 AA-8  AA-8 AA-8 AA-7
    """

private let request = PDUTests.request([])
private let accept = AssociateAC(
    calledAETitle: request.calledAETitle,
    callingAETitle: request.callingAETitle,
    presentationContexts: [],
    userInformation: UserInformation()
)
private let invalid = PDUError.unrecognizedType(9)

/// In the order of Evt1 to Evt19.
private let events: [Machine.Event] = [
    .associateRequest(request), .transportConnected, .associateAC(accept), .associateRJ(.noReasonGiven),
    .transportIndication, .associateRQ(request), .associateAccept(accept), .associateReject(.noReasonGiven),
    .dataRequest, .dataTF, .releaseRequest, .releaseRQ, .releaseRP, .releaseResponse, .abortRequest,
    .abort(Abort(source: .serviceUser)), .transportClosed, .artimExpired, .invalidPDU(invalid),
]

private let requestorEstablished: [Machine.Event] = [
    .associateRequest(request), .transportConnected, .associateAC(accept),
]
private let acceptorEstablished: [Machine.Event] = [
    .transportIndication, .associateRQ(request), .associateAccept(accept),
]

/// How each state is reached, in the order of Sta1 to Sta13.
private let paths: [[Machine.Event]] = [
    [],
    [.transportIndication],
    [.transportIndication, .associateRQ(request)],
    [.associateRequest(request)],
    [.associateRequest(request), .transportConnected],
    acceptorEstablished,
    acceptorEstablished + [.releaseRequest],
    acceptorEstablished + [.releaseRQ],
    requestorEstablished + [.releaseRequest, .releaseRQ],
    acceptorEstablished + [.releaseRequest, .releaseRQ],
    requestorEstablished + [.releaseRequest, .releaseRQ, .releaseResponse],
    acceptorEstablished + [.releaseRequest, .releaseRQ, .releaseRP],
    acceptorEstablished + [.abortRequest],
]

private struct Outcome {
    /// 1 to 13; nil: the state stays.
    var next: Int?
    var actions: [Machine.Action]
}

/// PS3.8 Tables 9-6 to 9-9: what each action does and the state after it, for the acceptor where they differ.
private func outcome(_ action: String, afterInvalidPDU: Bool) -> Outcome? {
    let abort = Abort(source: .serviceProvider, reason: afterInvalidPDU ? 1 : 2)
    return switch action {
    case "AE-1": Outcome(next: 4, actions: [.openTransport])
    case "AE-2": Outcome(next: 5, actions: [.send(.associateRQ(request))])
    case "AE-3": Outcome(next: 6, actions: [.indicate(.associateAccepted(accept))])
    case "AE-4": Outcome(next: 1, actions: [.indicate(.associateRejected(.noReasonGiven)), .closeTransport])
    case "AE-5": Outcome(next: 2, actions: [.startARTIM])
    case "AE-6": Outcome(next: 3, actions: [.stopARTIM, .indicate(.associate(request))])
    case "AE-7": Outcome(next: 6, actions: [.send(.associateAC(accept))])
    case "AE-8": Outcome(next: 13, actions: [.send(.associateRJ(.noReasonGiven)), .startARTIM])
    case "DT-1": Outcome(next: 6, actions: [.sendDataTF])
    case "DT-2": Outcome(next: 6, actions: [.indicate(.data)])
    case "AR-1": Outcome(next: 7, actions: [.send(.releaseRQ)])
    case "AR-2": Outcome(next: 8, actions: [.indicate(.release)])
    case "AR-3": Outcome(next: 1, actions: [.indicate(.releaseConfirmed), .closeTransport])
    case "AR-4": Outcome(next: 13, actions: [.send(.releaseRP), .startARTIM])
    case "AR-5": Outcome(next: 1, actions: [.stopARTIM])
    case "AR-6": Outcome(next: 7, actions: [.indicate(.data)])
    case "AR-7": Outcome(next: 8, actions: [.sendDataTF])
    case "AR-8": Outcome(next: 10, actions: [.indicate(.releaseCollision)])
    case "AR-9": Outcome(next: 11, actions: [.send(.releaseRP)])
    case "AR-10": Outcome(next: 12, actions: [.indicate(.releaseConfirmed)])
    case "AA-1": Outcome(next: 13, actions: [.send(.abort(Abort(source: .serviceUser))), .startARTIM])
    case "AA-2": Outcome(next: 1, actions: [.stopARTIM, .closeTransport])
    case "AA-3": Outcome(next: 1, actions: [.indicate(.abort(Abort(source: .serviceUser))), .closeTransport])
    case "AA-4": Outcome(next: 1, actions: [.indicate(.providerAbort(nil))])
    case "AA-5": Outcome(next: 1, actions: [.stopARTIM])
    case "AA-6": Outcome(next: 13, actions: [])
    case "AA-7": Outcome(next: 13, actions: [.send(.abort(abort))])
    case "AA-8":
        Outcome(next: 13, actions: [.send(.abort(abort)), .indicate(.providerAbort(abort)), .startARTIM])
    default: nil
    }
}

private func machine(after events: [Machine.Event]) throws -> Machine {
    var machine = Machine()
    for event in events {
        let actions = machine.apply(event)
        _ = try #require(actions)
    }
    return machine
}

@Suite("PS3.8 9.2 upper layer state machine") struct UpperLayerStateMachineTests {
    private static let rows = table9_10.split(separator: "\n").map {
        $0.split(separator: " ").map(String.init)
    }

    @Test("each state is reached by its path", arguments: 0..<13)
    func reached(index: Int) throws {
        #expect(try machine(after: paths[index]).state == Machine.State.allCases[index])
    }

    @Test("each cell of Table 9-10 does its action and leads to its state", arguments: 0..<19)
    func cells(row: Int) throws {
        let cells = Self.rows[row].dropFirst()
        #expect(Self.rows[row][0] == "Evt\(row + 1)" && cells.count == 13)
        for (column, cell) in cells.enumerated() {
            var machine = try machine(after: paths[column])
            let before = machine.state
            let actions = machine.apply(events[row])
            guard cell != "-" else {
                #expect(actions == nil && machine.state == before, "Evt\(row + 1) in Sta\(column + 1)")
                continue
            }
            let expected = try #require(outcome(cell, afterInvalidPDU: row == 18))
            let next = try #require(expected.next)
            #expect(actions == expected.actions, "\(cell): Evt\(row + 1) in Sta\(column + 1)")
            #expect(
                machine.state == Machine.State.allCases[next - 1],
                "\(cell): Evt\(row + 1) in Sta\(column + 1)"
            )
        }
    }

    @Test("AE-6 rejects another protocol version and waits for the peer to close") func protocolVersion()
        throws
    {
        var other = request
        other.protocolVersion = 2
        var machine = try machine(after: [.transportIndication])
        let reject = PDU.associateRJ(.protocolVersionNotSupported)
        #expect(machine.apply(.associateRQ(other)) == [.stopARTIM, .send(reject), .startARTIM])
        #expect(machine.state == .awaitingTransportClose)
    }

    @Test("AR-8 in a release collision: the requestor answers first, then both close") func collision() throws
    {
        var requestor = try machine(after: requestorEstablished + [.releaseRequest])
        var acceptor = try machine(after: acceptorEstablished + [.releaseRequest])
        #expect(requestor.apply(.releaseRQ) == [.indicate(.releaseCollision)])
        #expect(requestor.state == .collisionRequestorAwaitingReleaseResponse)
        #expect(acceptor.apply(.releaseRQ) == [.indicate(.releaseCollision)])
        #expect(acceptor.state == .collisionAcceptorAwaitingReleaseRP)
        #expect(requestor.apply(.releaseResponse) == [.send(.releaseRP)])
        #expect(acceptor.apply(.releaseRP) == [.indicate(.releaseConfirmed)])
        #expect(acceptor.apply(.releaseResponse) == [.send(.releaseRP), .startARTIM])
        #expect(requestor.apply(.releaseRP) == [.indicate(.releaseConfirmed), .closeTransport])
        #expect(acceptor.apply(.transportClosed) == [.stopARTIM])
        #expect(requestor.state == .idle && acceptor.state == .idle)
    }

    @Test("AA-3 tells an abort of the peer's user from one of its provider") func abortSource() throws {
        let abort = Abort(source: .serviceProvider, reason: 2)
        var machine = try machine(after: acceptorEstablished)
        #expect(machine.apply(.abort(abort)) == [.indicate(.providerAbort(abort)), .closeTransport])
    }

    @Test("AA-8 tells why a PDU is invalid") func abortReason() throws {
        var machine = try machine(after: acceptorEstablished)
        let error = PDUError.invalid(field: "PDU-length", offset: 2, found: "0", expected: "6")
        let abort = Abort(source: .serviceProvider, reason: Abort.invalidPDUParameterValue)
        #expect(machine.apply(.invalidPDU(error))?.first == .send(.abort(abort)))
    }

    @Test("data is received in Sta6 and Sta7 only") func receivesData() throws {
        for (index, path) in paths.enumerated() {
            #expect(try machine(after: path).receivesData == [5, 6].contains(index))
        }
    }

    @Test("random events keep the connection's bookkeeping straight") func randomEvents() {
        var random = SplitMix64(5)
        for _ in 0..<300 {
            var machine = Machine()
            var isAborted = false
            for _ in 0..<60 {
                guard let event = events.randomElement(using: &random) else { continue }
                let before = machine.state
                guard let actions = machine.apply(event) else {
                    #expect(machine.state == before)
                    continue
                }
                if before == .idle { isAborted = false }
                // After an A-ABORT of ours nothing but A-ABORT is sent until the connection ends.
                for case .send(let pdu) in actions {
                    if case .abort = pdu { isAborted = true } else { #expect(!isAborted) }
                }
                if actions.contains(.closeTransport) { #expect(machine.state == .idle) }
                if machine.state == .awaitingTransportClose, before != .awaitingTransportClose {
                    #expect(actions.contains(.startARTIM))
                }
            }
        }
    }
}
