// SPDX-License-Identifier: Apache-2.0
import Admin
import Foundation
import Linux
import Logging
import ServiceLifecycle
import Testing
import Transfer

@testable import Supervisor

private let fakeGateway = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Support/fake_gateway.py").path

/// A directory that goes with the last box in it.
final class BoxDirectory: Sendable {
    let path = "/tmp/drimbox-\(UUID().uuidString.prefix(8))"

    init() throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    /// The path of a program for /bin/sh.
    func script(_ name: String, _ text: String) throws -> String {
        let file = "\(path)/\(name)"
        try "#!/bin/sh\n\(text)".write(toFile: file, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: file)
        return file
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }
}

/// A whole supervisor on sockets of its own, with the fake gateway as its child.
struct SupervisedBox {
    static let isPossible = FileManager.default.isExecutableFile(atPath: "/usr/bin/python3")

    private let folder: BoxDirectory
    private let isSafeMode: Bool
    let appliance: Appliance
    let client: UnixHTTPClient

    var directory: String { folder.path }

    /// On a directory of its own, or on what another one left in its. `members` of the document come after ours.
    init(
        after other: SupervisedBox? = nil,
        isSafeMode: Bool = false,
        members: (String) -> String = { _ in "" }
    ) throws {
        self.isSafeMode = isSafeMode
        folder = try other?.folder ?? BoxDirectory()
        let directory = folder.path
        let document = """
            { "site": "Test", "stateDirectory": "\(directory)/state", "runtimeDirectory": "\(directory)/run",
              "admin": { "group": "root" },\(members(directory))
              "gateway": { "executable": "\(fakeGateway)",
                           "dicom": { "aeTitle": "A", "listen": ["127.0.0.1:0"] },
                           "web": { "listen": ["127.0.0.1:0"], "authorization": "none" } } }
            """
        appliance = Appliance(
            configuration: try SupervisorConfiguration(json: Array(document.utf8)),
            isSafeMode: isSafeMode
        )
        client = UnixHTTPClient(socketPath: "\(directory)/run/admin.sock")
    }

    var gatewayPIDs: [Int32] {
        let text = (try? String(contentsOfFile: "\(directory)/run/starts", encoding: .utf8)) ?? ""
        return text.split(separator: "\n").compactMap { Int32($0) }
    }

    func run(_ body: () async throws -> Void) async throws {
        let services = try appliance.prepare()
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let group = ServiceGroup(
            configuration: .init(services: services.map { .init(service: $0) }, logger: logger)
        )
        let task = Task { try await group.run() }
        do {
            try await eventually {
                let state = try await get("/v1/status", BoxStatus.self).state
                // Degraded is also a box on a machine that is not well, such as one whose disk fills up.
                return isSafeMode ? state == .safeMode : [.inService, .degraded].contains(state)
            }
            try await body()
        } catch {
            await group.triggerGracefulShutdown()
            _ = await task.result
            throw error
        }
        await group.triggerGracefulShutdown()
        try await task.value
    }

    struct InVain: Error {}

    /// - Throws: where it is not so within two minutes.
    func eventually(_ condition: () async throws -> Bool) async throws {
        let end = ContinuousClock.now + .seconds(120)
        while (try? await condition()) != true {
            guard ContinuousClock.now < end else { throw InVain() }
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    func get(_ target: String) async throws -> UnixHTTPClient.Response {
        try await client.get(target, deadline: .seconds(30))
    }

    func call(_ method: String, _ target: String, _ body: String, _ headers: [String: String] = [:])
        async throws
        -> UnixHTTPClient.Response
    {
        try await client.request(
            method,
            target,
            headers: headers,
            body: Array(body.utf8),
            deadline: .seconds(60)
        )
    }

    func get<Value: Decodable>(_ target: String, _ type: Value.Type) async throws -> Value {
        let response = try await client.get(target, deadline: .seconds(30))
        return try JSONDecoder().decode(type, from: Data(response.body))
    }

    func events(since: UInt64 = 0) async throws -> [ServerSentEvent] {
        let response = try await client.get("/v1/events?follow=0&since=\(since)", deadline: .seconds(30))
        #expect(response.headers["content-type"] == "text/event-stream")
        var parser = ServerSentEventParser()
        return try parser.feed(response.body)
    }
}
