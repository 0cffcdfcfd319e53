// SPDX-License-Identifier: Apache-2.0
import Admin
import Foundation
import Testing

@testable import Health

@Suite("smartctl: recorded answers") struct SmartctlRecordingTests {
    @Test("every recording becomes what the table says", arguments: Expected.all)
    func recording(_ expected: Expected) throws {
        let report = try Fixture.report(expected.file)
        #expect(report.kind == expected.kind)
        #expect(report.state == expected.state)
        if expected.model != nil { #expect(report.model == expected.model) }
        #expect(report.temperatureCelsius == expected.celsius)
        #expect(report.powerOnHours == expected.hours)
        #expect(report.wearPercent == expected.wear)
        #expect([report.sparePercent, report.spareThresholdPercent].compactMap(\.self) == expected.spare)
        #expect(report.reallocatedSectors == expected.reallocated)
        #expect(report.pendingSectors == expected.pending)
        #expect(report.mediaErrors == expected.media)
        #expect(report.crcErrors == expected.crc)
        #expect(report.selfTestErrors == expected.selfTests)
        #expect(DiskRules.issues(of: report, after: nil, earlier: [], now: .start).codes == expected.issues)
        let copy = try JSONDecoder().decode(DiskReport.self, from: JSONEncoder().encode(report))
        #expect(copy == report)
    }

    @Test("the table holds every recording") func complete() throws {
        #expect(Expected.all.map(\.file).sorted() == (try Fixture.names()))
    }

    @Test("the README's kind, exit status, verdict and temperature are the reports'") func readme() throws {
        let text = try String(contentsOf: Fixture.directory.appending(path: "README.md"), encoding: .utf8)
        let kinds: [String: [DiskReport.Kind?]] = [
            "ATA HDD": [.ataHDD], "ATA SSD": [.ataSSD], "NVMe": [.nvme], "SCSI HDD": [.scsi],
            "SAS HDD": [.scsi],
            "SAS SSD": [.scsi], "open failure": [nil], "identify failure": [.scsi], "no such device": [nil],
        ]
        var rows = 0
        for line in text.split(separator: "\n") where line.hasPrefix("| `") {
            let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
            let report = try Fixture.report(String(cells[0].dropFirst().dropLast(6)))
            #expect(try #require(kinds[cells[2]]).contains(report.kind), "\(cells[0])")
            #expect(report.exitStatus == Int(cells[3]))
            #expect(report.hasPassed == ["**no**": false, "yes": true][cells[5]])
            #expect(report.temperatureCelsius == Int(cells[6]))
            rows += 1
        }
        #expect(rows == 35)
    }

    @Test("serial, firmware, capacity and remarks are read") func identity() throws {
        let report = try Fixture.report("samsung-ssd-970-evo-500gb", device: "/dev/nvme0")
        #expect(report.serial == "SERIAL19")
        #expect(report.firmware == "2B2QEXE7")
        #expect(report.capacityBytes == 500_107_862_016)
        #expect(report.name == "nvme0")
        let denied = try Fixture.report("open-failed-permission-denied")
        #expect(denied.messages == ["Smartctl open device: /dev/sda failed: Permission denied"])
        #expect(try Fixture.report("hitachi-hds721050dle630").failingAttributes == ["Reallocated_Sector_Ct"])
    }
}

@Suite("smartctl: what no recording has") struct SmartctlVariantTests {
    private let nvmeLog = "nvme_smart_health_information_log"

    @Test("NVMe critical warning 5, as QEMU injects it: failing, exit status 8") func criticalWarning() throws
    {
        let report = try Fixture.report(
            "samsung-ssd-970-evo-500gb",
            device: "/dev/nvme0",
            exit: 8,
            edits: [([nvmeLog, "critical_warning"], 5), (["smart_status", "passed"], false)]
        )
        #expect(report.state == .failing)
        #expect(report.criticalWarning == 5)
        let issues = try #require(DiskRules.issues(of: report, after: nil, earlier: [], now: .start))
        #expect(issues.codes == ["E-DISK-01:nvme0"])
        #expect(
            issues[0].evidence["reasons"]
                == "self-assessment failed, critical warning: spare low, critical warning: reliability degraded"
        )
    }

    @Test("each sign alone is enough", arguments: 0...6) func signs(_ index: Int) throws {
        let edits: [(path: [String], value: Any?)] = [
            ([nvmeLog, "critical_warning"], 1), ([nvmeLog, "critical_warning"], 64),
            (["smart_status", "passed"], false), ([nvmeLog, "available_spare"], 9),
            ([nvmeLog, "available_spare"], 10),
            (["unknown"], 1), (["smart_status"], nil),
        ]
        let report = try Fixture.report("samsung-ssd-970-evo-500gb", edits: [edits[index]])
        #expect(report.state == (index <= 3 ? .failing : .good))
    }

