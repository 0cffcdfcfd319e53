// SPDX-License-Identifier: Apache-2.0
import Linux

/// Turns the pieces that `PDUReader` finds into messages (PS3.7 6.3, PS3.8 Annex E). Command sets are put
/// together; data sets stay where they are and are told as ranges.
package struct DIMSEReader: Sendable {
    package enum Event: Hashable, Sendable {
        case command(CommandSet, contextID: UInt8)
        /// A piece of the data set that belongs to the command before. A last piece may be empty.
        case dataSet(Range<Int>, isLast: Bool)
    }

    private enum Stage {
        case betweenMessages
        /// Some of a command set's bytes are here.
        case command
        case dataSet
    }

    private let contextIDs: Set<UInt8>
    private var stage = Stage.betweenMessages
    /// Of the message being read.
    private var contextID: UInt8 = 0
    private var command: [UInt8] = []

    /// - Parameter contextIDs: The accepted presentation contexts.
    package init(contextIDs: Set<UInt8>) {
        self.contextIDs = contextIDs
    }

    /// Whether the peer still owes a part of a message.
    package var isMidMessage: Bool { stage != .betweenMessages }

    /// Takes the next piece, which lies in `bytes`; nil when it completes nothing.
    @inline(__always)
    package mutating func read(
        _ fragment: PDUReader.Fragment,
        _ bytes: RawSpan
    ) throws(DIMSEError) -> Event? {
        if stage == .dataSet, !fragment.isCommand, fragment.contextID == contextID {
            if fragment.isLast { stage = .betweenMessages }
            guard !fragment.range.isEmpty || fragment.isLast else { return nil }
            return .dataSet(fragment.range, isLast: fragment.isLast)
        }
        return try readCommand(fragment, bytes)
    }

    private mutating func readCommand(
        _ fragment: PDUReader.Fragment,
        _ bytes: RawSpan
    ) throws(DIMSEError) -> Event? {
        try check(fragment)
        guard command.count + fragment.range.count <= CommandSet.maximumLength else {
            throw .commandTooLong(limit: CommandSet.maximumLength)
        }
        command.append(bytes, fragment.range)
        contextID = fragment.contextID
        stage = .command
        guard fragment.isLast else { return nil }
        let command = try CommandSet(decoding: self.command)
        self.command = []
        stage = try command.hasDataSet() ? .dataSet : .betweenMessages
        return .command(command, contextID: contextID)
    }

    /// Whether a piece of a command set comes now, and in the right context.
    private func check(_ fragment: PDUReader.Fragment) throws(DIMSEError) {
        guard contextIDs.contains(fragment.contextID) else { throw .unknownContext(fragment.contextID) }
        if stage != .betweenMessages, fragment.contextID != contextID {
            throw .contextChanged(found: fragment.contextID, expected: contextID)
        }
        guard fragment.isCommand else { throw .dataSetBeforeCommand(contextID: fragment.contextID) }
        guard stage != .dataSet else { throw .commandInsideDataSet(contextID: fragment.contextID) }
    }
}
