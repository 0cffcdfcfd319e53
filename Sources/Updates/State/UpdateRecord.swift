// SPDX-License-Identifier: Apache-2.0
import Crypto

/// What the machine must know about an update after the power went: one of the two copies on the disk
/// (UPDATES 4.10).
package struct UpdateRecord: Equatable, Sendable {
    /// A release that was begun and did not come through.
    package struct Failure: Equatable, Sendable {
        package let release: String
        package var count: UInt8
    }

    /// Bytes of a copy.
    static let size = 4096
    /// Bytes of UTF-8 of the longest release name.
    static let maximumName = 64
    /// Bytes of UTF-8 of the longest reason; longer ones lose their end.
    static let maximumReason = 512
    static let maximumFailures = 8
    private static let magic = Array("DRIMUPD1".utf8)
    private static let digestSize = 32

    /// Written by the store: a copy is newer than the other when its number lies ahead.
    package internal(set) var sequence: UInt64 = 0
    package var state = UpdateState.idle
    /// Counts from 1 for each release.
    package var attempt: UInt8 = 0
    /// Empty where there is none.
    package var release = ""
    /// SHA-256 at the root of the release's hash tree: 32 bytes, or none.
    package var rootHash: [UInt8] = []
    package var rollbackIndex: UInt64 = 0
    /// Where the release is, or goes.
    package var slot: Slot?
    /// The boot in which `state` began, by the kernel's random boot id.
    package var bootID = ""
    /// Boots of the release so far: those of the trial, then those that were good after it.
    package var boots: UInt8 = 0
    /// Milliseconds since 1970, by the boot's clock: the end of the trial in this boot; after it, the end of the soak
    /// time. 0 for none.
    package var deadline: Int64 = 0
    /// Milliseconds that a boot of the trial may take.
    package var trialTime: Int64 = 0
    /// Milliseconds since 1970: when the consent to this release expires. 0 for none.
    package var consentUntil: Int64 = 0
    /// SHA-256 of the baseline that the trial is judged by: 32 bytes, or none.
    package var baselineHash: [UInt8] = []
    /// Times that the machine came back to this state without having got on.
    package var interruptions: UInt8 = 0
    /// Times that a trial which had been good got its tries back.
    package var restorations: UInt8 = 0
    /// The trial has been good, though not for long enough yet.
    package var wasGood = false
    /// Why the release has to go, once that is decided; in `rolledBack` and `aborted` why it went.
    package var reason = ""
    /// Newest first.
    package var failures: [Failure] = []

    package init() {}

    package func failures(of release: String) -> Int {
        failures.first { $0.release == release }.map { Int($0.count) } ?? 0
    }

    /// One more; the oldest of many is forgotten.
    mutating func countFailure() {
        let count = UInt8(min(failures(of: release) + 1, Int(UInt8.max)))
        failures.removeAll { $0.release == release }
        failures.insert(Failure(release: release, count: count), at: 0)
        failures = Array(failures.prefix(Self.maximumFailures))
    }
}

// MARK: - 4096 bytes

/// Why a copy does not count.
package enum RecordDamage: Error, Equatable, CustomStringConvertible {
    /// Bytes.
    case length(found: Int, expected: Int)
    case magic(found: String, expected: String)
    case digest(found: String, expected: String)
    /// Sound bytes that say nothing this version knows.
    case field(String, found: String, expected: String)

    package var description: String {
        switch self {
        case .length(let found, let expected): "found \(found) bytes, expected \(expected)"
        case .magic(let found, let expected): "magic: found \(found), expected \(expected)"
        case .digest(let found, let expected): "SHA-256: found \(found), expected \(expected)"
        case .field(let name, let found, let expected): "\(name): found \(found), expected \(expected)"
        }
    }
}

extension UpdateRecord {
    /// Magic, fields in little endian, zeros, SHA-256 of all before it. Texts and hashes have their length before
    /// them.
    var encoded: [UInt8] {
        var bytes = Self.magic
        func append(_ value: some FixedWidthInteger) {
            for shift in stride(from: 0, to: value.bitWidth, by: 8) {
                bytes.append(UInt8(truncatingIfNeeded: value >> shift))
            }
        }
        func append(_ content: [UInt8]) {
            append(UInt16(content.count))
            bytes += content
        }
        append(sequence)
        append(state.code)
        append(state.hold.rawValue)
        append(attempt)
        append(rollbackIndex)
        append(slot?.rawValue ?? 0)
        append(boots)
        append(deadline)
        append(trialTime)
        append(consentUntil)
        append(interruptions)
        append(restorations)
        append(UInt8(wasGood ? 1 : 0))
        append(Self.prefix(release, Self.maximumName))
        append(Array(rootHash.prefix(Self.digestSize)))
        append(Self.prefix(bootID, Self.maximumName))
        append(Array(baselineHash.prefix(Self.digestSize)))
        append(Self.prefix(reason, Self.maximumReason))
        append(UInt8(min(failures.count, Self.maximumFailures)))
        for failure in failures.prefix(Self.maximumFailures) {
            append(Self.prefix(failure.release, Self.maximumName))
            append(failure.count)
        }
        bytes += [UInt8](repeating: 0, count: Self.size - Self.digestSize - bytes.count)
        return bytes + SHA256.hash(data: bytes)
    }

