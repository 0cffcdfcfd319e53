// SPDX-License-Identifier: Apache-2.0
import Admin
import Testing

@testable import HostNetwork

private func box(_ network: String) throws -> BoxConfiguration {
    let text = """
        { "site": "Test", "network": \(network),
          "gateway": { "dicom": { "aeTitle": "A", "listen": ["10.10.0.5:11112"], "allowPlaintext": "test" },
                       "web": { "listen": ["127.0.0.1:8080"], "authorization": "none" } } }
        """
    return try BoxConfiguration(json: Array(text.utf8))
}

@Suite("Network files") struct NetworkRenderingTests {
    @Test("a static address, routes, name servers") func fixed() throws {
        let rendering = NetworkRendering(
            try box(
                """
                { "interfaces": [ { "name": "eno1", "zone": "care", "mtu": 1400,
                      "ipv4": { "method": "static", "address": "10.10.0.5/24", "gateway": "10.10.0.1" },
                      "routes": [ { "destination": "198.51.100.0/24", "gateway": "10.10.0.2", "metric": 7 } ] } ],
                  "dns": { "servers": ["10.10.0.53"], "domains": ["chu.example"] }, "ntp": ["10.10.0.123"] }
                """
            )
        )
        let others = "90-drimbox-others.network"
        #expect(rendering.networkd[others]?.hasPrefix("[Match]\nType=ether\n") == true)
        #expect(
            rendering.networkd.filter { $0.key != others } == [
                "10-drimbox-eno1.network": """
                [Match]
                Name=eno1

                [Link]
                MTUBytes=1400

                [Network]
                Address=10.10.0.5/24
                Gateway=10.10.0.1
                LinkLocalAddressing=no
                IPv6AcceptRA=no
                DNS=10.10.0.53
                Domains=chu.example

                [Route]
                Destination=198.51.100.0/24
                Gateway=10.10.0.2
                Metric=7

                """
            ]
        )
        #expect(rendering.resolver == "search chu.example\nnameserver 10.10.0.53\n")
        #expect(rendering.timeSources == "server 10.10.0.123 iburst\n")
    }

    @Test("a VLAN on a bond: the parts name each other") func vlanOnBond() throws {
        let files = NetworkRendering(
            try box(
                """
                { "interfaces": [
                    { "name": "bond0", "bond": { "mode": "802.3ad", "members": ["eno1", "eno2"] } },
                    { "name": "dmz120", "zone": "dmz", "vlan": { "parent": "bond0", "id": 120 },
                      "ipv4": { "method": "dhcp" } } ] }
                """
            )
        ).networkd
        #expect(
            files.keys.sorted() == [
                "10-drimbox-bond0.netdev", "10-drimbox-bond0.network", "10-drimbox-dmz120.netdev",
                "10-drimbox-dmz120.network", "10-drimbox-eno1.network", "10-drimbox-eno2.network",
                "90-drimbox-others.network",
            ]
        )
        #expect(files["10-drimbox-bond0.netdev"]?.contains("Mode=802.3ad\nMIIMonitorSec=100ms\nLACP") == true)
        #expect(files["10-drimbox-bond0.network"]?.contains("VLAN=dmz120") == true)
        #expect(files["10-drimbox-eno2.network"] == "[Match]\nName=eno2\n\n[Network]\nBond=bond0\n")
        #expect(files["10-drimbox-dmz120.netdev"]?.hasSuffix("Kind=vlan\n\n[VLAN]\nId=120\n") == true)
        #expect(files["10-drimbox-dmz120.network"]?.contains("DHCP=ipv4") == true)
        #expect(NetworkRendering.interface(ofFile: "10-drimbox-dmz.7.netdev") == "dmz.7")
    }

    @Test("the firewall opens the gateway's ports in their zones, to whom the rule names") func firewall()
        throws
    {
        let text = NetworkRendering(
            try box(
                """
                { "interfaces": [ { "name": "eno1", "zone": "care" }, { "name": "eno2", "zone": "dmz" } ],
                  "firewall": [ { "zone": "care", "service": "dicom", "from": ["10.10.0.0/24", "fd00::/8"] },
                                { "zone": "dmz", "protocol": "udp", "port": 5353 },
                                { "zone": "care", "service": "web" } ] }
                """
            )
        ).firewall
        #expect(text.hasPrefix("table inet drimbox\ndelete table inet drimbox\ntable inet drimbox {"))
        #expect(text.contains("iifname { \"eno1\" } ip saddr { 10.10.0.0/24 } tcp dport { 11112 } accept"))
        #expect(text.contains("iifname { \"eno1\" } ip6 saddr { fd00::/8 } tcp dport { 11112 } accept"))
        #expect(text.contains("iifname { \"eno2\" } udp dport { 5353 } accept"))
        // The web listens on loopback only: nothing to open.
        #expect(!text.contains("8080"))
    }

    @Test("802.1X: one file for each port; no value can begin a line of its own") func port() throws {
        let rendering = NetworkRendering(
            try box(
                #"""
                { "interfaces": [ { "name": "eno1", "zone": "care", "authentication": {
                      "identity": "box\"\\1", "authorities": "/ca.pem", "certificate": "/chain é.pem",
                      "privateKey": "/key.pem", "server": "radius.example" } }, { "name": "eno2" } ] }
                """#
            )
        )
        #expect(
            rendering.ports == [
                "eno1": """
                eapol_version=2
                ap_scan=0
                network={
                  key_mgmt=IEEE8021X
                  eap=TLS
                  eapol_flags=0
                  phase1="tls_disable_tlsv1_0=1 tls_disable_tlsv1_1=1"
                  identity=626f78225c31
                  ca_cert="/ca.pem"
                  client_cert=2f636861696e20c3a92e70656d
                  private_key="/key.pem"
                  domain_match="radius.example"
                }

                """
            ]
        )
        #expect(PortAuthenticator.port(ofFile: PortAuthenticator.fileName("eth0.conf")) == "eth0.conf")
        #expect(PortAuthenticator.port(ofFile: "firewall.nft") == nil)
        #expect(PortAuthenticator.isAuthorized("EAP state=SUCCESS\nsuppPortStatus=Authorized\n"))
        #expect(!PortAuthenticator.isAuthorized("suppPortStatus=Unauthorized\n"))
    }

    @Test("without a network the table goes") func none() throws {
        let rendering = NetworkRendering(try box("null"))
        #expect(rendering.networkd.isEmpty)
        #expect(rendering.firewall == "table inet drimbox\ndelete table inet drimbox\n")
    }

    @Test("what passed before has to pass after; any name server will do, but each link and archive")
    func lost() {
        func step(_ kind: NetworkTestStep.Kind, _ target: String, _ isOK: Bool) -> NetworkTestStep {
            NetworkTestStep(kind, target, isOK: isOK, "", role: kind == .gateway ? "eno1 default" : nil)
        }
        let before = [
            step(.link, "eno1", true), step(.gateway, "10.0.0.1", true), step(.dns, "a", true),
            step(.dns, "b", false), step(.ntp, "c", false), step(.pacs, "P", true),
        ]
        func lost(_ after: [NetworkTestStep]) -> [String] {
            NetworkTestStep.lost(before: before, after: after)
        }
        #expect(lost(before) == [])
        #expect(
            lost([step(.gateway, "10.0.0.254", true), step(.dns, "a", false), step(.dns, "b", true)]) == []
        )
        #expect(lost([step(.gateway, "10.0.0.254", false)]) == ["gateway eno1 default"])
        #expect(lost([step(.pacs, "P", false), step(.link, "eno1", false)]) == ["link eno1", "pacs P"])
        // What failed before may go on failing.
        #expect(lost([step(.ntp, "c", false)]) == [])
    }
}
