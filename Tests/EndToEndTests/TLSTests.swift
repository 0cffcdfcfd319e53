// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

extension EndToEnd {
    @Suite("TLS: DICOM and HTTPS, mutual") struct TLSTests {
        private let directory: TemporaryDirectory
        private let certificates: CertificatesUnderTest

        init() throws {
            directory = try TemporaryDirectory()
            certificates = try CertificatesUnderTest(in: try directory.directory("pki"))
        }

        private func gateway(_ name: String = "box", revocation: [String: Any]? = nil) throws
            -> GatewayUnderTest
        {
            var settings = GatewayUnderTest.Settings()
            settings.dicomTLS = certificates.server(revocation.map { ["revocation": $0] } ?? [:])
            settings.webTLS = certificates.server(revocation.map { ["revocation": $0] } ?? [:])
            settings.hosts = ("db1.example", "vi1.example")
            settings.curl = [
                "--cacert", certificates.path("ca.pem"), "--cert", certificates.path("client.pem"), "--key",
                certificates.path("client.key"),
            ]
            return try GatewayUnderTest(in: directory.directory(name), settings)
        }

        private func send(_ gateway: GatewayUnderTest, _ study: URL, _ certificate: String?) throws -> Int32 {
            let identity =
                certificate.map { ["+tls", certificates.path("\($0).key"), certificates.path("\($0).pem")] }
                ?? ["+tla"]
            return try run(
                "storescu",
                identity + ["+cf", certificates.path("ca.pem"), "-aec", "DRIMBOX", "+sd", "+r"]
                    + ["127.0.0.1", "\(gateway.dicomPort)", study.path],
                environment: ["TCP_NODELAY": "1"]
            ).status
        }

        @Test(
            "DICOM: storescu +tls with a certificate of ours stores; with another's, revoked, none, or in plain text it does not"
        )
        func dicom() throws {
            let study = try directory.directory("study")
            try Bench.makeStudy(study, instances: 10)
            let list = try certificates.revocationList()
            let gateway = try gateway(revocation: ["crls": [list]])
            #expect(try send(gateway, study, "client") == 0)
            #expect(try send(gateway, study, "stranger") != 0)
            #expect(try send(gateway, study, "revoked") != 0)
            #expect(try send(gateway, study, nil) != 0)
            let plain = try run(
                "storescu",
                [
                    "-to", "3", "-ta", "3", "-aec", "DRIMBOX", "127.0.0.1", "\(gateway.dicomPort)",
                    study.path, "+sd",
                ]
            )
            #expect(plain.status != 0)
            #expect(try gateway.json("/instances").count == 10)
            let log = gateway.server.logText
            #expect(log.contains("event=tls.handshake-failed"))
            #expect(log.contains("revoked"), "\(log.suffix(2000))")
        }

        @Test(
            "two names on one port: db demands a client certificate, vi does not, and one is not had under the other"
        )
        func names() throws {
            let gateway = try gateway()
            func status(_ name: String, _ more: [String]) throws -> (curl: Int32, http: String) {
                let result = try Bench.curl(
                    [
                        "--silent", "--output", "/dev/null", "--write-out", "%{http_code}", "--cacert",
                        certificates.path("ca.pem"), "--resolve", "\(name):\(gateway.webPort):127.0.0.1",
                    ] + more + ["https://\(name):\(gateway.webPort)/dicomweb/"]
                )
                return (result.status, result.output)
            }
            let identity = [
                "--cert", certificates.path("client.pem"), "--key", certificates.path("client.key"),
            ]
            #expect(try status("db1.example", identity).http == "200")
            #expect(try status("db1.example", []).curl != 0)
            #expect(try status("vi1.example", []).http == "200")
            #expect(try status("vi1.example", ["--header", "Host: db1.example"]).http == "421")
            // No name, or an unknown one, is as strict as db.
            #expect(try status("localhost", []).curl != 0)
            let stranger = [
                "--cert", certificates.path("stranger.pem"), "--key", certificates.path("stranger.key"),
            ]
            #expect(try status("db1.example", stranger).curl != 0)
        }

        @Test(
            "BCP 195: TLS 1.1 and suites without forward secrecy or AEAD are refused, 1.2 and 1.3 are served, sessions resume"
        )
        func profile() throws {
            let gateway = try gateway()
            func client(_ arguments: String) throws -> CommandResult {
                let identity =
                    "-cert \(certificates.path("client.pem")) -key \(certificates.path("client.key"))"
                let line =
                    "timeout 10 openssl s_client -connect 127.0.0.1:\(gateway.webPort) -servername vi1.example -CAfile \(certificates.path("ca.pem")) \(identity) \(arguments) </dev/null"
                return try run("/bin/sh", ["-c", line], seconds: 30)
            }
            #expect(try client("-tls1_1 -cipher ALL:@SECLEVEL=0").output.contains("Cipher is (NONE)"))
            #expect(try client("-tls1_2 -cipher AES128-SHA").output.contains("Cipher is (NONE)"))
            #expect(try client("-tls1_2 -cipher AES128-GCM-SHA256").output.contains("Cipher is (NONE)"))
            #expect(try client("-tls1_2").output.contains("Cipher is ECDHE-RSA-AES"))
            let session = certificates.path("session")
            // TLS 1.3 sends the tickets with the first response.
            let request = "GET /dicomweb/ HTTP/1.1\\r\\nHost: vi1.example\\r\\n\\r\\n"
            let first =
                "(printf '\(request)'; sleep 1) | timeout 10 openssl s_client -tls1_3 -connect 127.0.0.1:\(gateway.webPort) -servername vi1.example -sess_out \(session)"
            _ = try run("/bin/sh", ["-c", first], seconds: 30)
            #expect(try client("-tls1_3 -sess_in \(session)").output.contains("Reused, TLSv1.3"))
        }

