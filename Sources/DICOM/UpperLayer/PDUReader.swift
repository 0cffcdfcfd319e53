// SPDX-License-Identifier: Apache-2.0
import Linux

/// Reads PDUs from the bytes of a connection as they arrive, however they are cut up (PS3.8 9.3). P-DATA-TF
/// PDUs are not put together: their values are told as ranges of the bytes just fed, and nothing is allocated
/// for them.
package struct PDUReader: Sendable {
    package enum Event: Hashable, Sendable {
        indirect case associateRQ(AssociateRQ)
        indirect case associateAC(AssociateAC)
        case associateRJ(AssociateRJ)
        case releaseRQ
        case releaseRP
        case abort(Abort)
        case fragment(Fragment)
    }

    /// A piece of a presentation data value (PS3.8 9.3.5.1, E.2) that lies in the bytes just fed. A value
    /// without bytes is one empty piece.
    package struct Fragment: Hashable, Sendable {
        package let contextID: UInt8
        /// The value belongs to a command set, otherwise to a data set.
        package let isCommand: Bool
        /// This piece ends its value.
        package let endsFragment: Bool
        /// This piece ends its value, and that the command set or data set.
        package let isLast: Bool
        /// Offsets in the bytes given to `next`.
        package let range: Range<Int>

        package init(contextID: UInt8, isCommand: Bool, endsFragment: Bool, isLast: Bool, range: Range<Int>) {
            self.contextID = contextID
            self.isCommand = isCommand
            self.endsFragment = endsFragment
            self.isLast = isLast
            self.range = range
        }
    }

    private enum Stage {
        /// In the 6 bytes of a PDU header.
        case pduHeader
        /// In the 6 bytes of length, context identifier and message control header of a value.
        case valueHeader
        case value
        /// In a PDU that is put together.
        case body
        case failed
    }

    /// Length, context identifier, message control header.
    private static let valueHeaderLength = 6
    /// What the length of a value counts besides its bytes.
    private static let valueLengthOverhead = 2

    /// 0 is any length.
    private let maximumLength: Int
    private var stage = Stage.pduHeader
    /// The bytes of a header seen so far, and how many.
    private var header: UInt64 = 0
    private var headerCount = 0
    /// Bytes of the current PDU that have not been consumed.
    private var pduRemaining = 0
    /// Bytes of the current value that have not been consumed.
    private var valueRemaining = 0
    private var contextID: UInt8 = 0
    private var messageControlHeader: UInt8 = 0
    /// The PDU being put together, header included; grows with what is received, not with what it claims.
    private var body: [UInt8] = []
    private var failure: PDUError?

    /// - Parameter maximumLength: What we announced for P-DATA-TF: bytes after the header, 0 for any length.
    package init(maximumLength: Int) {
        self.maximumLength = maximumLength
    }

    /// Whether the peer still owes bytes of a PDU.
    package var isMidPDU: Bool { stage != .pduHeader || headerCount > 0 }

    /// Reads on from `offset` and moves it; nil when all bytes are consumed and more are needed. Every byte
    /// is consumed exactly once. After an error every call throws it again.
    package mutating func next(_ bytes: RawSpan, _ offset: inout Int) throws(PDUError) -> Event? {
        while true {
            switch stage {
            case .value:
                return takeValue(bytes, &offset)
            case .valueHeader:
                guard takeHeader(bytes, &offset) else { return nil }
                do throws(PDUError) { try beginValue() } catch { throw fail(error) }
            case .pduHeader:
                guard takeHeader(bytes, &offset) else { return nil }
                do throws(PDUError) { try beginPDU() } catch { throw fail(error) }
            case .body:
                guard takeBody(bytes, &offset) else { return nil }
                do throws(PDUError) { return try event() } catch { throw fail(error) }
            case .failed:
                throw failure ?? .unrecognizedType(0)
            }
        }
    }

    private mutating func fail(_ error: PDUError) -> PDUError {
        stage = .failed
        failure = error
        body = []
        return error
    }

    /// Collects 6 bytes, the size of both headers; false when more are needed.
    @inline(__always)
    private mutating func takeHeader(_ bytes: RawSpan, _ offset: inout Int) -> Bool {
        if headerCount == 0, bytes.byteCount - offset >= 6 {
            let upper = UInt64(bytes.bigEndian(UInt32.self, at: offset))
            header = upper << 16 | UInt64(bytes.bigEndian(UInt16.self, at: offset + 4))
            offset += 6
            return true
        }
        while headerCount < 6 {
            guard offset < bytes.byteCount else { return false }
            header = header << 8 | UInt64(bytes[offset])
            headerCount += 1
            offset += 1
        }
        header &= 0xFFFF_FFFF_FFFF
        headerCount = 0
        return true
    }

    private mutating func beginPDU() throws(PDUError) {
        let type = UInt8(truncatingIfNeeded: header >> 40)
        let length = Int(UInt32(truncatingIfNeeded: header))
        switch type {
        case PDU.dataTFType:
            guard length >= Self.valueHeaderLength else {
                let expected = "at least \(Self.valueHeaderLength) in a P-DATA-TF"
                throw .invalid("PDU-length", at: 2, found: length, expected: expected)
            }
            guard maximumLength == 0 || length <= maximumLength else {
                let expected = "at most the announced \(maximumLength)"
                throw .invalid("PDU-length", at: 2, found: length, expected: expected)
            }
            stage = .valueHeader
        case AssociateRQ.type, AssociateAC.type:
            guard length <= PDULimits.associateLength else {
                let expected = "at most \(PDULimits.associateLength)"
                throw .invalid("PDU-length", at: 2, found: length, expected: expected)
            }
            beginBody()
        case AssociateRJ.type, PDU.releaseRQType, PDU.releaseRPType, Abort.type:
            guard length == 4 else { throw .invalid("PDU-length", at: 2, found: length, expected: "4") }
            beginBody()
        default: throw .unrecognizedType(type)
        }
        pduRemaining = length
    }

    private mutating func beginBody() {
        body.removeAll()
        for shift in stride(from: 40, through: 0, by: -8) {
            body.append(UInt8(truncatingIfNeeded: header >> shift))
        }
        stage = .body
    }

    @inline(__always)
    private mutating func beginValue() throws(PDUError) {
        let length = Int(UInt32(truncatingIfNeeded: header >> 16))
        guard length >= Self.valueLengthOverhead, length <= pduRemaining - 4 else {
            throw invalidValueLength(length)
        }
        contextID = UInt8(truncatingIfNeeded: header >> 8)
        messageControlHeader = UInt8(truncatingIfNeeded: header)
        valueRemaining = length - Self.valueLengthOverhead
        pduRemaining -= Self.valueHeaderLength
        stage = .value
    }

    /// The offset in the PDU is not kept: the bytes left in it are told instead.
    private func invalidValueLength(_ length: Int) -> PDUError {
        let expected = "2 to \(pduRemaining - 4), \(pduRemaining) bytes before the end of the PDU"
        return .invalid("PDV Item-length", at: PDU.headerLength, found: length, expected: expected)
    }

    @inline(__always)
    private mutating func takeValue(_ bytes: RawSpan, _ offset: inout Int) -> Event? {
        let count = min(valueRemaining, bytes.byteCount - offset)
        guard count > 0 || valueRemaining == 0 else { return nil }
        let range = offset..<offset + count
        offset += count
        valueRemaining -= count
        pduRemaining -= count
        let ends = valueRemaining == 0
        if ends { stage = pduRemaining == 0 ? .pduHeader : .valueHeader }
        // PS3.8 E.2: bit 0 tells a command, bit 1 the last fragment; the others are not tested.
        return .fragment(
            Fragment(
                contextID: contextID,
                isCommand: messageControlHeader & 1 != 0,
                endsFragment: ends,
                isLast: ends && messageControlHeader & 2 != 0,
                range: range
            )
        )
    }

    /// False when more bytes are needed.
    private mutating func takeBody(_ bytes: RawSpan, _ offset: inout Int) -> Bool {
        let count = min(pduRemaining, bytes.byteCount - offset)
        body.append(bytes, offset..<offset + count)
        offset += count
        pduRemaining -= count
        return pduRemaining == 0
    }

    private mutating func event() throws(PDUError) -> Event {
        let bytes = body
        body = []
        stage = .pduHeader
        switch try PDU(decoding: bytes) {
        case .associateRQ(let pdu): return .associateRQ(pdu)
        case .associateAC(let pdu): return .associateAC(pdu)
        case .associateRJ(let pdu): return .associateRJ(pdu)
        case .releaseRQ: return .releaseRQ
        case .releaseRP: return .releaseRP
        case .abort(let pdu): return .abort(pdu)
        }
    }
}
