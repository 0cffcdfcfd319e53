// SPDX-License-Identifier: Apache-2.0
import Admin
import Foundation
import Testing

@testable import Health

@Suite("The kernel's files") struct SystemFilesTests {
    @Test("nothing is there: empty lists and no values") func empty() throws {
        let files = try FakeSystem().files
        #expect(files.disks().isEmpty)
        #expect(files.raid().isEmpty)
        #expect(files.sensors().isEmpty)
        #expect(files.fans().isEmpty)
        #expect(files.memory() == nil)
        #expect(files.mount(holding: "/") == nil)
        #expect(files.ext4Errors(device: "sda1") == nil)
        #expect(files.ext4Errors(holding: "/var") == nil)
    }

    @Test("disks to ask smartctl about") func disks() throws {
        let names = [
            "sda", "sdb", "sdaa", "hda", "nvme0n1", "nvme10n1", "nvme2n1", "nvme2n2", "loop0", "ram0", "dm-0",
            "md0",
            "sr0", "zram0", "vda", "mmcblk0", "nbd0", "sd", "nvme", "nvmen1", "nvme1", "nvme3n1p1",
        ]
        let system = try FakeSystem(
            Dictionary(uniqueKeysWithValues: names.map { ("sys/block/\($0)/size", "1000\n") })
        )
        try system.write([
            "sys/block/sdc/removable": "1\n", "sys/block/sdc/size": "60000\n", "sys/block/sdd/size": "0\n",
            "sys/block/sda/removable": "0\n",
        ])
        #expect(
            system.files.disks() == [
                "/dev/hda", "/dev/sda", "/dev/sdb", "/dev/sdaa", "/dev/nvme0", "/dev/nvme2", "/dev/nvme10",
            ]
        )
    }

    @Test("an NVMe disk with several paths is asked through its controllers") func multipath() throws {
        let names = ["nvme0n1", "nvme0c1n1", "nvme0c2n1", "nvme3n1"]
        let system = try FakeSystem(
            Dictionary(uniqueKeysWithValues: names.map { ("sys/block/\($0)/size", "1") })
        )
        #expect(system.files.disks() == ["/dev/nvme1", "/dev/nvme2", "/dev/nvme3"])
    }

    private func array(_ name: String, _ values: [String: String]) -> [String: String] {
        Dictionary(uniqueKeysWithValues: values.map { ("sys/block/\(name)/md/\($0)", "\($1)\n") })
    }

    @Test("RAID: whole, degraded, rebuilding, broken, stopped") func raid() throws {
        let system = try FakeSystem(["sys/block/sda/size": "1"])
        try system.write(
            array(
                "md0",
                [
                    "level": "raid1", "degraded": "0", "array_state": "clean", "raid_disks": "2",
                    "sync_completed": "none",
                    "dev-sda1/state": "in_sync", "dev-sda1/slot": "0",
                    "dev-sdb1/state": "in_sync,write_mostly",
                    "dev-sdb1/slot": "1",
                ]
            )
        )
        try system.write(
            array(
                "md1",
                [
                    "level": "raid1", "degraded": "1", "array_state": "active", "raid_disks": "2",
                    "sync_completed": "none", "dev-sda2/state": "in_sync", "dev-sda2/slot": "0",
                    "dev-sdb2/state": "faulty", "dev-sdb2/slot": "none",
                ]
            )
        )
        try system.write(
            array(
                "md2",
                [
                    "level": "raid5", "degraded": "1", "array_state": "active", "raid_disks": "3",
                    "sync_completed": "1000 / 8000", "dev-sda3/state": "in_sync", "dev-sda3/slot": "0",
                    "dev-sdb3/state": "spare", "dev-sdb3/slot": "1", "dev-sdc3/state": "in_sync",
                    "dev-sdc3/slot": "2",
                    "dev-sdd3/state": "spare", "dev-sdd3/slot": "none",
                ]
            )
        )
        try system.write(array("md3", ["level": "raid0", "array_state": "broken", "raid_disks": "2"]))
        try system.write(array("md4", ["level": "", "array_state": "clear", "raid_disks": "0"]))
        try system.write(
            array("md10", ["array_state": "clean", "raid_disks": "-5", "sync_completed": "5 / 0"])
        )
        #expect(
            system.files.raid() == [
                RAIDReport(name: "md0", level: "raid1", devices: "[UU]", isDegraded: false, state: "clean"),
                RAIDReport(name: "md1", level: "raid1", devices: "[U_]", isDegraded: true, state: "active"),
                RAIDReport(
                    name: "md2",
                    level: "raid5",
                    devices: "[U_U]",
                    isDegraded: true,
                    state: "active",
                    syncPercent: 12.5
                ),
                RAIDReport(name: "md3", level: "raid0", devices: "[__]", isDegraded: true, state: "broken"),
                RAIDReport(name: "md10", level: "", devices: "[]", isDegraded: false, state: "clean"),
            ]
        )
    }

    @Test("hwmon: sensors with their limits, without what is not connected") func sensors() throws {
        let chip = "sys/class/hwmon/hwmon0"
        let system = try FakeSystem([
            "\(chip)/name": "coretemp\n", "\(chip)/temp1_input": "45500\n",
            "\(chip)/temp1_label": "Package id 0\n",
            "\(chip)/temp1_max": "84000\n", "\(chip)/temp1_crit": "100000\n", "\(chip)/temp10_input": "41000",
            "\(chip)/temp2_input": "40000", "\(chip)/temp2_max": "0", "\(chip)/temp2_crit": "65261850",
            "\(chip)/temp3_input": "-128000", "\(chip)/temp4_input": "rubbish",
            "\(chip)/temp5_input": "30000",
            "\(chip)/temp5_fault": "1", "\(chip)/temp_input": "1", "\(chip)/temp1_crit_alarm": "0",
            "sys/class/hwmon/hwmon1/name": "nvme", "sys/class/hwmon/hwmon1/temp1_input": "35850",
            "sys/class/hwmon/hwmon2/name": "nvme", "sys/class/hwmon/hwmon2/temp1_input": "36850",
            "sys/class/hwmon/hwmon3/temp1_input": "1000",
        ])
        #expect(
            system.files.sensors() == [
                SensorReading(
                    chip: "coretemp",
                    label: "Package id 0",
                    celsius: 45.5,
                    highCelsius: 84,
                    criticalCelsius: 100
                ),
                SensorReading(chip: "coretemp", label: "temp2", celsius: 40),
                SensorReading(chip: "coretemp", label: "temp10", celsius: 41),
                SensorReading(chip: "nvme.hwmon1", label: "temp1", celsius: 35.85),
                SensorReading(chip: "nvme.hwmon2", label: "temp1", celsius: 36.85),
                SensorReading(chip: "hwmon3", label: "temp1", celsius: 1),
            ]
        )
    }

    @Test("hwmon: fans and their alarms") func fans() throws {
        let chip = "sys/class/hwmon/hwmon0"
        let system = try FakeSystem([
            "\(chip)/name": "nct6775", "\(chip)/fan1_input": "1200", "\(chip)/fan1_alarm": "0",
            "\(chip)/fan2_input": "0", "\(chip)/fan2_alarm": "1", "\(chip)/fan2_label": "CPU\u{7}",
            "\(chip)/fan3_alarm": "1",
            "\(chip)/fan4_input": "0", "\(chip)/fan4_fault": "1",
        ])
        #expect(
            system.files.fans() == [
                FanReading(chip: "nct6775", label: "fan1", rotationsPerMinute: 1200),
                FanReading(chip: "nct6775", label: "CPU?", rotationsPerMinute: 0, hasAlarm: true),
                FanReading(chip: "nct6775", label: "fan4", rotationsPerMinute: 0, hasAlarm: true),
            ]
        )
    }

    @Test("memory: sizes, pressure, ended programs, ECC") func memory() throws {
        let system = try FakeSystem([
            "proc/meminfo":
                "MemTotal:       24684092 kB\nMemFree:        21347848 kB\nMemAvailable:   24164896 kB\n"
        ])
        #expect(
            system.files.memory() == MemoryReport(totalBytes: 25_276_510_208, availableBytes: 24_744_853_504)
        )
        try system.write([
            "proc/pressure/memory":
                "some avg10=1.00 avg60=22.50 avg300=0.00 total=9\nfull avg10=0.00 avg60=12.34 avg300=0.00 total=5\n",
            "sys/fs/cgroup/drimbox.slice/memory.events":
                "low 0\nhigh 4\nmax 0\noom 3\noom_kill 2\noom_group_kill 0\n",
            "sys/devices/system/edac/mc/mc0/ce_count": "4\n",
            "sys/devices/system/edac/mc/mc0/ue_count": "0\n",
            "sys/devices/system/edac/mc/mc1/ce_count": "3\n",
            "sys/devices/system/edac/mc/mc1/ue_count": "1\n",
            "sys/devices/system/edac/mc/power/ce_count": "100\n",
        ])
        #expect(
            system.files.memory(events: "/sys/fs/cgroup/drimbox.slice/memory.events")
                == MemoryReport(
                    totalBytes: 25_276_510_208,
                    availableBytes: 24_744_853_504,
                    fullPressurePercent: 12.34,
                    oomKills: 2,
                    eccCorrected: 7,
                    eccUncorrected: 1
                )
        )
    }

    @Test(
        "memory: what cannot be is left out",
        arguments: [
            "", "MemTotal:", "MemTotal: -5 kB", "MemTotal: 9223372036854775807 kB", "MemTotal: x kB",
            "SwapTotal: 1 kB",
        ]
    )
    func memoryRubbish(_ info: String) throws {
        let system = try FakeSystem(["proc/meminfo": info, "proc/pressure/memory": "full avg60=nan"])
        #expect(system.files.memory() == nil)
        try system.write(["proc/meminfo": "MemTotal: 1 kB"])
        #expect(system.files.memory()?.fullPressurePercent == nil)
    }

    @Test("mounts: the deepest and uppermost one, its device and its errors") func mounts() throws {
        let system = try FakeSystem([
            "proc/self/mountinfo": """
            22 1 8:2 / / rw,relatime shared:1 - ext4 /dev/sda2 rw
            30 22 0:25 / /var/lib rw shared:2 master:3 - tmpfs tmpfs rw
            31 22 254:0 / /var/lib/drimbox rw,nodev - xfs /dev/mapper/old rw
            32 31 254:1 / /var/lib/drimbox rw,nodev - ext4 /dev/mapper/data rw
            33 22 8:33 / /mnt/la\\040cl\\303\\251 rw - vfat /dev/sdc1 rw
            broken
            34 22 8:1 / /bad
            """,
            "sys/dev/block/254:1/uevent": "MAJOR=254\nMINOR=1\nDEVNAME=dm-1\nDEVTYPE=disk\n",
            "sys/dev/block/8:2/uevent": "MAJOR=8\nMINOR=2\nDEVNAME=sda2\n",
            "sys/fs/ext4/dm-1/errors_count": "5\n", "sys/fs/ext4/sda2/errors_count": "0\n",
        ])
        let files = system.files
        let expected: [(String, String, String, String?, Int?)] = [
            ("/", "/", "ext4", "sda2", 0), ("/etc/x", "/", "ext4", "sda2", 0),
            ("/var/library", "/", "ext4", "sda2", 0), ("/var/lib/x", "/var/lib", "tmpfs", nil, nil),
            ("/var/lib/drimbox", "/var/lib/drimbox", "ext4", "dm-1", 5),
            ("/var/lib/drimbox/spool/1", "/var/lib/drimbox", "ext4", "dm-1", 5),
            ("/mnt/la clé/x", "/mnt/la clé", "vfat", nil, nil), ("/bad/x", "/", "ext4", "sda2", 0),
        ]
        for (path, mount, kind, device, errors) in expected {
            #expect(
                files.mount(holding: path) == .init(path: mount, fileSystem: kind, device: device),
                "\(path)"
            )
            #expect(files.ext4Errors(holding: path) == errors, "\(path)")
        }
        #expect(files.ext4Errors(device: "dm-1") == 5)
    }

    @Test("the machine that runs this: no crash") func thisMachine() throws {
        let files = SystemFiles()
        _ = (files.disks(), files.raid(), files.sensors(), files.fans())
        let memory = try #require(files.memory())
        #expect(memory.totalBytes > 0 && memory.availableBytes <= memory.totalBytes)
        #expect(files.mount(holding: "/proc/self")?.fileSystem == "proc")
    }
}

