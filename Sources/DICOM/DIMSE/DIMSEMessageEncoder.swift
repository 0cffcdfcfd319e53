// SPDX-License-Identifier: Apache-2.0

/// Puts command sets into P-DATA-TF PDUs (PS3.8 9.3.5, Annex E).
package enum DIMSEMessageEncoder {
    /// PDV length (4), context identifier and message control header.
    package static let valueHeaderLength = 6
    /// Two bytes of a value fit; a peer that takes fewer cannot be sent anything and gets these all the same.
    private static let minimumLength = valueHeaderLength + 2

    /// The PDUs that carry `command`, one value each, in one buffer so that they are one write.
    /// `maximumLength` is what the peer takes: bytes of a PDU after its header, 0 for any number.
    package static func pDataTF(contextID: UInt8, command: [UInt8], maximumLength: Int) -> [UInt8] {
        pDataTF(contextID, command, isCommand: true, maximumLength)
    }

    /// The same for a small data set, such as a query's identifier.
    package static func pDataTF(contextID: UInt8, dataSet: [UInt8], maximumLength: Int) -> [UInt8] {
        pDataTF(contextID, dataSet, isCommand: false, maximumLength)
    }

    private static func pDataTF(
        _ contextID: UInt8,
        _ message: [UInt8],
        isCommand: Bool,
        _ maximumLength: Int
    ) -> [UInt8] {
        let limit = maximumLength == 0 ? Int.max : max(maximumLength, minimumLength)
        // Fragments have even lengths: some peers insist.
        let room = min(limit - valueHeaderLength, Int(Int32.max)) & ~1
        var bytes: [UInt8] = []
        bytes.reserveCapacity(
            message.count + (message.count / room + 1) * (PDU.headerLength + valueHeaderLength)
        )
        var offset = 0
        repeat {
            let end = min(offset + room, message.count)
            appendHeader(
                contextID,
                count: end - offset,
                isCommand: isCommand,
                isLast: end == message.count,
                &bytes
            )
            bytes.append(contentsOf: message[offset..<end])
            offset = end
        } while offset < message.count
        return bytes
    }

    /// The 12 bytes before the value of a P-DATA-TF that carries one value of `count` bytes.
    package static func appendHeader(
        _ contextID: UInt8,
        count: Int,
        isCommand: Bool,
        isLast: Bool,
        _ bytes: inout [UInt8]
    ) {
        bytes.append(contentsOf: [PDU.dataTFType, 0])
        bytes.appendBigEndian(UInt32(truncatingIfNeeded: count + valueHeaderLength))
        bytes.appendBigEndian(UInt32(truncatingIfNeeded: count + 2))
        bytes.append(contentsOf: [contextID, (isCommand ? 1 : 0) | (isLast ? 2 : 0)])
    }
}
