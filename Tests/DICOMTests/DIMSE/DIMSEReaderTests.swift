// SPDX-License-Identifier: Apache-2.0
import Linux
import Testing

@testable import DICOM

@Suite("PS3.8 Annex E messages in P-DATA-TF") struct DIMSEReaderTests {
    private enum Told: Hashable {
        case command(CommandSet, UInt8)
        /// A whole data set.
        case dataSet([UInt8])
    }

    /// What a reader tells about bytes fed in pieces, data sets joined.
    private func read(_ pieces: [[UInt8]]) throws -> [Told] {
        var pdus = PDUReader(maximumLength: 0)
        var messages = DIMSEReader(contextIDs: [1, 3])
        var told: [Told] = []
        var dataSet: [UInt8] = []
        for piece in pieces {
            try piece.withRawSpan { bytes in
                var offset = 0
                while let event = try pdus.next(bytes, &offset) {
                    guard case .fragment(let fragment) = event else { continue }
                    switch try messages.read(fragment, bytes) {
                    case .command(let command, let contextID): told.append(.command(command, contextID))
                    case .dataSet(let range, let isLast):
                        dataSet += bytes.array(range)
                        if isLast { told.append(.dataSet(dataSet)) }
                        if isLast { dataSet = [] }
                    case nil: break
                    }
                }
            }
        }
        #expect(messages.isMidMessage == (!dataSet.isEmpty || told.isEmpty))
        return told
    }

    /// A P-DATA-TF with one value.
    private func value(_ contextID: UInt8, _ control: UInt8, _ bytes: [UInt8]) -> [UInt8] {
        let count = UInt8(bytes.count)
        return [4, 0, 0, 0, 0, count + 6, 0, 0, 0, count + 2, contextID, control] + bytes
    }

    /// The whole of `command` in values of at most 40 bytes.
    private func command(_ contextID: UInt8, _ command: [UInt8]) -> [UInt8] {
        DIMSEMessageEncoder.pDataTF(contextID: contextID, command: command, maximumLength: 46)
    }

    private var stream: [UInt8] {
        command(1, SampleCommand.cEchoRQ)
            + command(3, SampleCommand.cStoreRQ) + value(3, 0, [1, 2, 3]) + value(3, 0, []) + value(3, 2, [4])
            + command(3, SampleCommand.cStoreRQ) + value(3, 0, [5, 6]) + value(3, 2, [])
    }

    @Test("commands and data sets are told in turn, however the bytes are cut up") func messages() throws {
        let echo = try CommandSet(decoding: SampleCommand.cEchoRQ)
        let store = try CommandSet(decoding: SampleCommand.cStoreRQ)
        let expected: [Told] = [
            .command(echo, 1), .command(store, 3), .dataSet([1, 2, 3, 4]), .command(store, 3),
            .dataSet([5, 6]),
        ]
        #expect(try read([stream]) == expected)
        #expect(try read(stream.map { [$0] }) == expected)
    }

    @Test("a piece of a data set is told where it lies") func ranges() throws {
        let bytes = value(3, 0, [1, 2, 3])
        var messages = DIMSEReader(contextIDs: [3])
        let command = PDUReader.Fragment(
            contextID: 3,
            isCommand: true,
            endsFragment: true,
            isLast: true,
            range: 0..<SampleCommand.cStoreRQ.count
        )
        _ = try SampleCommand.cStoreRQ.withRawSpan { bytes throws(DIMSEError) in
            try messages.read(command, bytes)
        }
        #expect(messages.isMidMessage)
        let data = PDUReader.Fragment(
            contextID: 3,
            isCommand: false,
            endsFragment: true,
            isLast: true,
            range: 12..<15
        )
        let event = try bytes.withRawSpan { bytes throws(DIMSEError) in try messages.read(data, bytes) }
        #expect(event == .dataSet(12..<15, isLast: true))
        #expect(!messages.isMidMessage)
    }

