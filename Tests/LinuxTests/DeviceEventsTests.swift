// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Linux

@Suite("What the kernel tells of devices") struct DeviceEventsTests {
    private func event(_ fields: String...) -> String? {
        DeviceEvents.event(Array(fields.map { $0 + "\0" }.joined().utf8), of: "block")
    }

    @Test("a disk is one by its subsystem, wherever its path leads") func disks() {
        let nvme = "remove@/devices/pci0000:00/0000:00:01.0/nvme/nvme0/nvme0n1"
        #expect(event(nvme, "ACTION=remove", "SUBSYSTEM=block", "DEVNAME=nvme0n1") == nvme)
        let sata = "add@/devices/pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0/block/sda"
        #expect(event(sata, "ACTION=add", "SUBSYSTEM=block") == sata)
    }

    @Test("other subsystems, and what has none, are not told") func others() {
        #expect(event("change@/devices/virtual/block/x", "SUBSYSTEM=bdi") == nil)
        #expect(event("change@/devices/block/sda", "ACTION=change") == nil)
        #expect(event() == nil)
    }
}