@Suite("Answers of chronyc and upsc") struct TextAnswerTests {
    /// The first two are recorded from chrony 4.3; a file with `local stratum 8` gave the second.
    @Test(
        "chronyc -c tracking",
        arguments: [
            (
                "00000000,,0,0.000000000,0.000000000,0.000000000,0.000000000,0.000,0.000,0.000,1.000000000,1.000000000,0.0,Not synchronised\n",
                ClockReport(isSynchronised: false, offsetSeconds: 0)
            ),
            (
                "7F7F0101,,8,1795817301.397381864,0.000000000,0.000000000,0.000000000,0.000,0.000,0.000,0.000000000,0.000000000,0.0,Normal\n",
                ClockReport(isSynchronised: false, offsetSeconds: 0, stratum: 8)
            ),
            (
                "0A0A007B,ntp1.chu.example,3,1795817301.397381864,-1.250000000,0.000003,0.00002,-14.123,0.001,0.05,0.012,0.001,64.2,Insert second",
                ClockReport(
                    isSynchronised: true,
                    offsetSeconds: -1.25,
                    stratum: 3,
                    source: "ntp1.chu.example"
                )
            ),
            (
                "0A0A007B,10.10.0.123,3,1795817301.397381864,0.000300000,0.000003,0.00002,-14.123,0.001,0.05,0.012,0.001,64.2,Not synchronised",
                ClockReport(isSynchronised: false, offsetSeconds: 0.0003, stratum: 3, source: "10.10.0.123")
            ),
            ("", nil), ("506 Cannot talk to daemon\n", nil), ("a,b,c,d,e,f,g,h,i,j,k,l,m,n", nil),
            (",,,,,,,,,,,,,", nil),
            ("0A0A007B,x,3,0,inf,0,0,0,0,0,0,0,0,Normal", nil),
            ("0A0A007B,x,3,0,0,0,0,0,0,0,0,0,Normal", nil),
        ] as [(String, ClockReport?)]
    )
    func chrony(_ text: String, _ report: ClockReport?) {
        #expect(Chrony.tracking(text) == report)
    }

