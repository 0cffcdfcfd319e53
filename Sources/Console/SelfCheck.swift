// SPDX-License-Identifier: Apache-2.0
import Admin

/// What has to be well before an installation: a list of PASS and FAIL.
struct SelfCheck {
    enum Result: Sendable {
        case pass
        case fail
        /// Nobody tells.
        case unknown
    }

    enum Subject: Sendable {
        case supervisor
        case services
        case network
        case disks
        case memory
        case heat
        case clock
        case tpm
    }

    let text: ConsoleText
    let snapshot: StatusSnapshot

    var lines: [String] {
        ([supervisor, services, network] + hardware + [chip]).map { subject, result, detail in
            let left = " \(text.check(subject)): \(ScreenText.ascii(detail))"
            return ScreenText.dotted(left, text.check(result))
        }
    }

    private typealias Line = (subject: Subject, result: Result, detail: String)

    private var supervisor: Line {
        guard let status = snapshot.status else { return (.supervisor, .fail, "-") }
        return (.supervisor, .pass, "sw \(status.version)")
    }

    private var services: Line {
        guard let status = snapshot.status else { return (.services, .unknown, "-") }
        let list = status.services.map { "\(text.serviceName($0.name)) \(text.service($0.state))" }
        let isWell = status.services.allSatisfy { $0.state == .running || $0.state == .starting }
        return (.services, isWell ? .pass : .fail, list.joined(separator: ", "))
    }

    private var network: Line {
        guard snapshot.network != nil else { return (.network, .fail, text.noNetworkAnswer) }
        let links = snapshot.links
        let up = links.count(where: \.hasCarrier)
        return (.network, links.isEmpty ? .fail : .pass, text.linksUp(up, of: links.count))
    }

    private var hardware: [Line] {
        guard let report = snapshot.health?.report else {
            return [Subject.disks, .memory, .heat, .clock].map { ($0, .unknown, text.notTold) }
        }
        return [disks(report), memory(report), heat(report), clock(report.clock)]
    }

    private func disks(_ report: HealthReport) -> Line {
        let disks = report.disks.map { "\($0.name) \(text.disk($0.state))" }
        let arrays = report.raid.map { "\($0.name) [\($0.devices)]" }
        let isWell =
            report.disks.allSatisfy { $0.state == .good || $0.state == .asleep }
            && !report.raid.contains(where: \.isDegraded)
            && !report.fileSystems.contains { $0.takesWrites == false }
        if disks.isEmpty { return (.disks, .unknown, text.noDisk) }
        return (.disks, isWell ? .pass : .fail, (disks + arrays).joined(separator: ", "))
    }

    private func memory(_ report: HealthReport) -> Line {
        guard let memory = report.memory else { return (.memory, .unknown, text.notTold) }
        let isWell = (memory.eccUncorrected ?? 0) == 0
        return (.memory, isWell ? .pass : .fail, ScreenText.bytes(memory.totalBytes))
    }

    private func heat(_ report: HealthReport) -> Line {
        let hot = report.sensors.filter { sensor in
            (sensor.criticalCelsius ?? sensor.highCelsius).map { sensor.celsius >= $0 } ?? false
        }
        let stuck = report.fans.filter(\.hasAlarm)
        if report.sensors.isEmpty, report.fans.isEmpty { return (.heat, .unknown, text.notTold) }
        let highest = report.sensors.map(\.celsius).max().map { "\(Int($0)) C" } ?? "-"
        let names = hot.map(\.label) + stuck.map(\.label)
        return (.heat, names.isEmpty ? .pass : .fail, ([highest] + names).joined(separator: ", "))
    }

    private func clock(_ report: ClockReport?) -> Line {
        guard let report else { return (.clock, .unknown, text.notTold) }
        return (.clock, report.isSynchronised ? .pass : .fail, report.source ?? text.clock(report))
    }

    private var chip: Line {
        guard let tpm = snapshot.health?.tpm else {
            let failure = snapshot.health?.tpmFailure
            return (.tpm, failure == nil ? .unknown : .fail, failure ?? text.notTold)
        }
        let isWell = tpm.selfTest.hasPassed && tpm.lockout.map { !$0.isLocked } ?? false
        return (.tpm, isWell ? .pass : .fail, text.tpm(tpm))
    }
}
