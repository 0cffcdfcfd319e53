// SPDX-License-Identifier: Apache-2.0

/// `update.json`: where a box's releases come from, and where they go.
package struct UpdateConfiguration: Equatable, Sendable {
    package struct Server: Equatable, Sendable {
        /// `metadata/` and `targets/` are below it.
        package let url: String
        package let authorities: String?
        package let certificate: String?
        package let privateKey: String?
        package let proxy: ListenAddress?
        /// It says when to look again, and takes the box's state.
        package let events: Bool
    }

    /// Two partitions: the root file system and its hash tree.
    package struct Slot: Equatable, Sendable {
        package let data: String
        package let hashes: String
    }

    package struct Slots: Equatable, Sendable {
        package let a: Slot
        package let b: Slot
    }

    package struct Check: Equatable, Sendable {
        package let name: String
        package let command: [String]
        /// Must pass whatever was before.
        package let isRequired: Bool
    }

    /// When the box may be disturbed: minutes of the day in UTC; one that ends before it begins goes over midnight.
    package struct Window: Equatable, Sendable {
        package let start: Int
        package let end: Int

        /// Milliseconds since 1970 when it closes; nil where it is not open.
        package func closes(_ now: Int64) -> Int64? {
            let day: Int64 = 24 * 60 * 60_000
            let minute = Int(now % day / 60_000)
            let length = (end - start + 24 * 60 - 1) % (24 * 60) + 1
            let since = (minute - start + 24 * 60) % (24 * 60)
            guard since < length else { return nil }
            return now - now % 60_000 + Int64(length - since) * 60_000
        }
    }

    /// What an update waits for.
    package enum Gate: String, CaseIterable, Sendable {
        case open
        case window
        case consent
        case windowAndConsent
    }

    /// When it may do what.
    package struct Timing: Equatable, Sendable {
        package let download: Gate
        package let reboot: Gate
        package let windows: [Window]
        package let bytesPerSecond: Int?
    }

    package let channel: String
    package let hardware: String
    /// Never changes, and tells the box from all others.
    package let device: String
    package let directory: String
    /// The first root of each repository, out of the image.
    package let root: String
    package let offlineRoot: String?
    package let server: Server?
    /// Where the EFI system partition is mounted.
    package let bootPartition: String
    package let slots: Slots
    /// Health, before and after: commands that end with 0 where all is well.
    package let checks: [Check]
    package let timing: Timing
    /// Started without arguments when it is time; where it is absent, whoever runs the agent reboots the box.
    package let rebootCommand: String?
    /// Where the system mounts media: each directory in it may have a repository.
    package let mediaDirectory: String
    /// Where orders come, unless systemd passes a socket.
    package let socket: String?
    /// The probe that keeps the floor in the TPM; a file keeps it where it is absent, and says so.
    package let probe: String?
    /// The vendor's key that floors are signed with: SubjectPublicKeyInfo, DER.
    package let vendorKey: String?
    /// A file beside the box's credentials, in which the supervisor keeps what the site says (`UpdateSettings`).
    package let site: String?

    /// `said` is the content of `site`.
    package init(json: [UInt8], said: [UInt8]? = nil) throws(ConfigurationError) {
        let findings = ConfigurationReader.Findings()
        var document = try JSONValue(parsing: json)
        if let said, case .string(let site)? = document[path: "site"] {
            let directory = site.split(separator: "/", omittingEmptySubsequences: false).dropLast()
                .joined(separator: "/")
            document = try UpdateSettings.merge(
                said,
                into: document,
                credentialsDirectory: directory + "/credentials"
            )
        }
        var reader = ConfigurationReader(document, findings: findings)
        channel = reader.optionalString("channel", .identifier) ?? "stable"
        hardware = reader.string("hardware", .identifier)
        device = reader.string("device", .text)
        directory = reader.optionalString("directory", .path) ?? "/var/lib/drimbox-update"
        root = reader.optionalString("root", .path) ?? "/usr/share/drimbox/root.json"
        offlineRoot = reader.optionalString("offlineRoot", .path)
        server = reader.optionalObject("server").map { Server(reading: $0, of: .image) }
        bootPartition = reader.optionalString("bootPartition", .path) ?? "/efi"
        var slots = reader.object("slots")
        self.slots = Slots(
            a: Slot(reading: slots?.object("a")),
            b: Slot(reading: slots?.object("b"))
        )
        slots?.finish()
        checks = reader.array("checks", count: 0...32).map { path, value in
            Check(reading: ConfigurationReader(value, path: path, findings: findings))
        }
        timing = Timing(&reader)
        rebootCommand = reader.optionalString("rebootCommand", .path)
        mediaDirectory = reader.optionalString("mediaDirectory", .path) ?? "/run/media"
        socket = reader.optionalString("socket", .socketPath)
        probe = reader.optionalString("probe", .path)
        vendorKey = reader.optionalString("vendorKey", .path)
        site = reader.optionalString("site", .path)
        reader.finish()
        if (probe == nil) != (vendorKey == nil) {
            reader.note(
                "vendorKey",
                found: vendorKey == nil ? "nothing" : "a key",
                expected: "a key with \"probe\", and only with it"
            )
        }
        try findings.check()
    }
}

