// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import DICOM

@Suite("PS3.8 7.1, PS3.7 D.3 association negotiation") struct AssociationNegotiationTests {
    private static let implicit = "1.2.840.10008.1.2"
    private static let explicit = "1.2.840.10008.1.2.1"
    private static let bigEndian = "1.2.840.10008.1.2.2"
    private static let deflated = "1.2.840.10008.1.2.1.99"
    private static let jpegLS = "1.2.840.10008.1.2.4.80"
    private static let ct = "1.2.840.10008.5.1.4.1.1.2"
    private static let verification = "1.2.840.10008.1.1"

    private let policy = AcceptorPolicy(
        calledAETitle: AETitle(literal: "DRIMBOX"),
        callingAETitles: [AETitle(literal: "PACS")]
    )

    private func request(_ abstractSyntax: String = ct, _ transferSyntaxes: [String] = [explicit]) throws
        -> AssociateRQ
    {
        let context = PresentationContext(
            id: 5,
            abstractSyntax: try #require(UID(abstractSyntax)),
            transferSyntaxes: try transferSyntaxes.map { try #require(UID($0)) }
        )
        return PDUTests.request([context])
    }

    private func accepted(_ request: AssociateRQ) throws -> (AssociateAC, NegotiatedAssociation) {
        guard case .accept(let pdu, let association) = AssociationNegotiation.answer(request, policy) else {
            throw Refused()
        }
        return (pdu, association)
    }

    private struct Refused: Error {}

    private func rejection(_ request: AssociateRQ, _ policy: AcceptorPolicy) -> (AssociateRJ, String)? {
        guard case .reject(let pdu, let reason) = AssociationNegotiation.answer(request, policy) else {
            return nil
        }
        return (pdu, reason)
    }

    @Test("an acceptable request is accepted in the box's name") func accept() throws {
        let (pdu, association) = try accepted(try request())
        #expect(pdu.calledAETitle?.string == "DRIMBOX")
        #expect(pdu.callingAETitle?.string == "PACS")
        #expect(pdu.presentationContexts.map(\.id) == [5])
        #expect(pdu.presentationContexts.map(\.result) == [.acceptance])
        #expect(pdu.userInformation.maximumLength == 131_072)
        #expect(pdu.userInformation.implementationClassUID == Implementation.classUID)
        #expect(pdu.userInformation.implementationVersionName == "DRIMBOX_1")
        #expect(pdu.userInformation.asynchronousOperationsWindow == nil)
        #expect(association.callingAETitle.string == "PACS")
        #expect(association.peerMaximumPDULength == 16384)
        #expect(association.contexts.keys.sorted() == [5])
        #expect(association.contexts[5]?.abstractSyntax.string == Self.ct)
        #expect(association.contexts[5]?.transferSyntax.string == Self.explicit)
        #expect(association.window == OperationsWindow(invoked: 1, performed: 1))
    }

    @Test("what the box does not know is rejected, and why") func reject() throws {
        var other = try request()
        other.protocolVersion = 2
        #expect(rejection(other, policy)?.0.encode() == annotated("03 00 00000004 00 01 02 02"))
        other = try request()
        other.applicationContextName = UID(literal: "1.2.3")
        #expect(rejection(other, policy)?.0.encode() == annotated("03 00 00000004 00 01 01 02"))
        other = try request()
        other.calledAETitle = AETitle(literal: "OTHER")
        #expect(rejection(other, policy)?.0.encode() == annotated("03 00 00000004 00 01 01 07"))
        #expect(rejection(other, policy)?.1 == "called AE title: found OTHER, expected DRIMBOX")
        other = try request()
        other.callingAETitle = AETitle(literal: "OTHER")
        #expect(rejection(other, policy)?.0.encode() == annotated("03 00 00000004 00 01 01 03"))
        var open = policy
        open.acceptUnknownPeers = true
        #expect(rejection(other, open) == nil)
    }

    @Test(
        "the transfer syntax is the first proposed, Explicit VR Little Endian before Implicit and Big Endian",
        arguments: [
            ([explicit, implicit], explicit), ([implicit, explicit], explicit), ([implicit], implicit),
            ([bigEndian, implicit, explicit], explicit), ([bigEndian, implicit], bigEndian),
            ([jpegLS, explicit], jpegLS), ([deflated, explicit], deflated), (["1.2.3.4.5"], "1.2.3.4.5"),
            (["1.2.3.4.5", explicit, implicit], "1.2.3.4.5"),
        ]
    )
    func transferSyntax(proposed: [String], chosen: String) throws {
        let (pdu, association) = try accepted(try request(Self.ct, proposed))
        #expect(pdu.presentationContexts.first?.transferSyntax?.string == chosen)
        #expect(association.contexts[5]?.transferSyntax.string == chosen)
    }

    @Test(
        "Verification prefers the syntaxes every peer has",
        arguments: [
            ([jpegLS, implicit], implicit), ([implicit, explicit], explicit), ([jpegLS], jpegLS),
            ([bigEndian, explicit], explicit),
        ]
    )
    func verification(proposed: [String], chosen: String) throws {
        let (pdu, _) = try accepted(try request(Self.verification, proposed))
        #expect(pdu.presentationContexts.first?.transferSyntax?.string == chosen)
    }

    @Test("a context without transfer syntax is answered with result 4, one of another service with 3")
    func results() throws {
        let (noSyntax, none) = try accepted(try request(Self.ct, []))
        #expect(noSyntax.presentationContexts.map(\.result.rawValue) == [4])
        #expect(none.contexts.isEmpty)
        let (noService, _) = try accepted(try request("1.2.840.10008.5.1.4.1.2.2.1"))
        #expect(noService.presentationContexts.map(\.result.rawValue) == [3])
    }

    @Test(
        "the window is what the peer proposes, at most the box's own",
        arguments: [(UInt16(0), UInt16(16)), (1, 1), (8, 8), (16, 16), (100, 16)]
    )
    func window(invoked: UInt16, answered: UInt16) throws {
        for performed: UInt16 in [0, 1, 50] {
            var request = try request()
            let proposed = AsynchronousOperationsWindow(invoked: invoked, performed: performed)
            request.userInformation.asynchronousOperationsWindow = proposed
            let (pdu, association) = try accepted(request)
            let expected = AsynchronousOperationsWindow(invoked: answered, performed: 1)
            #expect(pdu.userInformation.asynchronousOperationsWindow == expected)
            #expect(association.window == OperationsWindow(invoked: 1, performed: Int(answered)))
        }
    }

    @Test("the SCU role is granted as proposed, the SCP role never", arguments: [true, false])
    func roles(scu: Bool) throws {
        var request = try request()
        let ct = UID(literal: "1.2.840.10008.5.1.4.1.1.2")
        let unknown = UID(literal: "1.2.840.10008.5.1.4.1.2.2.1")
        request.userInformation.roleSelections = [
            RoleSelection(sopClassUID: ct, scuRole: scu, scpRole: true),
            RoleSelection(sopClassUID: unknown, scuRole: true, scpRole: true),
        ]
        let (pdu, _) = try accepted(request)
        let expected = [RoleSelection(sopClassUID: ct, scuRole: scu, scpRole: false)]
        #expect(pdu.userInformation.roleSelections == expected)
    }

    @Test("a peer that announces no maximum gets what every peer takes, and 0 means any number")
    func maximum() throws {
        var request = try request()
        request.userInformation.maximumLength = nil
        #expect(try accepted(request).1.peerMaximumPDULength == 16384)
        request.userInformation.maximumLength = 0
        #expect(try accepted(request).1.peerMaximumPDULength == 0)
    }

    @Test("the answer to the sample request is readable by a peer") func encodes() throws {
        var request = try AssociateRQ(decoding: SamplePDU.associateRQ)
        request.calledAETitle = policy.calledAETitle
        request.callingAETitle = AETitle(literal: "PACS")
        let (pdu, _) = try accepted(request)
        #expect(try AssociateAC(decoding: pdu.encode()) == pdu)
        #expect(pdu.presentationContexts.map(\.id) == [1, 3])
    }

    @Test("the implementation names fit their fields") func implementation() {
        #expect(UID(Implementation.classUID.string) == Implementation.classUID)
        #expect(AETitle(Implementation.versionName)?.string == Implementation.versionName)
    }
}

@Suite("PS3.6 Annex A storage SOP classes") struct SOPClassTests {
    private static let storage = [
        "1.2.840.10008.5.1.4.1.1.2",  // CT Image
        "1.2.840.10008.5.1.4.1.1.88.59",  // Key Object Selection Document
        "1.2.840.10008.5.1.4.1.1.481.25",  // RT Patient Position Acquisition Instruction
        "1.2.840.10008.5.1.4.1.1.200.1",  // CT Defined Procedure Protocol
        "1.2.840.10008.5.1.4.1.1.200.3",  // Protocol Approval
        "1.2.840.10008.5.1.4.1.1.200.7",  // XA Defined Procedure Protocol
        "1.2.840.10008.5.1.4.1.1.201.1",  // Inventory
        "1.2.840.10008.5.1.4.34.7",  // RT Beams Delivery Instruction
        "1.2.840.10008.5.1.4.34.10",  // RT Brachy Application Setup Delivery Instruction
        "1.2.840.10008.5.1.4.38.1",  // Hanging Protocol
        "1.2.840.10008.5.1.4.45.1",  // Implant Template Group
        "1.2.840.10008.5.1.1.30",  // Hardcopy Color Image
        "1.3.12.2.1107.5.9.1",  // private
        "1.2.840.113619.4.26",  // private
        "1.2.840.100081.1",  // outside the DICOM root
    ]
    private static let other = [
        "1.2.840.10008.1.1",  // Verification
        "1.2.840.10008.1.3.10",  // Media Storage Directory: in files only
        "1.2.840.10008.1.20.1",  // Storage Commitment Push Model
        "1.2.840.10008.5.1.4.1.1.200.4",  // Protocol Approval FIND
        "1.2.840.10008.5.1.4.1.1.200.6",  // Protocol Approval GET
        "1.2.840.10008.5.1.4.1.1.201.2",  // Inventory FIND
        "1.2.840.10008.5.1.4.1.1.201.6",  // Repository Query
        "1.2.840.10008.5.1.4.1.2.2.1",  // Study Root FIND
        "1.2.840.10008.5.1.4.31",  // Modality Worklist FIND
        "1.2.840.10008.5.1.4.34.6.1",  // Unified Procedure Step Push
        "1.2.840.10008.5.1.4.38.2",  // Hanging Protocol FIND
        "1.2.840.10008.3.1.2.3.3",  // Modality Performed Procedure Step
        "1.2.840.10008",
    ]

    @Test("storage classes, private ones too, are storage", arguments: storage)
    func isStorage(uid: String) throws {
        #expect(SOPClass.isStorage(try #require(UID(uid))))
    }

    @Test("other services are not", arguments: other)
    func isNotStorage(uid: String) throws {
        #expect(!SOPClass.isStorage(try #require(UID(uid))))
    }
}
