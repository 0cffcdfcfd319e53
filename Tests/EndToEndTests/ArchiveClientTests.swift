// SPDX-License-Identifier: Apache-2.0
import DICOM
import Foundation
import Testing
import Transfer

/// The DICOM client against archives of other makes. One test after the other: each starts its own servers.
@Suite("The DICOM client beside real archives", .serialized)
struct ArchiveClientTests {
    /// A study's UID as the files say.
    private func study(in directory: URL) throws -> UID {
        let file = try #require(try Bench.files(in: directory).first)
        let result = try run("dcmdump", ["+P", "0020,000d", file.path])
        let text = try #require(result.output.split(separator: "[").last?.split(separator: "]").first)
        return try #require(UID(text))
    }

    @Test(
        "Orthanc: echo, find, move to our Storage SCP, store, storage commitment",
        .enabled(if: Bench.has("Orthanc"), "needs Orthanc")
    )
    func orthanc() async throws {
        let directory = try TemporaryDirectory()
        let client = try ClientUnderTest(in: directory)
        let files = try directory.directory("study")
        try Bench.makeStudy(files, instances: 30, series: 3)
        let orthanc = try OrthancUnderTest(in: directory, box: ("CLIENT", client.port))
        let peer = try ClientUnderTest.peer("ORTHANC", orthanc.dicomPort)
        #expect(try await client.client.echo(peer) > .zero)

        // Store: each instance answered, and the archive has them with the same data sets.
        let instances = try ClientUnderTest.instances(in: files)
        let results = Results()
        try await client.client.store(peer, instances) { results.append($0) }
        #expect(results.stored == 30, "\(results.all.first.map { "\($0)" } ?? "nothing")")
        #expect(Set(results.all.map(\.sopInstanceUID)) == Set(instances.map(\.sopInstanceUID)))
        #expect(try orthanc.count() == 30)
        let stored = try directory.directory("stored")
        try orthanc.download(to: stored)
        let sent = try Bench.compare(files, stored)
        #expect(sent.status == 0, "\(sent.output)")

        // Find: hierarchical.
        let uid = try study(in: files)
        let series = try await client.client.instances(peer, study: uid)
        #expect(series.count == 3)
        #expect(series.map(\.instances.count) == [10, 10, 10])
        let found = Set(series.flatMap { $0.instances.compactMap { $0.uid(.sopInstanceUID) } })
        #expect(found == Set(instances.map(\.sopInstanceUID)))

        // Move, several at once.
        let mover = client.client
        try await withThrowingTaskGroup(of: RetrieveProgress.self) { group in
            for one in series.map(\.seriesInstanceUID) {
                group.addTask { try await mover.move(peer, .init(study: uid, series: one)) }
            }
            for try await progress in group {
                #expect(progress.status == .success)
                #expect(progress.subOperations.completed == 10)
            }
        }
        let moved = try directory.directory("moved")
        try client.export(uid, to: moved)
        let comparison = try Bench.compare(files, moved)
        #expect(comparison.status == 0, "\(comparison.output)")

        // Commitment: Orthanc reports on an association of its own.
        let references = instances.map {
            StorageCommitment.Reference(sopClassUID: $0.sopClassUID, sopInstanceUID: $0.sopInstanceUID)
        }
        let unknown = StorageCommitment.Reference(
            sopClassUID: references[0].sopClassUID,
            sopInstanceUID: UID(literal: "2.25.424242")
        )
        let report = try await client.client.commit(
            peer,
            references + [unknown],
            transactionUID: UID(literal: "2.25.1001")
        )
        let committed = try #require(report)
        #expect(Set(committed.referenced) == Set(references))
        #expect(committed.failed == [unknown.sopInstanceUID: DIMSEStatus.noSuchSOPInstance.rawValue])
        await client.end()
    }