    init(decoding bytes: [UInt8]) throws(RecordDamage) {
        if bytes.count != Self.size { throw .length(found: bytes.count, expected: Self.size) }
        guard bytes.starts(with: Self.magic) else {
            let found = bytes.prefix(Self.magic.count)
            throw .magic(found: "\(Array(found))", expected: "\(Self.magic)")
        }
        let content = bytes.dropLast(Self.digestSize)
        let digest = SHA256.hash(data: content)
        if !digest.elementsEqual(bytes.suffix(Self.digestSize)) {
            throw .digest(found: "\(Array(bytes.suffix(Self.digestSize)))", expected: "\(Array(digest))")
        }
        var fields = RecordFields(rest: content.dropFirst(Self.magic.count))
        sequence = try fields.integer("sequence")
        let code: UInt8 = try fields.integer("state")
        let holdCode: UInt8 = try fields.integer("hold")
        guard let hold = Hold(rawValue: holdCode), let state = UpdateState(code: code, hold: hold) else {
            throw .field("state", found: "\(code), held by \(holdCode)", expected: "one of UPDATES 4.10")
        }
        self.state = state
        attempt = try fields.integer("attempt")
        rollbackIndex = try fields.integer("rollback index")
        let slotCode: UInt8 = try fields.integer("slot")
        slot = Slot(rawValue: slotCode)
        if slot == nil, slotCode != 0 { throw .field("slot", found: "\(slotCode)", expected: "0, 1 or 2") }
        boots = try fields.integer("boots")
        deadline = try fields.integer("deadline")
        trialTime = try fields.integer("trial time")
        consentUntil = try fields.integer("consent")
        interruptions = try fields.integer("interruptions")
        restorations = try fields.integer("restorations")
        wasGood = try fields.integer("was good") as UInt8 != 0
        release = try fields.text("release", limit: Self.maximumName)
        rootHash = try fields.bytes("root hash", limit: Self.digestSize)
        bootID = try fields.text("boot id", limit: Self.maximumName)
        baselineHash = try fields.bytes("baseline hash", limit: Self.digestSize)
        reason = try fields.text("reason", limit: Self.maximumReason)
        let count: UInt8 = try fields.integer("failures")
        if count > Self.maximumFailures {
            throw .field("failures", found: "\(count)", expected: "at most \(Self.maximumFailures)")
        }
        for _ in 0..<count {
            let release = try fields.text("failed release", limit: Self.maximumName)
            failures.append(Failure(release: release, count: try fields.integer("failures of \(release)")))
        }
    }

    /// Whole characters of at most so many bytes of UTF-8.
    private static func prefix(_ text: String, _ limit: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        for character in text {
            if bytes.count + character.utf8.count > limit { break }
            bytes += character.utf8
        }
        return bytes
    }
}

/// Fields one after the other.
private struct RecordFields {
    var rest: ArraySlice<UInt8>

    mutating func integer<Integer: FixedWidthInteger>(_ name: String) throws(RecordDamage) -> Integer {
        let bytes = try take(Integer.bitWidth / 8, name)
        return bytes.reversed().reduce(0) { value, byte in value << 8 | Integer(truncatingIfNeeded: byte) }
    }

    mutating func bytes(_ name: String, limit: Int) throws(RecordDamage) -> [UInt8] {
        let count: UInt16 = try integer(name)
        if count > limit { throw .field(name, found: "\(count) bytes", expected: "at most \(limit)") }
        return Array(try take(Int(count), name))
    }

    mutating func text(_ name: String, limit: Int) throws(RecordDamage) -> String {
        let bytes = try bytes(name, limit: limit)
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw .field(name, found: "\(bytes)", expected: "UTF-8")
        }
        return text
    }

    private mutating func take(_ count: Int, _ name: String) throws(RecordDamage) -> ArraySlice<UInt8> {
        if rest.count < count {
            throw .field(name, found: "\(rest.count) bytes to the end", expected: "\(count)")
        }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }
}
