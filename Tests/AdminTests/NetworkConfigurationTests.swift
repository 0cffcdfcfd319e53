// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Admin

private func document(_ network: String) -> String {
    """
    { "site": "Test", "network": \(network),
      "gateway": { "dicom": { "aeTitle": "A", "listen": ["127.0.0.1:0"] },
                   "web": { "listen": ["127.0.0.1:0"], "authorization": "none" } } }
    """
}

private func findings(_ network: String) -> [ConfigurationError.Finding] {
    do throws(ConfigurationError) {
        _ = try BoxConfiguration(json: Array(document(network).utf8))
        return []
    } catch {
        return error.findings
    }
}

private func interface(_ members: String) -> String {
    "{ \"interfaces\": [ { \"name\": \"eno1\", \"zone\": \"care\", \(members) } ] }"
}

@Suite("The section network") struct NetworkConfigurationTests {
    static let whole = """
        { "interfaces": [
            { "name": "eno1", "zone": "care", "mtu": 9000,
              "ipv4": { "method": "static", "address": "10.10.0.5/24", "gateway": "10.10.0.1" },
              "ipv6": { "method": "static", "address": "fd00::5/64", "gateway": "fe80::1" },
              "routes": [ { "destination": "10.20.0.0/16", "gateway": "10.10.0.2", "metric": 10 } ] },
            { "name": "bond0", "bond": { "mode": "active-backup", "members": ["eno2", "eno3"] } },
            { "name": "dmz", "zone": "dmz", "vlan": { "parent": "bond0", "id": 120 }, "ipv4": { "method": "dhcp" },
              "ipv6": { "method": "auto" } } ],
          "dns": { "servers": ["10.10.0.53", "fd00::53"], "domains": ["chu.example"] },
          "ntp": ["ntp.chu.example"], "proxy": "proxy.chu.example:3128",
          "firewall": [ { "zone": "care", "service": "dicom", "from": ["10.10.0.0/24"] },
                        { "zone": "dmz", "protocol": "udp", "port": 161 } ] }
        """

    @Test("a document reads back as what it was written from") func roundTrip() throws {
        let box = try BoxConfiguration(json: Array(document(Self.whole).utf8))
        #expect(try BoxConfiguration(json: box.encodeJSON()) == box)
        #expect(box.network?.devices == ["eno1", "eno2", "eno3"])
        #expect(ConfigurationDifference.between(box.json, box.json).isEmpty)
    }