    @Test("spare 0 of threshold 0, as QEMU reports it, is not low") func emulated() throws {
        let report = try Fixture.report(
            "ct250p2ssd8",
            edits: [([nvmeLog, "available_spare"], 0), ([nvmeLog, "available_spare_threshold"], 0)]
        )
        #expect(report.state == .good)
    }

    @Test(
        "exit bits of a disk that passed",
        arguments: [
            (4, DiskReport.State.good, [String]()), (8, .failing, ["E-DISK-01:sda"]),
            (16, .warning, ["E-DISK-02:sda"]),
            (32, .warning, []), (64, .good, []), (128, .warning, ["W-DISK-05:sda"]),
            (1, .unreadable, ["W-DISK-06:sda"]),
            (2, .unreadable, ["W-DISK-06:sda"]), (256, .good, []), (-1, .unreadable, ["W-DISK-06:sda"]),
        ]
    )
    func exitBits(_ exit: Int, _ state: DiskReport.State, _ codes: [String]) throws {
        let report = try Fixture.report("wdc-wd20efrx-68euzn0", exit: exit, edits: [])
        #expect(report.state == state)
        #expect(DiskRules.issues(of: report, after: nil, earlier: [], now: .start).codes == codes)
    }

    @Test(
        "in standby: exit status 3, or the message with 2",
        arguments: [
            (3, "Device is in STANDBY mode, exit(3)"), (2, "Device is in STANDBY (OS) mode, exit(2)"),
            (2, "Device is in SLEEP mode, exit(2)"), (3, "something else"),
        ]
    )
    func standby(_ exit: Int, _ message: String) throws {
        let report = try Fixture.report(
            "identify-failed-scsi",
            exit: exit,
            edits: [(["smartctl", "messages"], [["string": message, "severity": "information"]])]
        )
        #expect(report.state == .asleep)
    }

    @Test("self-tests that a later one made good do not count") func outdatedSelfTests() throws {
        let path = ["ata_smart_self_test_log", "standard", "error_count_outdated"]
        #expect(try Fixture.report("hitachi-hds721050dle630", edits: [(path, 2)]).selfTestErrors == 1)
        #expect(try Fixture.report("hitachi-hds721050dle630", edits: [(path, 9)]).selfTestErrors == 0)
    }

    @Test(
        "wear by attribute needs id and name",
        arguments: [
            (177, "Wear_Leveling_Count", 20, 80), (231, "SSD_Life_Left", 0, 100),
            (233, "Media_Wearout_Indicator", 5, 95),
            (202, "Percent_Lifetime_Remain", 93, 7), (173, "Ave_Block-Erase_Count", 50, 50),
            (169, "Remaining_Lifetime_Perc", 99, 1), (233, "Total_LBAs_Written", 5, nil),
            (177, "Wear_Range_Delta", 5, nil),
            (177, "Wear_Leveling_Count", 101, nil), (177, "Wear_Leveling_Count", 0, nil),
            (173, "Erase_Count", 50, nil),
            (231, "Temperature_Celsius", 60, nil),
        ] as [(Int, String, Int, Int?)]
    )
    func wear(_ id: Int, _ name: String, _ value: Int, _ wear: Int?) throws {
        let attribute: [String: Any] = [
            "id": id, "name": name, "value": value, "raw": ["value": 1, "string": "1"],
        ]
        let report = try Fixture.report(
            "samsung-ssd-860-evo-500gb",
            edits: [(["ata_smart_attributes", "table"], [attribute])]
        )
        #expect(report.wearPercent == wear)
    }

    @Test("members that are missing, of another type or out of range are left out") func lenient() throws {
        let report = try Fixture.report(
            "samsung-ssd-970-evo-500gb",
            edits: [
                ([nvmeLog, "percentage_used"], "3"), ([nvmeLog, "media_errors"], -1), (["temperature"], nil),
                ([nvmeLog, "temperature"], 5000), (["serial_number"], 17),
                (["user_capacity", "bytes"], 1e300),
                ([nvmeLog, "available_spare"], [99]), (["power_on_time"], nil),
                (["model_name"], "Evil\u{1B}[2J\u{202E} \(String(repeating: "x", count: 5000))"),
            ]
        )
        #expect(report.state == .good)
        #expect(report.wearPercent == nil)
        #expect(report.mediaErrors == nil)
        #expect(report.temperatureCelsius == nil)
        #expect(report.serial == nil)
        #expect(report.capacityBytes == .max)
        #expect(report.sparePercent == nil)
        #expect(report.powerOnHours == 12_798)
        #expect(report.model?.hasPrefix("Evil?[2J? xxx") == true)
        #expect(report.model?.count == 200)
    }