    @Test(
        "dcmqrscp: find with wildcards, dates and cancel, move, get",
        .enabled(if: Bench.has("dcmqrscp"), "needs dcmtk")
    )
    func dcmqrscp() async throws {
        let directory = try TemporaryDirectory()
        let client = try ClientUnderTest(in: directory)
        let files = try directory.directory("study")
        try Bench.makeStudy(files, instances: 24, series: 2)
        let archive = try DcmqrscpUnderTest(in: directory, box: ("CLIENT", client.port))
        try archive.upload(files)
        let peer = try ClientUnderTest.peer("DCMQRSCP", archive.port)
        let uid = try study(in: files)

        var query = QueryIdentifier(level: .study)
        query.match(.patientName, "*")
        query.match(.studyDate, from: "19000101", to: "20991231")
        query.request(.studyInstanceUID, .patientID)
        let studies = try await client.client.find(peer, query)
        #expect(studies.isComplete)
        #expect(studies.matches.compactMap { $0.uid(.studyInstanceUID) } == [uid])
        var none = query
        none.match(.studyDate, from: nil, to: "19000101")
        #expect(try await client.client.find(peer, none).matches.isEmpty)

        // Paging by cancel.
        let series = try await client.client.instances(peer, study: uid)
        var images = QueryIdentifier(level: .image)
        images.match(.studyInstanceUID, [uid])
        images.match(.seriesInstanceUID, [try #require(series.first?.seriesInstanceUID)])
        images.request(.sopInstanceUID)
        let page = try await client.client.find(peer, images, limit: 5)
        #expect(page.matches.count == 5)
        #expect(try await client.client.find(peer, images).matches.count == 12)

        let move = try await client.client.move(peer, .init(study: uid))
        #expect(move.subOperations.completed == 24)
        let moved = try directory.directory("moved")
        try client.export(uid, to: moved)
        let comparison = try Bench.compare(files, moved)
        #expect(comparison.status == 0, "\(comparison.output)")

        let other = try TemporaryDirectory()
        let getter = try ClientUnderTest(in: other)
        let sopClass = UID(literal: "1.2.840.10008.5.1.4.1.1.2")
        let get = try await getter.client.get(
            peer,
            .init(study: uid),
            storageClasses: [.init(sopClass, [TransferSyntax.explicitVRLittleEndian], isSCP: true)]
        )
        #expect(get.subOperations.completed == 24)
        let got = try directory.directory("got")
        try getter.export(uid, to: got)
        let same = try Bench.compare(files, got)
        #expect(same.status == 0, "\(same.output)")
        await getter.end()
        await client.end()
    }

    @Test(
        "storescp: stock, refusing, and one that is not there",
        .enabled(if: Bench.has("storescp"), "needs dcmtk")
    )
    func storescp() async throws {
        let directory = try TemporaryDirectory()
        let client = try ClientUnderTest(in: directory)
        let files = try directory.directory("study")
        try Bench.makeStudy(files, instances: 40)
        let output = try directory.directory("out")
        let port = try Bench.freePort()
        let server = try Server(
            "storescp",
            ["--bit-preserving", "+xa", "-od", output.path, "\(port)"],
            log: directory.appending("storescp.log")
        )
        #expect(try eventually { try run("echoscu", ["127.0.0.1", "\(port)"]).status == 0 })
        var peer = try ClientUnderTest.peer("STORESCP", port)
        peer.maximumAssociations = 1
        let results = Results()
        try await client.client.store(peer, ClientUnderTest.instances(in: files)) { results.append($0) }
        #expect(results.stored == 40)
        let comparison = try Bench.compare(files, output)
        #expect(comparison.status == 0, "\(comparison.output)")

        server.end(SIGKILL)
        let failed = Results()
        try await client.client.store(
            peer,
            Array(ClientUnderTest.instances(in: files).prefix(3)),
            policy: RetryPolicy(maximumAttempts: 2, base: .milliseconds(10))
        ) { failed.append($0) }
        #expect(failed.stored == 0)
        #expect(failed.all.count == 3)
        let names = failed.all.map { "\($0.outcome)" }
        #expect(names.allSatisfy { $0.contains("no connection") }, "\(names)")
        await client.end()
    }
}
