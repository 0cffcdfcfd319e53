// SPDX-License-Identifier: Apache-2.0
import Admin

/// What the admin API says of the box at one time; absent where it said nothing.
struct StatusSnapshot: Sendable {
    static let requests: [ConsoleRequest] = [
        .get("/v1/status"), .get("/v1/network"), .get("/v1/config"), .get("/v1/health", seconds: 20),
        .get("/v1/users"),
    ]

    let status: BoxStatus?
    let network: NetworkStatus?
    let document: JSONValue?
    /// Of the document.
    let etag: String?
    let health: BoxHealth?
    let users: ConsoleUserList?

    /// `answers` are those to `requests`.
    init(_ answers: [ConsoleAnswer]) {
        let padded = answers + Array(repeating: .unreachable, count: max(0, 5 - answers.count))
        status = padded[0].value(BoxStatus.self)
        network = padded[1].value(NetworkStatus.self)
        document = padded[2].json
        etag = padded[2].etag
        health = padded[3].value(BoxHealth.self)
        users = padded[4].value(ConsoleUserList.self)
    }

    /// Nobody has given the box a network yet.
    var isFactory: Bool {
        guard let document else { return false }
        return (document[path: "network"] ?? .null) == .null
    }

    /// Nobody can log in, and there is nothing to protect yet.
    var isOpen: Bool { isFactory && users?.users.isEmpty == true }

    /// Without the loopback.
    var links: [NetworkStatus.Link] { network?.links.filter { $0.name != "lo" } ?? [] }

    func zone(of interface: String) -> String? {
        guard case .array(let list)? = document?[path: "network.interfaces"] else { return nil }
        let entry = list.first { $0[path: "name"] == .string(interface) }
        guard case .string(let zone)? = entry?[path: "zone"] else { return nil }
        return zone
    }
}

/// The screen that everybody may see: no patient data.
struct StatusScreen {
    private static let linkRows = 6

    let snapshot: StatusSnapshot
    let text: ConsoleText
    let date: Timestamp

    var lines: [String] {
        let clock = "\(ScreenText.minute(date)) UTC, \(text.clock(snapshot.health?.report.clock))"
        guard let status = snapshot.status else {
            return [
                ScreenText.rule, ScreenText.spread(" DRIMbox   \(text.state(snapshot))", clock),
                ScreenText.rule,
            ]
                + text.supervisorSilent.map { " \($0)" } + [ScreenText.rule]
        }
        let site = String(ScreenText.ascii(status.site).prefix(40))
        let head = [
            ScreenText.rule,
            ScreenText.spread(" DRIMbox \(site)", text.state(snapshot)),
            ScreenText.spread(" \(clock)", "sw \(status.version)   \(text.up(status.uptimeSeconds))"),
            ScreenText.rule,
        ]
        var lines = head + linkLines + [serviceLine(status)]
        let foot = [ScreenText.rule, " \(text.statusKeys)"]
        // The notice and the prompt come below.
        var room = ScreenText.rows - foot.count - lines.count - 2
        lines.append(" \(text.issueCount(status.issues.count))")
        for (index, issue) in status.issues.enumerated() {
            let rows = issueLines(issue)
            guard room > rows.count else {
                lines.append("    \(text.more(status.issues.count - index))")
                break
            }
            lines += rows
            room -= rows.count
        }
        return lines + foot
    }

    private var linkLines: [String] {
        guard snapshot.network != nil else { return [" \(text.noNetworkAnswer)"] }
        // Those that somebody has given a zone first.
        let links = snapshot.links.sorted {
            let (left, right) = (snapshot.zone(of: $0.name) ?? "~", snapshot.zone(of: $1.name) ?? "~")
            return (left, $0.name) < (right, $1.name)
        }
        var lines = links.prefix(Self.linkRows).map { link in
            let name = ScreenText.padded(ScreenText.ascii(link.name), 10)
            let state = ScreenText.padded(text.link(link.hasCarrier), 12)
            let zone = ScreenText.padded(snapshot.zone(of: link.name) ?? "-", 5)
            let addresses = link.addresses.filter { !$0.lowercased().hasPrefix("fe80:") }
            let shown = addresses.isEmpty ? "-" : addresses.joined(separator: " ")
            return String(" \(name) \(state) \(zone) \(ScreenText.ascii(shown))".prefix(ScreenText.columns))
        }
        if links.count > Self.linkRows { lines.append("    \(text.more(links.count - Self.linkRows))") }
        return lines
    }

    private func serviceLine(_ status: BoxStatus) -> String {
        let services = status.services.map {
            "\(text.serviceName(ScreenText.ascii($0.name))) \(text.service($0.state))"
        }
        return String((" " + services.joined(separator: "   ")).prefix(ScreenText.columns))
    }

    private func issueLines(_ issue: Issue) -> [String] {
        let mark = text.severity(issue.severity)
        let head = ScreenText.ascii(" \(mark) \(issue.code)  \(text.summary(issue))")
        let advice = text.suggestions(issue).prefix(1).map { ScreenText.ascii("    -> \($0)") }
        return ([head] + advice).flatMap { ScreenText.wrap($0) }
    }
}
