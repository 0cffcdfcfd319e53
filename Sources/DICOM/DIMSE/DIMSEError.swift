// SPDX-License-Identifier: Apache-2.0

/// A DIMSE message that cannot be read (PS3.7). Offsets are bytes from the start of the command set.
package enum DIMSEError: Error, Hashable, Sendable {
    case truncated(Tag?, offset: Int)
    /// A command set holds group 0000 only (PS3.7 6.3.1).
    case unexpectedTag(Tag, offset: Int)
    case tooManyElements(limit: Int)
    case commandTooLong(limit: Int)
    case missing(Tag)
    case invalid(Tag, expected: String)
    case unexpectedCommandField(UInt16, expected: String)
    case unknownContext(UInt8)
    case dataSetBeforeCommand(contextID: UInt8)
    case commandInsideDataSet(contextID: UInt8)
    case contextChanged(found: UInt8, expected: UInt8)

    /// The element a response names in (0000,0901).
    package var offendingElement: Tag? {
        switch self {
        case .missing(let tag), .invalid(let tag, _): tag
        default: nil
        }
    }
}

extension DIMSEError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .truncated(let tag?, let offset):
            "command set: \(tag): found its end at byte \(offset), expected more bytes"
        case .truncated(nil, let offset):
            "command set: found its end at byte \(offset), expected more bytes"
        case .unexpectedTag(let tag, let offset):
            "command set: at byte \(offset): found \(tag), expected group 0000"
        case .tooManyElements(let limit):
            "command set: found more elements, expected at most \(limit)"
        case .commandTooLong(let limit):
            "command set: found more bytes, expected at most \(limit)"
        case .missing(let tag):
            "command set: \(tag): found nothing, expected a value"
        case .invalid(let tag, let expected):
            "command set: \(tag): found another value, expected \(expected)"
        case .unexpectedCommandField(let found, let expected):
            "command set: command field: found \(Self.hexadecimal(found)), expected \(expected)"
        case .unknownContext(let found):
            "message: presentation context: found \(found), expected an accepted one"
        case .dataSetBeforeCommand(let contextID):
            "message: context \(contextID): found a data set, expected a command set"
        case .commandInsideDataSet(let contextID):
            "message: context \(contextID): found a command set, expected the data set"
        case .contextChanged(let found, let expected):
            "message: presentation context: found \(found), expected \(expected)"
        }
    }

    private static func hexadecimal(_ value: UInt16) -> String {
        let digits = String(value, radix: 16, uppercase: true)
        return String(repeating: "0", count: 4 - digits.utf8.count) + digits + "H"
    }
}
