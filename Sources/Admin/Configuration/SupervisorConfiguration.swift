// SPDX-License-Identifier: Apache-2.0

/// The supervisor's document, `drimbox.json`.
package struct SupervisorConfiguration: Equatable, Sendable {
    package struct AdminSocket: Equatable, Sendable {
        package let socket: String
        /// Its members may use the admin API.
        package let group: String
    }

    package let site: String
    package let stateDirectory: String
    package let runtimeDirectory: String
    package let admin: AdminSocket
    /// Path of the gateway's program; the one beside the supervisor's where it is absent.
    package let gatewayExecutable: String?
    private let sections: GatewayConfiguration.CheckedSections

    package init(json: [UInt8]) throws(ConfigurationError) {
        let findings = ConfigurationReader.Findings()
        var reader = ConfigurationReader(try JSONValue(parsing: json), findings: findings)
        site = reader.string("site", .text)
        stateDirectory = reader.optionalString("stateDirectory", .path) ?? "/var/lib/drimbox"
        // Room for the names of the sockets below it.
        runtimeDirectory = reader.optionalString("runtimeDirectory", .runtimeDirectory) ?? "/run/drimbox"
        admin = AdminSocket(reading: reader.optionalObject("admin"), runtimeDirectory: runtimeDirectory)
        var executable: String?
        var sections: GatewayConfiguration.CheckedSections?
        if var gateway = reader.object("gateway") {
            executable = gateway.optionalString("executable", .path)
            sections = GatewayConfiguration.Sections(from: &gateway).checked
            gateway.finish()
        }
        gatewayExecutable = executable
        reader.finish()
        try findings.check()
        guard let sections else {
            throw ConfigurationError(
                path: "gateway",
                found: "an incomplete object",
                expected: "dicom and web"
            )
        }
        self.sections = sections
    }

    /// What the gateway is started with.
    package var gateway: GatewayConfiguration {
        GatewayConfiguration(
            site: site,
            dataDirectory: stateDirectory + "/gateway",
            statusSocket: runtimeDirectory + "/gateway.sock",
            sections: sections
        )
    }

    /// Where the gateway's document is rendered to.
    package var gatewayDocumentPath: String {
        runtimeDirectory + "/gateway.json"
    }
}

extension SupervisorConfiguration.AdminSocket {
    fileprivate init(reading object: ConfigurationReader?, runtimeDirectory: String) {
        let standard = (socket: runtimeDirectory + "/admin.sock", group: "drimbox-admin")
        guard var reader = object else {
            (socket, group) = standard
            return
        }
        socket = reader.optionalString("socket", .socketPath) ?? standard.socket
        group = reader.optionalString("group", .group) ?? standard.group
        reader.finish()
    }
}

extension StringRule {
    /// sun_path of sockaddr_un(7) less `/gateway.sock`.
    fileprivate static let runtimeDirectory = StringRule(expected: "an absolute path of at most 94 bytes") {
        text in
        text.hasPrefix("/") && text.utf8.count <= 94 && !text.utf8.contains(0) ? text : nil
    }
}
