// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

extension EndToEnd {
    @Suite("TLS: revocation by OCSP and by lists past their time") struct RevocationTests {
        private let directory: TemporaryDirectory
        private let certificates: CertificatesUnderTest
        private let study: URL

        init() throws {
            directory = try TemporaryDirectory()
            certificates = try CertificatesUnderTest(in: try directory.directory("pki"))
            study = try directory.directory("study")
            try Bench.makeStudy(study, instances: 1)
        }

        private func gateway(_ name: String, _ revocation: [String: Any]) throws -> GatewayUnderTest {
            var settings = GatewayUnderTest.Settings()
            settings.dicomTLS = certificates.server(["revocation": revocation])
            return try GatewayUnderTest(in: directory.directory(name), settings)
        }

        private func isTaken(_ certificate: String, by gateway: GatewayUnderTest) throws -> Bool {
            let identity = [
                "+tls", certificates.path("\(certificate).key"), certificates.path("\(certificate).pem"),
            ]
            return try run(
                "storescu",
                identity + ["+cf", certificates.path("ca.pem"), "-aec", "DRIMBOX", "+sd", "+r"]
                    + ["127.0.0.1", "\(gateway.dicomPort)", study.path],
                environment: ["TCP_NODELAY": "1"]
            ).status == 0
        }

        @Test(
            "openssl ocsp: good is let in, revoked is not, unknown and no answer by configuration; a good answer lasts"
        )
        func responder() throws {
            let port = try Bench.freePort()
            let url = "http://127.0.0.1:\(port)"
            for name in ["good", "bad", "unlisted"] {
                try certificates.leaf(name, by: "ca", names: "DNS:\(name).example", ocsp: url)
            }
            try certificates.writeIndex(valid: ["good"], revoked: ["bad"])
            let responder = try Server(
                "openssl",
                [
                    "ocsp", "-port", "\(port)", "-index", certificates.path("index.txt"), "-CA",
                    certificates.path("ca.pem"), "-rkey", certificates.path("ca.key"), "-rsigner",
                    certificates.path("ca.pem"), "-nmin", "5", "-ignore_err",
                ],
                log: directory.appending("ocsp.log")
            )
            let isUp = try eventually(within: 20) {
                try run(
                    "openssl",
                    [
                        "ocsp", "-issuer", certificates.path("ca.pem"), "-cert",
                        certificates.path("good.pem"),
                        "-url", url, "-noverify", "-resp_text",
                    ]
                ).output.contains("Cert Status: good")
            }
            #expect(isUp, "\(responder.logText)")

            let strict = try gateway("strict", ["ocsp": true, "required": true])
            #expect(try isTaken("good", by: strict), "\(strict.server.logText.suffix(1000))")
            #expect(try !isTaken("bad", by: strict))
            #expect(try !isTaken("unlisted", by: strict))
            let lenient = try gateway("lenient", ["ocsp": true, "required": false])
            #expect(try !isTaken("bad", by: lenient))
            #expect(try isTaken("unlisted", by: lenient))
            #expect(lenient.server.logText.contains("event=tls.revocation-unknown"))

            responder.end(SIGTERM)
            // What the responder said lasts.
            #expect(try isTaken("good", by: strict))
            #expect(try !isTaken("bad", by: strict))
            // A gateway that never had an answer.
            let late = try gateway("late", ["ocsp": true, "required": true])
            #expect(try !isTaken("good", by: late))
        }

        @Test("a list past its time counts during the grace; what it names stays refused") func grace() throws
        {
            let format = Date.VerbatimFormatStyle(
                format:
                    "\(year: .padded(4))\(month: .twoDigits)\(day: .twoDigits)\(hour: .twoDigits(clock: .twentyFourHour, hourCycle: .zeroBased))\(minute: .twoDigits)\(second: .twoDigits)Z",
                timeZone: .gmt,
                calendar: Calendar(identifier: .gregorian)
            )
            let list = try certificates.revocationList(
                issued: Date(timeIntervalSinceNow: -8 * 86400).formatted(format),
                next: Date(timeIntervalSinceNow: -86400).formatted(format)
            )
            let patient = try gateway(
                "patient",
                ["crls": [list], "graceSeconds": 7 * 86400, "required": true]
            )
            #expect(try isTaken("client", by: patient))
            #expect(try !isTaken("revoked", by: patient))
            let strict = try gateway("strict", ["crls": [list], "graceSeconds": 60, "required": true])
            #expect(try !isTaken("client", by: strict))
            let lenient = try gateway("lenient", ["crls": [list], "graceSeconds": 60, "required": false])
            #expect(try isTaken("client", by: lenient))
            #expect(try !isTaken("revoked", by: lenient))
        }
    }
}
