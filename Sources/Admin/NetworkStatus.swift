// SPDX-License-Identifier: Apache-2.0

/// `GET /v1/network`: what the kernel has, not what the configuration wants.
package struct NetworkStatus: Codable, Equatable, Sendable {
    package struct Link: Codable, Equatable, Sendable {
        package let name: String
        package let hasCarrier: Bool
        package let mtu: Int
        package let hardwareAddress: String?
        /// With their prefix lengths.
        package let addresses: [String]

        package init(name: String, hasCarrier: Bool, mtu: Int, hardwareAddress: String?, addresses: [String])
        {
            self.name = name
            self.hasCarrier = hasCarrier
            self.mtu = mtu
            self.hardwareAddress = hardwareAddress
            self.addresses = addresses
        }
    }

    package struct Route: Codable, Equatable, Sendable {
        /// `default`, or a prefix.
        package let destination: String
        package let gateway: String?
        package let interface: String?

        package init(destination: String, gateway: String?, interface: String?) {
            self.destination = destination
            self.gateway = gateway
            self.interface = interface
        }
    }

    package let links: [Link]
    package let routes: [Route]

    package init(links: [Link], routes: [Route]) {
        self.links = links
        self.routes = routes
    }
}

/// `GET /v1/issues`.
package struct IssueList: Codable, Equatable, Sendable {
    package let issues: [Issue]

    package init(issues: [Issue]) {
        self.issues = issues
    }
}
