// SPDX-License-Identifier: Apache-2.0
import DICOM
import Synchronization
import Testing
import Transfer

@testable import Consumer

/// Another box: delivers what it is told to, in the order of the manifest.
private final class OtherBox: ImageSource {
    let asked = Mutex<[String]>([])
    let withheld: Set<UID>
    let error: ImageSourceError?
    /// Held back until it is opened.
    let gate = Mutex(true)

    init(withheld: Set<UID> = [], error: ImageSourceError? = nil, isOpen: Bool = true) {
        self.withheld = withheld
        self.error = error
        gate.withLock { $0 = isOpen }
    }

    func retrieve(
        _ series: ExamManifest.Series,
        of manifest: UID,
        study: UID,
        purpose: RetrievePurpose,
        token: String,
        onInstance: @escaping @Sendable (UID) -> Void
    ) async throws(ImageSourceError) -> [UID: ImageFailure] {
        asked.withLock { $0.append("\(purpose) \(token) \(series.retrieveURL)") }
        while !gate.withLock({ $0 }) {
            do { try await Task.sleep(for: .milliseconds(2)) } catch { throw .unreachable("cancelled") }
        }
        if let error { throw error }
        for instance in series.instances where !withheld.contains(instance) { onInstance(instance) }
        onInstance(UID(literal: "1.2.3.999"))
        return withheld.isEmpty ? [:] : Dictionary(uniqueKeysWithValues: withheld.map { ($0, .gone) })
    }
}

/// An archive that refuses what it is told to refuse, once.
private final class Archive: ImportArchive {
    let stored = Mutex<[UID]>([])
    let refusals: Mutex<Set<UID>>

    init(refusing: Set<UID> = []) { refusals = Mutex(refusing) }

    func store(
        _ instances: [UID],
        patient: PatientContext,
        onResult: @escaping @Sendable (UID, StoreOutcome) -> Void
    ) async throws {
        for instance in instances {
            if refusals.withLock({ $0.remove(instance) != nil }) {
                onResult(instance, .failed(.archiveRefused(status: "A700", comment: nil)))
            } else {
                stored.withLock { $0.append(instance) }
                onResult(instance, .stored)
            }
        }
    }
}

private func uid(_ text: String) -> UID { UID(text) ?? UID(literal: "1.2.0") }

private func uid(_ number: Int) -> UID { uid("1.2.3.\(number)") }

private let manifest = ExamManifest(
    sopInstanceUID: UID(literal: "1.2.9"),
    studyInstanceUID: UID(literal: "1.2.8"),
    series: (0..<4).map { number in
        ExamManifest.Series(
            seriesInstanceUID: uid("1.2.7.\(number)"),
            retrieveURL: "https://db1.example/studies/1.2.8/series/1.2.7.\(number)",
            instances: (0..<3).map { uid(number * 3 + $0) }
        )
    }
)

private struct TraceLost: Error {}

private func retrieval(
    _ box: OtherBox,
    to purpose: RetrievePurpose = .export,
    archive: Archive? = nil,
    token: @escaping @Sendable () async throws -> String = { "token" },
    trace: @escaping @Sendable (UID, String, String) throws -> Void = { _, _, _ in }
) -> ExamRetrieval {
    ExamRetrieval(
        manifest,
        purpose: purpose,
        source: box,
        archiving: archive.map { ExamImport(archive: $0, patient: patient, trace: { _, _ in }, now: { 0 }) },
        token: token,
        trace: trace,
        now: { 0 }
    )
}

private func ended(_ retrieval: ExamRetrieval) async throws -> ExamRetrieval.Progress {
    while retrieval.progress.state == .running { try await Task.sleep(for: .milliseconds(2)) }
    return retrieval.progress
}

private func ended(_ importing: ExamImport) async throws -> ExamImport.Progress {
    while importing.progress.state == .running { try await Task.sleep(for: .milliseconds(2)) }
    return importing.progress
}

@Suite("Retrieval from other boxes") struct RetrievalTests {
    @Test("every series is asked for once, at its own address, with a token; strangers are not shown")
    func whole() async throws {
        let box = OtherBox()
        let retrieval = retrieval(box)
        retrieval.start()
        retrieval.start()
        let progress = try await ended(retrieval)
        #expect(progress.arrived.sorted() == Array(0..<12))
        #expect(progress.missing.isEmpty)
        #expect(progress.firstImage != nil)
        let asked = box.asked.withLock { $0 }
        #expect(asked.sorted() == manifest.series.map { "export token \($0.retrieveURL)" })
    }

    @Test("what does not come is named with its reason") func missing() async throws {
        let retrieval = retrieval(OtherBox(withheld: [uid(4)]))
        retrieval.start()
        let progress = try await ended(retrieval)
        #expect(progress.missing == [4: .gone])
        #expect(progress.arrived.count == 11)
    }

    @Test("a box that refuses, and a session that is over, say so of every image") func refused() async throws
    {
        let refused = retrieval(OtherBox(error: .refused(status: 403)))
        refused.start()
        let words = try await ended(refused).missing
        #expect(words.count == 12)
        #expect(Set(words.values) == [.source(.refused(status: 403))])
        let box = OtherBox()
        let over = retrieval(box, token: { throw TraceLost() })
        over.start()
        #expect(try await ended(over).missing.count == 12)
        #expect(box.asked.withLock { $0.isEmpty })
    }

