// SPDX-License-Identifier: Apache-2.0

/// What the box knows of its own hardware at one time: `GET /v1/health`.
package struct HealthReport: Codable, Equatable, Sendable {
    package var time: Timestamp
    package var disks: [DiskReport]
    package var raid: [RAIDReport]
    package var sensors: [SensorReading]
    package var fans: [FanReading]
    package var fileSystems: [FileSystemReport]
    package var memory: MemoryReport?
    /// Absent where no time service was asked.
    package var clock: ClockReport?
    /// Absent where there is none, or it does not answer.
    package var ups: UPSReport?

    package init(
        time: Timestamp,
        disks: [DiskReport] = [],
        raid: [RAIDReport] = [],
        sensors: [SensorReading] = [],
        fans: [FanReading] = [],
        fileSystems: [FileSystemReport] = [],
        memory: MemoryReport? = nil,
        clock: ClockReport? = nil,
        ups: UPSReport? = nil
    ) {
        self.time = time
        self.disks = disks
        self.raid = raid
        self.sensors = sensors
        self.fans = fans
        self.fileSystems = fileSystems
        self.memory = memory
        self.clock = clock
        self.ups = ups
    }
}

/// What smartctl told of one disk. A value that the disk does not tell is absent.
package struct DiskReport: Codable, Equatable, Sendable {
    package enum Kind: String, Codable, Sendable, CaseIterable {
        case ataHDD = "ata-hdd"
        case ataSSD = "ata-ssd"
        case nvme
        /// Serial attached SCSI too, whether it turns or not.
        case scsi
    }

    package enum State: String, Codable, Sendable, CaseIterable {
        case good
        /// The disk notes something, but does not say that it fails.
        case warning
        /// The disk itself says so.
        case failing
        /// Was not asked, so as not to wake it.
        case asleep
        /// Could not be opened, or tells nothing of its health.
        case unreadable
        /// No answer before the deadline.
        case silent
    }

    /// `/dev/sda`; of NVMe the controller, `/dev/nvme0`.
    package var device: String
    /// When it was asked.
    package var time: Timestamp
    package var state: State
    package var kind: Kind?
    package var model: String?
    package var serial: String?
    package var firmware: String?
    package var capacityBytes: Int?
    package var temperatureCelsius: Int?
    package var powerOnHours: Int?
    /// Endurance used; may be more than 100.
    package var wearPercent: Int?
    /// NVMe: reserve that is left, and what the maker calls too little.
    package var sparePercent: Int?
    package var spareThresholdPercent: Int?
    /// ATA attribute 5; SCSI: the list of grown defects.
    package var reallocatedSectors: Int?
    /// ATA attribute 197.
    package var pendingSectors: Int?
    /// Data that could not be read or written: NVMe media errors, ATA attribute 187, SCSI uncorrected errors.
    package var mediaErrors: Int?
    /// Between disk and controller, ATA attribute 199: a cable rather than the disk.
    package var crcErrors: Int?
    /// Failed self-tests, without those that a later one made good.
    package var selfTestErrors: Int?
    /// The disk's own verdict.
    package var hasPassed: Bool?
    /// NVMe critical warning, a set of bits (NVM Express base specification 5.16.1.3, byte 0).
    package var criticalWarning: Int?
    /// Names of ATA attributes that are at their threshold now.
    package var failingAttributes: [String]
    /// Of smartctl, a set of bits (smartctl(8), "EXIT STATUS"); absent where it was ended.
    package var exitStatus: Int?
    /// What smartctl remarked, shortened.
    package var messages: [String]

    package init(device: String, time: Timestamp, state: State) {
        self.device = device
        self.time = time
        self.state = state
        failingAttributes = []
        messages = []
    }

    /// `sda`, `nvme0`: what its issues are named after.
    package var name: String { device.split(separator: "/").last.map(String.init) ?? device }
}

/// An array of the kernel's md driver.
package struct RAIDReport: Codable, Equatable, Sendable {
    package var name: String
    /// `raid1`.
    package var level: String
    /// A letter per slot: `U` works, `_` is missing, failed or not yet rebuilt.
    package var devices: String
    package var isDegraded: Bool
    /// As the kernel names it: `clean`, `active`, `inactive`.
    package var state: String
    /// Of a rebuild, or of a check, while there is one.
    package var syncPercent: Double?

    package init(
        name: String,
        level: String,
        devices: String,
        isDegraded: Bool,
        state: String,
        syncPercent: Double? = nil
    ) {
        self.name = name
        self.level = level
        self.devices = devices
        self.isDegraded = isDegraded
        self.state = state
        self.syncPercent = syncPercent
    }
}

