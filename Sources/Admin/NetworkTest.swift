// SPDX-License-Identifier: Apache-2.0

/// One step of a network test: a question, what came of it, and what it means.
package struct NetworkTestStep: Codable, Equatable, Sendable {
    package enum Kind: String, Codable, Sendable, CaseIterable {
        case link
        case gateway
        case dns
        case ntp
        case proxy
        case pacs
    }

    /// Why a step failed; what advice is made of, in the reader's language.
    package enum Cause: Codable, Equatable, Sendable {
        case missingDevice
        case noCable
        /// The interface that has the cable.
        case wrongPort(String)
        /// The switch asks for IEEE 802.1X, and has not let the box in.
        case notAuthorized
        case noLease
        case noRoute
        case gatewaySilent
        case dnsSilent
        case ntpSilent
        case ntpUnsynchronised
        /// Positive where our clock is behind.
        case clockWrong(seconds: Int)
        case tcpRefused
        case pacsSilent
    }

    package let kind: Kind
    package let target: String
    package let isOK: Bool
    package let detail: String
    package let cause: Cause?
    /// What a gateway is for: its interface, and `default` or the route's destination.
    package let role: String?

    package init(
        _ kind: Kind,
        _ target: String,
        isOK: Bool,
        _ detail: String,
        cause: Cause? = nil,
        role: String? = nil
    ) {
        self.role = role
        self.kind = kind
        self.target = target
        self.isOK = isOK
        self.detail = detail
        self.cause = cause
    }

    /// What has to pass after a change where it passed before: links and archives by name, gateways by what they
    /// are for, of the servers any one.
    package var key: String {
        switch kind {
        case .link, .pacs: "\(kind.rawValue) \(target)"
        case .gateway: "gateway \(role ?? "")"
        case .dns, .ntp, .proxy: kind.rawValue
        }
    }

    /// Keys that passed in `before` and do not in `after`, though something with the key was asked there.
    package static func lost(before: [Self], after: [Self]) -> [String] {
        let passed = Set(before.filter(\.isOK).map(\.key))
        let now = Set(after.filter(\.isOK).map(\.key))
        return Set(after.map(\.key)).intersection(passed).subtracting(now).sorted()
    }
}
