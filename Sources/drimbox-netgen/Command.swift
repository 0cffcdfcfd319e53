// SPDX-License-Identifier: Apache-2.0
import Admin
import ArgumentParser
import Linux
import HostNetwork
import Store

/// The program, as it is started by its name.
package func run() async { await Command.main() }

/// Runs at every boot before systemd-networkd, and needs nothing but the database: the confirmed network comes up
/// even where the supervisor does not.
struct Command: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drimbox-netgen",
        abstract: "Writes the network files of the confirmed configuration.",
        version: Software.version
    )

    @Option(help: ArgumentHelp("The supervisor's directory.", valueName: "directory"))
    var state = "/var/lib/drimbox"

    @Option(help: ArgumentHelp("Where systemd-networkd looks.", valueName: "directory"))
    var output = "/run/systemd/network"

    @Option(
        help: ArgumentHelp(
            "For the firewall's rules, resolv.conf and chrony's sources.",
            valueName: "directory"
        )
    )
    var runtime = "/run/drimbox/network"

    @Flag(help: "Load the firewall's rules too.")
    var firewall = false

    func run() async throws {
        do {
            let path = SupervisorConfiguration.databasePath(stateDirectory: state)
            let networkd = Networkd(
                directory: output,
                ownDirectory: runtime,
                tools: NetworkTools(usesUnits: false)
            )
            // Nobody has configured the box yet: its interfaces are up all the same.
            var rendering = NetworkRendering.factory
            do {
                let documents = try RevisionTable.documents(path: path)
                let found = BoxConfiguration.first(understoodIn: documents)
                if found?.index != 0, !documents.isEmpty {
                    StandardError.print(
                        "drimbox-netgen: the newest revision is not understood; an older one is used"
                    )
                }
                if let box = found?.box, box.network != nil { rendering = NetworkRendering(box) }
            } catch {
                // Interfaces that are up, for the console's tests, are better than none.
                StandardError.print("drimbox-netgen: \(error)")
            }
            _ = try networkd.install(rendering)
            if firewall { try await networkd.loadFirewall() }
        } catch {
            StandardError.print("drimbox-netgen: \(error)")
            throw ExitCode(1)
        }
    }
}
