// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import DICOM

/// Command sets as on the wire (PS3.7 9.3, E.1).
enum SampleCommand {
    static let cStoreRQ = annotated(
        """
        0000 0000 04000000 70000000             // command group length 112
        0000 0200 1A000000 "1.2.840.10008.5.1.4.1.1.2" 00 // affected SOP class UID
        0000 0001 02000000 0100                 // command field C-STORE-RQ
        0000 1001 02000000 0700                 // message ID 7
        0000 0007 02000000 0000                 // priority medium
        0000 0008 02000000 0000                 // a data set follows
        0000 0010 08000000 "1.2.3.4" 00         // affected SOP instance UID
        0000 3010 04000000 "PACS"               // move originator AE title
        0000 3110 02000000 0900                 // move originator message ID 9
        """
    )

    static let cEchoRQ = annotated(
        """
        0000 0000 04000000 38000000             // command group length 56
        0000 0200 12000000 "1.2.840.10008.1.1" 00 // affected SOP class UID
        0000 0001 02000000 3000                 // command field C-ECHO-RQ
        0000 1001 02000000 0100                 // message ID 1
        0000 0008 02000000 0101                 // no data set
        """
    )

    static let cStoreRSP = annotated(
        """
        0000 0000 04000000 88000000             // command group length 136
        0000 0200 1A000000 "1.2.840.10008.5.1.4.1.1.2" 00 // affected SOP class UID
        0000 0001 02000000 0180                 // command field C-STORE-RSP
        0000 2001 02000000 0700                 // message ID being responded to 7
        0000 0008 02000000 0101                 // no data set
        0000 0009 02000000 00A9                 // status A900
        0000 0109 08000000 20000D00 08001800    // offending elements (0020,000D) (0008,0018)
        0000 0209 0C000000 "wrong study "       // error comment
        0000 0309 02000000 2A00                 // error ID 42
        0000 0010 08000000 "1.2.3.4" 00         // affected SOP instance UID
        """
    )
}

@Suite("PS3.7 6.3.1 command set structure") struct CommandSetTests {
    @Test(
        "a command set that is read and written is the same bytes",
        arguments: [SampleCommand.cStoreRQ, SampleCommand.cEchoRQ, SampleCommand.cStoreRSP]
    )
    func roundTrip(bytes: [UInt8]) throws {
        #expect(try CommandSet(decoding: bytes).encode() == bytes)
    }

    @Test(
        "a command set cut inside an element is an error",
        arguments: [SampleCommand.cStoreRQ, SampleCommand.cStoreRSP]
    )
    func cut(bytes: [UInt8]) {
        var whole: Set<Int> = [0]
        var offset = 0
        while offset < bytes.count {
            offset += 8 + Int(bytes[offset + 4])
            whole.insert(offset)
        }
        for count in 0..<bytes.count {
            let isRead = (try? CommandSet(decoding: Array(bytes.prefix(count)))) != nil
            #expect(isRead == whole.contains(count), "\(count) bytes")
        }
    }

    @Test("a length beyond the command set is an error that names the element") func length() {
        let bytes = annotated("0000 0001 FFFFFFFF 0100")
        #expect(throws: DIMSEError.truncated(Tag(0, 0x0100), offset: 10)) { try CommandSet(decoding: bytes) }
    }

    @Test("another group is an error") func group() {
        let bytes = SampleCommand.cEchoRQ + annotated("0800 1800 00000000")
        #expect(throws: DIMSEError.unexpectedTag(Tag(0x0008, 0x0018), offset: 68)) {
            try CommandSet(decoding: bytes)
        }
    }

    @Test("64 elements are read, 65 are not; nor are more than 64 KiB") func limits() throws {
        let element = annotated("0000 FF0F 00000000")
        _ = try CommandSet(decoding: Array(repeating: element, count: 64).flatMap { $0 })
        #expect(throws: DIMSEError.tooManyElements(limit: 64)) {
            try CommandSet(decoding: Array(repeating: element, count: 65).flatMap { $0 })
        }
        #expect(throws: DIMSEError.commandTooLong(limit: 65536)) {
            try CommandSet(decoding: Array(repeating: 0, count: 65537))
        }
    }

    @Test("a wrong group length is no error, and of an element that occurs twice the first counts")
    func lenient() throws {
        var bytes = SampleCommand.cEchoRQ + annotated("0000 1001 02000000 0200")
        bytes[8] = 0xFF
        #expect(try CommandSet(decoding: bytes).messageID() == 1)
    }

    @Test("a value of the wrong form is an error, an empty one is absent") func values() throws {
        let command = try CommandSet(
            decoding: annotated(
                """
                0000 0200 02000000 "AB"         // affected SOP class UID
                0000 0001 03000000 000000       // command field
                0000 1001 00000000              // message ID
                0000 0109 06000000 08001800 0800 // offending elements, the second cut
                """
            )
        )
        #expect(throws: DIMSEError.invalid(Tag(0, 0x0100), expected: "2 bytes")) {
            try command.commandField()
        }
        #expect(throws: DIMSEError.missing(Tag(0, 0x0110))) { try command.messageID() }
        #expect(throws: DIMSEError.self) { try command.uid(.affectedSOPClassUID) }
        #expect(command.tags(.offendingElement) == [.sopInstanceUID])
    }

    @Test("an error comment is ASCII of at most 64 characters and even length") func errorComment() throws {
        var command = CommandSet()
        command.set(.errorComment, text: "é\\\n" + String(repeating: "x", count: 100))
        let bytes = command.encode()
        #expect(bytes.count == 12 + 8 + 64)
        #expect(
            try CommandSet(decoding: bytes).text(.errorComment) == "???" + String(repeating: "x", count: 61)
        )
        command.set(.errorComment, text: "odd")
        #expect(command.encode() == annotated("0000 0000 04000000 0C000000 0000 0209 04000000 \"odd \""))
    }

    @Test("mutated command sets and requests in them never crash") func mutated() {
        var random = SplitMix64(6)
        for _ in 0..<30_000 {
            let sample = [SampleCommand.cStoreRQ, SampleCommand.cEchoRQ, SampleCommand.cStoreRSP]
                .randomElement(using: &random)
            guard let command = try? CommandSet(decoding: random.mutate(sample ?? [])) else { continue }
            if let request = try? DIMSERequest.decode(command), case .cStore(let store) = request {
                #expect((try? CStoreRQ(CommandSet(decoding: store.commandSet.encode()))) == store)
            }
            if let response = try? CStoreRSP(command) {
                #expect((try? CommandSet(decoding: response.commandSet.encode())) != nil)
            }
            if let refusal = OperationRefusal(command, .missing(.sopInstanceUID)) {
                #expect(
                    (try? CommandSet(decoding: refusal.commandSet.encode()).commandField()) ?? 0 >= 0x8000
                )
            }
        }
    }
}
