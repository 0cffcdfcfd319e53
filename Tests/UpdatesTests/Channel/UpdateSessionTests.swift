// SPDX-License-Identifier: Apache-2.0
import Foundation
import Linux
import TUF
import Testing

@testable import Updates

@Suite(
    "Repositories of image/release, read as a box does",
    .enabled(if: TestSupport.canPublish, "needs .build/release-python, which image/release makes")
)
struct UpdateSessionTests {
    let fixtures: String
    let now = UTCTime(seconds: WallClock.milliseconds() / 1000)
    let manifest = "releases/2026.10.0/manifest.json"

    init() throws { fixtures = try TestSupport.repositories.get() }

    private func store(_ directory: String, root: String = "root.json") throws -> TrustStore {
        try TrustStore(
            directory: "\(directory)/trust",
            bootstrap: TestSupport.read("\(fixtures)/\(root)")
        )
    }

    private func names(_ directory: String) throws -> Set<String> {
        Set(try Directory.names(in: "\(directory)/trust"))
    }

    @Test("targets come through rotated roots, each kept by its number") func chain() async throws {
        try await TestServer.with("\(fixtures)/2/tree") { server in
            try await TemporaryDirectory.with { directory in
                let repository = try HTTPRepository(baseURL: server.url)
                var session = try UpdateSession(
                    store: try store(directory),
                    repository: repository,
                    now: now
                )
                let (file, bytes) = try await session.target(manifest)
                let release = try ReleaseManifest(parsing: bytes)
                #expect(release.release == ReleaseVersion("2026.10.0"))
                #expect(try ReleaseCustom(file.custom).rollbackIndex == 4)
                let (_, rollout) = try await session.target("rollout/stable.json")
                #expect(try Rollout(parsing: rollout).cohortsPerMille == 1000)
                #expect(session.rootVersion == 5)
                let roles = ["timestamp.json", "snapshot.json", "targets.json", "rollout.json"]
                #expect(try names(directory) == Set((1...5).map { "\($0).root.json" } + roles))
                for name in (1...5).map({ "\($0).root.json" }) + ["timestamp.json"] {
                    let kept = try TestSupport.read("\(directory)/trust/\(name)")
                    #expect(kept == (try TestSupport.read("\(fixtures)/2/tree/metadata/\(name)")), "\(name)")
                }
                let pack = release.path("root.pack")
                let content = try TestSupport.read("\(fixtures)/2/tree/targets/\(pack)")
                for range in [0..<10, 5..<content.count, 7..<8, 3..<3] {
                    #expect(try await repository.read(pack, range) == Array(content[range]))
                }
                await repository.close()
            }
        }
    }

