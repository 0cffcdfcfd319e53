// SPDX-License-Identifier: Apache-2.0
import Admin
import Crypto
import Foundation
import Testing
import Transfer
import X509

@testable import Supervisor

@Suite(
    "Enrolment: states follow from facts, only the box's own certificate is taken",
    .timeLimit(.minutes(5)),
    .enabled(if: SupervisedBox.isPossible, "the fake gateway needs /usr/bin/python3")
)
struct EnrolmentTests {
    private let key = P256.Signing.PrivateKey()

    private func body(_ value: CertificateImport) throws -> String {
        String(decoding: try JSONEncoder().encode(value), as: UTF8.self)
    }

    private func put(_ box: SupervisedBox, _ value: CertificateImport) async throws -> (Int, String?) {
        let response = try await box.call("PUT", "/v1/enrolment/certificate", try body(value))
        let problem = try? JSONDecoder().decode(Problem.self, from: Data(response.body))
        return (response.status, problem?.code)
    }

    private func configure(_ box: SupervisedBox) async throws {
        let text = String(decoding: try await box.get("/v1/config").body, as: UTF8.self)
        let document = text.replacing(#""site": "Test""#, with: #""site": "Nord""#)
        _ = try await box.call(
            "POST",
            "/v1/config/transactions",
            #"{ "doc": \#(document), "confirm": { "mode": "none" } }"#
        )
        try await box.eventually {
            try await box.get("/v1/config/revisions", RevisionList.self).revisions.count == 2
        }
    }

    private func state(_ box: SupervisedBox) async throws -> ProvisioningState? {
        let status = try await box.get("/v1/status", BoxStatus.self)
        #expect(try await box.get("/v1/enrolment", EnrolmentStatus.self).state == status.provisioning)
        return status.provisioning
    }

    @Test("factory, configured, in service; a wrong chain changes nothing; all of it survives a restart")
    func states() async throws {
        let root = try TestAuthority()
        let middle = try TestAuthority("Issuing", signedBy: root)
        let chain = try pem(try middle.issue(for: key.publicKey, days: -1...45), middle.certificate)
        let box = try SupervisedBox()
        try await box.run {
            #expect(try await state(box) == .factory)
            try await configure(box)
            #expect(try await state(box) == .configured)
            let privateKey = key.pemRepresentation
            let missing = CertificateImport(chain: chain, privateKey: privateKey)
            #expect(try await put(box, missing) == (422, "enrol.anchor"))
            #expect(try await box.get("/v1/enrolment/code").status == 404)
            let other = CertificateImport(
                chain: chain,
                authorities: root.pem,
                privateKey: P256.Signing.PrivateKey().pemRepresentation
            )
            #expect(try await put(box, other) == (422, "enrol.key"))
            let keyless = CertificateImport(chain: chain, authorities: root.pem)
            #expect(try await put(box, keyless) == (422, "enrol.key"))
            #expect(try await state(box) == .configured)
            #expect(!FileManager.default.fileExists(atPath: box.directory + "/state/identity"))

            let good = CertificateImport(chain: chain, authorities: root.pem, privateKey: privateKey)
            #expect(try await put(box, good) == (200, nil))
            #expect(try await state(box) == .inService)
            let status = try await box.get("/v1/enrolment", EnrolmentStatus.self)
            #expect(status.key == .file && status.certificate?.subject == "CN=DRX-0042")
            #expect(status.objection == nil && status.imported != nil)
            let code = try await box.get("/v1/enrolment/code", EnrolmentCode.self)
            let digest = SHA256.hash(data: key.publicKey.derRepresentation)
            #expect(code.fingerprint == digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined())
            #expect(code.content == code.fingerprint.prefix(24).uppercased())
            let hasProgram = FileManager.default.isExecutableFile(atPath: "/usr/bin/qrencode")
            #expect((code.modules?.count == 21) == hasProgram)
            // Told of at once.
            let issues = try await box.get("/v1/issues", IssueList.self).issues.map(\.code)
            #expect(issues.contains("W-CERT-04:identity"))
            let longer = CertificateImport(
                chain: try pem(try middle.issue(for: key.publicKey), middle.certificate),
                authorities: root.pem,
                privateKey: privateKey
            )
            #expect(try await put(box, longer) == (200, nil))
            #expect(try await box.get("/v1/issues", IssueList.self).issues.isEmpty)
            let file = box.directory + "/state/identity/key.pem"
            let mode = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int
            #expect(mode == 0o600)
            // The key is told nowhere.
            let told =
                try await box.events().map(\.data).joined()
                + String(
                    decoding: try await box.get("/v1/audit").body,
                    as: UTF8.self
                )
            let secret = privateKey.split(separator: "\n")[1]
            #expect(!told.contains(secret))
            let rows = try await box.get("/v1/audit", AuditPage.self).rows
            #expect(
                rows.filter { $0.subject == "/v1/enrolment/certificate" }.map(\.outcome).suffix(3) == [
                    "422 enrol.key", "200", "200",
                ]
            )
        }
        let again = try SupervisedBox(after: box)
        try await again.run {
            let kept = try await state(again)
            #expect(kept == .inService)
        }
    }