    @Test("what is out of turn is an error") func outOfTurn() {
        let store = command(3, SampleCommand.cStoreRQ)
        #expect(throws: DIMSEError.dataSetBeforeCommand(contextID: 3)) { try read([value(3, 2, [1])]) }
        #expect(throws: DIMSEError.dataSetBeforeCommand(contextID: 1)) {
            try read([command(1, SampleCommand.cEchoRQ) + value(1, 2, [1])])
        }
        #expect(throws: DIMSEError.unknownContext(5)) { try read([value(5, 3, [])]) }
        #expect(throws: DIMSEError.contextChanged(found: 1, expected: 3)) {
            try read([store + value(1, 0, [1])])
        }
        #expect(throws: DIMSEError.contextChanged(found: 1, expected: 3)) {
            try read([store + value(3, 0, [1]) + command(1, SampleCommand.cEchoRQ)])
        }
        #expect(throws: DIMSEError.commandInsideDataSet(contextID: 3)) {
            try read([store + value(3, 0, [1]) + store])
        }
        #expect(throws: DIMSEError.dataSetBeforeCommand(contextID: 3)) {
            try read([value(3, 1, [0, 0]) + value(3, 2, [1])])
        }
    }

    @Test("a command set of more than 64 KiB is an error before it is held") func tooLong() {
        let part = value(3, 1, Array(repeating: 0, count: 240))
        #expect(throws: DIMSEError.commandTooLong(limit: 65536)) {
            try read(Array(repeating: part, count: 300))
        }
    }

    @Test(
        "a command set is split to what the peer takes",
        arguments: [0, 1, 8, 9, 14, 15, 46, 69, 74, 16384, 1 << 40]
    )
    func split(maximumLength: Int) throws {
        let bytes = DIMSEMessageEncoder.pDataTF(
            contextID: 1,
            command: SampleCommand.cEchoRQ,
            maximumLength: maximumLength
        )
        let limit = maximumLength == 0 ? 0 : max(8, maximumLength)
        let reading = Reading([bytes], maximumLength: limit)
        #expect(reading.error == nil && !reading.isMidPDU)
        var joined: [UInt8] = []
        for (index, event) in reading.events.enumerated() {
            guard case .value(1, true, let isLast, let bytes) = event else {
                Issue.record("\(event)")
                continue
            }
            #expect(isLast == (index == reading.events.count - 1))
            #expect(bytes.count.isMultiple(of: 2))
            joined += bytes
        }
        #expect(joined == SampleCommand.cEchoRQ)
        if maximumLength == 0 || maximumLength >= 74 { #expect(reading.events.count == 1) }
    }

    @Test("one value of a command set is 12 bytes of header and the command set") func oneValue() {
        let bytes = DIMSEMessageEncoder.pDataTF(contextID: 3, command: [0xAA, 0xBB], maximumLength: 16384)
        #expect(bytes == annotated("04 00 00000008 00000004 03 03 AABB"))
    }

    @Test("mutated streams never crash and never tell a data set without its command") func mutated() {
        var random = SplitMix64(8)
        for _ in 0..<5_000 {
            guard let told = try? readQuietly(random.mutate(stream)) else { continue }
            for (index, event) in told.enumerated() {
                guard case .dataSet = event else { continue }
                guard index > 0, case .command = told[index - 1] else {
                    Issue.record("a data set without its command")
                    return
                }
            }
        }
    }

    /// As `read`, without expectations about the end.
    private func readQuietly(_ bytes: [UInt8]) throws -> [Told] {
        var pdus = PDUReader(maximumLength: 4096)
        var messages = DIMSEReader(contextIDs: [1, 3])
        var told: [Told] = []
        try bytes.withRawSpan { bytes in
            var offset = 0
            while let event = try pdus.next(bytes, &offset) {
                guard case .fragment(let fragment) = event else { continue }
                switch try messages.read(fragment, bytes) {
                case .command(let command, let contextID): told.append(.command(command, contextID))
                case .dataSet(let range, true): told.append(.dataSet(bytes.array(range)))
                default: break
                }
            }
        }
        return told
    }
}
