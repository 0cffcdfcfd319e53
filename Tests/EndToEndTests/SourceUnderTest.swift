// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

/// A source on loopback with all that is around it: Orthanc as the archive, the lab's record behind mutual TLS, and the
/// lab's RIS.
final class SourceUnderTest {
    static let canRun =
        Bench.hasExecutables && Bench.has("Orthanc") && Bench.has("xmlsec1") && Bench.has(Bench.python)

    static let lab = Bench.repository.appending(path: "Tests/Lab/drimbox-lab").path
    /// That of the server's certificate, and of manifests that a neighbour reads. No name server knows it.
    static let host = "db1.lab.test"

    /// A consumer that is to find the source's images: where its pages are, and the structures that it acts for.
    struct Neighbour {
        static let client = "drimbox-b"

        let url: String
        let structures: [(identifier: String, name: String)]

        /// As the white list has it.
        var certificateName: String {
            let first = structures[0]
            return "CN=DRIMbox,OU=\(first.identifier),O=\(first.name),ST=Paris (75),C=FR"
        }
    }

    let directory: TemporaryDirectory
    let archive: OrthancUnderTest
    let gateway: GatewayUnderTest
    let hl7Port: Int
    let certificates: String
    let recordPort: Int
    private let record: Server
    private let control: Int
    /// Pro Santé Connect, where it is asked, and the port that the lab's commands go to.
    private(set) var provider: Server?
    private(set) var issuer = ""
    private(set) var providerControl = 0
    /// Who signs patients in, where somebody does.
    private var patientProvider: Server?
    /// Where browsers come to; nobody does where there is no viewer.
    let viewerURL: String

