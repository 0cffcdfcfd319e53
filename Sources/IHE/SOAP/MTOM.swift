// SPDX-License-Identifier: Apache-2.0

/// SOAP with attachments (MTOM, XOP): multipart/related with the envelope first.
package enum MTOM {
    package struct Part: Equatable, Sendable {
        /// Content-ID without its angle brackets.
        package let id: String
        package let bytes: [UInt8]

        package init(id: String, bytes: [UInt8]) {
            self.id = id
            self.bytes = bytes
        }
    }

    /// The message, and its Content-Type. `boundary` is made longer where a part has it.
    package static func encode(
        _ envelope: [UInt8],
        action: String,
        parts: [Part],
        boundary wanted: String
    ) -> (contentType: String, bytes: [UInt8]) {
        var boundary = wanted
        while parts.contains(where: { contains($0.bytes, boundary) }) || contains(envelope, boundary) {
            boundary += "x"
        }
        var bytes: [UInt8] = []
        func add(_ id: String, _ type: String, _ content: [UInt8]) {
            bytes += Array(
                "--\(boundary)\r\nContent-Type: \(type)\r\nContent-Transfer-Encoding: binary\r\nContent-ID: <\(id)>\r\n\r\n"
                    .utf8
            )
            bytes += content
            bytes += [0x0D, 0x0A]
        }
        add(
            "0.1",
            "application/xop+xml; charset=UTF-8; type=\"application/soap+xml\"; action=\"\(action)\"",
            envelope
        )
        for part in parts { add(part.id, "application/octet-stream", part.bytes) }
        bytes += Array("--\(boundary)--\r\n".utf8)
        let type =
            "multipart/related; boundary=\"\(boundary)\"; type=\"application/xop+xml\"; start=\"<0.1>\"; "
            + "start-info=\"application/soap+xml\"; action=\"\(action)\""
        return (type, bytes)
    }

    private static func contains(_ bytes: [UInt8], _ boundary: String) -> Bool {
        let wanted = Array("--\(boundary)".utf8)
        var position = bytes.startIndex
        while let dash = bytes[position...].firstIndex(of: wanted[0]) {
            if bytes[dash...].starts(with: wanted) { return true }
            position = dash + 1
        }
        return false
    }

    /// The envelope and the attachments of an answer: multipart, or SOAP alone.
    package static func decode(_ bytes: [UInt8], contentType: String) throws(RegistryFailure) -> [Part] {
        guard contentType.lowercased().hasPrefix("multipart/related") else {
            return [Part(id: "", bytes: bytes)]
        }
        guard let boundary = parameter("boundary", of: contentType), !boundary.isEmpty,
            boundary.utf8.count <= 200
        else {
            throw RegistryFailure(
                code: "answer",
                words: "found multipart without a boundary",
                isRetryable: true
            )
        }
        let delimiter = Array("--\(boundary)".utf8)
        var starts: [Int] = []
        var position = 0
        while let dash = bytes[position...].firstIndex(of: delimiter[0]) {
            if bytes[dash...].starts(with: delimiter) {
                starts.append(dash)
                position = dash + delimiter.count
            } else {
                position = dash + 1
            }
            guard starts.count <= 1000 else { break }
        }
        var parts: [Part] = []
        for (index, start) in starts.enumerated().dropLast() {
            let content = bytes[(start + delimiter.count)..<starts[index + 1]]
            guard let (head, end) = head(of: content) else { continue }
            var body = content[end...]
            if body.last == 0x0A { body.removeLast() }
            if body.last == 0x0D { body.removeLast() }
            parts.append(Part(id: head, bytes: Array(body)))
        }
        guard !parts.isEmpty else {
            throw RegistryFailure(code: "answer", words: "found multipart without parts", isRetryable: true)
        }
        if let start = parameter("start", of: contentType)?.filter({ $0 != "<" && $0 != ">" }),
            let first = parts.firstIndex(where: { $0.id == start }), first > 0
        {
            parts.insert(parts.remove(at: first), at: 0)
        }
        return parts
    }

    /// The Content-ID, and where the body begins.
    private static func head(of content: ArraySlice<UInt8>) -> (String, Int)? {
        var id = ""
        var position = content.startIndex
        var isFirst = true
        while position < content.endIndex {
            let end = content[position...].firstIndex(of: 0x0A) ?? content.endIndex
            let line = String(decoding: content[position..<end], as: UTF8.self).filter {
                $0 != "\r" && $0 != "\r\n"
            }
            position = min(end + 1, content.endIndex)
            if line.isEmpty, !isFirst { return (id, position) }
            isFirst = false
            if line.lowercased().hasPrefix("content-id:") {
                id = line.dropFirst("content-id:".count).filter { !$0.isWhitespace && $0 != "<" && $0 != ">" }
            }
        }
        return nil
    }

    private static func parameter(_ name: String, of contentType: String) -> String? {
        for part in contentType.split(separator: ";").dropFirst() {
            let pair = part.split(separator: "=", maxSplits: 1)
            guard pair.count == 2, pair[0].filter({ !$0.isWhitespace }).lowercased() == name else { continue }
            let value = pair[1].drop { $0.isWhitespace }
            return value.hasPrefix("\"") ? String(value.dropFirst().prefix { $0 != "\"" }) : String(value)
        }
        return nil
    }
}
