// SPDX-License-Identifier: Apache-2.0

/// The supervisor's document, `drimbox.json`: where things are, and the box's configuration at its first start.
package struct SupervisorConfiguration: Equatable, Sendable {
    package struct AdminSocket: Equatable, Sendable {
        package let socket: String
        /// Its members may use the whole admin API.
        package let group: String
        /// Their members may look and test, or only look. With one of them the socket is open to all users of the
        /// box, and who connects is checked.
        package let operators: String?
        package let viewers: String?
        /// Ed25519, base64 of 32 bytes: whose signature opens the break-glass shell. None: it stays shut.
        package let shellKeys: [String]
    }

    /// Which hardware this box has, and so looks after.
    package struct Health: Equatable, Sendable {
        /// smartctl is asked.
        package let disks: Bool
        package let tpm: Bool
        /// chronyc is asked.
        package let clock: Bool
        /// Name of a UPS that NUT knows.
        package let ups: String?
        /// Where the TPM is, for tss2: `device:/dev/tpmrm0`.
        package let tcti: String
        package let smartctl: String
    }

    /// Who may say what this box is.
    package struct Provisioning: Equatable, Sendable {
        /// PEM file: the box's certificate must come from one of these. Absent: whoever imports one says which.
        package let authorities: String?
        /// Ed25519, base64 of 32 bytes: who may sign answer files.
        package let answerKeys: [String]
        /// Started with `reboot` or `poweroff`; systemctl where it is absent and systemd runs the box.
        package let powerCommand: String?
        /// Where USB sticks are mounted, each in a directory.
        package let mediaDirectory: String
    }

    package let stateDirectory: String
    package let runtimeDirectory: String
    /// Where systemd-networkd looks for what the supervisor generates.
    package let networkDirectory: String
    package let admin: AdminSocket
    package let health: Health
    package let provisioning: Provisioning
    /// Path of the gateway's program; the one beside the supervisor's where it is absent.
    package let gatewayExecutable: String?
    /// The box's configuration until somebody applies another one.
    package let factory: BoxConfiguration

    package init(json: [UInt8]) throws(ConfigurationError) {
        let findings = ConfigurationReader.Findings()
        var reader = ConfigurationReader(try JSONValue(parsing: json), findings: findings)
        let site = reader.string("site", .text)
        stateDirectory = reader.optionalString("stateDirectory", .path) ?? "/var/lib/drimbox"
        // Room for the names of the sockets below it.
        runtimeDirectory = reader.optionalString("runtimeDirectory", .runtimeDirectory) ?? "/run/drimbox"
        networkDirectory = reader.optionalString("networkDirectory", .path) ?? "/run/systemd/network"
        admin = AdminSocket(reading: reader.optionalObject("admin"), runtimeDirectory: runtimeDirectory)
        health = Health(reading: reader.optionalObject("health"))
        provisioning = Provisioning(reading: reader.optionalObject("provisioning"))
        var executable: String?
        let factory = BoxConfiguration(site: site, reading: &reader) { gateway in
            executable = gateway.optionalString("executable", .path)
        }
        gatewayExecutable = executable
        reader.finish()
        try findings.check()
        self.factory = try BoxConfiguration.complete(factory)
    }

    /// What the gateway is started with under a configuration of the box.
    package func gateway(for box: BoxConfiguration) -> GatewayConfiguration {
        box.gateway(
            dataDirectory: stateDirectory + "/gateway",
            credentialsDirectory: credentialsDirectory,
            statusSocket: runtimeDirectory + "/gateway.sock"
        )
    }

    /// Files that the configuration names by their names alone: the supervisor writes them, the gateway reads them.
    package var credentialsDirectory: String { stateDirectory + "/credentials" }

    /// What the site says of updates, for drimbox-update.
    package var updateSettingsPath: String { stateDirectory + "/updates.json" }

    /// The database of revisions and audit.
    package var databasePath: String { Self.databasePath(stateDirectory: stateDirectory) }

    package static func databasePath(stateDirectory: String) -> String {
        stateDirectory + "/supervisor.db"
    }

    /// What was typed for the break-glass shell, on its way to root, who trusts nothing of it.
    package var shellResponsePath: String { runtimeDirectory + "/shell-response" }

    /// Where the gateway's document is rendered to.
    package var gatewayDocumentPath: String {
        runtimeDirectory + "/gateway.json"
    }
}

extension SupervisorConfiguration.Health {
    fileprivate init(reading object: ConfigurationReader?) {
        var reader = object
        disks = reader?.boolean("disks", default: false) ?? false
        tpm = reader?.boolean("tpm", default: false) ?? false
        clock = reader?.boolean("clock", default: false) ?? false
        ups = reader?.optionalString("ups", .group)
        tcti = reader?.optionalString("tcti", .text) ?? "device:/dev/tpmrm0"
        smartctl = reader?.optionalString("smartctl", .path) ?? "/usr/sbin/smartctl"
        reader?.finish()
    }
}

extension SupervisorConfiguration.Provisioning {
    fileprivate init(reading object: ConfigurationReader?) {
        var reader = object
        authorities = reader?.optionalString("authorities", .path)
        answerKeys = reader?.publicKeys("answerKeys") ?? []
        powerCommand = reader?.optionalString("powerCommand", .path)
        mediaDirectory = reader?.optionalString("mediaDirectory", .path) ?? "/run/media"
        reader?.finish()
    }
}

extension SupervisorConfiguration.AdminSocket {
    fileprivate init(reading object: ConfigurationReader?, runtimeDirectory: String) {
        let standard = (socket: runtimeDirectory + "/admin.sock", group: "drimbox-admin")
        guard var reader = object else {
            (socket, group) = standard
            (operators, viewers, shellKeys) = (nil, nil, [])
            return
        }
        socket = reader.optionalString("socket", .socketPath) ?? standard.socket
        group = reader.optionalString("group", .group) ?? standard.group
        operators = reader.optionalString("operators", .group)
        viewers = reader.optionalString("viewers", .group)
        shellKeys = reader.publicKeys("shellKeys")
        reader.finish()
    }
}

extension ConfigurationReader {
    /// Ed25519 keys in base64.
    fileprivate mutating func publicKeys(_ name: String) -> [String] {
        let findings = findings
        return array(name, count: 0...16).compactMap { path, value in
            if case .string(let text) = value, text.utf8.count == 44 { return text }
            findings.note(path, found: value.evidence, expected: "base64 of 32 bytes")
            return nil
        }
    }
}

extension StringRule {
    /// sun_path of sockaddr_un(7) less `/gateway.sock`.
    fileprivate static let runtimeDirectory = StringRule(expected: "an absolute path of at most 94 bytes") {
        text in
        text.hasPrefix("/") && text.utf8.count <= 94 && !text.utf8.contains(0) ? text : nil
    }
}
