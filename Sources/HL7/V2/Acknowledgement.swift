// SPDX-License-Identifier: Apache-2.0

/// The answer to a message (HL7 v2.5 chapter 2, 2.13.1), with an ERR segment for each thing that is wrong.
package struct Acknowledgement: Sendable {
    /// AA, AE or AR.
    package let code: String
    package let bytes: [UInt8]

    /// - Parameters:
    ///   - request: as it was received; what of its MSH can be read is answered to.
    ///   - errors: none where the message was taken over.
    ///   - time: YYYYMMDDhhmmss, with or without an offset.
    ///   - controlID: of the answer, MSH-10.
    package init(to request: [UInt8], errors: [HL7Error], time: String, controlID: String) {
        let header = Header(request)
        code = errors.first { $0.code.isRejection }?.acknowledgementCode ?? (errors.isEmpty ? "AA" : "AE")
        // ACK has no structure of its own: its event is the request's.
        let type = header.event.isEmpty ? "ACK" : "ACK^\(header.event)^ACK"
        var lines = [
            "MSH|^~\\&|\(header.receivingApplication)|\(header.receivingFacility)|\(header.sendingApplication)"
                + "|\(header.sendingFacility)|\(time)||\(type)|\(controlID)|\(header.processingID)|\(header.version)"
                + "|||||FRA|UNICODE UTF-8",
            "MSA|\(code)|\(header.controlID)",
        ]
        for error in errors {
            let application = error.applicationCode.map { "\($0.rawValue)" } ?? ""
            let place = Self.location(error.location)
            lines.append(
                "ERR||\(place)|\(error.code.rawValue)^^HL70357|E|\(application)|||\(Self.escape(error.description))"
            )
        }
        bytes = Array((lines.joined(separator: "\r") + "\r").utf8)
    }

    /// ERL: segment, its sequence, field; where the place is one.
    private static func location(_ text: String) -> String {
        let parts = text.split(separator: "-")
        guard let segment = parts.first, segment.utf8.count == 3,
            segment.allSatisfy({ $0.isUppercase || $0.isNumber })
        else { return "" }
        let field = parts.count > 1 ? parts[1].prefix { $0.isNumber } : ""
        return field.isEmpty ? "\(segment)^1" : "\(segment)^1^\(field)"
    }

    private static func escape(_ text: String) -> String {
        text.reduce(into: "") { result, character in
            switch character {
            case "|": result += "\\F\\"
            case "^": result += "\\S\\"
            case "~": result += "\\R\\"
            case "\\": result += "\\E\\"
            case "&": result += "\\T\\"
            case "\r", "\n", "\r\n": result += " "
            default: result.append(character)
            }
        }
    }

    /// What of MSH can be read, whatever else is wrong.
    private struct Header {
        private let fields: [String]

        init(_ request: [UInt8]) {
            let line = request.prefix(4096).prefix { $0 != 0x0D && $0 != 0x0A }
            guard line.starts(with: Array("MSH|".utf8)) else {
                fields = []
                return
            }
            fields = String(decoding: line, as: UTF8.self).split(
                separator: "|",
                omittingEmptySubsequences: false
            )
            .map { field in String(field.filter { $0 != "\u{FFFD}" }.prefix(200)) }
        }

        private func field(_ number: Int) -> String {
            fields.indices.contains(number - 1) ? fields[number - 1] : ""
        }

        var sendingApplication: String { field(3) }
        var sendingFacility: String { field(4) }
        var receivingApplication: String { field(5) }
        var receivingFacility: String { field(6) }
        var controlID: String { field(10) }
        var processingID: String { field(11).isEmpty ? "P" : field(11) }
        var version: String { field(12).isEmpty ? "2.5" : field(12) }
        var event: String {
            let parts = field(9).split(separator: "^", omittingEmptySubsequences: false)
            return parts.count > 1 ? String(parts[1]) : ""
        }
    }
}
