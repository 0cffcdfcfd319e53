// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

private let units = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "etc/systemd/system")
private let analyze = "/usr/bin/systemd-analyze"

@Suite(
    "The units and their sandboxes",
    .enabled(if: FileManager.default.isExecutableFile(atPath: analyze), "needs systemd-analyze")
)
struct UnitFileTests {
    /// Ten times the exposure that `systemd-analyze security` may give.
    static let thresholds: [(unit: String, threshold: Int)] = [
        ("drimboxd.service", 15), ("drimbox-safemode.service", 15), ("drimbox-gateway.service", 12),
        ("drimbox-netgen.service", 22), ("drimbox-firewall.service", 20), ("drimbox-probe@.service", 20),
        ("drimbox-network-probe@.service", 20), ("drimbox-shell@.service", 100),
        ("drimbox-link-delete@.service", 20), ("drimbox-8021x@.service", 24),
        ("drimbox-console@.service", 10),
        ("drimbox-factory-reset.service", 20), ("drimbox-update.service", 20),
    ]

    @Test("every service has a threshold and stays below it", arguments: thresholds)
    func exposure(unit: String, threshold: Int) throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "units-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        // The tool wants the name of an instance.
        let copy = directory.appending(path: unit.replacing("@.", with: "-x."))
        try FileManager.default.copyItem(at: units.appending(path: unit), to: copy)
        let process = Process()
        process.executableURL = URL(filePath: analyze)
        process.arguments = ["security", "--offline=true", "--threshold=\(threshold)", copy.path]
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0, "\(output.suffix(300))")
        #expect(output.contains("Overall exposure level"))
    }

    @Test(
        "no shell starts before root has judged the response: the unit's first program, whose failure counts"
    )
    func shell() throws {
        let text = try String(contentsOf: units.appending(path: "drimbox-shell@.service"), encoding: .utf8)
        let starts = text.split(separator: "\n").filter { $0.hasPrefix("Exec") && !$0.hasPrefix("ExecStop") }
        #expect(
            starts == [
                "ExecStartPre=/usr/libexec/drimbox-shell %i", "ExecStart=/bin/bash --noprofile --norc",
            ]
        )
    }

    @Test("no service is forgotten") func all() throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: units.path).filter {
            $0.hasSuffix(".service")
        }
        #expect(Set(names) == Set(Self.thresholds.map(\.unit)))
    }
}
