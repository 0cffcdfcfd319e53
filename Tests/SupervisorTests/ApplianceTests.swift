// SPDX-License-Identifier: Apache-2.0
import Admin
import Foundation
import Glibc
import Linux
import Logging
import ServiceLifecycle
import Synchronization
import Testing
import Transfer

@testable import Supervisor

/// Reads `/v1/events` as they come.
private final class Follower: Sendable {
    private let client: UnixHTTPClient
    private let state = Mutex((parser: ServerSentEventParser(), kinds: [String]()))

    init(client: UnixHTTPClient) {
        self.client = client
    }

    var kinds: [String] { state.withLock { $0.kinds } }

    func run() async throws {
        _ = try await client.stream("/v1/events") { bytes in
            try self.state.withLock { state in state.kinds += try state.parser.feed(bytes).map(\.name) }
        }
    }
}

@Suite(
    "The supervisor as a whole",
    .timeLimit(.minutes(10)),
    .enabled(if: SupervisedBox.isPossible, "the fake gateway needs /usr/bin/python3")
)
struct ApplianceTests {
    @Test("every resource answers, and the gateway's events are numbered among ours") func resources()
        async throws
    {
        let box = try SupervisedBox()
        try await box.run {
            #expect(try await box.get("/v1/version", VersionReport.self).software == Software.version)
            #expect(try await box.get("/v1/services", ServiceList.self).services.map(\.name) == ["gateway"])
            #expect(try await box.get("/v1/services/gateway", ServiceStatus.self).pid == box.gatewayPIDs.last)
            #expect(try await box.get("/v1/pipeline", PipelineStatus.self).receive.refused == ["A700": 3])
            let metrics = try await box.client.get("/v1/metrics", deadline: .seconds(30))
            #expect(metrics.headers["content-type"] == OpenMetrics.mediaType)
            #expect(String(decoding: metrics.body, as: UTF8.self).hasSuffix("# EOF\n"))

            try await box.eventually { try await box.events().contains { $0.name == "association.accepted" } }
            let events = try await box.events().map {
                try JSONDecoder().decode(Event.self, from: Data($0.data.utf8))
            }
            #expect(events.map(\.seq) == (1...UInt64(events.count)).map { $0 })
            #expect(
                events.contains { $0.kind == "supervisor.ready" }
                    || events.contains { $0.kind == "admin.ready" }
            )
            #expect(try await box.events(since: 2).first?.id == "3")
            #expect(try await box.events(since: 1_000_000).first?.name == "gap")
        }
    }

    @Test(
        "an unknown path, a wrong method and a wrong query are problems",
        arguments: [
            ("/", 404), ("/v1", 404), ("/v2/status", 404), ("/v1/status/x", 404),
            ("/v1/services/nobody", 404),
            ("/v1/status?x=1", 400), ("/v1/events?since=x", 400), ("/v1/events?follow=2", 400),
        ]
    )
    func problems(target: String, status: Int) async throws {
        let box = try SupervisedBox()
        try await box.run {
            let response = try await box.client.get(target, deadline: .seconds(30))
            #expect(response.status == status)
            #expect(response.headers["content-type"] == "application/problem+json")
            #expect(try JSONDecoder().decode(Problem.self, from: Data(response.body)).status == status)
        }
    }

    @Test("a follower hears of what comes, and its stream ends with the supervisor") func following()
        async throws
    {
        let box = try SupervisedBox()
        let follower = Follower(client: box.client)
        var reading: Task<Void, any Error>?
        try await box.run {
            reading = Task { try await follower.run() }
            try await box.eventually { follower.kinds.contains("admin.ready") }
            kill(try #require(box.gatewayPIDs.last), SIGKILL)
            try await box.eventually { follower.kinds.contains("issue.raised") }
        }
        try await reading?.value
    }

    @Test("a gateway that is killed comes back, and ends with the supervisor") func restart() async throws {
        let box = try SupervisedBox()
        var pids: [Int32] = []
        try await box.run {
            kill(try #require(box.gatewayPIDs.last), SIGKILL)
            try await box.eventually {
                let status = try await box.get("/v1/services/gateway", ServiceStatus.self)
                return status.restarts == 1 && status.state == .running
            }
            pids = box.gatewayPIDs
            #expect(pids.count == 2)
        }
        for pid in pids { #expect(kill(pid, 0) == -1 && errno == ESRCH) }
    }

    @Test("the socket is for its owner and group, and a second supervisor keeps away") func socket()
        async throws
    {
        let box = try SupervisedBox()
        try await box.run {
            let path = box.client.socketPath
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            #expect(attributes[.posixPermissions] as? Int == 0o660)
            #expect(throws: SystemCallError(call: "bind", subject: path, errno: EADDRINUSE)) {
                _ = try box.appliance.prepare()
            }
        }
    }

    @Test("a socket that a killed supervisor left is no obstacle") func staleSocket() async throws {
        let box = try SupervisedBox()
        try FileManager.default.createDirectory(
            atPath: box.directory + "/run",
            withIntermediateDirectories: true
        )
        let script = "import socket; socket.socket(socket.AF_UNIX).bind('\(box.client.socketPath)')"
        _ = try await ChildProcess.run("/usr/bin/python3", ["-c", script], deadline: .seconds(30))
        #expect(FileManager.default.fileExists(atPath: box.client.socketPath))
        try await box.run {}
    }

    @Test(
        "a caller outside the group is denied, and the event says who",
        .enabled(if: geteuid() == 0, "another user's process is needed: root only")
    )
    func denied() async throws {
        let box = try SupervisedBox()
        try await box.run {
            let path = box.client.socketPath
            chmod(path, 0o666)
            chmod(box.directory, 0o755)
            let script = """
                import os, socket; os.setgroups([]); os.setgid(65534); os.setuid(65534)
                s = socket.socket(socket.AF_UNIX); s.connect('\(path)')
                s.sendall(b'GET /v1/status HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n')
                print(s.makefile().read())
                """
            let answer = try await ChildProcess.run(
                "/usr/bin/python3",
                ["-c", script],
                deadline: .seconds(30)
            ).output
            #expect(answer.hasPrefix("HTTP/1.1 403 "))
            #expect(answer.contains("\"code\":\"auth.denied\""))
            let event = try await box.events().first { $0.name == "auth.denied" }
            #expect(event?.data.contains("\"uid\":\"65534\"") == true)
        }
    }
}

@Suite("Who may use the admin API") struct PeerAuthorizationTests {
    private let journal = EventJournal()

    private func permits(_ peer: PeerCredentials, group: String = "no-such-group") -> Bool {
        PeerAuthorization(group: group, ownUser: 4242, journal: journal).role(of: peer) == .admin
    }

    @Test("root, our own user and the group's members; nobody else") func rules() {
        #expect(permits(PeerCredentials(pid: 1, uid: 0, gid: 77)))
        #expect(permits(PeerCredentials(pid: 1, uid: 4242, gid: 77)))
        #expect(!permits(PeerCredentials(pid: 1, uid: 65534, gid: 65534)))
        #expect(permits(PeerCredentials(pid: 1, uid: 65534, gid: 0), group: "root"))
        #expect(!permits(PeerCredentials(pid: 1, uid: 65534, gid: 65534), group: "root"))
        #expect(!permits(PeerCredentials(pid: 0, uid: .max, gid: .max)))
    }

    @Test("a user who tries again and again makes one event") func oneEvent() {
        let authorization = PeerAuthorization(group: "no-such-group", ownUser: 4242, journal: journal)
        for pid in 1...100 {
            #expect(authorization.role(of: PeerCredentials(pid: Int32(pid), uid: 65534, gid: 1)) == nil)
        }
        #expect(authorization.role(of: PeerCredentials(pid: 1, uid: 65533, gid: 1)) == nil)
        #expect(journal.log.events(after: 0).events.map(\.kind) == ["auth.denied", "auth.denied"])
    }
}
