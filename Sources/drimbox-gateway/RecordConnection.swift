// SPDX-License-Identifier: Apache-2.0
import Admin
import DMP
import FoundationEssentials
import IHE
import Transfer

/// The connections of the configured structures to the national record.
final class RecordConnection: Sendable {
    let client: DMPClient
    private let connections: [HTTPSClient]

    init(_ dmp: GatewayConfiguration.DMP, _ security: Security) throws {
        let structures = try dmp.structures.map { try security.structure($0, of: dmp) }
        connections = structures.map(\.client)
        client = DMPClient(
            services: dmp.services,
            software: .init(
                identifier: dmp.software.identifier,
                name: dmp.software.name,
                version: Software.version,
                homologation: dmp.software.homologation
            ),
            algorithm: dmp.algorithm == .sha1 ? .sha1 : .sha256,
            structures: structures.map(\.structure),
            makeUUID: { UUID().uuidString.lowercased() }
        )
    }

    func shutdown() async {
        for connection in connections { await connection.shutdown() }
    }
}
