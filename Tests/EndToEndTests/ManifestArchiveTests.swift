// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

extension EndToEnd {
    @Suite(
        "The archive of manifests moves to another box",
        .enabled(if: SourceUnderTest.canRun, "needs the release build, Orthanc, xmlsec1 and .build/python")
    )
    struct ManifestArchiveTests {
        private static let report = [
            "--type", "ORU", "--accession", "ACN101", "--ipp", "IPP101", "--document-id", "1.2.250.1.999.5.1",
        ]

        private func control(_ bench: SourceUnderTest, _ arguments: [String]) throws -> CommandResult {
            let socket = bench.gateway.directory.appending(path: "gateway.sock").path
            return try run(
                Bench.release.appending(path: "drimboxctl").path,
                ["--socket", socket, "--reason", "change of box", "pipeline", "archive"] + arguments
            )
        }

        @Test("what is exported as XDM is imported by a box that knows nothing, served there, and withdrawn")
        func moves() throws {
            let bench = try SourceUnderTest()
            let (study, _) = try bench.study(accession: "ACN101", patient: "IPP101", seed: 31)
            let event = ["--event", "new", "--study", "\(study),modality=CT"]
            #expect(try bench.send(Self.report + event) == "AA")
            try bench.awaitEntries(["Approved"])
            let manifest = try #require(try bench.entries().first).uniqueID
            #expect(
                try eventually {
                    try control(bench, ["ls"]).output.split(separator: "\n").count == 2
                }
            )
            let month = try #require(
                try control(bench, ["ls"]).output.split(separator: "\n").last?.split(separator: " ").first
            )
            let archive = bench.directory.appending("KA\(month).zip")
            let exported = try control(bench, ["export", String(month), archive.path])
            #expect(exported.status == 0, "\(exported.errors)")
            let mode = try FileManager.default.attributesOfItem(atPath: archive.path)[.posixPermissions]
            #expect(mode as? Int == 0o600)

            // Other programs read it, and its metadata.
            let unpacked = try bench.directory.directory("unpacked")
            let listed = try run(Bench.python, ["-m", "zipfile", "-e", archive.path, unpacked.path])
            #expect(listed.status == 0, "\(listed.errors)")
            let place = unpacked.appending(path: "KA\(month)/IHE_XDM/SS000001")
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: place.path).sorted() == [
                    "CR.TXT", "KOS_1_1.DCM", "METADATA.XML", "SIGN_1.XML",
                ]
            )
            #expect(try run("dcmdump", [place.appending(path: "KOS_1_1.DCM").path]).status == 0)
            #expect(try run("xmllint", ["--noout", place.appending(path: "METADATA.XML").path]).status == 0)

            // The box is replaced by one without anything.
            bench.gateway.server.end()
            try FileManager.default.removeItem(at: bench.gateway.directory.appending(path: "data"))
            try bench.gateway.restart()
            let accept = "multipart/related; type=\"application/dicom\";transfer-syntax=1.2.840.10008.1.2.1"
            let header = ["--header", "KOS-SOPInstanceUID: \(manifest)"]
            #expect(try bench.gateway.fetch("/studies/\(study)", accept: accept, header).status == 404)
            let imported = try control(bench, ["import", archive.path])
            #expect(imported.status == 0, "\(imported.errors)")
            #expect(imported.output.hasPrefix("1 imported"))
            #expect(try control(bench, ["import", archive.path]).output.hasPrefix("1 known already"))
            #expect(try bench.gateway.fetch("/studies/\(study)", accept: accept, header).status == 200)

            // What is damaged is refused, and says where.
            let damaged = bench.directory.appending("damaged.dcm")
            try Data(repeating: 0, count: 200).write(to: damaged)
            let refused = try control(bench, ["import", damaged.path])
            #expect(refused.status == 1)
            #expect(refused.errors.contains("KOS_1_1.DCM"))

            // Its report is deleted: the new box finds the entry and withdraws it.
            #expect(
                try bench.send(Self.report + ["--event", "delete", "--study", "\(study),modality=CT"]) == "AA"
            )
            try bench.awaitEntries(["Deleted"])
            #expect(
                try eventually {
                    try bench.gateway.fetch("/studies/\(study)", accept: accept, header).status == 404
                }
            )
        }
    }
}
