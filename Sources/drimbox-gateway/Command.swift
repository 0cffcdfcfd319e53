// SPDX-License-Identifier: Apache-2.0
import Admin
import ArgumentParser
import Linux
import Logging
import ServiceLifecycle
import UnixSignals

/// The program, as it is started by its name.
package func run() async { await Command.main() }

struct Command: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drimbox-gateway",
        abstract: "Receives DICOM, keeps it in the spool, serves it over DICOMweb.",
        version: Software.version
    )

    @Option(help: ArgumentHelp("The gateway's configuration, JSON.", valueName: "file"))
    var config: String

    @Flag(help: "Check the configuration and end: 0 when it is good, 3 when not.")
    var check = false

    @Flag(help: "End when the parent process ends.")
    var supervised = false

    func run() async throws {
        let configuration: GatewayConfiguration
        do {
            configuration = try GatewayConfiguration(json: try readFile(config, limit: 1 << 20))
        } catch {
            StandardError.print("drimbox-gateway: \(config): \(error)")
            throw ExitCode(3)
        }
        if check { return }
        if supervised { try ParentProcess.bindLife() }
        Journal.bootstrap()
        let logger = Logger(label: "gateway")
        let group = ServiceGroup(
            configuration: .init(
                services: [.init(service: Gateway(configuration: configuration))],
                gracefulShutdownSignals: [.sigterm, .sigint],
                logger: logger
            )
        )
        do {
            try await group.run()
        } catch {
            logger.critical("gateway.failed", metadata: ["reason": "\(error)"])
            throw ExitCode(1)
        }
    }
}