    @Test("an update that was cut goes on at the root after those that are kept") func restart() async throws
    {
        try await TestServer.with("\(fixtures)/2/tree") { server in
            try await TemporaryDirectory.with { directory in
                let store = try store(directory)
                let repository = try HTTPRepository(baseURL: server.url)
                var session = try UpdateSession(store: store, repository: repository, now: now)
                try await server.send(#"{"fault": "503", "path": "4.root.json"}"#)
                let expected = SourceFailure(.transient, "metadata/4.root.json", "status 503, again in 7 s")
                await #expect(throws: UpdateSessionError.source(expected)) { try await session.refresh() }
                #expect(try names(directory) == ["1.root.json", "2.root.json", "3.root.json"])
                // A second session never asks for what the first one kept.
                try await server.send(#"{"fault": "503", "path": "metadata/3.root.json"}"#)
                session = try UpdateSession(store: store, repository: repository, now: now)
                try await session.refresh()
                #expect(session.rootVersion == 5)
                await repository.close()
            }
        }
    }

    @Test("after a refresh the store has what the next one reads, and nothing else") func pruned()
        async throws
    {
        try await TemporaryDirectory.with { directory in
            let store = try store(directory)
            for name in ["6.root.json", "given-up.json", "timestamp.json.new"] {
                try Data("old".utf8).write(to: URL(filePath: "\(store.directory)/\(name)"))
            }
            let repository = try DirectoryRepository("\(fixtures)/2/tree")
            var session = try UpdateSession(store: store, repository: repository, now: now)
            _ = try await session.target("rollout/stable.json")
            let roles = ["timestamp.json", "snapshot.json", "targets.json", "rollout.json"]
            let expected = Set((1...5).map { "\($0).root.json" } + roles)
            #expect(try names(directory) == expected)
            // Roles that are trusted stay, also those that this update does not look into.
            session = try UpdateSession(store: store, repository: repository, now: now)
            try await session.refresh()
            #expect(try names(directory) == expected)
        }
    }

    @Test("expired metadata is refused, by its step and its role") func expired() async throws {
        try await TestServer.with("\(fixtures)/old/tree") { server in
            try await TemporaryDirectory.with { directory in
                let repository = try HTTPRepository(baseURL: server.url)
                var session = try UpdateSession(
                    store: try store(directory, root: "old/root.json"),
                    repository: repository,
                    now: now
                )
                let error = await #expect(throws: UpdateSessionError.self) { try await session.refresh() }
                #expect("\(try #require(error))".hasPrefix("TUF 5.4.4: timestamp: expired at "))
                await repository.close()
            }
        }
    }

    @Test("a stick is read by the same code, with its own root") func stick() async throws {
        try await TemporaryDirectory.with { directory in
            let repository = try DirectoryRepository("\(fixtures)/stick/drimbox-update")
            var session = try UpdateSession(
                store: try store(directory, root: "offline.json"),
                repository: repository,
                now: now
            )
            let release = try ReleaseManifest(parsing: try await session.target(manifest).bytes)
            let kernel = try await repository.read(release.path("uki.efi"), 1..<70_001)
            #expect(kernel.count == 70_000)
            // The root of the network's repository has other keys.
            try FileManager.default.removeItem(atPath: "\(directory)/trust")
            var other = try UpdateSession(store: try store(directory), repository: repository, now: now)
            let error = await #expect(throws: UpdateSessionError.self) { try await other.refresh() }
            #expect("\(try #require(error))".hasPrefix("TUF 5.4.2: timestamp: signatures: found 0 valid"))
        }
    }

    @Test("a target that nobody signed, or longer than wanted, is refused") func noTarget() async throws {
        try await TemporaryDirectory.with { directory in
            let repository = try DirectoryRepository("\(fixtures)/1/tree")
            var session = try UpdateSession(store: try store(directory), repository: repository, now: now)
            let error = await #expect(throws: UpdateSessionError.self) {
                _ = try await session.target("releases/2/manifest.json")
            }
            #expect("\(try #require(error))" == "TUF 5.7.2: releases/2/manifest.json: no such target")
            let long = await #expect(throws: UpdateSessionError.self) {
                _ = try await session.target(manifest, limit: 10)
            }
            #expect("\(try #require(long))".contains("found more than 10 bytes"))
        }
    }

    @Test("the clock takes the latest of three times, and keeps one") func clock() throws {
        try TemporaryDirectory.with { directory in
            let path = "\(directory)/time"
            func clock(_ seconds: Int64) -> UpdateClock {
                UpdateClock(
                    path: path,
                    imageTime: UTCTime(seconds: 1000),
                    realTime: { UTCTime(seconds: seconds) }
                )
            }
            #expect(clock(5).now() == UTCTime(seconds: 1000))
            #expect(clock(2000).now() == UTCTime(seconds: 2000))
            try clock(0).keep(UTCTime(seconds: 3000))
            try clock(0).keep(UTCTime(seconds: 2500))
            #expect(clock(2000).now() == UTCTime(seconds: 3000))
            #expect(clock(4000).now() == UTCTime(seconds: 4000))
            try Data("yesterday".utf8).write(to: URL(filePath: path))
            #expect(clock(2000).now() == UTCTime(seconds: 2000))
        }
    }
}