    @Test(
        "each error is named: where, what was found, what was expected",
        arguments: [
            (
                "ipv4.address", "net.address",
                interface(#""ipv4": { "method": "static", "address": "10.10.0.0/24" }"#)
            ),
            (
                "ipv4.address", "net.address",
                interface(#""ipv4": { "method": "static", "address": "10.10.0.255/24" }"#)
            ),
            (
                "ipv4.address", "net.address",
                interface(#""ipv4": { "method": "static", "address": "127.0.0.1/8" }"#)
            ),
            (
                "ipv4.address", "config.invalid",
                interface(#""ipv4": { "method": "static", "address": "10.10.0.999/24" }"#)
            ),
            (
                "ipv4.address", "config.invalid",
                interface(#""ipv4": { "method": "static", "address": "fd00::5/64" }"#)
            ),
            (
                "ipv4.gateway", "net.gateway.outside",
                interface(
                    #""ipv4": { "method": "static", "address": "10.10.0.5/24", "gateway": "10.11.0.1" }"#
                )
            ),
            (
                "ipv4.gateway", "net.gateway",
                interface(
                    #""ipv4": { "method": "static", "address": "10.10.0.5/24", "gateway": "10.10.0.5" }"#
                )
            ),
            ("ipv4.method", "config.invalid", interface(#""ipv4": { "method": "auto" }"#)),
            ("mtu", "config.invalid", interface(#""mtu": 100"#)),
            ("colour", "config.invalid", interface(#""colour": 1"#)),
            (
                "routes[0].destination", "net.route.destination",
                interface(
                    #""ipv4": { "method": "static", "address": "10.0.0.5/24" }, "routes": [ { "destination": "10.20.0.1/16", "gateway": "10.0.0.2" } ]"#
                )
            ),
            (
                "routes[0].gateway", "net.gateway.outside",
                interface(
                    #""ipv4": { "method": "static", "address": "10.0.0.5/24" }, "routes": [ { "destination": "10.20.0.0/16", "gateway": "10.9.0.2" } ]"#
                )
            ),
            ("name", "config.invalid", #"{ "interfaces": [ { "name": "a/b", "zone": "care" } ] }"#),
            ("name", "config.invalid", #"{ "interfaces": [ { "name": "lo", "zone": "care" } ] }"#),
        ]
    )
    func errors(path: String, code: String, network: String) {
        let list = findings(network)
        #expect(list.map(\.path) == ["network.interfaces[0].\(path)"])
        #expect(list.map(\.code) == [code])
    }

    @Test("802.1X: of a device only, files by absolute paths, and the same document again") func port() throws
    {
        let paths = #""authorities": "/a.pem", "certificate": "/c.pem", "privateKey": "/k.pem""#
        func found(_ members: String, _ rest: String = "") -> [String] {
            findings(
                "{ \"interfaces\": [ { \"name\": \"eno1\", \"authentication\": {\(members)} \(rest) } ] }"
            ).map { "\($0.path) \($0.code)" }
        }
        let place = "network.interfaces[0].authentication"
        #expect(found(#""identity": "box@x.example", \#(paths)"#) == [])
        #expect(found(#""identity": "a b", \#(paths)"#) == ["\(place).identity config.invalid"])
        #expect(found(#""identity": "a\nb", \#(paths)"#) == ["\(place).identity config.invalid"])
        #expect(
            found(#""identity": "b", "authorities": "a.pem", "certificate": "/c", "privateKey": "/k""#)
                == ["\(place).authorities config.invalid"]
        )
        #expect(
            found(#""identity": "b", \#(paths), "server": "a b""#) == ["\(place).server config.invalid"]
        )
        #expect(
            found(#""identity": "b", \#(paths)"#, #", "bond": { "members": ["eno2"] }"#)
                == ["\(place) net.authentication.kind"]
        )
        let text = document(
            #"{ "interfaces": [ { "name": "eno1", "authentication": { "identity": "b", \#(paths) } } ] }"#
        )
        let box = try BoxConfiguration(json: Array(text.utf8))
        #expect(box.network?.interfaces[0].authentication?.privateKey == "/k.pem")
        #expect(try BoxConfiguration(json: Array(box.json.text().utf8)) == box)
    }

    @Test("errors between interfaces: names, VLANs, bonds, networks, default gateways, zones") func together()
    {
        func pair(_ first: String, _ second: String, _ rest: String = "") -> [String] {
            findings("{ \"interfaces\": [ {\(first)}, {\(second)} ] \(rest) }").map {
                "\($0.path) \($0.code)"
            }
        }
        let care =
            #""name": "eno1", "zone": "care", "ipv4": { "method": "static", "address": "10.0.0.5/24", "gateway": "10.0.0.1" }"#
        #expect(pair(care, #""name": "eno1""#) == ["network.interfaces[1].name net.name.duplicate"])
        #expect(
            pair(care, #""name": "v", "zone": "dmz", "vlan": { "parent": "eno9", "id": 3 }"#)
                == ["network.interfaces[1].vlan.parent net.vlan.parent"]
        )
        #expect(
            pair(care, #""name": "b", "bond": { "members": ["eno1"] }"#)
                == ["network.interfaces[0].name net.bond.member"]
        )
        #expect(
            pair(
                care,
                #""name": "eno2", "zone": "dmz", "ipv4": { "method": "static", "address": "10.0.0.9/16" }"#
            )
                == ["network.interfaces[1].ipv4.address net.address.overlap"]
        )
        #expect(
            pair(
                care,
                #""name": "eno2", "zone": "dmz", "ipv4": { "method": "static", "address": "10.1.0.9/16", "gateway": "10.1.0.1" }"#
            ) == ["network.interfaces[1].ipv4.gateway net.gateway.several"]
        )
        #expect(
            pair(care, #""name": "eno2", "ipv4": { "method": "dhcp" }"#) == [
                "network.interfaces[1].zone net.zone"
            ]
        )
        #expect(
            pair(care, #""name": "eno2""#, #", "firewall": [ { "zone": "dmz", "port": 1 } ]"#)
                == ["network.firewall[0].zone net.zone"]
        )
    }

    @Test("differences name interfaces and peers, and say whether somebody notices") func differences() throws
    {
        let old = try BoxConfiguration(json: Array(document(Self.whole).utf8)).json
        let moved = Self.whole.replacing("10.10.0.5/24", with: "10.10.0.66/24")
        let new = try BoxConfiguration(json: Array(document(moved).utf8)).json
        let list = ConfigurationDifference.between(old, new)
        #expect(
            list == [
                ConfigurationDifference(
                    path: "network.interfaces[eno1].ipv4.address",
                    old: "\"10.10.0.5/24\"",
                    new: "\"10.10.0.66/24\""
                )
            ]
        )
        #expect(list.first?.changeClass == .disruptive)
        let quiet = Self.whole.replacing("ntp.chu.example", with: "10.10.0.123")
        let other = ConfigurationDifference.between(
            old,
            try BoxConfiguration(json: Array(document(quiet).utf8)).json
        )
        #expect(other.map(\.path) == ["network.ntp[0]"])
        #expect(other.first?.changeClass == .live)
    }

    @Test("values are read and set by their paths") func paths() throws {
        let json = try BoxConfiguration(json: Array(document(Self.whole).utf8)).json
        #expect(json[path: "network.interfaces[2].vlan.id"] == .integer(120))
        #expect(json[path: "network.interfaces[9]"] == nil)
        let changed = try #require(
            json.setting("network.interfaces[0].ipv4.address", to: .string("10.10.0.7/24"))
        )
        #expect(changed[path: "network.interfaces[0].ipv4.address"] == .string("10.10.0.7/24"))
        #expect(changed[path: "site"] == .string("Test"))
        #expect(json.setting("site.name", to: .null) == nil)
        #expect(json.setting("network.proxy", to: .string("p:1"))?[path: "network.proxy"] == .string("p:1"))
    }
}

@Suite("Addresses and prefixes") struct IPAddressTests {
    @Test(
        "what is no address is refused",
        arguments: [
            "", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.-4", "1.2.3.4 ", ":", ":::", "1::2::3",
            "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "12345::", "g::", "::1.2.3", "1.2.3.4::", "::1%eth0",
        ]
    )
    func refused(text: String) { #expect(IPAddress(text) == nil) }

    @Test("the forms of RFC 4291 2.2") func forms() {
        let long = IPAddress("2001:0db8:0000:0000:0008:0800:200c:417a")
        #expect(long != nil && long == IPAddress("2001:db8::8:800:200C:417A"))
        #expect(IPAddress("::")?.isUnspecified == true)
        #expect(IPAddress("::1")?.isLoopback == true)
        #expect(IPAddress("::ffff:129.144.52.38")?.bytes.suffix(4) == [129, 144, 52, 38])
        #expect(IPAddress("fe80::")?.isLinkLocal == true)
        #expect(IPAddress("1:2:3:4:5:6:7::") != nil)
    }

    @Test("prefixes contain, overlap, and have hosts") func prefixes() throws {
        let net = try #require(IPPrefix("10.10.0.5/24"))
        #expect(net.contains(try #require(IPAddress("10.10.0.255"))))
        #expect(!net.contains(try #require(IPAddress("10.10.1.0"))))
        #expect(net.overlaps(try #require(IPPrefix("10.0.0.0/8"))))
        #expect(!net.overlaps(try #require(IPPrefix("fd00::/8"))))
        #expect(net.isHostAddress && !net.isNetwork)
        #expect(try #require(IPPrefix("10.10.0.4/31")).isHostAddress)
        #expect(try #require(IPPrefix("0.0.0.0/0")).isNetwork)
        for text in ["10.0.0.1", "10.0.0.1/33", "10.0.0.1/-1", "10.0.0.1/", "fd00::/129", "/8"] {
            #expect(IPPrefix(text) == nil, "\(text)")
        }
    }
}