    /// With `identity` images are for who shows an access token, with `whiteList` for boxes of the lab's list, over TLS.
    /// A viewer signs in where the tokens come from; `patients`, a JSON list of userinfo, sign in at a provider of their own.
    /// `manifests` are the forms that are published.
    init(
        identity: Bool = false,
        whiteList: Bool = false,
        neighbour: Neighbour? = nil,
        hasViewer: Bool = false,
        patients: String? = nil,
        page: URL? = nil,
        manifests: String = "french"
    ) throws {
        directory = try TemporaryDirectory()
        let certificates = directory.appending("ca").path
        var authority = ["ca", "make", certificates]
        if let neighbour {
            authority += ["--structure", "1750803447=Centre de radiologie Ambroise"]
            authority += neighbour.structures.flatMap { ["--structure", "\($0.identifier)=\($0.name)"] }
            authority += [Self.host, "localhost", "127.0.0.1"].flatMap { ["--host", $0] }
        }
        try #require(run(Self.lab, authority).status == 0)
        let ports = directory.appending("dmp.port")
        var arguments = [
            "dmp", "--listen", "127.0.0.1:0", "--control", "127.0.0.1:0", "--state",
            directory.appending("dmp").path,
            "--tls-certificate", "\(certificates)/server.pem", "--tls-key", "\(certificates)/server.key",
            "--client-ca", "\(certificates)/ca.pem", "--port-file", ports.path, "--verify", "xmlsec1",
        ]
        if let samples = Bench.samples {
            arguments += ["--schemas", samples.appending(path: "schemas/xds").path]
        }
        record = try Server(Self.lab, arguments, log: directory.appending("dmp.log"))
        let isUp = eventually(within: 60) {
            (try? String(contentsOf: ports, encoding: .utf8))?.split(separator: "\n").count == 2
        }
        try #require(isUp, "\(record.logText)")
        let found = try String(contentsOf: ports, encoding: .utf8).split(separator: "\n").compactMap {
            Int($0)
        }
        control = try #require(found.last)
        recordPort = found[0]
        let dicomPort = try Bench.freePort()
        archive = try OrthancUnderTest(in: directory, box: ("DRIMBOX", dicomPort))
        hl7Port = try Bench.freePort()
        var settings = GatewayUnderTest.Settings()
        settings.dicomPort = dicomPort
        let webPort = try Bench.freePort()
        settings.webPort = webPort
        viewerURL = "https://localhost:\(webPort)"
        settings.peers = [
            [
                "aeTitle": "ORTHANC", "host": "127.0.0.1", "port": archive.dicomPort,
                "roles": ["find", "move"],
                "sends": "pulled",
            ]
        ]
        func credentials(_ name: String) -> [String: String] {
            ["certificate": "\(certificates)/\(name).pem", "privateKey": "\(certificates)/\(name).key"]
        }
        settings.source = [
            "hl7": ["listen": ["127.0.0.1:\(hl7Port)"]],
            "dmp": [
                "services": "https://127.0.0.1:\(found[0])/si-dmp-server/v2/services",
                "authorities": "\(certificates)/ca.pem",
                "software": ["identifier": "LPS", "name": "DRIMbox", "homologation": "H"],
                "sourceIdentifier": "1.2.250.1.999.1",
                "structures": [
                    [
                        "identifiers": ["1750803447"], "name": "Centre de radiologie Ambroise",
                        "authentication": credentials("auth-cli"), "signature": credentials("sign"),
                    ] as [String: Any]
                ],
            ] as [String: Any],
            "source": [
                "archive": "ORTHANC",
                "retrieveURL": neighbour == nil
                    ? "https://db1.example/dicomweb" : "https://\(Self.host):\(webPort)/dicomweb",
                "manifests": manifests,
                "retrieveLocationUID": manifests == "french" ? NSNull() : "1.2.250.1.999.7.1",
            ] as [String: Any],
        ]
        if identity {
            let started = try Self.identityProvider(
                "psc",
                ["--client", "drimbox-a"]
                    + (neighbour.map {
                        ["--client", Neighbour.client, "--redirect-uri", $0.url + "/consumer/signed-in"]
                    } ?? [])
                    + (hasViewer ? ["--redirect-uri", viewerURL + "/viewer/signed-in"] : []),
                certificates,
                in: directory
            )
            (provider, issuer, providerControl) = (started.server, started.issuer, started.control)
            settings.authorization = "proSanteConnect"
            settings.source?["proSanteConnect"] =
                [
                    "issuer": issuer,
                    "clientID": "drimbox-a",
                    "authorities": "\(certificates)/ca.pem", "credentials": credentials("auth-cli"),
                ] as [String: Any]
        }
        self.certificates = certificates
        if whiteList {
            settings.webTLS = credentials("server").merging(["clientAuthorities": "\(certificates)/ca.pem"]) {
                $1
            }
            settings.curl = Self.curl(certificates, "auth-cli")
            if !identity { settings.authorization = "manifest" }
            settings.source?["whiteList"] =
                ["file": directory.appending("list.xml").path, "authorities": "\(certificates)/ca.pem"]
        }
        if hasViewer {
            settings.webTLS = credentials("server").merging(["clientAuthorities": "\(certificates)/ca.pem"]) {
                $1
            }
            settings.curl = Self.curl(certificates, "auth-cli")
            settings.hosts = (Self.host, "localhost")
            var viewer: [String: Any] = [
                "directory": try page?.path ?? ViewerPage.directory(in: directory), "publicURL": viewerURL,
                "download": "doctors",
            ]
            if let patients {
                let people = directory.appending("patients.json")
                try Data(patients.utf8).write(to: people)
                let started = try Self.identityProvider(
                    "patients",
                    [
                        "--client", "drimbox-patients", "--professionals", people.path,
                        "--redirect-uri", viewerURL + "/viewer/patient-signed-in",
                    ],
                    certificates,
                    in: directory
                )
                patientProvider = started.server
                viewer["patients"] =
                    [
                        "issuer": started.issuer, "clientID": "drimbox-patients", "acrValues": "eidas1",
                        "authorities": "\(certificates)/ca.pem", "credentials": credentials("auth-cli"),
                        "name": "Mon espace santé", "identifierClaim": "ins",
                        "representedClaim": "represents",
                    ] as [String: Any]
            }
            settings.source?["viewer"] = viewer
        }
        if let neighbour {
            let box = "\(Self.host),vi1.lab.test,\(neighbour.certificateName)"
            try Self.list(box, by: certificates, to: directory.appending("list.xml"))
        }
        gateway = try GatewayUnderTest(in: try directory.directory("box"), settings)
    }

