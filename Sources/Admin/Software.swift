// SPDX-License-Identifier: Apache-2.0

/// What this build of the DRIMbox is.
package enum Software {
    package static let version = "0.1.0"
    /// No clock that is right shows an earlier time.
    package static let built = Timestamp(milliseconds: 1_795_737_600_000)
    /// Oldest and newest version of the admin API that is served.
    package static let api = VersionReport.API(min: 1, max: 1)
}

/// `GET /v1/version`.
package struct VersionReport: Codable, Equatable, Sendable {
    package struct API: Codable, Equatable, Sendable {
        package let min: Int
        package let max: Int
    }

    package let api: API
    package let software: String

    package init(api: API = Software.api, software: String = Software.version) {
        self.api = api
        self.software = software
    }
}