extension UpdateConfiguration.Timing {
    init(_ reader: inout ConfigurationReader) {
        download = reader.choice("download", default: .open, or: .open)
        reboot = reader.choice("reboot", default: .consent, or: .consent)
        windows = reader.strings("windows", .window, count: 0...14).compactMap(
            UpdateConfiguration.Window.init
        )
        bytesPerSecond = reader.optionalInteger("bytesPerSecond", in: 1024...1 << 40)
        for (name, gate) in [("download", download), ("reboot", reboot)]
        where [.window, .windowAndConsent].contains(gate) && windows.isEmpty {
            reader.note(name, found: gate.rawValue, expected: "it with windows, or another gate")
        }
    }
}

extension UpdateConfiguration.Server {
    /// Who speaks: the image names files, a site its credentials.
    enum Speaker {
        case image
        case site
    }

    init(reading object: ConfigurationReader, of speaker: Speaker) {
        var reader = object
        let rule: StringRule = speaker == .image ? .path : .credential
        url = reader.string("url", .serviceURL)
        authorities = reader.optionalString("authorities", rule)
        certificate = reader.optionalString("certificate", rule)
        privateKey = reader.optionalString("privateKey", rule)
        proxy = reader.address("proxy")
        events = reader.boolean("events", default: false)
        reader.finish()
        if (certificate == nil) != (privateKey == nil) {
            reader.note(
                "privateKey",
                found: "one of the two",
                expected: "certificate and privateKey, or neither"
            )
        }
    }
}

extension UpdateConfiguration.Slot {
    fileprivate init(reading object: ConfigurationReader?) {
        guard var reader = object else {
            (data, hashes) = ("", "")
            return
        }
        data = reader.string("data", .path)
        hashes = reader.string("hashes", .path)
        reader.finish()
    }
}

extension UpdateConfiguration.Window {
    /// "22:00-05:00"
    fileprivate init?(_ text: String) {
        func minutes(_ text: Substring) -> Int? {
            let parts = text.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count == 2, parts.allSatisfy({ $0.utf8.count == 2 }), let hour = Int(parts[0]),
                let minute = Int(parts[1]), (0...23).contains(hour), (0...59).contains(minute)
            else { return nil }
            return hour * 60 + minute
        }
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, let start = minutes(parts[0]), let end = minutes(parts[1]) else { return nil }
        self.init(start: start, end: end)
    }
}

extension StringRule {
    fileprivate static let window = StringRule(expected: "a time of the day in UTC, such as 22:00-05:00") {
        text in
        UpdateConfiguration.Window(text) == nil ? nil : text
    }
}

extension UpdateConfiguration.Check {
    fileprivate init(reading object: ConfigurationReader) {
        var reader = object
        name = reader.string("name", .text)
        command = reader.strings("command", .text, count: 1...16)
        isRequired = reader.boolean("required", default: false)
        reader.finish()
    }
}
