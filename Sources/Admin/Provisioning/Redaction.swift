// SPDX-License-Identifier: Apache-2.0

/// What leaves the box for support holds no secret, and nothing that says who somebody is.
package enum Redaction {
    package static let removed = "(removed)"

    /// Members whose value is a secret or a name, or was written by somebody in their own words.
    private static let parts = ["password", "passphrase", "secret", "token", "privatekey", "psk", "identity"]
    private static let names: Set = [
        "site", "allowplaintext", "comment", "description", "contact", "location", "author", "user",
    ]

    /// A configuration's document: the same members, without what is told to nobody.
    package static func document(_ value: JSONValue) -> JSONValue {
        switch value {
        case .object(let members):
            var kept: [String: JSONValue] = [:]
            for (name, value) in members {
                let lower = name.lowercased()
                let isTold = !names.contains(lower) && !parts.contains { lower.contains($0) }
                kept[name] = isTold || value == .null ? document(value) : .string(removed)
            }
            return .object(kept)
        case .array(let elements): return .array(elements.map(document))
        // An address of a person, or a name and password in a URL.
        case .string(let text) where text.contains("@"): return .string(removed)
        case .null, .bool, .integer, .number, .string: return value
        }
    }

    /// Attributes of the supervisor's own events that are numbers, codes and states.
    private static let attributes: Set = [
        "code", "from", "to", "revision", "tx", "mode", "seconds", "milliseconds", "service", "state", "exit",
        "restarts", "percent", "bytes", "days", "disk", "device", "model", "interface", "number", "hash",
        "outcome",
        "method", "revisions", "users", "key", "serial", "notAfter",
    ]

    /// Of other services only that something happened: their words come from peers.
    package static func event(_ event: Event) -> Event {
        let isOwn = event.service == "supervisor"
        return Event(
            seq: event.seq,
            time: event.time,
            kind: event.kind,
            severity: event.severity,
            service: event.service,
            message: isOwn ? event.message : removed,
            attributes: isOwn ? event.attributes.filter { attributes.contains($0.key) } : [:]
        )
    }
}
