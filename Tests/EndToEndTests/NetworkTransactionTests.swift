// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

/// What `Tests/Support/network_lab` measured, by path: `care0`, `netgen.status`, `revision.0`.
struct Measured {
    private let value: Any?

    init(_ scenario: String, seconds: Double = 300) throws {
        let lab = Bench.support.appending(path: "network_lab").path
        let result = try run(lab, [scenario, "--bin", Bench.release.path], seconds: seconds)
        let object = try? JSONSerialization.jsonObject(with: Data(result.output.utf8))
        try #require(result.status == 0 && object != nil, "\(result.output) \(result.errors)")
        value = object
        print("network_lab \(scenario): \(result.output)")
    }

    private init(_ value: Any?) {
        self.value = value
    }

    subscript(_ path: String) -> Measured {
        path.split(separator: ".").reduce(self) { found, step in
            if let list = found.value as? [Any], let index = Int(step) {
                return Measured(index < list.count ? list[index] : nil)
            }
            return Measured((found.value as? [String: Any])?[String(step)])
        }
    }

    /// For keys with dots.
    func member(_ key: String) -> Measured { Measured((value as? [String: Any])?[key]) }

    var text: String? { value as? String }
    var texts: [String]? { value as? [String] }
    var number: Double? { (value as? NSNumber)?.doubleValue }
    var bool: Bool? { (value as? NSNumber)?.boolValue }
    var keys: [String] { (value as? [String: Any])?.keys.sorted() ?? [] }
    var elements: [Measured] { (value as? [Any])?.map { Measured($0) } ?? [] }

    static var isAvailable: Bool {
        let tools = [
            "unshare", "nsenter", "setpriv", "ip", "nft", "networkctl", "dbus-daemon", "dnsmasq", "curl",
            "python3", "/lib/systemd/systemd-networkd", Bench.release.appending(path: "drimbox-netgen").path,
        ]
        guard geteuid() == 0, tools.allSatisfy(Bench.has) else { return false }
        let namespaces = ["--net", "--mount", "--pid", "--fork", "--mount-proc", "true"]
        return (try? EndToEndTests.run("unshare", namespaces))?.status == 0
    }
}

extension EndToEnd {
    @Suite(
        "Network transactions beside a real systemd-networkd",
        .enabled(
            if: Measured.isAvailable,
            "needs root, namespaces, systemd-networkd, dbus-daemon, dnsmasq, nft, curl and python3"
        )
    )
    struct NetworkTransactionTests {
        private let old = ["10.10.0.5/24"]

        @Test(
            "the first network: addresses, a default route, and a firewall that lets DICOM in from care only"
        )
        func firstNetwork() throws {
            let found = try Measured("first-network")
            #expect(found["state"].text == "confirmed" && found["revision"].number == 2)
            #expect(found["open_before"].bool == true)
            #expect(found["care0"].texts == old && found["dmz0"].texts == ["192.0.2.5/24"])
            #expect(
                found["files"].keys == [
                    "10-drimbox-care0.network", "10-drimbox-dmz0.network", "90-drimbox-others.network",
                ]
            )
            #expect(found["own"].keys == ["chrony.sources", "firewall.nft", "resolv.conf"])
            #expect(found["own"].member("resolv.conf").text == "nameserver 10.10.0.1\n")
            #expect(found["default"].text?.contains("via 10.10.0.1 dev care0") == true)
            #expect(found["rules"].text?.contains("saddr 10.10.0.0/24 tcp dport 11112 accept") == true)
            #expect(found["reached"].member("dicom from care").text == "connected")
            #expect(found["reached"].member("other port from care").text == "silent")
            #expect(found["reached"].member("dicom from dmz").text == "silent")
            #expect(found["warnings"].elements.isEmpty)
        }

        @Test("a person confirms on a new connection only, and the other interface sees nothing of it")
        func manual() throws {
            let found = try Measured("manual-confirmation")
            #expect(found["old_connection.0"].number == 409)
            #expect(found["old_connection.1"].text == "config.connection")
            #expect(found["new_connection.0"].number == 200)
            #expect(found["new_connection.1"].text == "confirmed")
            #expect(found["again.1"].text == "config.confirmed")
            #expect(found["care0"].texts == ["10.10.0.66/24"])
            #expect((found["care0_events"].number ?? 0) > 0)
            #expect(found["dmz0_events"].texts == [])
        }

        @Test("not confirmed: undone at the deadline; cancelled: undone when the answer comes")
        func expiry() throws {
            let found = try Measured("expiry")
            let late = try #require(found["seconds_after_deadline"].number)
            #expect((-0.5...5).contains(late))
            #expect(found["reason"].text == "not confirmed in 10 s")
            #expect(found["cancel.status"].number == 200)
            #expect(found["cancel.care0"].texts == old)
            #expect(found["revision"].number == 1)
        }

