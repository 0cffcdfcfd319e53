// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

extension EndToEnd {
    @Suite("Pixel data in other forms") struct PixelDataTests {
        private static let script = Bench.support.appending(path: "pixel_codecs.py").path

        /// In every transfer syntax that a decoder is for. Left out: files that pydicom cannot read to the end.
        private static let samples = [
            "ct-deflated", "ct-evrbe", "ct-ivrle", "ct-j2k-lossy", "ct-jls-bot", "ct-jls-frag-bot",
            "ct-jls-near",
            "ct-jls-nobot", "ct-jpegll70", "ct-signed", "dx-evrle", "emr-19f", "emr-jls", "mr-small-evrbe",
            "mr-small-j2k", "mr-small-jls", "mr-small-rle", "nm-j2k", "nm-rle", "sc-deflated", "us-j2k",
            "us-jpeg-baseline", "us-mf-87f-jpeg", "us-mf-jls-palette", "us-mf-jpeg-frag", "ect-jpegll57-frag",
        ]

        @Test(
            "pixels and attributes stay what they are in every transfer syntax; what is shown is what the window says"
        )
        func ownImages() throws {
            let directory = try TemporaryDirectory()
            let gateway = try GatewayUnderTest(in: directory.url)
            let images = try directory.directory("images")
            let result = try run(Bench.python, [Self.script, gateway.url, images.path])
            #expect(result.status == 0, "\(result.output) \(result.errors.suffix(2000))")
        }

        @Test(
            "so they do of images from real devices",
            .enabled(if: Bench.samples != nil, "needs the sample files (DRIMBOX_SAMPLES)")
        )
        func sampleImages() throws {
            let directory = try TemporaryDirectory()
            let gateway = try GatewayUnderTest(in: directory.url)
            let folder = try #require(Bench.samples).appending(path: "dicom")
            for name in Self.samples {
                let file = folder.appending(path: "\(name).dcm").path
                let result = try run(Bench.python, [Self.script, gateway.url, directory.url.path, file])
                #expect(result.status == 0, "\(name): \(result.output) \(result.errors.suffix(500))")
            }
        }

        @Test("a codec process can open nothing, has limited memory, and takes nobody with it when it dies")
        func confinement() throws {
            let directory = try TemporaryDirectory()
            let gateway = try GatewayUnderTest(in: directory.url)
            let study = try directory.directory("study")
            try Bench.makeStudy(study, instances: 1)
            let files = try Bench.files(in: study).map(\.path)
            let sent = try run("storescu", ["-aec", "DRIMBOX", "127.0.0.1", "\(gateway.dicomPort)"] + files)
            #expect(sent.status == 0)
            let instance = try #require(try gateway.json("/instances").first)
            let path = "/studies/\(try #require(instance.string("0020000D")))/thumbnail"
            #expect(try gateway.fetch(path, accept: "image/png").status == 200)

            let idle = try #require(Self.codecs(of: gateway.server.pid).first)
            let status = try String(contentsOfFile: "/proc/\(idle)/status", encoding: .utf8)
            #expect(status.contains("Seccomp:\t2"))
            #expect(status.contains("NoNewPrivs:\t1"))
            let limits = try String(contentsOfFile: "/proc/\(idle)/limits", encoding: .utf8)
            #expect(limits.contains(/Max address space +3221225472 +3221225472/))
            #expect(try String(contentsOfFile: "/proc/\(idle)/oom_score_adj", encoding: .utf8) == "1000\n")

            // One that died while it had nothing to do costs no request.
            kill(idle, SIGKILL)
            #expect(try gateway.fetch(path, accept: "image/png").status == 200)

            // One that dies over a request costs this one.
            let busy = try #require(Self.codecs(of: gateway.server.pid).first)
            kill(busy, SIGSTOP)
            let request = Process()
            request.executableURL = URL(filePath: try #require(Bench.find("curl")))
            request.arguments = [
                "--silent", "--output", directory.appending("answer").path, "--header", "Accept: image/png",
                gateway.url + path,
            ]
            try request.run()
            // Stopped, it cannot tell when it has the request; the gateway waits far longer than this.
            Thread.sleep(forTimeInterval: 1)
            #expect(request.isRunning)
            kill(busy, SIGKILL)
            request.waitUntilExit()
            let answer = try String(contentsOf: directory.appending("answer"), encoding: .utf8)
            #expect(answer.contains("the codec ended over it (signal 9)"), "\(answer)")
            #expect(try gateway.fetch(path, accept: "image/png").status == 200)
            gateway.server.end(SIGTERM)
            #expect(Self.codecs(of: gateway.server.pid).isEmpty)
        }

        @Test("an archive that takes no compressed images gets them decoded; byte for byte what they were")
        func archiveWithoutCodecs() throws {
            let directory = try TemporaryDirectory()
            let study = try directory.directory("study")
            try Bench.makeStudy(study, instances: 6)
            let compressed = try directory.directory("compressed")
            for file in try Bench.files(in: study) {
                let other = compressed.appending(path: file.lastPathComponent)
                #expect(try run("dcmcjpls", [file.path, other.path]).status == 0)
            }
            let archive = try directory.directory("archive")
            let port = try Bench.freePort()
            var settings = GatewayUnderTest.Settings()
            settings.peers = [
                ["aeTitle": "ARCHIVE", "host": "127.0.0.1", "port": port, "roles": ["store"]]
            ]
            let gateway = try GatewayUnderTest(in: try directory.directory("box"), settings)
            let storescp = try Server(
                "storescp",
                ["--output-directory", archive.path, "\(port)"],
                log: directory.appending("storescp.log")
            )
            let sent = try run(
                "storescu",
                ["-xt", "-aec", "DRIMBOX", "127.0.0.1", "\(gateway.dicomPort)"]
                    + Bench.files(in: compressed).map(\.path)
            )
            #expect(sent.status == 0, "\(sent.errors)")
            let instance = try #require(try gateway.json("/instances").first)
            let job = try gateway.transfer([
                "kind": "push", "peer": "ARCHIVE", "study": try #require(instance.string("0020000D")),
            ])
            #expect(job["state"] as? String == "succeeded", "\(job)")
            #expect(job["done"] as? Int == 6)
            storescp.end(SIGTERM)
            let comparison = try Bench.compare(study, archive)
            #expect(comparison.status == 0, "\(comparison.output)")
        }

        /// Process IDs of the gateway's codecs.
        private static func codecs(of gateway: Int32) -> [Int32] {
            let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
            return names.compactMap { Int32($0) }.filter { pid in
                guard let stat = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8) else {
                    return false
                }
                // "pid (name) state parent ..."
                let fields = stat.split(separator: ")").last?.split(separator: " ") ?? []
                return stat.contains("(drimbox-codec)") && fields.count > 1 && Int32(fields[1]) == gateway
                    && fields[0] != "Z"
            }
        }
    }
}
