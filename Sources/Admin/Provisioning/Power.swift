// SPDX-License-Identifier: Apache-2.0

/// `POST /v1/power/{reboot,off}`, `POST /v1/reset`.
package struct PowerAnswer: Codable, Equatable, Sendable {
    package enum Action: String, Codable, Sendable {
        case reboot
        case off
    }

    package let action: Action
    /// From now on.
    package let seconds: Int

    package init(action: Action, seconds: Int) {
        self.action = action
        self.seconds = seconds
    }
}

package struct FactoryResetRequest: Codable, Equatable, Sendable {
    /// `erase` and the site's name, as the person typed it.
    package let confirmation: String

    package init(confirmation: String) {
        self.confirmation = confirmation
    }

    package static func expected(site: String) -> String { "erase \(site)" }
}