        @Test("probes confirm a good change, and undo one that loses the gateway or the name server")
        func automatic() throws {
            let found = try Measured("automatic")
            #expect(found["good.state"].text == "confirmed")
            #expect(found["good.care0"].texts == ["10.10.0.6/24"])
            for (name, failed) in [
                ("wrong gateway", "gateway 10.10.0.254"), ("wrong name server", "dns 10.10.0.254"),
                ("wrong network", "gateway 10.99.0.1"),
                ("wrong gateway beside a good route", "gateway 10.10.0.254"),
            ] {
                let attempt = found.member(name)
                #expect(attempt["state"].text == "rolled-back", "\(name)")
                #expect(attempt["failed"].texts?.contains(failed) == true, "\(name)")
                #expect((-0.5...5).contains(attempt["after_deadline"].number ?? -1), "\(name)")
                #expect(attempt["care0"].texts == ["10.10.0.6/24"], "\(name)")
            }
        }

        @Test("drimboxd killed while a change is tried: its next start undoes it and says so")
        func killedSupervisor() throws {
            let found = try Measured("killed-supervisor")
            #expect(found["before_restart"].texts == ["10.10.0.66/24"])
            #expect((found["seconds_from_exec"].number ?? 99) < 10)
            #expect(found["event.kind"].text == "config.rolled-back" && found["same_tx"].bool == true)
            #expect(found["next"].text == "confirmed")
        }

        @Test(
            "networkd killed while a change is tried: the deadline still undoes all of it, networkd there or not"
        )
        func killedNetworkd() throws {
            let found = try Measured("killed-networkd")
            #expect(found["after_restart"].texts == ["10.10.0.66/24"])
            #expect((-0.5...5).contains(found["seconds_after_deadline"].number ?? -1))
            let absent = found.member("absent at the deadline")
            #expect((absent["seconds_after_restart"].number ?? 99) < 20)
            #expect(absent["found.care0"].texts == old)
            #expect(absent["gateway_site"].text == "Lab")
            #expect(absent["found.next.0"].text == "confirmed")
        }

        @Test("a power cut while a change is tried: the boot brings the confirmed network without drimboxd")
        func powerCut() throws {
            let found = try Measured("power-cut")
            #expect(found["empty.care0"].texts == [] && found["empty.rules"].text == "")
            #expect(found["netgen.status"].number == 0)
            #expect((found["netgen.milliseconds"].number ?? 99_999) < 5000)
            #expect(found["filtered_before_links"].bool == true)
            #expect(found["without_drimboxd.addresses"].texts == old + ["192.0.2.5/24"])
            #expect(found["event"].text == "change not confirmed: undone")
        }

        @Test("DHCP: a lease; a silent server is named, stops no change, and is heard when it comes back")
        func dhcp() throws {
            let found = try Measured("dhcp", seconds: 600)
            #expect(found["leased.0"].text?.hasPrefix("10.10.0.1") == true)
            #expect(found["test.0.isOK"].bool == true)
            #expect(found["silent.0.detail"].text == "no DHCP answer")
            #expect(found["change_while_silent"].text == "confirmed")
            #expect(found["late.0"].text?.hasPrefix("10.10.0.1") == true)
            #expect(found["late_test.0.isOK"].bool == true)
        }

        @Test("an interface that leaves the document loses its addresses, and gets them back")
        func removedInterface() throws {
            let found = try Measured("removed-interface")
            #expect(found["state"].text == "confirmed" && found["added"].text == "confirmed")
            #expect(found["left.addresses"].texts == [])
            #expect(found["left.files"].texts == ["10-drimbox-care0.network", "90-drimbox-others.network"])
            #expect(found["to_null"].text == "confirmed")
            #expect(found["after_null.files"].texts == [] && found["after_null.rules"].text == "")
        }

        @Test("networkd takes the files of VLANs and bonds without a warning")
        func virtualLinks() throws {
            let found = try Measured("virtual-links")
            #expect(found["warnings"].texts == [])
            // The one for all others is used by those that nobody configured.
            let files = found["files"].keys.filter { $0.hasSuffix(".network") && $0.hasPrefix("10-") }
            #expect(Set(found["loaded"].texts ?? []).subtracting(["90-drimbox-others.network"]) == Set(files))
            let lines = found["netdev_lines"].texts ?? []
            #expect(lines.contains("bond0: loaded \"bond\"") && lines.contains("adm0.7: loaded \"vlan\""))
        }

