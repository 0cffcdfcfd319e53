// SPDX-License-Identifier: Apache-2.0

/// A kernel image of a slot in `EFI/Linux`, by its name: `A.efi`, `B+3.efi`, `B+2-1.efi`.
package struct BootEntry: Hashable, Sendable {
    package let slot: Slot
    /// Nil for an entry that has been found good: it is started for ever.
    package let counter: BootCounter?
    /// As the directory has it, whose file system may have changed the case of letters.
    package let name: String

    package init(slot: Slot, counter: BootCounter?) {
        self.slot = slot
        self.counter = counter
        name = "\(slot.name)\(counter.map { "+\($0)" } ?? "").efi"
    }

    /// Nil for a file that is no entry of a slot, though systemd-boot may start it.
    package init?(name: String) {
        guard let loadable = LoadableName(name),
            let slot = Slot.allCases.first(where: { $0.name == loadable.stem.uppercased() })
        else { return nil }
        self.slot = slot
        counter = loadable.counter
        self.name = name
    }

    /// False once the counter has run out: systemd-boot then prefers every other entry.
    package var hasTries: Bool { counter?.left != 0 }
    package var path: BootPath { BootPath(.entries, name) }
}

/// How often an entry may still be started, and has been started in vain: `LEFT-DONE` of its name
/// (systemd: AUTOMATIC_BOOT_ASSESSMENT).
package struct BootCounter: Hashable, Sendable, CustomStringConvertible {
    package let left: Int
    package let done: Int

    package init(left: Int, done: Int = 0) {
        self.left = left
        self.done = done
    }

    /// What systemd-boot makes of it before it starts the entry; the ends are those of a C `int`.
    package var counted: BootCounter {
        BootCounter(left: max(left, 1) - 1, done: min(done, Int(Int32.max) - 1) + 1)
    }

    package var description: String { done == 0 ? "\(left)" : "\(left)-\(done)" }
}

/// The name of a file that systemd-boot takes for a kernel image (systemd 252, src/boot/efi/boot.c).
package struct LoadableName: Hashable, Sendable {
    /// The name up to the counter, or up to the suffix.
    package let stem: String
    package let counter: BootCounter?
    package let name: String

    package init?(_ name: String) {
        // config_entry_add_unified(): not hidden, no "auto-", a suffix in letters of any case.
        guard !name.hasPrefix("."), !name.hasPrefix("auto-"), name.utf8.count > 4,
            name.suffix(4).lowercased() == ".efi"
        else { return nil }
        self.name = name
        // config_entry_parse_tries(): "+LEFT" or "+LEFT-DONE" behind the last "+", before the suffix in small
        // letters; anything else has no counter, and is started for ever.
        let body = name.dropLast(4)
        if name.hasSuffix(".efi"), let plus = body.lastIndex(of: "+"),
            let counter = Self.counter(body[body.index(after: plus)...])
        {
            stem = String(body[..<plus])
            self.counter = counter
        } else {
            stem = String(body)
            counter = nil
        }
    }

    private static func counter(_ text: Substring) -> BootCounter? {
        let parts = text.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        let numbers = parts.compactMap(number)
        guard numbers.count == parts.count, let left = numbers.first else { return nil }
        return BootCounter(left: left, done: numbers.count > 1 ? numbers[1] : 0)
    }

    /// Decimal digits, leading zeros allowed, of a number that is a C `int`.
    private static func number(_ text: Substring) -> Int? {
        guard !text.isEmpty, text.utf8.allSatisfy({ 0x30...0x39 ~= $0 }) else { return nil }
        return Int(text).flatMap { $0 <= Int(Int32.max) ? $0 : nil }
    }
}