    /// The lab's OpenID provider, under a name of its own.
    private static func identityProvider(
        _ name: String,
        _ arguments: [String],
        _ certificates: String,
        in directory: TemporaryDirectory
    ) throws -> (server: Server, issuer: String, control: Int) {
        let file = directory.appending("\(name).port")
        let server = try Server(
            lab,
            [
                "psc", "--control", "127.0.0.1:0", "--port-file", file.path,
                "--tls-certificate", "\(certificates)/server.pem", "--tls-key", "\(certificates)/server.key",
                "--client-ca", "\(certificates)/ca.pem",
            ] + arguments,
            log: directory.appending("\(name).log")
        )
        var ports: [Int] = []
        let isUp = eventually(within: 60) {
            ports = ((try? String(contentsOf: file, encoding: .utf8)) ?? "").split(separator: "\n")
                .compactMap { Int($0) }
            return ports.count == 2
        }
        try #require(isUp, "\(server.logText)")
        return (server, "https://127.0.0.1:\(ports[0])/auth/realms/esante-wallet", ports[1])
    }

    static func curl(_ certificates: String, _ name: String) -> [String] {
        [
            "--cacert", "\(certificates)/ca.pem", "--cert", "\(certificates)/\(name).pem", "--key",
            "\(certificates)/\(name).key",
        ]
    }

    /// Puts a list of one box, with this certificate's name, where the gateway looks.
    func whiteList(_ name: String, age: Int = 0) throws {
        try Self.list(
            "db1.example,vi1.example,\(name)",
            age: age,
            by: certificates,
            to: directory.appending("list.xml")
        )
    }

    private static func list(_ box: String, age: Int = 0, by certificates: String, to file: URL) throws {
        let made = try run(
            lab,
            ["whitelist", "make", certificates, "--box", box, "--age", "\(age)", "--out", file.path]
        )
        try #require(made.status == 0, "\(made.errors)")
    }

    // MARK: The archive

    /// Puts a study of a few instances into the archive; its UID and files.
    func study(accession: String, patient: String, seed: Int, instances: Int = 4) throws -> (
        uid: String, files: URL
    ) {
        let files = directory.appending("study-\(seed)")
        let made = try run(
            Bench.python,
            [
                Bench.support.appending(path: "make_study.py").path, files.path, "--instances",
                "\(instances)",
                "--rows", "64", "--seed", "\(seed)",
            ]
        )
        try #require(made.status == 0, "\(made.errors)")
        let paths = try Bench.files(in: files).map(\.path)
        let changed = try run(
            "dcmodify",
            ["-nb", "-i", "(0008,0050)=\(accession)", "-i", "(0010,0020)=\(patient)"] + paths
        )
        try #require(changed.status == 0, "\(changed.errors)")
        try archive.upload(files)
        let dump = try run("dcmdump", ["+P", "0020,000d", paths[0]]).output
        let uid = try #require(dump.split(separator: "[").last?.split(separator: "]").first)
        return (String(uid), files)
    }

    // MARK: The RIS

    /// Sends a message as the RIS makes it; MSA-1 of the answer.
    @discardableResult
    func send(_ arguments: [String]) throws -> String {
        let file = directory.appending("message-\(UUID()).hl7")
        let made = try run(Self.lab, ["ris", "make"] + arguments + ["--out", file.path])
        try #require(made.status == 0, "\(made.errors)")
        return try send(file: file)
    }