        @Test("a cable that is out, and one in the wrong port")
        func cable() throws {
            let found = try Measured("cable-out")
            #expect(found["no_cable.detail"].text == "no cable")
            #expect(found["other_port.cause.wrongPort._0"].text == "adm0")
            #expect(found["other_port_up.cause.wrongPort._0"].text == "adm0")
            #expect(found["change_without_cable"].text == "confirmed")
        }

        @Test(
            "another host with our address is named with its MAC, ours is kept; a new IPv6 one is not taken",
            .enabled(if: Bench.has("arping"), "needs arping of iputils")
        )
        func duplicateAddress() throws {
            let found = try Measured("duplicate-address")
            let (code, sixth) = ("E-NET-03:10.10.0.5", "E-NET-03:fd00:10::5")
            #expect(found["alone"].keys.isEmpty && found["unchecked"].elements.isEmpty)
            let evidence = found["taken"].member(code)["evidence"]
            #expect(evidence["hardwareAddress"].text == found["owner"].text && found["owner"].text != nil)
            #expect(evidence["interface"].text == "care0" && evidence["address"].text == "10.10.0.5")
            #expect(found["same_since"].bool == true)
            #expect(found["kept"].texts == old + ["fd00:10::5/64"])
            #expect(found["quiet.0"].texts == [code] && found["quiet.1"].texts == [])
            #expect(found["v6.state"].text == "rolled-back")
            #expect(found["v6.reason"].text?.contains("fd00:10::66, which another device has too") == true)
            #expect(found["v6.issues"].keys == [sixth])
            #expect(found["v6.after"].texts == old + ["fd00:10::5/64"])
            let events = found["events"].elements.map { "\($0["0"].text ?? "") \($0["1"].text ?? "")" }
            let expected = [code, sixth].flatMap { ["issue.raised \($0)", "issue.cleared \($0)"] }
            #expect(events == expected)
        }

        @Test(
            "a port whose switch asks for 802.1X: open for the box's certificate; what the switch refuses goes back, or is an issue",
            .enabled(
                if: ["hostapd", "wpa_supplicant", "wpa_cli", "openssl"].allSatisfy(Bench.has),
                "needs hostapd, wpasupplicant and openssl"
            )
        )
        func authenticatedPort() throws {
            let found = try Measured("authenticated-port")
            #expect(found["applied"].text == "confirmed" && (found["seconds"].number ?? 99) < 15)
            #expect(found["open.link.isOK"].bool == true && found["open.issues"].elements.isEmpty)
            #expect(found["open.files"].texts == ["8021x-care0.conf"])
            #expect(found["open.addresses"].texts == old)
            #expect(found["switch"].texts?.contains { $0.hasSuffix(" authorizing port") } == true)
            #expect(found["tried.state"].text == "rolled-back")
            #expect(found["insisted"].text == "confirmed" && found["shut.refused"].bool == true)
            #expect(found["shut.link.cause.notAuthorized"].keys == [])
            #expect(found["shut.link.isOK"].bool == false)
            #expect(found["shut.issues"].elements.map { $0["code"].text } == ["E-NET-04:care0"])
            #expect(found["shut.issues.0.evidence.interface"].text == "care0")
            #expect(found["other_server.isOK"].bool == false)
            #expect(found["again"].elements.isEmpty)
            #expect(found["after.link.isOK"].bool == true && found["after.files"].texts == [])
            #expect(found["after.supplicants"].text == "")
            #expect(found["netgen.0"].number == 0 && found["netgen.1"].texts == ["8021x-care0.conf"])
            #expect(found["vlan.0"].number == 422)
            #expect(found["vlan.1.detail"].text?.contains("interfaces[2].authentication") == true)
        }

        @Test("a wrong clock is told to the second, a right one is not called wrong")
        func clock() throws {
            let found = try Measured("wrong-clock")
            #expect(found["right.isOK"].bool == true && found["right.cause"].keys.isEmpty)
            let text = found["right.detail"].text ?? ""
            let offset = text.firstMatch(of: /offset (-?\d+) ms/).flatMap { Int($0.1) }
            #expect(abs(offset ?? 9999) < 250, "\(text)")
            let behind = found["behind.cause.clockWrong.seconds"].number ?? 0
            #expect(abs(behind - 259_200) <= 1)
            #expect(found["ahead.detail"].text?.contains("(ahead)") == true)
        }

        @Test("a gateway that falls silent is noticed, and a full neighbour table hides none")
        func silentGateway() throws {
            let found = try Measured("silent-gateway", seconds: 600)
            #expect((found["noticed_after"].number ?? 999) < 60)
            #expect(found["crowded.isOK"].bool == true, "\(found["crowded_seconds"].number ?? 0) s")
        }

