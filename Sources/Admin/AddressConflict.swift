// SPDX-License-Identifier: Apache-2.0

/// An address that a link has.
package struct LinkAddress: Codable, Hashable, Sendable {
    package let interface: String
    package let address: String

    package init(interface: String, address: String) {
        self.interface = interface
        self.address = address
    }
}

/// Another host answers for an address of ours (RFC 5227 1.1, RFC 4862 5.4).
package struct AddressConflict: Codable, Equatable, Sendable {
    package let link: LinkAddress
    /// Of the other host; nil where it is not known.
    package let hardwareAddress: String?

    package init(link: LinkAddress, hardwareAddress: String?) {
        self.link = link
        self.hardwareAddress = hardwareAddress
    }
}