package struct SensorReading: Codable, Equatable, Sendable {
    package var chip: String
    package var label: String
    package var celsius: Double
    package var highCelsius: Double?
    package var criticalCelsius: Double?

    package init(
        chip: String,
        label: String,
        celsius: Double,
        highCelsius: Double? = nil,
        criticalCelsius: Double? = nil
    ) {
        self.chip = chip
        self.label = label
        self.celsius = celsius
        self.highCelsius = highCelsius
        self.criticalCelsius = criticalCelsius
    }
}

package struct FanReading: Codable, Equatable, Sendable {
    package var chip: String
    package var label: String
    package var rotationsPerMinute: Int
    /// The chip's own verdict.
    package var hasAlarm: Bool

    package init(chip: String, label: String, rotationsPerMinute: Int, hasAlarm: Bool = false) {
        self.chip = chip
        self.label = label
        self.rotationsPerMinute = rotationsPerMinute
        self.hasAlarm = hasAlarm
    }
}

package struct FileSystemReport: Codable, Equatable, Sendable {
    /// Where it is mounted.
    package var path: String
    package var totalBytes: Int
    /// Left for the box's programs.
    package var freeBytes: Int
    /// Absent where the file system makes inodes as it needs them.
    package var freeInodesPercent: Double?
    /// Errors that ext4 has noted in itself since the last fsck; absent of other file systems.
    package var errors: Int?
    /// Whether a few bytes written to it reached the disk; absent where that was not tried.
    package var takesWrites: Bool?

    package init(
        path: String,
        totalBytes: Int,
        freeBytes: Int,
        freeInodesPercent: Double? = nil,
        errors: Int? = nil,
        takesWrites: Bool? = nil
    ) {
        self.path = path
        self.totalBytes = totalBytes
        self.freeBytes = freeBytes
        self.freeInodesPercent = freeInodesPercent
        self.errors = errors
        self.takesWrites = takesWrites
    }
}

package struct MemoryReport: Codable, Equatable, Sendable {
    package var totalBytes: Int
    /// For new work, without swapping.
    package var availableBytes: Int
    /// Percent of the last minute in which every task waited for memory (pressure stall information).
    package var fullPressurePercent: Double?
    /// Programs that the kernel ended for want of memory.
    package var oomKills: Int?
    /// Memory errors since the box started, by the memory controllers' count.
    package var eccCorrected: Int?
    package var eccUncorrected: Int?

    package init(
        totalBytes: Int,
        availableBytes: Int,
        fullPressurePercent: Double? = nil,
        oomKills: Int? = nil,
        eccCorrected: Int? = nil,
        eccUncorrected: Int? = nil
    ) {
        self.totalBytes = totalBytes
        self.availableBytes = availableBytes
        self.fullPressurePercent = fullPressurePercent
        self.oomKills = oomKills
        self.eccCorrected = eccCorrected
        self.eccUncorrected = eccUncorrected
    }
}

package struct ClockReport: Codable, Equatable, Sendable {
    /// With a source outside the box.
    package var isSynchronised: Bool
    /// Of the box's clock; positive where it is behind.
    package var offsetSeconds: Double?
    package var stratum: Int?
    /// Name or address of the server.
    package var source: String?

    package init(
        isSynchronised: Bool,
        offsetSeconds: Double? = nil,
        stratum: Int? = nil,
        source: String? = nil
    ) {
        self.isSynchronised = isSynchronised
        self.offsetSeconds = offsetSeconds
        self.stratum = stratum
        self.source = source
    }
}

package struct UPSReport: Codable, Equatable, Sendable {
    /// Words of NUT's `ups.status`: `OL` on line, `OB` on battery, `LB` battery low, `CHRG`, `RB`.
    package var status: [String]
    package var chargePercent: Int?
    package var runtimeSeconds: Int?

    package init(status: [String], chargePercent: Int? = nil, runtimeSeconds: Int? = nil) {
        self.status = status
        self.chargePercent = chargePercent
        self.runtimeSeconds = runtimeSeconds
    }

    package var isOnBattery: Bool { status.contains("OB") }
    /// By the UPS's own account.
    package var isLow: Bool { status.contains("LB") }
}
