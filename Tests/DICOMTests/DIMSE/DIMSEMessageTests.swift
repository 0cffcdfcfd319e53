// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import DICOM

@Suite("PS3.7 9.3 DIMSE-C messages") struct DIMSEMessageTests {
    private let storeRQ = CStoreRQ(
        messageID: 7,
        affectedSOPClassUID: UID(literal: "1.2.840.10008.5.1.4.1.1.2"),
        affectedSOPInstanceUID: UID(literal: "1.2.3.4"),
        moveOriginatorAETitle: AETitle(literal: "PACS"),
        moveOriginatorMessageID: 9
    )

    @Test("a C-STORE-RQ is read and written") func cStoreRQ() throws {
        let command = try CommandSet(decoding: SampleCommand.cStoreRQ)
        #expect(try DIMSERequest.decode(command) == .cStore(storeRQ))
        #expect(storeRQ.commandSet.encode() == SampleCommand.cStoreRQ)
    }

    @Test("a C-ECHO-RQ is read and written, and answered") func cEcho() throws {
        let command = try CommandSet(decoding: SampleCommand.cEchoRQ)
        #expect(try DIMSERequest.decode(command) == .cEcho(CEchoRQ(messageID: 1)))
        #expect(CEchoRQ(messageID: 1).commandSet.encode() == SampleCommand.cEchoRQ)
        let response = CEchoRSP(CEchoRQ(messageID: 1), .success)
        let expected = annotated(
            """
            0000 0000 04000000 42000000         // command group length 66
            0000 0200 12000000 "1.2.840.10008.1.1" 00 // affected SOP class UID
            0000 0001 02000000 3080             // command field C-ECHO-RSP
            0000 2001 02000000 0100             // message ID being responded to 1
            0000 0008 02000000 0101             // no data set
            0000 0009 02000000 0000             // status success
            """
        )
        #expect(response.commandSet.encode() == expected)
        #expect(try CEchoRSP(CommandSet(decoding: expected)) == response)
    }

    @Test("a C-STORE-RSP says what is wrong") func cStoreRSP() throws {
        let detail = DIMSEStatusDetail(
            offendingElements: [.studyInstanceUID, .sopInstanceUID],
            errorComment: "wrong study",
            errorID: 42
        )
        let response = CStoreRSP(storeRQ, .dataSetDoesNotMatchSOPClass, detail)
        #expect(response.commandSet.encode() == SampleCommand.cStoreRSP)
        #expect(try CStoreRSP(CommandSet(decoding: SampleCommand.cStoreRSP)) == response)
    }

    @Test("a C-CANCEL-RQ names the message it cancels") func cCancel() throws {
        let bytes = annotated("0000 0001 02000000 FF0F 0000 2001 02000000 0500 0000 0008 02000000 0101")
        #expect(
            try DIMSERequest.decode(CommandSet(decoding: bytes)) == .cCancel(messageIDBeingRespondedTo: 5)
        )
    }

    @Test("another service's request is told with what its refusal needs") func unsupported() throws {
        let bytes = annotated(
            """
            0000 0300 14000000 "1.2.840.10008.1.20.1"  // requested SOP class UID
            0000 0001 02000000 3001             // command field N-ACTION-RQ
            0000 1001 02000000 0600             // message ID 6
            0000 0008 02000000 0000             // a data set follows
            """
        )
        let uid = UID(literal: "1.2.840.10008.1.20.1")
        let request = try DIMSERequest.decode(CommandSet(decoding: bytes))
        #expect(
            request == .unsupported(commandField: 0x0130, messageID: 6, hasDataSet: true, sopClassUID: uid)
        )
        let refusal = OperationRefusal(
            requestCommandField: 0x0130,
            messageIDBeingRespondedTo: 6,
            affectedSOPClassUID: uid
        )
        let command = try CommandSet(decoding: refusal.commandSet.encode())
        #expect(try command.commandField() == 0x8130)
        #expect(try command.uint16(.status) == 0x0211)
        #expect(try command.uint16(.messageIDBeingRespondedTo) == 6)
        #expect(try !command.hasDataSet())
    }

    @Test("a response is no request") func response() throws {
        let command = try CommandSet(decoding: SampleCommand.cStoreRSP)
        #expect(throws: DIMSEError.unexpectedCommandField(0x8001, expected: "a request")) {
            try DIMSERequest.decode(command)
        }
        #expect(OperationRefusal(command, .missing(.sopInstanceUID)) == nil)
    }

    @Test("a C-STORE-RQ without instance UID is refused as mistyped, naming the element") func refusal()
        throws
    {
        var bytes = SampleCommand.cStoreRQ
        bytes[12 + 34 + 4 * 10 + 2] = 0x77
        let command = try CommandSet(decoding: bytes)
        let error = DIMSEError.missing(Tag(0x0000, 0x1000))
        #expect(throws: error) { try DIMSERequest.decode(command) }
        let refusal = try CStoreRSP(try #require(OperationRefusal(command, error)).commandSet)
        #expect(refusal.status == .mistypedArgument)
        #expect(refusal.messageIDBeingRespondedTo == 7)
        #expect(refusal.detail.offendingElements == [Tag(0x0000, 0x1000)])
        let comment = "command set: (0000,1000): found nothing, expected a value"
        #expect(refusal.detail.errorComment == comment)
    }

    @Test(
        "a status falls in its category",
        arguments: [
            (UInt16(0x0000), DIMSEStatus.Category.success), (0xFF00, .pending), (0xFF01, .pending),
            (0xFE00, .cancel), (0xB000, .warning), (0xB007, .warning), (0x0107, .warning), (0xA700, .failure),
            (0xC123, .failure), (0x0122, .failure),
        ]
    )
    func status(rawValue: UInt16, category: DIMSEStatus.Category) {
        #expect(DIMSEStatus(rawValue: rawValue).category == category)
    }

    @Test("a status is described by four digits") func description() {
        #expect("\(DIMSEStatus.processingFailure) \(DIMSEStatus.refusedOutOfResources)" == "0110 A700")
    }
}