        @Test("we as client: push to storescp +tls; an archive whose certificate is another's is not sent to")
        func push() throws {
            let ports = [try Bench.freePort(), try Bench.freePort()]
            let output = try directory.directory("archive")
            var archives: [Server] = []
            for (port, identity, authorities) in [
                (ports[0], "server", "ca"), (ports[1], "stranger", "other"),
            ] {
                archives.append(
                    try Server(
                        "storescp",
                        [
                            "+tls", certificates.path("\(identity).key"),
                            certificates.path("\(identity).pem"), "+cf",
                            certificates.path("\(authorities).pem"), "--bit-preserving", "+xa", "-od",
                            output.path,
                            "\(port)",
                        ],
                        log: directory.appending("storescp-\(port).log")
                    )
                )
            }
            defer { for archive in archives { archive.end(SIGKILL) } }
            var settings = GatewayUnderTest.Settings()
            settings.peers = zip(["GOOD", "BAD"], ports).map { title, port in
                [
                    "aeTitle": title, "host": "127.0.0.1", "port": port, "roles": ["store"],
                    "tls": certificates.client(),
                ] as [String: Any]
            }
            let gateway = try GatewayUnderTest(in: directory.directory("sender"), settings)
            let study = try directory.directory("study")
            try Bench.makeStudy(study, instances: 20)
            let sent = try run(
                "storescu",
                ["-aec", "DRIMBOX", "+sd", "+r", "127.0.0.1", "\(gateway.dicomPort)", study.path],
                environment: ["TCP_NODELAY": "1"]
            )
            #expect(sent.status == 0)
            let uid = try #require(try gateway.json("/studies").first?.string("0020000D"))
            let good = try gateway.transfer(["kind": "push", "peer": "GOOD", "study": uid])
            #expect(good["state"] as? String == "succeeded", "\(good)")
            let comparison = try Bench.compare(study, output)
            #expect(comparison.status == 0, "\(comparison.output)")
            let echo = try gateway.call("/v1/peers/BAD/echo", [:])
            #expect((echo["reason"] as? String)?.contains("no connection") == true, "\(echo)")
        }

        @Test("two gateways box to box over mutual TLS, and on to an archive")
        func boxToBox() throws {
            let source = try gateway("source")
            let study = try directory.directory("study")
            try Bench.makeStudy(study, instances: 30, series: 2, rows: 256)
            #expect(try send(source, study, "client") == 0)
            let uid = try #require(try source.json("/studies").first?.string("0020000D"))
            let output = try directory.directory("archive")
            let port = try Bench.freePort()
            let archive = try Server(
                "storescp",
                ["--bit-preserving", "+xa", "-od", output.path, "\(port)"],
                log: directory.appending("storescp.log")
            )
            defer { archive.end(SIGKILL) }
            var settings = GatewayUnderTest.Settings()
            settings.peers = [["aeTitle": "ARCHIVE", "host": "127.0.0.1", "port": port, "roles": ["store"]]]
            settings.boxes = ["tls": certificates.client()]
            let consumer = try GatewayUnderTest(in: directory.directory("consumer"), settings)
            let url = "https://localhost:\(source.webPort)/dicomweb/studies/\(uid)"
            let job = try consumer.transfer(["kind": "retrieve", "study": uid, "url": url, "peer": "ARCHIVE"])
            #expect(job["state"] as? String == "succeeded", "\(job)")
            #expect(job["done"] as? Int == 30)
            let kept = try directory.directory("kept")
            try consumer.retrieve("/studies/\(uid)", into: kept)
            for copy in [kept, output] {
                let comparison = try Bench.compare(study, copy)
                #expect(comparison.status == 0, "\(comparison.output)")
            }

            // Without a certificate the source refuses, and the job says so.
            var bare = GatewayUnderTest.Settings()
            bare.boxes = ["tls": ["authorities": certificates.path("ca.pem")]]
            let stranger = try GatewayUnderTest(in: directory.directory("stranger"), bare)
            let refused = try stranger.transfer(["kind": "retrieve", "study": uid, "url": url])
            #expect(refused["state"] as? String == "failed", "\(refused)")
        }

        /// Takes about 40 s: the files are looked at every 30 s.
        @Test("a renewed certificate is shown to new connections; a download under way ends whole")
        func renewal() throws {
            let gateway = try gateway()
            let study = try directory.directory("study")
            try Bench.makeStudy(study, instances: 40, rows: 512)
            #expect(try send(gateway, study, "client") == 0)
            let uid = try #require(try gateway.json("/studies").first?.string("0020000D"))
            func serial() throws -> String {
                let line =
                    "openssl s_client -connect 127.0.0.1:\(gateway.webPort) -servername vi1.example </dev/null 2>/dev/null | openssl x509 -noout -serial"
                return try run("/bin/sh", ["-c", line]).output
            }
            let former = try serial()
            let download = Reader { [certificates] in
                let result = try Bench.curl([
                    "--silent", "--fail", "--limit-rate", "500k", "--output", "/dev/null", "--cacert",
                    certificates.path("ca.pem"), "--cert", certificates.path("client.pem"), "--key",
                    certificates.path("client.key"), "--header", "Accept: multipart/related",
                    "\(gateway.url)/studies/\(uid)",
                ])
                if result.status != 0 { throw CocoaError(.fileReadUnknown) }
            }
            download.start()
            try certificates.leaf(
                "server",
                by: "ca",
                names: "DNS:localhost,DNS:db1.example,DNS:vi1.example,IP:127.0.0.1"
            )
            #expect(try eventually(within: 45) { try serial() != former })
            #expect(gateway.server.logText.contains("event=tls.reloaded"))
            try download.wait()
        }
    }
}
