// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

extension EndToEnd {
    @Suite("Frames and bulk data") struct FrameTests {
        @Test(
            "frames and bulk data are the bytes of the files; a frame that is not there is 404, a bad list 400"
        )
        func frames() throws {
            let directory = try TemporaryDirectory()
            let gateway = try GatewayUnderTest(in: directory.url)
            let study = try directory.directory("study")
            try Bench.makeStudy(study, instances: 3)
            let compressed = try directory.directory("compressed")
            for file in try Bench.files(in: study) {
                let other = compressed.appending(path: file.lastPathComponent)
                #expect(try run("dcmcjpls", [file.path, other.path]).status == 0)
            }
            for (folder, options) in [(study, ["-xe"]), (compressed, ["-xt"])] {
                let files = try Bench.files(in: folder).map(\.path)
                let sent = try run(
                    "storescu",
                    options + ["-aec", "DRIMBOX", "127.0.0.1", "\(gateway.dicomPort)"] + files,
                    environment: ["TCP_NODELAY": "1"]
                )
                #expect(sent.status == 0, "\(sent.errors)")
                let script = Bench.support.appending(path: "dicomweb_frames.py").path
                let result = try run(Bench.python, [script, gateway.url] + files)
                #expect(result.status == 0, "\(result.output) \(result.errors)")
            }
            let instance = try #require(try gateway.json("/instances").first)
            let path =
                "/studies/\(try #require(instance.string("0020000D")))/series/\(try #require(instance.string("0020000E")))"
                + "/instances/\(try #require(instance.string("00080018")))"
            let any = "multipart/related; type=\"application/octet-stream\""
            #expect(try gateway.fetch("\(path)/frames/2", accept: "*/*").status == 404)
            #expect(try gateway.fetch("\(path)/frames/0", accept: any).status == 400)
            // As another box asks: the whole instance.
            let whole = try gateway.fetch(
                "\(path)/frames/1",
                accept: "multipart/related; type=\"application/dicom\""
            )
            #expect(whole.status == 200)
            #expect(whole.body.range(of: Data("DICM".utf8)) != nil)
        }
    }

    @Suite("WADO-RS and QIDO-RS over HTTP") struct RetrieveTests {
        private struct Loaded {
            let directory: TemporaryDirectory
            let gateway: GatewayUnderTest
            let study: String

            init() throws {
                directory = try TemporaryDirectory()
                gateway = try GatewayUnderTest(in: directory.url)
                let folder = try directory.directory("study")
                try Bench.makeStudy(folder, instances: 6, series: 2)
                let sent = try run(
                    "dcmsend",
                    [
                        "-aec", "DRIMBOX", "+sd", "+r", "127.0.0.1", "\(gateway.dicomPort)", folder.path,
                    ]
                )
                try #require(sent.status == 0)
                study = try #require(try gateway.json("/studies").first?.string("0020000D"))
            }
        }

        /// Forms that clients and the official validator send (PS3.18 8.7.4, DRIMbox profile).
        static let accepted: [[String]] = [
            ["multipart/related; type=\"application/dicom\"; transfer-syntax=*"],
            ["multipart/related;type=application/dicom"],
            ["*/*"],
            [
                "multipart/related; type=\"application/dicom\";transfer-syntax=1.2.840.10008.1.2.1;q=0.4;boundary=**"
            ],
            [
                "multipart/related; type=\"application/dicom\";transfer-syntax=1.2.840.10008.1.2.4.70;q=0.9;boundary=**,"
                    + "multipart/related; type=\"application/dicom\";transfer-syntax=1.2.840.10008.1.2.1;q=0.4;boundary=**,"
            ],
            [
                "multipart/related; type=\"application/dicom\";transfer-syntax=1.2.840.10008.1.2.4.80;q=0.8",
                "multipart/related; type=\"application/dicom\";transfer-syntax=1.2.840.10008.1.2.1;q=0.4",
            ],
            ["transfer-syntax=1.2.840.10008.1.2.1;q=0.4;boundary=**"],
        ]

        @Test("every accepted form of Accept, and the answers to the others")
        func accept() throws {
            let loaded = try Loaded()
            let path = "/studies/\(loaded.study)"
            for headers in Self.accepted {
                let more = headers.dropFirst().flatMap { ["--header", "Accept: " + $0] }
                let answer = try loaded.gateway.fetch(path, accept: headers[0], more)
                #expect(answer.status == 200, "\(headers): \(answer.status)")
                #expect(answer.body.count > 6 * 64 * 64 * 2)
            }
            for header in [
                "multipart/related; type=\"application/dicom\"; transfer-syntax=1.2.840.10008.1.2.4.50",
                "multipart/related; type=\"application/dicom+xml\"", "image/jpeg",
                "multipart/related; type=\"application/dicom\"; transfer-syntax=*;q=0",
            ] {
                let answer = try loaded.gateway.fetch(path, accept: header)
                #expect(answer.status == 406, "\(header): \(answer.status)")
                #expect(!answer.body.isEmpty)
            }
            // curl leaves the header out where its value is empty.
            #expect(try loaded.gateway.fetch(path, accept: "").status == 400)
            #expect(try loaded.gateway.fetch(path, accept: "multipart/related; type=\"appl").status == 400)
            #expect(try loaded.gateway.fetch("/studies/2.25.404").status == 404)
            #expect(try loaded.gateway.fetch("/studies/not-a-uid").status == 400)
            #expect(try loaded.gateway.fetch("/nothing").status == 404)
        }

