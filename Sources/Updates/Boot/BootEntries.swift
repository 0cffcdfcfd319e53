// SPDX-License-Identifier: Apache-2.0
import Crypto

/// The entries of the two slots in the boot partition: the only switch between systems (UPDATES 4.10).
///
/// Every operation may be repeated, and may be cut short by a power cut at any call it makes: the entry of the
/// slot that is not worked on stays as it is.
package struct BootEntries: Sendable {
    /// How often a new system may be started before the old one comes back (UPDATES 4.4, 1).
    package static let tries = 3
    /// Names that fit the first sector of the directory.
    private static let maximumFiles = 4
    /// Bytes of the greatest kernel image, five times today's.
    package static let imageLimit = 128 << 20

    private let partition: any BootPartition

    package init(_ partition: any BootPartition) {
        self.partition = partition
    }

    /// What the boot partition holds.
    package struct Survey: Equatable, Sendable {
        /// In the order of their names.
        package var entries: [BootEntry]
        /// Names in `EFI/Linux` that are no entry of a slot. They are reported, and left alone.
        package var strangers: [String]
        package var hasPrevious: Bool
        /// Images that were on their way when the power went.
        package var leftovers: [BootPath]
    }

    package func survey() throws(BootEntriesError) -> Survey {
        let names = try carry { () throws(BootPartitionError) in try partition.names(in: .entries).sorted() }
        let own = try carry { () throws(BootPartitionError) in try partition.names(in: .own) }
        let entries = names.compactMap(BootEntry.init(name:))
        return Survey(
            entries: entries,
            strangers: names.filter { BootEntry(name: $0) == nil },
            hasPrevious: own.contains(BootPath.previous.name),
            leftovers: [.new, .newPrevious].filter { own.contains($0.name) }
        )
    }

    /// Takes every entry of a slot away, before the slot's first byte changes (UPDATES 4.7).
    package func disarm(_ slot: Slot, running: Slot) throws(BootEntriesError) {
        if slot == running { throw .running(slot) }
        let entries = try survey().entries.filter { $0.slot == slot }
        try carry { () throws(BootPartitionError) in
            for entry in entries { try partition.remove(entry.path) }
            // Also where there is nothing left to remove: an earlier call may have been cut short here.
            try partition.synchronize(.entries)
        }
    }

    /// Puts the kernel image of a slot that is complete into place, to be started `tries` times.
    package func arm(
        _ slot: Slot,
        kernelImage: [UInt8],
        tries: Int = tries,
        running: Slot
    ) throws(BootEntriesError) {
        if slot == running { throw .running(slot) }
        if kernelImage.isEmpty || kernelImage.count > Self.imageLimit {
            throw .imageLength(found: kernelImage.count, limit: Self.imageLimit)
        }
        let survey = try survey()
        let wanted = BootEntry(slot: slot, counter: BootCounter(left: tries))
        if let entry = survey.entries.first(where: { $0.slot == slot }) {
            guard entry == wanted, try digest(of: entry.path) == SHA256.hash(data: kernelImage) else {
                throw .occupied(entry.name)
            }
        } else {
            let count = survey.entries.count + survey.strangers.count
            if count >= Self.maximumFiles { throw .tooManyFiles(found: count, limit: Self.maximumFiles) }
            try place(kernelImage, .new, as: wanted.path)
        }
        try carry { () throws(BootPartitionError) in
            try partition.synchronize(.entries)
            try partition.synchronize(.own)
        }
    }

    /// Takes the counter off a slot's entry: from here on it is started for ever (UPDATES 4.5, the point of no
    /// return).
    package func commit(_ slot: Slot) throws(BootEntriesError) {
        try rename(try entry(of: slot), counter: nil)
    }

    /// Gives a counted entry all its tries back; a committed one stays committed.
    package func restoreTries(_ slot: Slot, tries: Int = tries) throws(BootEntriesError) {
        let entry = try entry(of: slot)
        if entry.counter == nil { return }
        try rename(entry, counter: BootCounter(left: tries))
    }

    /// Lets every other entry be preferred to this slot's. Refused where no other slot has an entry to start.
    package func markBad(_ slot: Slot) throws(BootEntriesError) {
        let entries = try survey().entries
        if !entries.contains(where: { $0.slot != slot && $0.hasTries }) { throw .noOther(than: slot) }
        for entry in entries where entry.slot == slot && entry.hasTries {
            try rename(entry, counter: BootCounter(left: 0, done: max(entry.counter?.done ?? 0, 1)))
        }
        try carry { () throws(BootPartitionError) in try partition.synchronize(.entries) }
    }

    /// Copies a slot's kernel image to where the firmware's last boot entry finds it.
    package func keepPrevious(of slot: Slot) throws(BootEntriesError) {
        let source = try entry(of: slot).path
        let image = try carry { () throws(BootPartitionError) in
            try partition.read(source, limit: Self.imageLimit)
        }
        let isThere = try survey().hasPrevious
        if !isThere || (try? digest(of: .previous)) != SHA256.hash(data: image) {
            try place(image, .newPrevious, as: .previous)
        }
        try carry { () throws(BootPartitionError) in try partition.synchronize(.own) }
    }

    /// Removes images that were on their way when the power went.
    package func cleanUp() throws(BootEntriesError) {
        let leftovers = try survey().leftovers
        if leftovers.isEmpty { return }
        try carry { () throws(BootPartitionError) in
            for path in leftovers { try partition.remove(path) }
            try partition.synchronize(.own)
        }
    }

    // MARK: - Steps

    /// The slot's entry; of two, the one whose commit has been begun.
    private func entry(of slot: Slot) throws(BootEntriesError) -> BootEntry {
        let entries = try survey().entries.filter { $0.slot == slot }
        guard let entry = entries.first(where: { $0.counter == nil }) ?? entries.first else {
            throw .noEntry(slot)
        }
        return entry
    }

    private func rename(_ entry: BootEntry, counter: BootCounter?) throws(BootEntriesError) {
        let renamed = BootEntry(slot: entry.slot, counter: counter)
        try carry { () throws(BootPartitionError) in
            if entry.counter != counter { try partition.rename(entry.path, to: renamed.path) }
            try partition.synchronize(.entries)
        }
    }

    /// Writes an image under a name that nothing starts, reads it back, and only then gives it its name.
    private func place(
        _ image: [UInt8],
        _ temporary: BootPath,
        as path: BootPath
    ) throws(BootEntriesError) {
        try carry { () throws(BootPartitionError) in
            try partition.remove(temporary)
            try partition.create(temporary, with: image)
        }
        let found = try digest(of: temporary)
        let expected = SHA256.hash(data: image)
        if found != expected { throw .readBack(temporary, found: "\(found)", expected: "\(expected)") }
        try carry { () throws(BootPartitionError) in try partition.rename(temporary, to: path) }
    }

    private func digest(of path: BootPath) throws(BootEntriesError) -> SHA256.Digest {
        let content = try carry { () throws(BootPartitionError) in
            try partition.read(path, limit: Self.imageLimit)
        }
        return SHA256.hash(data: content)
    }

    private func carry<Value>(
        _ body: () throws(BootPartitionError) -> Value
    ) throws(BootEntriesError) -> Value {
        do { return try body() } catch { throw .partition(error) }
    }
}

/// Why an entry was not changed.
package enum BootEntriesError: Error, Equatable, CustomStringConvertible {
    case partition(BootPartitionError)
    case running(Slot)
    case noEntry(Slot)
    case noOther(than: Slot)
    case occupied(String)
    /// Bytes.
    case imageLength(found: Int, limit: Int)
    case tooManyFiles(found: Int, limit: Int)
    case readBack(BootPath, found: String, expected: String)

    package var description: String {
        switch self {
        case .partition(let error): "\(error)"
        case .running(let slot): "slot \(slot.name) is running: its entry stays"
        case .noEntry(let slot): "EFI/Linux: found no entry of slot \(slot.name), expected one"
        case .noOther(let slot): "EFI/Linux: no entry but those of slot \(slot.name) can be started"
        case .occupied(let name): "EFI/Linux/\(name): found another image, expected the slot to be disarmed"
        case .imageLength(let found, let limit): "kernel image: found \(found) bytes, expected 1 to \(limit)"
        case .tooManyFiles(let found, let limit):
            "EFI/Linux: found \(found) files, expected at most \(limit - 1) before another is added"
        case .readBack(let path, let found, let expected):
            "\(path): read back \(found), expected \(expected)"
        }
    }
}
