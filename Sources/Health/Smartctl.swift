// SPDX-License-Identifier: Apache-2.0
package import Admin

/// What `smartctl --json=c -n standby,3 -a DEVICE` answers.
package enum Smartctl {
    /// Longest output that is read, in bytes.
    package static let outputLimit = 1 << 20

    private static let listedMessages = 8
    private static let plausibleCelsius = -60...200

    /// smartctl(8), "EXIT STATUS".
    struct ExitStatus: OptionSet {
        let rawValue: Int

        static let commandLine = Self(rawValue: 1 << 0)
        static let openFailed = Self(rawValue: 1 << 1)
        static let failing = Self(rawValue: 1 << 3)
        static let prefail = Self(rawValue: 1 << 4)
        static let pastThreshold = Self(rawValue: 1 << 5)
        static let selfTestLog = Self(rawValue: 1 << 7)

        /// Of `-n standby,3`. The two bits do not occur together otherwise: each ends the program at once.
        static let asleep = 3
    }

    /// Reads one answer. Whatever the bytes are there is a report, and it is small: output that cannot be
    /// read makes the disk unreadable.
    package static func report(
        device: String,
        output: [UInt8],
        exitStatus: Int,
        time: Timestamp
    ) -> DiskReport {
        var report = DiskReport(device: device, time: time, state: .unreadable)
        report.exitStatus = exitStatus
        var document = LooseJSON(nil)
        if output.count <= outputLimit, let value = try? JSONValue(parsing: output) {
            document = LooseJSON(value)
        }
        let messages = document["smartctl"]["messages"].elements.compactMap { $0["string"].text }
        report.messages = Array(messages.prefix(listedMessages))
        readIdentity(document, into: &report)
        readHealth(document, into: &report)
        report.state = state(of: report, isTold: hasHealth(document))
        if !document.isObject, report.state == .unreadable {
            report.messages = ["smartctl: \(output.count) bytes that are not a JSON object"]
        }
        return report
    }

    /// For a disk that smartctl did not come back from before its deadline.
    package static func silent(device: String, time: Timestamp) -> DiskReport {
        DiskReport(device: device, time: time, state: .silent)
    }

    private static func state(of report: DiskReport, isTold: Bool) -> DiskReport.State {
        let exit = ExitStatus(rawValue: report.exitStatus ?? 0)
        if exit.rawValue == ExitStatus.asleep || report.messages.contains(where: tellsOfSleep) {
            return .asleep
        }
        if exit.contains(.commandLine) || exit.contains(.openFailed) || !isTold { return .unreadable }
        if exit.contains(.failing) || !report.reasonsToFail.isEmpty { return .failing }
        let notes: ExitStatus = [.prefail, .pastThreshold, .selfTestLog]
        return exit.isDisjoint(with: notes) && (report.pendingSectors ?? 0) == 0 ? .good : .warning
    }

    /// "Device is in STANDBY mode, exit(2)": what older scripts' `-n standby` gives.
    private static func tellsOfSleep(_ message: String) -> Bool {
        message.hasPrefix("Device is in ") && message.contains(" mode") && message.contains("exit(")
    }

    private static func hasHealth(_ document: LooseJSON) -> Bool {
        document["smart_status"]["passed"].bool != nil
            || document["nvme_smart_health_information_log"].isObject
            || !document["ata_smart_attributes"]["table"].elements.isEmpty
    }

    private static func readIdentity(_ document: LooseJSON, into report: inout DiskReport) {
        let vendorAndProduct = [document["scsi_vendor"].text, document["scsi_product"].text].compactMap(
            \.self
        )
        report.model =
            document["model_name"].text ?? document["scsi_model_name"].text
            ?? (vendorAndProduct.isEmpty ? nil : vendorAndProduct.joined(separator: " "))
        report.serial = document["serial_number"].text
        report.firmware = document["firmware_version"].text ?? document["scsi_revision"].text
        report.capacityBytes =
            document["user_capacity"]["bytes"].count ?? document["nvme_total_capacity"].count
        report.kind = kind(document, model: report.model ?? "")
    }

    private static func kind(_ document: LooseJSON, model: String) -> DiskReport.Kind? {
        switch document["device"]["protocol"].text {
        case "NVMe": return .nvme
        case "SCSI": return .scsi
        case "ATA":
            guard let rotation = document["rotation_rate"].count else {
                // Before ATA8-ACS a disk did not say. The database's names of attributes do.
                let names = document["ata_smart_attributes"]["table"].elements.compactMap { $0["name"].text }
                return model.contains("SSD") || names.contains { $0.contains("SSD") } ? .ataSSD : .ataHDD
            }
            return rotation == 0 ? .ataSSD : .ataHDD
        default: return document["nvme_smart_health_information_log"].isObject ? .nvme : nil
        }
    }

    private static func readHealth(_ document: LooseJSON, into report: inout DiskReport) {
        report.hasPassed = document["smart_status"]["passed"].bool
        report.powerOnHours = document["power_on_time"]["hours"].count
        report.temperatureCelsius = celsius(document["temperature"]["current"].integer)
        switch report.kind {
        case .nvme: readNVMe(document["nvme_smart_health_information_log"], into: &report)
        case .scsi: readSCSI(document, into: &report)
        case .ataHDD, .ataSSD: readATA(document, into: &report)
        case nil: break
        }
    }

    private static func readNVMe(_ log: LooseJSON, into report: inout DiskReport) {
        report.criticalWarning = log["critical_warning"].count
        report.sparePercent = log["available_spare"].count
        report.spareThresholdPercent = log["available_spare_threshold"].count
        report.wearPercent = log["percentage_used"].count
        report.mediaErrors = log["media_errors"].count
        report.powerOnHours = report.powerOnHours ?? log["power_on_hours"].count
        report.temperatureCelsius = report.temperatureCelsius ?? celsius(log["temperature"].integer)
    }

    private static func readSCSI(_ document: LooseJSON, into report: inout DiskReport) {
        report.wearPercent = document["scsi_percentage_used_endurance_indicator"].count
        report.reallocatedSectors = document["scsi_grown_defect_list"].count
        let log = document["scsi_error_counter_log"]
        let counts = ["read", "write", "verify"].compactMap { log[$0]["total_uncorrected_errors"].count }
        if !counts.isEmpty { report.mediaErrors = counts.reduce(0) { $0.addingClamped($1) } }
    }

    private static func readATA(_ document: LooseJSON, into report: inout DiskReport) {
        for attribute in document["ata_smart_attributes"]["table"].elements {
            guard let id = attribute["id"].count else { continue }
            let name = attribute["name"].text ?? ""
            // The text is without what makers pack into the upper bytes: "25 (Min/Max 19/39)".
            let raw =
                attribute["raw"]["string"].text.flatMap(Int.init(leading:)) ?? attribute["raw"]["value"].count
            switch id {
            case 5: report.reallocatedSectors = raw
            case 187: report.mediaErrors = raw
            case 190: report.temperatureCelsius = report.temperatureCelsius ?? celsius(raw)
            case 194:
                report.temperatureCelsius =
                    celsius(document["temperature"]["current"].integer) ?? celsius(raw)
            case 197: report.pendingSectors = raw
            case 199: report.crcErrors = raw
            default: break
            }
            if report.kind == .ataSSD, let life = ATAWear.lifePercent(id, name, attribute["value"].count) {
                report.wearPercent = max(report.wearPercent ?? 0, 100 - life)
            }
            if attribute["when_failed"].text == "now", attribute["flags"]["prefailure"].bool == true {
                report.failingAttributes.append(name.isEmpty ? "\(id)" : name)
            }
        }
        // Larger than any disk's table.
        report.failingAttributes = Array(report.failingAttributes.prefix(30))
        let log = document["ata_smart_self_test_log"]
        for name in ["standard", "extended"] {
            guard let total = log[name]["error_count_total"].count else { continue }
            let current = total - (log[name]["error_count_outdated"].count ?? 0)
            report.selfTestErrors = max(report.selfTestErrors ?? 0, current)
        }
    }

    private static func celsius(_ value: Int?) -> Int? {
        value.flatMap { plausibleCelsius.contains($0) ? $0 : nil }
    }
}

