// SPDX-License-Identifier: Apache-2.0
import DICOM
import Foundation
import NIOPosix
import Testing
import Transfer

extension EndToEnd {
    @Suite("STOW-RS, and box to box") struct StoreOverTheWebTests {
        private func uid(_ study: URL) throws -> String {
            let file = try #require(try Bench.files(in: study).first)
            let dump = try run("dcmdump", ["+P", "0020,000d", file.path]).output
            return try #require(dump.split(separator: "[").last?.split(separator: "]").first.map(String.init))
        }

        @Test("dicomweb-client stores, and what it stored comes back identical") func dicomwebClient() throws
        {
            let directory = try TemporaryDirectory()
            let gateway = try GatewayUnderTest(in: directory.url)
            let study = try directory.directory("study")
            try Bench.makeStudy(study, instances: 12, series: 2)
            let files = try Bench.files(in: study).map(\.path)
            let script = Bench.support.appending(path: "dicomweb_store.py").path
            let result = try run(Bench.python, [script, gateway.url] + files)
            #expect(result.status == 0, "\(result.errors)")
            let answer = try #require(
                try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any]
            )
            #expect((answer["stored"] as? [String])?.count == 12)
            let output = try directory.directory("out")
            try gateway.retrieve("/studies/\(try uid(study))", into: output)
            let comparison = try Bench.compare(study, output)
            #expect(comparison.status == 0, "\(comparison.output)")
        }

        @Test(
            "what cannot be stored is told: no multipart 415, no DICOM 409, another study 409, a cut body 400"
        )
        func refusals() throws {
            let directory = try TemporaryDirectory()
            let gateway = try GatewayUnderTest(in: directory.url)
            func post(_ path: String, _ type: String, _ body: Data) throws -> (status: Int, body: Data) {
                let file = directory.appending("body")
                try body.write(to: file)
                return try gateway.fetch(
                    path,
                    accept: "application/dicom+json",
                    [
                        "--request", "POST", "--header", "Content-Type: \(type)", "--data-binary",
                        "@" + file.path,
                    ]
                )
            }
            let multipart = "multipart/related; type=\"application/dicom\"; boundary=b"
            #expect(try post("/studies", "application/json", Data("{}".utf8)).status == 415)
            let text = "--b\r\nContent-Type: application/dicom\r\n\r\nnot a file\r\n--b--\r\n"
            let refused = try post("/studies", multipart, Data(text.utf8))
            #expect(refused.status == 409)
            #expect(String(decoding: refused.body, as: UTF8.self).contains("00081198"))
            #expect(try post("/studies", multipart, Data("--b\r\nContent-Ty".utf8)).status == 400)

            let study = try directory.directory("study")
            try Bench.makeStudy(study, instances: 1)
            let file = try Data(contentsOf: try #require(try Bench.files(in: study).first))
            let whole =
                Data("--b\r\nContent-Type: application/dicom\r\n\r\n".utf8) + file
                + Data("\r\n--b--\r\n".utf8)
            #expect(try post("/studies/2.25.1", multipart, whole).status == 409)
            #expect(try gateway.json("/studies").isEmpty)
            let named = try post("/studies/\(try uid(study))", multipart, whole)
            #expect(named.status == 200, "\(String(decoding: named.body, as: UTF8.self))")
            #expect(try gateway.json("/studies").count == 1)
        }

        @Test(
            "our client retrieves from a box, resumes what is missing, and stores into Orthanc",
            .enabled(if: Bench.has("Orthanc"), "needs Orthanc")
        )
        func client() async throws {
            let directory = try TemporaryDirectory()
            let gateway = try GatewayUnderTest(in: directory.url)
            let study = try directory.directory("study")
            try Bench.makeStudy(study, instances: 30)
            let sent = try run(
                "storescu",
                ["-aec", "DRIMBOX", "+sd", "+r", "127.0.0.1", "\(gateway.dicomPort)", study.path],
                environment: ["TCP_NODELAY": "1"]
            )
            #expect(sent.status == 0)
            let instances = try ClientUnderTest.instances(in: study)
            let uid = try #require(UID(try uid(study)))

            let own = try ClientUnderTest(in: directory)
            let workers = NIOThreadPool(numberOfThreads: 2)
            workers.start()
            let web = DICOMwebClient(receiver: own.receiver, workers: workers, journal: own.journal)
            let arrived = Locked<[UID]>([])
            let wanted = Set(instances.map(\.sopInstanceUID))
            let accept = ["multipart/related; type=\"application/dicom\"; transfer-syntax=*"]
            let retrieved = try await web.retrieve(
                "\(gateway.url)/studies/\(uid)",
                accept: accept,
                wanted: wanted
            ) {
                uid in arrived.change { $0.append(uid) }
            }
            #expect(retrieved.error == nil, "\(retrieved)")
            #expect(retrieved.missing.isEmpty)
            #expect(Set(arrived.value) == wanted)
            let output = try directory.directory("out")
            try own.export(uid, to: output)
            let comparison = try Bench.compare(study, output)
            #expect(comparison.status == 0, "\(comparison.output)")

            let unknown = try await web.retrieve(
                "\(gateway.url)/studies/2.25.5",
                accept: accept,
                wanted: [uid]
            )
            #expect(unknown.error == .refused(status: 404, retryAfter: nil))
            #expect(unknown.missing == [uid])

            let matches = try await web.search("\(gateway.url)/instances", page: 7)
            #expect(matches.count == 30)
            #expect(Set(matches.compactMap { $0["00080018"]?.values.first }) == Set(wanted.map(\.string)))

            let orthanc = try OrthancUnderTest(
                in: directory,
                box: ("CLIENT", own.port),
                ["Plugins": ["/usr/share/orthanc/plugins"], "DicomWeb": ["Enable": true]]
            )
            let results = Results()
            try await web.store("http://127.0.0.1:\(orthanc.webPort)/dicom-web/studies", instances) {
                results.append($0)
            }
            #expect(results.stored == 30, "\(results.all.first.map { "\($0)" } ?? "")")
            #expect(try orthanc.count() == 30)
            await web.shutdown()
            try await workers.shutdownGracefully()
            await own.end()
        }
    }

    @Suite("Transfers that somebody asks for") struct TransferJobTests {
        @Test(
            "pull from Orthanc, push back with storage commitment, echo; bad requests say why",
            .enabled(if: Bench.has("Orthanc"), "needs Orthanc")
        )
        func orthanc() throws {
            let directory = try TemporaryDirectory()
            let study = try directory.directory("study")
            try Bench.makeStudy(study, instances: 24, series: 2)
            let ports = (box: try Bench.freePort(), orthanc: try Bench.freePort())
            let orthanc = try OrthancUnderTest(
                in: directory,
                box: ("DRIMBOX", ports.box),
                ["DicomPort": ports.orthanc]
            )
            try orthanc.upload(study)
            var settings = GatewayUnderTest.Settings()
            settings.dicomPort = ports.box
            settings.peers = [
                [
                    "aeTitle": "ORTHANC", "host": "127.0.0.1", "port": ports.orthanc,
                    "roles": ["find", "move", "store", "commitment"],
                ],
                ["aeTitle": "NOBODY", "host": "127.0.0.1", "port": try Bench.freePort(), "roles": ["store"]],
            ]
            let gateway = try GatewayUnderTest(in: try directory.directory("box"), settings)
            #expect(try gateway.call("/v1/peers/ORTHANC/echo", [:])["milliseconds"] is Double)
            let none = try gateway.call("/v1/peers/NOBODY/echo", [:])
            #expect((none["reason"] as? String)?.contains("no connection") == true, "\(none)")
            #expect(try gateway.call("/v1/peers/WHO/echo", [:])["code"] as? String == "peer.unknown")

            let file = try #require(try Bench.files(in: study).first)
            let dump = try run("dcmdump", ["+P", "0020,000d", file.path]).output
            let uid = try #require(
                dump.split(separator: "[").last?.split(separator: "]").first.map(String.init)
            )
            let pulled = try gateway.transfer(["kind": "pull", "study": uid])
            #expect(pulled["state"] as? String == "succeeded", "\(pulled)")
            #expect(pulled["done"] as? Int == 24)

            #expect(try orthanc.curl(["/studies"]).status == 0)
            let pushed = try gateway.transfer(
                ["kind": "push", "study": uid, "peer": "ORTHANC", "commit": true]
            )
            #expect(pushed["state"] as? String == "succeeded", "\(pushed)")
            #expect(pushed["done"] as? Int == 24)
            #expect(pushed["committed"] as? Int == 24)

            // A job is on the disk: it is there after a kill.
            gateway.server.end(SIGKILL)
            try gateway.restart()
            let list = try #require(try gateway.call("/v1/transfers")["transfers"] as? [[String: Any]])
            #expect(list.map { $0["state"] as? String } == ["succeeded", "succeeded"])

            #expect(
                try gateway.call("/v1/transfers", ["kind": "push", "study": uid])["code"] as? String
                    == "transfer.invalid"
            )
            #expect(
                try gateway.call("/v1/transfers", ["kind": "pull", "study": "x"])["code"] as? String
                    == "transfer.invalid"
            )
            #expect(try gateway.call("/v1/transfers", ["kind": "fly"])["code"] as? String == "request.body")
        }
    }
}
