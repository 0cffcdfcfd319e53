// SPDX-License-Identifier: Apache-2.0
import Admin
import Testing

/// What a recording is to become. Counts in the order of the report's members.
struct Expected: Sendable, CustomTestStringConvertible {
    let file: String
    let kind: DiskReport.Kind?
    let state: DiskReport.State
    let model: String?
    let celsius: Int?
    let hours: Int?
    var wear: Int?
    var spare: [Int] = []
    var reallocated: Int?
    var pending: Int?
    var media: Int?
    var crc: Int?
    var selfTests: Int?
    var issues: [String] = []

    var testDescription: String { file }

    static let nvme: [Self] = [
        nvme("intel-ssdpe2kx080t8", "INTEL SSDPE2KX080T8", 29, 12_164),
        nvme("samsung-ssd-970-evo-plus-250gb", "Samsung SSD 970 EVO Plus 250GB", 35, 3149),
        nvme("samsung-ssd-970-evo-500gb", "Samsung SSD 970 EVO 500GB", 35, 12_798, 3, [99, 10], media: 7),
        nvme("micron-7450-mtfdkcb3t8tfr", "Micron_7450_MTFDKCB3T8TFR", 27, 150),
        nvme("ct250p2ssd8", "CT250P2SSD8", 26, 10_147, 0, [100, 5]),
        nvme("intel-ssdpedmd400g4", "INTEL SSDPEDMD400G4", 28, 41_951, 5),
        nvme("kxg60znv512g-toshiba", "KXG60ZNV512G TOSHIBA", 37, 12_173, 1),
        nvme("wds100t1x0e-00afy0", "WDS100T1X0E-00AFY0", 37, 10_531),
        nvme("force-mp510", "Force MP510", 38, 6487, 1, [100, 5]),
    ]
    static let hdd: [Self] = [
        Self(
            file: "hitachi-hds721050dle630",
            kind: .ataHDD,
            state: .failing,
            model: "Hitachi HDS721050DLE630",
            celsius: 25,
            hours: 65_592,
            reallocated: 1975,
            pending: 8,
            crc: 0,
            selfTests: 3,
            issues: ["E-DISK-01:sda", "E-DISK-02:sda", "W-DISK-05:sda"]
        ),
        Self(
            file: "wdc-wd3200bevt-60zct0",
            kind: .ataHDD,
            state: .failing,
            model: "WDC WD3200BEVT-60ZCT0",
            celsius: 27,
            hours: 16_402,
            reallocated: 535,
            pending: 1,
            media: 84,
            crc: 0,
            selfTests: 3,
            issues: ["E-DISK-01:sda", "E-DISK-02:sda", "W-DISK-05:sda"]
        ),
        hdd("st3200820as", "ST3200820AS", 35, 100_216, media: 0),
        hdd("st3500418as", "ST3500418AS", 32, 44_670, reallocated: 1, media: 0),
        hdd("wdc-wd20efrx-68euzn0", "WDC WD20EFRX-68EUZN0", 34, 47_657, media: nil),
        hdd("hitachi-hds721010cla332", "Hitachi HDS721010CLA332", 28, 109_245, media: nil),
        hdd("mb0500ebncr", "MB0500EBNCR", 26, 89_214, media: 1),
        hdd("st2000dm006-2dm164", "ST2000DM006-2DM164", 26, 19_073, media: 0, selfTests: 0),
    ]
    static let ssd: [Self] = [
        ssd("samsung-mz7wd240hafv-00003", "SAMSUNG MZ7WD240HAFV-00003", 27, 84_619, 9, media: 0),
        ssd("samsung-ssd-840-series", "Samsung SSD 840 Series", 33, 19_497, 2, media: 0, crc: 108),
        ssd("samsung-ssd-860-evo-500gb", "Samsung SSD 860 EVO 500GB", 36, 14_551, 19, media: 0, selfTests: 0),
        ssd(
            "samsung-ssd-850-evo-m2-250gb",
            "Samsung SSD 850 EVO M.2 250GB",
            25,
            19_416,
            28,
            media: 0,
            selfTests: 0
        ),
        ssd("ssdsckjb240g7r", "SSDSCKJB240G7R", 47, 21_213, 0, pending: 0),
        ssd("intel-ssdsc2bb120g4l", "INTEL SSDSC2BB120G4L", 27, 63_357, 0, pending: 0, media: 0),
        ssd("hfs1t9g3h2x069n", "HFS1T9G3H2X069N", 34, 12_441, 0),
        ssd("toshiba-hg6-series-ssd", nil, 30, 60_323, nil, pending: 0, crc: nil, selfTests: 0),
    ]
    static let scsi: [Self] = [
        scsi("seagate-st373453lc", "SEAGATE ST373453LC", 33, 102_880, 260, media: 536),
        scsi("hitachi-h109060sesun600g", "HITACHI H109060SESUN600G", 26, 22_364, 0),
        scsi("seagate-st600mp0036", "SEAGATE ST600MP0036", 29, 4665, 0),
        scsi("hgst-husmr3280ass200", "HGST HUSMR3280ASS200", 27, 4596, nil, wear: 0),
        scsi("toshiba-kpm5xmug400g", "TOSHIBA KPM5XMUG400G", 30, 4665, 0, wear: 0),
        scsi("seagate-st1200mm0088", "SEAGATE ST1200MM0088", 31, 5675, 0),
    ]
    static let unreadable: [Self] = [
        unreadable("open-failed-permission-denied", nil), unreadable("open-failed-windows-error-5", nil),
        unreadable("identify-failed-scsi", .scsi), unreadable("nonexistent-device", nil),
    ]
    static let all = nvme + hdd + ssd + scsi + unreadable

