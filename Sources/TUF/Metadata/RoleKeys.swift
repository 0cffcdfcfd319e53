// SPDX-License-Identifier: Apache-2.0

/// Who may sign for a role, and how many of them must.
///
/// A keyid is an opaque name: it is looked up and never computed.
package struct RoleKeys: Equatable, Sendable {
    package let keys: NameMap<Key>
    package let threshold: Int

    /// Reads "keyids" and "threshold" of a role; `known` are the delegator's keys. A keyid without a key counts
    /// for nothing.
    init(_ fields: Fields, known: NameMap<Key>) throws(FormatError) {
        var keys = NameMap<Key>()
        var seen = NameMap<Bool>()
        for keyid in try fields.strings("keyids") {
            if seen[keyid] != nil {
                throw FormatError(
                    place: fields.place("keyids"),
                    found: "\(keyid.shown) twice",
                    expected: "each keyid once"
                )
            }
            seen[keyid] = true
            if let key = known[keyid] { keys[keyid] = key }
        }
        self.keys = keys
        threshold = try fields.integer("threshold", atLeast: 1)
    }

    /// The member "keys" of a root or of delegations.
    static func read(_ fields: Fields) throws(FormatError) -> NameMap<Key> {
        var keys = NameMap<Key>()
        for entry in fields.members.entries {
            keys[entry.name] = try Key(try fields.fields(entry.name))
        }
        return keys
    }

    /// The number of different keys whose signature of `envelope` is valid. One key under two keyids is one.
    func validSignatures(of envelope: Envelope) -> Int {
        var materials: Set<[UInt8]> = []
        for entry in keys.entries {
            guard let signature = envelope.signatures[entry.name], !materials.contains(entry.value.material),
                entry.value.isValid(signature: signature, of: envelope.signedBytes)
            else { continue }
            materials.insert(entry.value.material)
        }
        return materials.count
    }

    func verify(
        _ envelope: Envelope,
        _ step: MetadataError.Step,
        _ role: String
    ) throws(MetadataError) {
        let valid = validSignatures(of: envelope)
        if valid < threshold {
            throw MetadataError(
                step: step,
                subject: role,
                reason: .threshold(valid: valid, required: threshold)
            )
        }
    }

    /// Whether a key that could sign before no longer can (TUF 5.3.11). A key more, or another threshold, is no
    /// rotation: what was stored stays a defence against rollback.
    func dropsKey(of old: RoleKeys) -> Bool {
        old.keys.entries.contains { old in !keys.entries.contains { $0.value == old.value } }
    }
}