        @Test("a second writer, a stale one, a wrong document and a repeated call are told what they are")
        func secondWriter() throws {
            let found = try Measured("second-writer")
            for (name, status, code) in [
                ("pending", 409, "net.pending"), ("restore while pending", 409, "net.pending"),
                ("stale", 412, "config.stale"), ("unknown key", 422, "config.invalid"),
                ("unchanged", 409, "config.unchanged"), ("unknown member", 400, "request.body"),
            ] {
                #expect(found.member(name)["0"].number == Double(status), "\(name)")
                #expect(found.member(name)["1"].text == code, "\(name)")
            }
            #expect(
                found.member("unknown key")["2"].text?.hasPrefix("network.interfaces[0].ipv4.gatway") == true
            )
            #expect((400..<500).contains(found.member("too long")["0"].number ?? 0))
            #expect(found.member("same key")["2"].bool == true && found["revision"].number == 2)
            let atOnce = found.member("same key at once").elements
            #expect(atOnce.allSatisfy { $0["0"].number == 202 && $0["1"].text == atOnce[0]["1"].text })
        }

        @Test("who is not in a group is denied and written down; headers make nobody somebody else")
        func strangers() throws {
            let found = try Measured("strangers")
            for name in ["stranger reads", "stranger writes", "stranger forges"] {
                #expect(found.member(name)["0"].number == 403, "\(name)")
            }
            #expect(found.member("viewer forges")["1"].text == "auth.role")
            #expect(found.member("operator writes")["1"].text == "auth.role")
            #expect(found["event.0.uid"].text == "65534")
            #expect(found["audit"].elements.contains { $0["0"].text == "uid 65534" })
            #expect(found["revision"].number == 1)
            // Who may not even look cannot fill the disk.
            #expect((found.member("audit rows by 50 denied calls").number ?? 99) < 50)
        }

        @Test("10,000 wrong documents: refused, nothing changes, nothing grows")
        func randomDocuments() throws {
            let found = try Measured("random-documents", seconds: 1800)
            #expect(found["crashes"].texts == [])
            #expect(found["odd"].elements.isEmpty)
            #expect(found["unchanged"].bool == true && found["alive"].bool == true)
            let grown = (found["kilobytes.1"].number ?? 1e9) - (found["kilobytes.0"].number ?? 0)
            #expect(grown < 8192)
            for name in found["large"].keys {
                #expect((200..<500).contains(found["large"].member(name)["0"].number ?? 0), "\(name)")
            }
        }

        @Test("1,000 changes: 50 revisions and the rescue one are kept, the audit holds, memory stays")
        func manyTransactions() throws {
            let found = try Measured("many-transactions", seconds: 1800)
            #expect(found["states"].keys == ["confirmed"])
            #expect(found["revisions"].number == 51 && found["rescue.1.0"].number == 1)
            #expect(found["audit.isIntact"].bool == true)
            // The journal of events fills up to its 10,000.
            let grown = (found["kilobytes.9"].number ?? 1e9) - (found["kilobytes.0"].number ?? 0)
            #expect(grown < 16_384)
        }

        @Test(
            "a damaged, emptied or lost database is replaced by its copy, for drimbox-netgen too",
            arguments: ["middle", "header", "empty", "gone"]
        )
        func damagedDatabase(how: String) throws {
            let found = try Measured("damaged-database")[how]
            #expect(found["events"].texts == ["database.restored"])
            #expect(found["revision.0"].number == found["revision.1"].number)
            #expect(found["same"].bool == true)
            #expect(found["netgen.status"].number == 0 && found["netgen_files"].texts?.count == 3)
        }

        @Test("one changed bit in the audit is found; an audit that cannot be read does not stop the box")
        func damagedAudit() throws {
            let found = try Measured("damaged-audit")
            #expect(found["intact.isIntact"].bool == true)
            #expect(found["broken.isIntact"].bool == false)
            #expect(found["broken.firstBroken"].number == found["changed_row"].number)
            #expect(found["removed_row.firstBroken"].number == 30)
            #expect(found["unreadable.0"].text == "started")
        }

        @Test("an idle drimboxd is small and soon ready; what it writes can be read by others")
        func idle() throws {
            let found = try Measured("idle")
            #expect((found["ready_seconds.9"].number ?? 99) < 5)
            #expect((found["kilobytes"].number ?? 1e9) < 65_536)
            #expect(found["wrong_modes"].texts == [])
            // Who has the admin socket may answer in drimboxd's place.
            #expect(found["inherited"].texts == [])
        }
    }
}