    @Test("128-bit counters do not trap") func hugeCounters() throws {
        let text = try #require(String(bytes: try Fixture.bytes("seagate-st373453lc"), encoding: .utf8))
        let huge = text.replacing(
            /"total_uncorrected_errors": ?\d+/,
            with: "\"total_uncorrected_errors\": 340282366920938463463374607431768211455"
        )
        #expect(huge != text)
        let report = Smartctl.report(
            device: "/dev/sda",
            output: Array(huge.utf8),
            exitStatus: 0,
            time: .start
        )
        #expect(report.mediaErrors == .max)
        let before = try Fixture.report("seagate-st373453lc", time: Timestamp.start.after(days: -1))
        #expect(
            DiskRules.issues(of: report, after: before, earlier: [], now: .start).codes == ["W-DISK-04:sda"]
        )
    }

    @Test(
        "what is not JSON, not an object, or tells nothing of health is unreadable",
        arguments: [
            "", "smartctl: not found", "[]", "null", "{}", "{\"smartctl\":{}", "\u{0}",
            "{\"device\":{\"protocol\":\"ATA\"},\"model_name\":\"QEMU HARDDISK\"}",
            "{\"smart_status\":{\"passed\":\"yes\"}}",
        ]
    )
    func rubbish(_ text: String) {
        let report = Smartctl.report(
            device: "/dev/sda",
            output: Array(text.utf8),
            exitStatus: 0,
            time: .start
        )
        #expect(report.state == .unreadable)
        #expect(report.messages.allSatisfy { $0.count <= 200 })
    }

    @Test("more than 1 MB is not read") func limit() throws {
        let padding = [UInt8](repeating: UInt8(ascii: " "), count: Smartctl.outputLimit)
        let output = try Fixture.bytes("ct250p2ssd8")
        let whole = Smartctl.report(
            device: "/dev/nvme0",
            output: output + padding.dropLast(output.count),
            exitStatus: 0,
            time: .start
        )
        #expect(whole.state == .good)
        let report = Smartctl.report(
            device: "/dev/nvme0",
            output: output + padding,
            exitStatus: 0,
            time: .start
        )
        #expect(report.state == .unreadable)
        #expect(report.messages.count == 1)
    }

    @Test("thousands of damaged recordings: no crash, and small reports") func mutations() throws {
        var random = SplitMix(state: 0x5EED)
        let recordings = try Fixture.names().map { try Fixture.bytes($0) }
        let scraps = [
            "-", "9999999999999999999999999", "1e400", "null", "[[[[", "\"", "{", "\\u0000", "-0", ",",
            "true", "é",
        ]
        var states: Set<DiskReport.State> = []
        for round in 0..<3500 {
            var bytes = recordings[round % recordings.count]
            for _ in 0...Int.random(in: 0...3, using: &random) {
                let place = Int.random(in: 0..<max(1, bytes.count), using: &random)
                switch Int.random(in: 0..<5, using: &random) {
                case 0: if !bytes.isEmpty { bytes[place] = UInt8.random(in: .min ... .max, using: &random) }
                case 1:
                    bytes.insert(
                        contentsOf: Array((scraps.randomElement(using: &random) ?? "").utf8),
                        at: place
                    )
                case 2: bytes.removeSubrange(place..<min(bytes.count, place + 40))
                case 3:
                    bytes.replaceNumber(
                        after: place,
                        with: Array((scraps.randomElement(using: &random) ?? "").utf8)
                    )
                default: bytes.removeLast(min(bytes.count, Int.random(in: 0..<50, using: &random)))
                }
            }
            let exit = Int.random(in: 0...255, using: &random)
            let report = Smartctl.report(device: "/dev/sda", output: bytes, exitStatus: exit, time: .start)
            states.insert(report.state)
            #expect(try JSONEncoder().encode(report).count < 8192)
            let issues = DiskRules.issues(of: report, after: report, earlier: [], now: .start)
            #expect((issues?.count ?? 0) <= 8)
        }
        #expect(states.isSuperset(of: [.good, .warning, .failing, .unreadable, .asleep]))
    }
}

/// The same numbers on every run.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}

extension [UInt8] {
    /// The first run of digits at or after `place`.
    fileprivate mutating func replaceNumber(after place: Int, with text: [UInt8]) {
        let isDigit = { (byte: UInt8) in (0x30...0x39).contains(byte) }
        guard let first = self[Swift.min(place, count)...].firstIndex(where: isDigit) else { return }
        let end = self[first...].firstIndex { !isDigit($0) } ?? count
        replaceSubrange(first..<end, with: text)
    }
}
