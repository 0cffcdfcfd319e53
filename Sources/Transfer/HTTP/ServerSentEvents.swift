// SPDX-License-Identifier: Apache-2.0

/// One event of a `text/event-stream` (HTML Living Standard 9.2).
package struct ServerSentEvent: Equatable, Sendable {
    /// Last `id:` seen on the stream, this event's or an earlier one's.
    package let id: String?
    /// `message` where the stream does not say.
    package let name: String
    package let data: String

    package init(id: String?, name: String = "message", data: String) {
        self.id = id
        self.name = name
        self.data = data
    }

    /// The event as bytes of the stream.
    package var encoded: [UInt8] {
        var text = ""
        if let id { text += "id: \(id)\n" }
        if name != "message" { text += "event: \(name)\n" }
        for line in data.split(separator: "\n", omittingEmptySubsequences: false) {
            text += "data: \(line)\n"
        }
        return Array((text + "\n").utf8)
    }
}

/// Reads a `text/event-stream` piece by piece. Holds at most `limit` bytes of one event.
package struct ServerSentEventParser: Sendable {
    package struct TooLong: Error, Equatable, CustomStringConvertible {
        package let limit: Int

        package var description: String { "event stream: found an event of more than \(limit) bytes" }
    }

    private let limit: Int
    private var line: [UInt8] = []
    /// The last byte was CR: an LF that follows belongs to it.
    private var endedWithCR = false
    private var isFirstLine = true
    private var id: String?
    private var name = ""
    private var data: [UInt8]?

    package init(limit: Int = 256 << 10) {
        self.limit = limit
    }

    /// The events that `bytes` complete.
    package mutating func feed(_ bytes: [UInt8]) throws(TooLong) -> [ServerSentEvent] {
        var events: [ServerSentEvent] = []
        for byte in bytes {
            defer { endedWithCR = byte == 0x0D }
            switch byte {
            case 0x0A where endedWithCR: continue
            case 0x0A, 0x0D:
                if let event = endLine() { events.append(event) }
            default:
                guard line.count + (data?.count ?? 0) < limit else { throw TooLong(limit: limit) }
                line.append(byte)
            }
        }
        return events
    }

    private mutating func endLine() -> ServerSentEvent? {
        var text = line[...]
        line.removeAll(keepingCapacity: true)
        if isFirstLine, text.starts(with: [0xEF, 0xBB, 0xBF]) { text = text.dropFirst(3) }
        isFirstLine = false
        if text.isEmpty { return dispatch() }
        let field = text.prefix { $0 != UInt8(ascii: ":") }
        var value = text.dropFirst(field.count + 1)
        if value.first == 0x20 { value = value.dropFirst() }
        switch String(decoding: field, as: UTF8.self) {
        case "data": data = data.map { $0 + [0x0A] + value } ?? Array(value)
        case "event": name = String(decoding: value, as: UTF8.self)
        case "id": if !value.contains(0) { id = String(decoding: value, as: UTF8.self) }
        // A comment (empty field), `retry` and unknown fields.
        default: break
        }
        return nil
    }

    private mutating func dispatch() -> ServerSentEvent? {
        defer {
            data = nil
            name = ""
        }
        return data.map {
            ServerSentEvent(
                id: id,
                name: name.isEmpty ? "message" : name,
                data: String(decoding: $0, as: UTF8.self)
            )
        }
    }
}