    @Test("authorities that the box's document names cannot be brought along") func requiredAuthorities()
        async throws
    {
        let root = try TestAuthority()
        let stranger = try TestAuthority("Stranger")
        let box = try SupervisedBox { directory in
            #" "provisioning": { "authorities": "\#(directory)/authorities.pem" },"#
        }
        try root.pem.write(toFile: box.directory + "/authorities.pem", atomically: true, encoding: .utf8)
        try await box.run {
            try await configure(box)
            let foreign = try pem(try stranger.issue(for: key.publicKey))
            let privateKey = key.pemRepresentation
            let brought = CertificateImport(chain: foreign, authorities: stranger.pem, privateKey: privateKey)
            #expect(try await put(box, brought) == (422, "enrol.anchor"))
            #expect(
                try await put(box, CertificateImport(chain: foreign, privateKey: privateKey)) == (
                    422, "enrol.anchor"
                )
            )
            let own = try pem(try root.issue(for: key.publicKey))
            #expect(try await put(box, CertificateImport(chain: own, privateKey: privateKey)) == (200, nil))
            #expect(try await state(box) == .inService)
        }
    }

    @Test("a certificate that has ended takes the box back to configured") func ended() async throws {
        let box = try UnstartedBox()
        let root = try TestAuthority()
        let nobody = HardwareProbe(door: .socket(box.folder.path + "/none"))
        let chain = try pem(try root.issue(for: key.publicKey, days: -1...1))
        let request = CertificateImport(
            chain: chain,
            authorities: root.pem,
            privateKey: key.pemRepresentation
        )
        await box.board.set(ServiceStatus(name: "gateway", state: .running, since: .now))
        #expect(try await box.desk(nobody).enrolment.take(request).state == .inService)
        let later = Enrolment(
            settings: box.configuration,
            table: box.table,
            transactions: box.transactions,
            hardware: nobody,
            board: box.board,
            journal: box.journal,
            now: { Timestamp(milliseconds: Timestamp.now.milliseconds + 2 * 86_400_000) }
        )
        let status = await later.status()
        #expect(status.state == .configured && status.objection?.hasPrefix("expired at") == true)
        await box.board.set(ServiceStatus(name: "gateway", state: .backoff, since: .now))
        #expect(try await box.desk(nobody).enrolment.state == .enrolled)
    }

    @Test("the TPM's key counts where there is one; a key in a file does not") func chip() async throws {
        let box = try UnstartedBox()
        let root = try TestAuthority()
        let answer = ProbeAnswer.publicKey(Array(key.publicKey.derRepresentation))
        try JSONEncoder().encode(answer).write(to: URL(filePath: box.folder.path + "/answer"))
        let script = box.folder.path + "/probe"
        try "#!/bin/sh\ncat '\(box.folder.path)/answer'\n".write(
            toFile: script,
            atomically: true,
            encoding: .utf8
        )
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: script)
        let probe = HardwareProbe(door: .child(executable: script, arguments: []))
        let desk = try box.desk(probe)
        let request = CertificateImport(
            chain: try pem(try root.issue(for: key.publicKey)),
            authorities: root.pem
        )
        #expect(try await desk.enrolment.take(request).key == .tpm)
        let other = CertificateImport(
            chain: try pem(try root.issue(for: P256.Signing.PrivateKey().publicKey)),
            authorities: root.pem
        )
        await #expect(throws: Problem.self) { try await desk.enrolment.take(other) }
        #expect(await desk.enrolment.status().objection == nil)
    }

    @Test("the certificates that the configuration names are watched, with their names") func named()
        async throws
    {
        let box = try SupervisedBox()
        let root = try TestAuthority()
        let directory = box.directory
        try await box.run {
            let leaf = try pem(try root.issue("box", for: key.publicKey, days: -1...3, usage: .serverAuth))
            try leaf.write(toFile: directory + "/dicom.pem", atomically: true, encoding: .utf8)
            try key.pemRepresentation.write(toFile: directory + "/key.pem", atomically: true, encoding: .utf8)
            let text = String(decoding: try await box.get("/v1/config").body, as: UTF8.self)
            let value = try JSONValue(parsing: Array(text.utf8))
            let tls = JSONValue.object([
                "certificate": .string(directory + "/dicom.pem"),
                "privateKey": .string(directory + "/key.pem"),
                "clientAuthorities": .string(directory + "/nowhere.pem"),
            ])
            let changed = try #require(value.setting("gateway.dicom.tls", to: tls))
            _ = try await box.call(
                "POST",
                "/v1/config/transactions",
                #"{ "doc": \#(changed.text()), "confirm": { "mode": "none" } }"#
            )
            try await box.eventually {
                try await box.get("/v1/config/revisions", RevisionList.self).revisions.count == 2
            }
            #expect(try await box.call("POST", "/v1/health/check", "").status == 200)
            let codes = try await box.get("/v1/issues", IssueList.self).issues.map(\.code)
            #expect(codes.contains("E-CERT-02:dicom") && codes.contains("E-CERT-05:dicom authorities"))
            let path = "/v1/issues/\(PathSegment.encoded("E-CERT-05:dicom authorities"))"
            #expect(try await box.get(path).status == 200)
        }
    }
}
