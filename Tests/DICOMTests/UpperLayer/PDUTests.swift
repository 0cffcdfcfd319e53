// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import DICOM

@Suite("PS3.8 9.3 PDU structure") struct PDUTests {
    private let ct = UID(literal: "1.2.840.10008.5.1.4.1.1.2")

    @Test("every field of an A-ASSOCIATE-RQ is read") func associateRQ() throws {
        let pdu = try AssociateRQ(decoding: SamplePDU.associateRQ)
        #expect(pdu.protocolVersion == 1)
        #expect(pdu.calledAETitle.string == "ANY-SCP")
        #expect(pdu.callingAETitle.string == "STORESCU")
        #expect(pdu.applicationContextName == .dicomApplicationContextName)
        #expect(pdu.presentationContexts.map(\.id) == [1, 3])
        #expect(pdu.presentationContexts[0].abstractSyntax == SOPClass.verification)
        #expect(pdu.presentationContexts[1].abstractSyntax == ct)
        let syntaxes = [TransferSyntax.explicitVRLittleEndian, TransferSyntax.implicitVRLittleEndian]
        #expect(pdu.presentationContexts[1].transferSyntaxes == syntaxes)
    }

    @Test("every sub item of the user information is read") func userInformation() throws {
        let information = try AssociateRQ(decoding: SamplePDU.associateRQ).userInformation
        #expect(information.maximumLength == 16384)
        #expect(information.implementationClassUID?.string == "1.2.3.4")
        #expect(
            information.asynchronousOperationsWindow == AsynchronousOperationsWindow(invoked: 0, performed: 1)
        )
        #expect(information.roleSelections == [RoleSelection(sopClassUID: ct, scuRole: true, scpRole: true)])
        #expect(information.implementationVersionName == "TEST_SCU1")
        let extended = try #require(information.sopClassExtendedNegotiations.first)
        #expect(extended.sopClassUID == ct)
        #expect(extended.serviceClassApplicationInformation == [2, 0, 1])
        let common = try #require(information.sopClassCommonExtendedNegotiations.first)
        #expect(common.sopClassUID == ct)
        #expect(common.serviceClassUID.string == "1.2.840.10008.4.2")
        #expect(common.relatedGeneralSOPClassUIDs.map(\.string) == ["1.2.840.10008.5.1.4.1.1.4"])
        let identity = try #require(information.userIdentity)
        #expect(identity.userIdentityType == 2)
        #expect(identity.positiveResponseRequested)
        #expect(identity.primaryField == Array("alice".utf8))
        #expect(identity.secondaryField == Array("pwd".utf8))
    }

    @Test("every field of an A-ASSOCIATE-AC is read") func associateAC() throws {
        let pdu = try AssociateAC(decoding: SamplePDU.associateAC)
        #expect(pdu.calledAETitle?.string == "ANY-SCP")
        #expect(pdu.presentationContexts.map(\.id) == [1, 3])
        #expect(pdu.presentationContexts.map(\.result) == [.acceptance, .abstractSyntaxNotSupported])
        #expect(pdu.presentationContexts[0].transferSyntax == TransferSyntax.implicitVRLittleEndian)
        #expect(pdu.userInformation.maximumLength == 131_072)
        #expect(pdu.userInformation.implementationVersionName == "TEST_SCP_1")
        #expect(pdu.userInformation.userIdentityResponse == Array("ticket".utf8))
    }

    @Test("A-ASSOCIATE-RJ and A-ABORT say why") func reasons() throws {
        let reject = try AssociateRJ(decoding: SamplePDU.associateRJ)
        #expect(reject == .calledAETitleNotRecognized)
        #expect(reject.reasonDescription == "called AE title not recognized")
        #expect(AssociateRJ.localLimitExceeded.encode() == annotated("03 00 00000004 00 02 03 02"))
        let abort = try Abort(decoding: SamplePDU.abort)
        #expect(abort == Abort(source: .serviceProvider, reason: Abort.invalidPDUParameterValue))
        #expect(abort.reasonDescription == "invalid PDU parameter value")
    }

    @Test("a PDU that is read and written is the same bytes", arguments: SamplePDU.everyKind.dropLast())
    func roundTrip(bytes: [UInt8]) throws {
        #expect(try PDU(decoding: bytes).encode() == bytes)
    }

    @Test("reserved bytes are not tested", arguments: [1, 8, 9, 42, 73, 100, 104, 105, 106, 108])
    func reserved(offset: Int) throws {
        var bytes = SamplePDU.associateRQ
        #expect(bytes[offset] == 0)
        bytes[offset] = 0xFF
        #expect(try AssociateRQ(decoding: bytes) == AssociateRQ(decoding: SamplePDU.associateRQ))
    }

    @Test("unknown items and sub items are passed over") func unknownItems() throws {
        var bytes = SamplePDU.associateRQ + annotated("7F 00 0003 AABBCC")
        bytes.insert(contentsOf: annotated("5A 00 0002 FFFF"), at: 438 - 204)
        let userInformation = 438 - 208
        #expect(bytes[userInformation] == 0x50)
        bytes.replaceSubrange(userInformation + 2..<userInformation + 4, with: [0x00, 0xD2])
        bytes.replaceSubrange(2..<6, with: annotated("000001BD"))
        #expect(try AssociateRQ(decoding: bytes) == AssociateRQ(decoding: SamplePDU.associateRQ))
    }

    @Test("padding of a UID by NUL or space is ignored", arguments: [UInt8(0x00), 0x20])
    func paddedUID(padding: UInt8) throws {
        var bytes = SamplePDU.associateRQ
        bytes.insert(padding, at: 78 + 21)
        bytes[77] = 0x16
        bytes[5] = 0xB1
        #expect(try AssociateRQ(decoding: bytes).applicationContextName == .dicomApplicationContextName)
    }

    @Test("an odd identifier is required, and each only once", arguments: [UInt8(2), 0, 1])
    func contextID(id: UInt8) {
        var bytes = SamplePDU.associateRQ
        let offset = 74 + 25 + 50 + 4
        #expect(bytes[offset] == 3)
        bytes[offset] = id
        #expect {
            try AssociateRQ(decoding: bytes)
        } throws: { error in
            guard case .invalid("Presentation-context-ID", offset, "\(id)", _) = error as? PDUError else {
                return false
            }
            return true
        }
    }

    @Test("an error names the field, its offset, what is found and expected") func error() {
        var bytes = SamplePDU.associateRJ
        bytes[8] = 9
        let error = PDUError.invalid(field: "Source", offset: 8, found: "9", expected: "1 to 3")
        #expect(throws: error) { try AssociateRJ(decoding: bytes) }
        #expect(error.description == "pdu: Source at byte 8: found 9, expected 1 to 3")
        #expect(error.abortReason == Abort.invalidPDUParameterValue)
        #expect(PDUError.unrecognizedType(8).abortReason == Abort.unrecognizedPDU)
    }

    @Test(
        "a PDU cut anywhere is an error, whatever its length says",
        arguments: SamplePDU.everyKind.dropLast()
    )
    func cut(bytes: [UInt8]) {
        for count in 0..<bytes.count {
            #expect(throws: PDUError.self) { try PDU(decoding: Array(bytes.prefix(count))) }
            guard count >= 6 else { continue }
            var consistent = Array(bytes.prefix(count))
            consistent.replaceSubrange(
                2..<6,
                with: [0, 0, UInt8((count - 6) >> 8), UInt8((count - 6) & 0xFF)]
            )
            // What is left may be whole where the cut is between two items.
            _ = try? PDU(decoding: consistent)
        }
    }

    @Test(
        "an AE title that is none is an error of its field",
        arguments: ["                ", "A\\B             "]
    )
    func title(field: String) {
        var bytes = SamplePDU.associateRQ
        bytes.replaceSubrange(26..<42, with: Array(field.utf8))
        #expect {
            try AssociateRQ(decoding: bytes)
        } throws: { error in
            guard case .invalid("Calling-AE-title", 26, _, _) = error as? PDUError else { return false }
            return true
        }
    }

    @Test("more transfer syntaxes than the limit are an error") func transferSyntaxes() throws {
        for (count, isAccepted) in [
            (PDULimits.transferSyntaxes, true), (PDULimits.transferSyntaxes + 1, false),
        ] {
            let syntaxes = (0..<count).compactMap { UID("1.2.\($0)") }
            let context = PresentationContext(id: 1, abstractSyntax: ct, transferSyntaxes: syntaxes)
            let bytes = Self.request([context]).encode()
            #expect(((try? AssociateRQ(decoding: bytes)) != nil) == isAccepted)
        }
    }

    @Test("128 presentation contexts are read") func presentationContexts() throws {
        let contexts = (0..<128).map {
            PresentationContext(id: UInt8($0 * 2 + 1), abstractSyntax: ct, transferSyntaxes: [])
        }
        let pdu = Self.request(contexts)
        #expect(try AssociateRQ(decoding: pdu.encode()) == pdu)
    }

    @Test("an implementation class UID that is none is no error") func implementationClassUID() throws {
        var bytes = SamplePDU.associateRQ
        let offset = 438 - 204 + 8 + 4
        #expect(bytes[offset] == UInt8(ascii: "1"))
        bytes[offset] = UInt8(ascii: "x")
        #expect(try AssociateRQ(decoding: bytes).userInformation.implementationClassUID == nil)
    }

    @Test("what is read of a mutated A-ASSOCIATE-RQ can be written and read again") func mutatedDecode() {
        var random = SplitMix64(11)
        for _ in 0..<20_000 {
            var bytes = random.mutate(SamplePDU.associateRQ)
            let length = UInt32(max(0, bytes.count - 6))
            if bytes.count >= 6, Bool.random(using: &random) {
                bytes.replaceSubrange(0..<2, with: [1, 0])
                bytes.replaceSubrange(
                    2..<6,
                    with: (0..<4).map { UInt8(truncatingIfNeeded: length >> (24 - 8 * $0)) }
                )
            }
            guard let pdu = try? AssociateRQ(decoding: bytes) else { continue }
            // What is read can be written and read again.
            #expect((try? AssociateRQ(decoding: pdu.encode())) == pdu)
            #expect(pdu.presentationContexts.allSatisfy { $0.id & 1 == 1 })
        }
    }

    static func request(_ contexts: [PresentationContext]) -> AssociateRQ {
        AssociateRQ(
            calledAETitle: AETitle(literal: "DRIMBOX"),
            callingAETitle: AETitle(literal: "PACS"),
            presentationContexts: contexts,
            userInformation: UserInformation(maximumLength: 16384)
        )
    }
}

@Suite("PS3.5 6.2 AE title") struct AETitleTests {
    @Test(
        "leading and trailing spaces are not part of a title",
        arguments: [("PACS", "PACS"), ("  PACS  ", "PACS"), ("A B", "A B"), ("PACS\0\0", "PACS")]
    )
    func spaces(text: String, title: String) {
        #expect(AETitle(text)?.string == title)
    }

    @Test(
        "what is empty, too long or has another character is no title",
        arguments: ["", "    ", "12345678901234567", "A\\B", "A\tB", "\u{7F}", "Ä"]
    )
    func invalid(text: String) {
        #expect(AETitle(text) == nil)
    }

    @Test("16 characters are a title and fill its field") func longest() throws {
        let title = try #require(AETitle("1234567890123456"))
        #expect(AETitle.field(title) == Array("1234567890123456".utf8))
        #expect(AETitle.field(AETitle(literal: "A")) == Array("A               ".utf8))
    }
}