/// ATA attributes whose normalised value is the life that is left. Ids are the makers' own; only together
/// with the name that smartctl's database gives do they mean something: 233 also counts what was written.
private enum ATAWear {
    private static let names: [Int: Set<String>] = [
        169: ["Remaining_Lifetime_Perc"],
        173: ["Wear_Leveling_Count", "Ave_Block-Erase_Count"],
        177: ["Wear_Leveling_Count"],
        202: ["Percent_Lifetime_Remain", "Percent_Lifetime_Used", "Perc_Rated_Life_Used", "End_of_Life"],
        231: ["SSD_Life_Left"],
        233: ["Media_Wearout_Indicator"],
    ]
    /// These two are also the names for disks that the database does not know; there, 0 can mean anything.
    private static let defaultIDs: Set = [177, 233]

    static func lifePercent(_ id: Int, _ name: String, _ value: Int?) -> Int? {
        guard let value, value <= 100, names[id]?.contains(name) == true else { return nil }
        return value == 0 && defaultIDs.contains(id) ? nil : value
    }
}

extension DiskReport {
    /// Why the disk counts as failing by what it tells, in words; none where it does not. The spare has to be
    /// strictly below its threshold: emulated disks report 0 for both.
    var reasonsToFail: [String] {
        var reasons = hasPassed == false ? ["self-assessment failed"] : []
        let warnings = [
            "spare low", "temperature", "reliability degraded", "read-only", "memory backup failed",
            "persistent memory unreliable",
        ]
        let bits = criticalWarning ?? 0
        reasons += warnings.enumerated().filter { bits >> $0.offset & 1 == 1 }.map {
            "critical warning: \($0.element)"
        }
        if bits != 0, bits & 0x3F == 0 { reasons.append("critical warning \(bits)") }
        if let sparePercent, let spareThresholdPercent, sparePercent < spareThresholdPercent {
            reasons.append("spare \(sparePercent) % below \(spareThresholdPercent) %")
        }
        return reasons
    }

    /// It was asked and answered.
    var hasValues: Bool { state == .good || state == .warning || state == .failing }
}

extension Int {
    func addingClamped(_ other: Int) -> Int {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }
}