    @Test("without a trace nothing is asked for") func untraced() async throws {
        let box = OtherBox()
        let retrieval = retrieval(box, trace: { _, _, _ in throw TraceLost() })
        retrieval.start()
        #expect(try await ended(retrieval).missing.count == 12)
        #expect(box.asked.withLock { $0.isEmpty })
    }

    @Test("the series that somebody looks at comes before those that were not begun") func preferred()
        async throws
    {
        let box = OtherBox(isOpen: false)
        let retrieval = retrieval(box)
        retrieval.prefer(manifest.series[3].seriesInstanceUID)
        retrieval.start()
        while box.asked.withLock({ $0.count }) < 3 { try await Task.sleep(for: .milliseconds(2)) }
        #expect(box.asked.withLock { $0.contains("export token \(manifest.series[3].retrieveURL)") })
        box.gate.withLock { $0 = true }
        #expect(try await ended(retrieval).arrived.count == 12)
    }

    @Test("a session that ends stops what runs in its name") func stopped() async throws {
        let box = OtherBox(isOpen: false)
        let opened = OpenedPatient(patient, name: "p", opened: 0)
        let retrieval = retrieval(box)
        #expect(opened.begin(0, retrieval) === retrieval)
        retrieval.start()
        opened.close()
        #expect(retrieval.progress.state == .stopped)
        #expect(opened.retrieval(0) == nil)
        #expect(opened.begin(0, retrieval) == nil)
    }

    @Test("what is looked at with loss comes once more for the archive, and once only") func purposes()
        async throws
    {
        let box = OtherBox()
        let archive = Archive()
        let opened = OpenedPatient(patient, name: "p", opened: 0)
        let viewed = retrieval(box, to: .view, archive: archive)
        viewed.start()
        #expect(try await ended(viewed).arrived.count == 12)
        let exported = retrieval(box, to: .export)
        #expect(opened.export(0, exported) === exported)
        exported.start()
        #expect(try await ended(exported).arrived.count == 12)
        // The second try takes what came; where something is missing, it is asked for again.
        #expect(opened.export(0, retrieval(box, to: .export)) === exported)
        let asked = box.asked.withLock { $0 }
        #expect(asked.filter { $0.hasPrefix("view ") }.count == 4)
        #expect(asked.filter { $0.hasPrefix("export ") }.count == 4)
        let broken = retrieval(OtherBox(withheld: [uid(4)]), to: .export)
        #expect(opened.export(1, broken) === broken)
        broken.start()
        _ = try await ended(broken)
        let again = retrieval(box, to: .export)
        #expect(opened.export(1, again) === again)
        opened.close()
        #expect(opened.export(2, again) == nil)
    }

    @Test("what arrived and what still arrives is imported, each once; what was refused, at the next try")
    func imported() async throws {
        let box = OtherBox(isOpen: false)
        let archive = Archive(refusing: [uid(2), uid(7)])
        let retrieval = retrieval(box, archive: archive)
        retrieval.start()
        let importing = try #require(retrieval.archiving)
        #expect(importing.start(retrieval))
        #expect(!importing.start(retrieval))
        box.gate.withLock { $0 = true }
        let first = try await ended(importing)
        #expect(first.state == .failed)
        #expect(first.stored == 10)
        let refusal = ImageFailure.archiveRefused(status: "A700", comment: nil)
        #expect(first.failures == [uid(2): refusal, uid(7): refusal])
        #expect(importing.start(retrieval))
        let second = try await ended(importing)
        #expect(second.state == .finished)
        #expect(second.stored == 12)
        #expect(archive.stored.withLock { $0.count } == 12)
    }
}

@Suite("Addresses of images") struct RetrieveAddressTests {
    @Test("host and port are read as everybody reads them") func good() throws {
        let plain = try RetrieveAddress("https://DB1.example/wado/studies/1.2/series/1.3")
        #expect(plain == (try RetrieveAddress("https://db1.example:443/x")))
        #expect(plain.host == "db1.example")
        #expect(try RetrieveAddress("https://db1.example:8443/x").port == 8443)
    }

    @Test(
        "whatever might be read as another host is refused",
        arguments: [
            "http://db1.example/x", "https://db1.example", "https://user@db1.example/x",
            "https://db1.example\\@evil.example/x", "https://evil.example#@db1.example/x",
            "https://db1.example%2eevil/x", "https://[::1]/x", "https://db1.example:0/x",
            "https://db1.example:99999/x", "https://db1.example:44a/x", "https:///x", "ftp://db1.example/x",
            "https://db1.example/x?token=1", "https://db1.example/x#y", "https://db1.exa\u{301}mple/x",
            "https://db1.example:1:2/x", " https://db1.example/x", "",
        ]
    ) func bad(_ url: String) {
        #expect(throws: ImageSourceError.self) { try RetrieveAddress(url) }
    }
}
