// SPDX-License-Identifier: Apache-2.0
import Admin
import ArgumentParser
import Linux
import Logging
import ServiceLifecycle
import Supervisor
import UnixSignals

/// The program, as it is started by its name.
package func run() async { await Command.main() }

struct Command: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drimboxd",
        abstract: "Supervises the DRIMbox: runs the gateway, serves the admin API.",
        version: Software.version
    )

    /// Longer than the gateway may take to end.
    private static let shutdownLimit: Duration = .seconds(30)

    @Option(help: ArgumentHelp("The box's configuration, JSON.", valueName: "file"))
    var config: String

    @Flag(help: "Check the configuration and end: 0 when it is good, 3 when not.")
    var check = false

    @Flag(help: "The confirmed network and the admin API only: for a box whose supervisor keeps ending.")
    var safeMode = false

    func run() async throws {
        let configuration = try read()
        if check { return }
        Journal.bootstrap()
        Appliance.limitThreads()
        let appliance = Appliance(configuration: configuration, isSafeMode: safeMode)
        do {
            let services = try appliance.prepare()
            var logger = Logger(label: "lifecycle")
            logger.logLevel = .error
            var group = ServiceGroupConfiguration(
                services: services.map { .init(service: $0) },
                gracefulShutdownSignals: [.sigterm, .sigint],
                logger: logger
            )
            group.maximumGracefulShutdownDuration = Self.shutdownLimit
            try await ServiceGroup(configuration: group).run()
        } catch {
            StandardError.print("drimboxd: \(error)")
            throw ExitCode(1)
        }
    }

    private func read() throws -> SupervisorConfiguration {
        do {
            return try SupervisorConfiguration(json: try readFile(config, limit: 1 << 20))
        } catch let error as ConfigurationError {
            for finding in error.findings { StandardError.print("drimboxd: \(config): \(finding)") }
        } catch {
            StandardError.print("drimboxd: \(error)")
        }
        throw ExitCode(3)
    }
}
