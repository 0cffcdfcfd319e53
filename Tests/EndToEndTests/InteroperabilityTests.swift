// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

extension EndToEnd {
    @Suite("Senders and readers of other makes") struct InteroperabilityTests {
        @Test("stock storescu sends a study, curl retrieves it, data sets are identical")
        func storescuAndCurl() throws {
            let directory = try TemporaryDirectory()
            let gateway = try GatewayUnderTest(in: directory.url)
            let study = try directory.directory("study")
            try Bench.makeStudy(study, instances: 40, series: 2)
            let sent = try run(
                "storescu",
                [
                    "-aec", "DRIMBOX", "+sd", "+r", "-xe", "127.0.0.1", "\(gateway.dicomPort)", study.path,
                ]
            )
            #expect(sent.status == 0, "\(sent.output) \(sent.errors)")
            let studies = try gateway.json("/studies")
            #expect(studies.count == 1)
            let uid = try #require(studies.first?.string("0020000D"))
            let output = try directory.directory("out")
            try gateway.retrieve("/studies/\(uid)", into: output)
            let comparison = try Bench.compare(study, output)
            #expect(comparison.status == 0, "\(comparison.output)")
        }

        @Test("pynetdicom with tiny PDUs, odd fragments, aborts and an asynchronous window")
        func pynetdicomChecks() throws {
            let directory = try TemporaryDirectory()
            let gateway = try GatewayUnderTest(in: directory.url)
            let result = try run(
                Bench.python,
                [
                    Bench.support.appending(path: "pynetdicom_checks.py").path, "127.0.0.1",
                    "\(gateway.dicomPort)",
                    "TEST", "DRIMBOX", "--accepts-unknown",
                ]
            )
            #expect(result.status == 0, "\(result.output) \(result.errors)")
        }

        @Test(
            "every real sample file comes back with its data set identical, or is refused with a reason",
            .enabled(if: Bench.samples != nil, "needs the sample files (DRIMBOX_SAMPLES)")
        )
        func samples() throws {
            let samples = try #require(Bench.samples).appending(path: "dicom")
            let directory = try TemporaryDirectory()
            let gateway = try GatewayUnderTest(in: directory.url)
            let files = try FileManager.default.contentsOfDirectory(atPath: samples.path)
                .filter { $0.hasSuffix(".dcm") }.sorted()
            #expect(files.count > 50)
            let result = try run(
                Bench.python,
                [
                    Bench.support.appending(path: "pynetdicom_send.py").path, "127.0.0.1",
                    "\(gateway.dicomPort)",
                    "TEST", "DRIMBOX",
                ] + files.map { samples.appending(path: $0).path }
            )
            var stored: [String] = []
            var refused: [String: String] = [:]
            for line in result.output.split(separator: "\n") {
                let answer = try #require(
                    try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
                )
                let name = URL(filePath: try #require(answer["file"] as? String)).lastPathComponent
                if answer["status"] as? Int == 0 {
                    stored.append(name)
                } else {
                    refused[name] = "\(answer["status"] ?? "") \(answer["comment"] ?? "")"
                }
            }
            #expect(stored.count + refused.count == files.count)
            #expect(stored.count >= 50, "\(refused)")
            for (name, reason) in refused { #expect(reason.count > 8, "\(name): \(reason)") }
            let originals = try directory.directory("sent")
            for name in stored {
                try FileManager.default.copyItem(
                    at: samples.appending(path: name),
                    to: originals.appending(path: name)
                )
            }
            let output = try directory.directory("out")
            for study in try gateway.json("/studies") {
                let uid = try #require(study.string("0020000D"))
                try gateway.retrieve("/studies/\(uid)", into: output.appending(path: uid))
            }
            let comparison = try Bench.compare(originals, output)
            #expect(comparison.status == 0, "\(comparison.output)")
            for study in try gateway.json("/studies") {
                let uid = try #require(study.string("0020000D"))
                #expect(try !gateway.json("/studies/\(uid)/metadata").isEmpty)
            }
        }

        @Test("Orthanc sends a study as a PACS does", .enabled(if: Bench.has("Orthanc"), "needs Orthanc"))
        func orthanc() throws {
            let directory = try TemporaryDirectory()
            let gateway = try GatewayUnderTest(in: directory.url)
            let study = try directory.directory("study")
            try Bench.makeStudy(study, instances: 12)
            let orthanc = try OrthancUnderTest(in: directory, storesTo: gateway)
            try orthanc.upload(study)
            try orthanc.send()
            let uid = try #require(try gateway.json("/studies").first?.string("0020000D"))
            let output = try directory.directory("out")
            try gateway.retrieve("/studies/\(uid)", into: output)
            let comparison = try Bench.compare(study, output)
            #expect(comparison.status == 0, "\(comparison.output)")
        }

        @Test("dicomweb-client searches, reads metadata and retrieves at every level")
        func dicomwebClient() throws {
            let directory = try TemporaryDirectory()
            let gateway = try GatewayUnderTest(in: directory.url)
            let study = try directory.directory("study")
            try Bench.makeStudy(study, instances: 12, series: 3)
            let sent = try run(
                "dcmsend",
                [
                    "-aec", "DRIMBOX", "+sd", "+r", "127.0.0.1", "\(gateway.dicomPort)", study.path,
                ]
            )
            #expect(sent.status == 0, "\(sent.errors)")
            let uid = try #require(try gateway.json("/studies").first?.string("0020000D"))
            let output = try directory.directory("out")
            let result = try run(
                Bench.python,
                [Bench.support.appending(path: "dicomweb_read.py").path, gateway.url, uid, output.path]
            )
            #expect(result.status == 0, "\(result.output) \(result.errors)")
            // dicomweb-client parses each instance and the script writes it anew.
            #expect(
                try FileManager.default.subpathsOfDirectory(atPath: output.path).contains {
                    $0.hasPrefix("instance/")
                }
            )
        }
    }
}

extension [String: Any] {
    /// The first value of an attribute in the DICOM JSON model.
    func string(_ tag: String) -> String? {
        ((self[tag] as? [String: Any])?["Value"] as? [Any])?.first as? String
    }

    func integer(_ tag: String) -> Int? {
        ((self[tag] as? [String: Any])?["Value"] as? [Any])?.first as? Int
    }
}