    @discardableResult
    func send(file: URL) throws -> String {
        let sent = try run(Self.lab, ["ris", "send", "--to", "127.0.0.1:\(hl7Port)", file.path])
        let acknowledgement = sent.output.split(whereSeparator: \.isNewline).first { $0.hasPrefix("MSA|") }
        return acknowledgement.map { String($0.split(separator: "|")[1]) } ?? sent.output + sent.errors
    }

    // MARK: The record

    struct Entry {
        let uniqueID: String
        let status: String
        let codes: [String]
    }

    func entries() throws -> [Entry] {
        let output = try Bench.curl(["--silent", "http://127.0.0.1:\(control)/lab/documents"]).output
        let list = try #require(try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [[String: Any]])
        return list.filter { $0["id"] as? String == "DocumentKOS" }.map { entry in
            Entry(
                uniqueID: entry["uniqueId"] as? String ?? "",
                status: entry["status"] as? String ?? "",
                codes: entry["confidentialityCodes"] as? [String] ?? []
            )
        }
    }

    func content(of uniqueID: String, to file: URL) throws {
        let url = "http://127.0.0.1:\(control)/lab/documents/\(uniqueID)/content"
        try #require(try Bench.curl(["--silent", "--fail", "--output", file.path, url]).status == 0)
    }

    func outage(_ isOn: Bool) throws {
        let url = "http://127.0.0.1:\(control)/lab/outage"
        try #require(try Bench.curl(["--silent", "--fail", "--data", "{\"on\": \(isOn)}", url]).status == 0)
    }

    /// What the record knows of a patient: `exists`, `status`…
    func patient(_ state: [String: Any]) throws {
        let data = try JSONSerialization.data(withJSONObject: state)
        let url = "http://127.0.0.1:\(control)/lab/patients"
        let set = try Bench.curl(["--silent", "--fail", "--data", String(decoding: data, as: UTF8.self), url])
        try #require(set.status == 0, "\(set.errors)")
    }

    /// Publishes to the record as another box does, what `arguments` say.
    func publish(_ arguments: [String]) throws {
        let to = "https://localhost:\(recordPort)"
        let sent = try run(
            Self.lab,
            ["source", "publish", "--to", to, "--certificates", certificates] + arguments
        )
        try #require(sent.status == 0, "\(sent.output) \(sent.errors)")
    }

    /// What Pro Santé Connect says of a token.
    func token(_ token: String, _ members: [String: Any] = [:]) throws {
        try tellProvider("tokens", members.merging(["token": token]) { $1 })
    }

    /// Tells the lab's Pro Santé Connect something.
    func tellProvider(_ resource: String, _ value: [String: Any]) throws {
        let data = try JSONSerialization.data(withJSONObject: value)
        let url = "http://127.0.0.1:\(providerControl)/lab/\(resource)"
        let set = try Bench.curl(["--silent", "--fail", "--data", String(decoding: data, as: UTF8.self), url])
        try #require(set.status == 0, "\(set.errors)")
    }

    /// How often it was asked.
    func introspections() throws -> Int {
        let output = try Bench.curl(["--silent", "http://127.0.0.1:\(providerControl)/lab/requests"]).output
        let counts = try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Int]
        return counts?["drimbox-a"] ?? 0
    }

    func faults(_ rules: [[String: Any]]) throws {
        let data = try JSONSerialization.data(withJSONObject: rules)
        let url = "http://127.0.0.1:\(control)/lab/faults"
        let set = try Bench.curl(["--silent", "--fail", "--data", String(decoding: data, as: UTF8.self), url])
        try #require(set.status == 0, "\(set.errors)")
    }

    /// Waits until the record shows these statuses, in the order in which the entries came.
    func awaitEntries(_ statuses: [String], within seconds: Double = 30) throws {
        var found: [String] = []
        let isThere = try eventually(within: seconds) {
            found = try entries().map(\.status)
            return found == statuses
        }
        #expect(isThere, "\(found): \(gateway.server.logText.suffix(1500)) \(record.logText.suffix(500))")
    }
}
