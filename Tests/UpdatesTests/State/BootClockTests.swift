// SPDX-License-Identifier: Apache-2.0
import Foundation
import Linux
import Synchronization
import Testing

@testable import Updates

@Suite("The clock of a boot") struct BootClockTests {
    /// A machine whose time of day can be set.
    private final class Machine: Sendable {
        private let state = Mutex((real: Int64(1_800_000_000_000), boot: Int64(4000)))

        var real: Int64 { state.withLock { $0.real } }
        var boot: Int64 { state.withLock { $0.boot } }

        func pass(_ milliseconds: Int64) {
            state.withLock { $0 = ($0.real + milliseconds, $0.boot + milliseconds) }
        }
        func set(_ milliseconds: Int64) { state.withLock { $0.real += milliseconds } }
        func reboot() { state.withLock { $0.boot = 0 } }

        func clock(_ directory: String, _ bootID: String, isReader: Bool = false) -> BootClock {
            BootClock(
                path: "\(directory)/clock",
                bootID: bootID,
                isReader: isReader,
                realTime: real,
                sinceBoot: { self.boot }
            )
        }
    }

    private static let hour: Int64 = 3_600_000

    @Test("goes on at the same pace, whatever the time of day is set to", arguments: [24 * hour, -24 * hour])
    func set(by jump: Int64) throws {
        try TemporaryDirectory.with { directory in
            let machine = Machine()
            let start = machine.real
            let first = machine.clock(directory, "boot-1")
            #expect(first.now() == start)
            machine.pass(5000)
            machine.set(jump)
            #expect(first.now() == start + 5000)
            machine.pass(5000)
            #expect(machine.clock(directory, "boot-1").now() == start + 10_000)
            // Of the next boot, the time of day counts again.
            machine.reboot()
            #expect(machine.clock(directory, "boot-2").now() == machine.real)
        }
    }

    @Test("a trial is not ended early by a clock that was set between two starts of the agent")
    func trial() throws {
        try TemporaryDirectory.with { directory in
            let machine = Machine()
            var record = UpdateRecord()
            record.state = .rebooting
            record.release = "2"
            record.rootHash = SimulatedBox.rootHash("2")
            record.slot = .b
            record.trialTime = 15 * 60 * 1000
            func resume() -> UpdateMachine {
                UpdateMachine.resume(
                    record: record,
                    entries: ["A.efi", "B+2-1.efi"].compactMap(BootEntry.init(name:)),
                    running: RunningSystem(
                        slot: .b,
                        release: "2",
                        rootHash: SimulatedBox.rootHash("2"),
                        rollbackIndex: 1,
                        bootID: "boot-2",
                        start: .entry("B+2-1.efi")
                    ),
                    policy: UpdatePolicy(),
                    at: machine.clock(directory, "boot-2").now()
                )
                .machine
            }
            record = resume().record
            #expect(record.state == .trial)
            // The network brings the right time, and the agent starts anew.
            machine.pass(60_000)
            machine.set(24 * Self.hour)
            var again = resume()
            #expect(again.state == .trial && again.record.reason.isEmpty)
            #expect(again.handle(.tick, at: machine.clock(directory, "boot-2").now()) == [])
            // It ends when its own time is over.
            machine.pass(14 * 60_000)
            _ = again.handle(.tick, at: machine.clock(directory, "boot-2").now())
            #expect(again.record.reason.hasPrefix("deadline"))
        }
    }

    @Test("a reader leaves no file, and one that is damaged counts as none") func files() throws {
        try TemporaryDirectory.with { directory in
            let machine = Machine()
            #expect(machine.clock(directory, "boot-1", isReader: true).now() == machine.real)
            #expect(!FileManager.default.fileExists(atPath: "\(directory)/clock"))
            try Data("boot-1 yesterday".utf8).write(to: URL(filePath: "\(directory)/clock"))
            #expect(machine.clock(directory, "boot-1").now() == machine.real)
            let start = machine.real
            machine.set(Self.hour)
            #expect(machine.clock(directory, "boot-1").now() == start)
        }
    }
}