        @Test("HEAD tells the length that GET sends; keep-alive serves both on one connection")
        func headAndKeepAlive() throws {
            let loaded = try Loaded()
            let url = loaded.gateway.url + "/studies/\(loaded.study)"
            let head = try Bench.curl(["--silent", "--head", url])
            let length = head.output.split(whereSeparator: \.isNewline)
                .first { $0.lowercased().hasPrefix("content-length:") }
                .flatMap { Int($0.split(separator: " ").last ?? "") }
            #expect(try loaded.gateway.fetch("/studies/\(loaded.study)").body.count == length)
            let twice = try Bench.curl([
                "--silent", "--output", "/dev/null", "--output", "/dev/null", "--write-out",
                "%{num_connects} ", url, url,
            ])
            #expect(twice.output == "1 0 ")
        }

        @Test("series and instance are served alone; metadata is the DICOM JSON model without pixels")
        func levels() throws {
            let loaded = try Loaded()
            let gateway = loaded.gateway
            let series = try gateway.json("/studies/\(loaded.study)/series")
            #expect(series.count == 2)
            let seriesUID = try #require(series.first?.string("0020000E"))
            let instances = try gateway.json("/studies/\(loaded.study)/series/\(seriesUID)/instances")
            #expect(instances.count == 3)
            let instanceUID = try #require(instances.first?.string("00080018"))
            let path = "/studies/\(loaded.study)/series/\(seriesUID)"
            let output = try loaded.directory.directory("series")
            try gateway.retrieve(path, into: output)
            #expect(try Bench.dataSetDigests(output).count == 3)
            let one = try loaded.directory.directory("one")
            try gateway.retrieve(path + "/instances/\(instanceUID)", into: one)
            #expect(try Array(Bench.dataSetDigests(one).keys) == [instanceUID])
            let metadata = try gateway.json(path + "/instances/\(instanceUID)/metadata")
            #expect(metadata.count == 1)
            #expect(metadata[0].string("00080018") == instanceUID)
            #expect(metadata[0].integer("00280010") == 64)
            let pixels = try #require(metadata[0]["7FE00010"] as? [String: Any])
            #expect((pixels["BulkDataURI"] as? String)?.contains(instanceUID) == true)
        }

        @Test("QIDO-RS finds by UID, patient, accession, date and modality, and names what it cannot match")
        func search() throws {
            let loaded = try Loaded()
            let gateway = loaded.gateway
            #expect(try gateway.store(["--count", "2", "--size", "1000"]).stored.count == 2)
            func studies(_ query: String) throws -> [String] {
                try gateway.json("/studies?" + query).compactMap { $0.string("0020000D") }
            }
            #expect(try studies("").count == 2)
            #expect(try studies("PatientID=RAW1") == ["2.25.4711"])
            #expect(try studies("00100020=RAW*") == ["2.25.4711"])
            #expect(try studies("AccessionNumber=ACN1") == ["2.25.4711"])
            #expect(try studies("StudyDate=20260101-20260131").contains("2.25.4711"))
            #expect(try studies("StudyDate=19000101-19000131").isEmpty)
            #expect(try studies("StudyInstanceUID=2.25.4711,\(loaded.study)").count == 2)
            #expect(try studies("ModalitiesInStudy=MR").isEmpty)
            #expect(try studies("Modality=CT").count == 2)
            #expect(try studies("limit=1").count == 1)
            #expect(try studies("limit=1&offset=2").isEmpty)
            #expect(try gateway.fetch("/studies?ShoeSize=43", accept: "application/dicom+json").status == 400)
            #expect(
                try gateway.fetch("/studies?PatientID=NOBODY", accept: "application/dicom+json").status == 204
            )
            let instances = try gateway.json("/instances?SOPInstanceUID=2.25.4711.1.2")
            #expect(instances.compactMap { $0.string("00080018") } == ["2.25.4711.1.2"])
        }

        @Test("patient identity is in no log line and no file name")
        func identityStaysOut() throws {
            let directory = try TemporaryDirectory()
            let gateway = try GatewayUnderTest(in: directory.url)
            #expect(try gateway.store(["--count", "2", "--size", "1000"]).stored.count == 2)
            _ = try gateway.fetch("/studies?PatientID=RAW1", accept: "application/dicom+json")
            _ = try gateway.fetch("/studies?PatientName=RAW1", accept: "application/dicom+json")
            _ = try gateway.store(["--count", "1", "--no-study"])
            gateway.server.end()
            #expect(!gateway.server.logText.contains("RAW1"))
            #expect(!gateway.server.logText.contains("RAW^TEST"))
            let names = try FileManager.default.subpathsOfDirectory(atPath: directory.url.path)
            #expect(names.allSatisfy { !$0.contains("RAW") })
        }
    }
}