    @Test(
        "upsc",
        arguments: [
            (
                "battery.charge: 98\nbattery.charge.low: 20\nbattery.runtime: 1320\ndevice.mfr: EATON\nups.status: OL CHRG\n",
                UPSReport(status: ["OL", "CHRG"], chargePercent: 98, runtimeSeconds: 1320)
            ),
            (
                "ups.status: OB DISCHRG LB\r\nbattery.charge: 18.0\r\nbattery.runtime: 240.5\r\n",
                UPSReport(status: ["OB", "DISCHRG", "LB"], chargePercent: 18, runtimeSeconds: 240)
            ),
            (
                "Init SSL without certificate database\nups.status:OL\nbattery.charge: 150\nbattery.runtime: -1\nno colon",
                UPSReport(status: ["OL"], chargePercent: 100)
            ),
            (
                "ups.status: OB\nbattery.charge: 1e300\nbattery.runtime: 1e300",
                UPSReport(status: ["OB"], chargePercent: 100, runtimeSeconds: .max)
            ),
            ("ups.status: OB\nbattery.charge: nan\nbattery.runtime: unknown", UPSReport(status: ["OB"])),
            ("Error: Data stale\n", nil), ("", nil), ("battery.charge: 5", nil),
        ] as [(String, UPSReport?)]
    )
    func upsc(_ text: String, _ report: UPSReport?) {
        #expect(UPS.report(text) == report)
    }
}