    private static func nvme(
        _ file: String,
        _ model: String,
        _ celsius: Int,
        _ hours: Int,
        _ wear: Int = 0,
        _ spare: [Int] = [100, 10],
        media: Int = 0
    ) -> Self {
        Self(
            file: file,
            kind: .nvme,
            state: .good,
            model: model,
            celsius: celsius,
            hours: hours,
            wear: wear,
            spare: spare,
            media: media
        )
    }

    private static func hdd(
        _ file: String,
        _ model: String,
        _ celsius: Int,
        _ hours: Int,
        reallocated: Int = 0,
        media: Int?,
        selfTests: Int? = nil
    ) -> Self {
        Self(
            file: file,
            kind: .ataHDD,
            state: .good,
            model: model,
            celsius: celsius,
            hours: hours,
            reallocated: reallocated,
            pending: 0,
            media: media,
            crc: 0,
            selfTests: selfTests
        )
    }

    private static func ssd(
        _ file: String,
        _ model: String?,
        _ celsius: Int,
        _ hours: Int,
        _ wear: Int?,
        pending: Int? = nil,
        media: Int? = nil,
        crc: Int? = 0,
        selfTests: Int? = nil
    ) -> Self {
        Self(
            file: file,
            kind: .ataSSD,
            state: .good,
            model: model,
            celsius: celsius,
            hours: hours,
            wear: wear,
            reallocated: 0,
            pending: pending,
            media: media,
            crc: crc,
            selfTests: selfTests
        )
    }

    private static func scsi(
        _ file: String,
        _ model: String,
        _ celsius: Int,
        _ hours: Int,
        _ grown: Int?,
        wear: Int? = nil,
        media: Int = 0
    ) -> Self {
        Self(
            file: file,
            kind: .scsi,
            state: .good,
            model: model,
            celsius: celsius,
            hours: hours,
            wear: wear,
            reallocated: grown,
            media: media
        )
    }

    private static func unreadable(_ file: String, _ kind: DiskReport.Kind?) -> Self {
        Self(
            file: file,
            kind: kind,
            state: .unreadable,
            model: nil,
            celsius: nil,
            hours: nil,
            issues: ["W-DISK-06:sda"]
        )
    }
}
