// SPDX-License-Identifier: Apache-2.0

/// One of the two places that hold a system: root file system, hash tree, and an entry for the boot loader.
package enum Slot: UInt8, CaseIterable, Sendable {
    case a = 1
    case b = 2

    package var other: Slot { self == .a ? .b : .a }

    /// What the slot's files in the boot partition are called, before a counter.
    package var name: String { self == .a ? "A" : "B" }
}
