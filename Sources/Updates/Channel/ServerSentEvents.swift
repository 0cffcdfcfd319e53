// SPDX-License-Identifier: Apache-2.0

/// The event stream format (WHATWG HTML, 9.2.6), cut anywhere: bytes go in, events come out.
package struct ServerSentEvents: Sendable {
    package struct Event: Equatable, Sendable {
        /// "message" where the server names none.
        package var type: String
        package var data: String
    }

    /// A line or an event that is longer than any the server has a reason for.
    package struct TooLong: Error, Equatable, CustomStringConvertible {
        package let limit: Int

        package var description: String { "event: found more than \(limit) bytes, expected at most \(limit)" }
    }

    /// Bytes of an event.
    package static let maximumLength = 64 << 10

    /// What a new connection is to name as `Last-Event-ID`; empty for nothing.
    package private(set) var lastEventID: String
    /// How long to wait before the next connection, if the server said so; in milliseconds.
    package private(set) var retryMilliseconds: Int?
    private var line: [UInt8] = []
    private var pendingID: String
    private var type = ""
    private var data: [String] = []
    private var length = 0
    private var lastWasCR = false
    private var isFirstLine = true

    package init(lastEventID: String = "") {
        self.lastEventID = lastEventID
        pendingID = lastEventID
    }

    /// The events that end in `bytes`.
    package mutating func take(_ bytes: some Sequence<UInt8>) throws(TooLong) -> [Event] {
        var events: [Event] = []
        for byte in bytes {
            let isSecondOfPair = lastWasCR && byte == UInt8(ascii: "\n")
            lastWasCR = byte == UInt8(ascii: "\r")
            if isSecondOfPair { continue }
            if lastWasCR || byte == UInt8(ascii: "\n") {
                if let event = endLine() { events.append(event) }
            } else {
                line.append(byte)
                if length + line.count > Self.maximumLength { throw TooLong(limit: Self.maximumLength) }
            }
        }
        return events
    }

    private mutating func endLine() -> Event? {
        if isFirstLine, line.starts(with: [0xEF, 0xBB, 0xBF]) { line.removeFirst(3) }
        isFirstLine = false
        defer { line.removeAll(keepingCapacity: true) }
        if line.isEmpty { return dispatch() }
        let colon = line.firstIndex(of: UInt8(ascii: ":"))
        if colon == 0 { return nil }
        let name = String(decoding: line[..<(colon ?? line.endIndex)], as: UTF8.self)
        var value = line[(colon.map { $0 + 1 } ?? line.endIndex)...]
        if value.first == UInt8(ascii: " ") { value.removeFirst() }
        field(name, String(decoding: value, as: UTF8.self))
        return nil
    }

    private mutating func field(_ name: String, _ value: String) {
        switch name {
        case "event": type = value
        case "data":
            data.append(value)
            // Empty lines count too.
            length += value.utf8.count + 1
        case "id": if !value.utf8.contains(0) { pendingID = value }
        case "retry":
            let isNumber = value.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
            if isNumber, let milliseconds = Int(value) { retryMilliseconds = milliseconds }
        default: break
        }
    }

    private mutating func dispatch() -> Event? {
        lastEventID = pendingID
        defer {
            type = ""
            data = []
            length = 0
        }
        if data.isEmpty { return nil }
        return Event(type: type.isEmpty ? "message" : type, data: data.joined(separator: "\n"))
    }
}
