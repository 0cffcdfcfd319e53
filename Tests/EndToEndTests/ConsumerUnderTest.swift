// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

/// Two boxes around one record and one provider: a source with its archive, and a consumer with its own.
final class ConsumerUnderTest {
    static let canRun = SourceUnderTest.canRun && Bench.has("openssl")
    /// Whether there is a browser, and what drives it.
    static let hasBrowser =
        canRun && Bench.has("chromium") && Bench.has("chromedriver")
        && (try? run(Bench.python, ["-c", "import axe_core_python, selenium"]).status) == 0

    private static let structures = [
        (identifier: "1300017985", name: "Hôpital de la Colline"),
        (identifier: "499700000012345", name: "Cabinet du Port"),
    ]
    static let patientID = "279035121518989^^^&1.2.250.1.213.1.4.10&ISO^NH"
    /// Of the patient, what a log or a trace must not hold.
    static let identity = ["279035121518989", "PAT-TROIS", "DOMINIQUE", "IPPB7", "IPP101", "19790328"]

    let source: SourceUnderTest
    let box: GatewayUnderTest
    let archive: OrthancUnderTest
    let url: String
    /// Who may have signed what other boxes show: the lab's authority, and `elsewhere`'s "ca".
    let elsewhere: CertificatesUnderTest
    let proxy: Server
    /// Where the box fetches the white list.
    private let lists: Server
    private let own: TemporaryDirectory
    /// The forms in which the source publishes.
    private let manifests: String

    /// Starts a provider beside the lab's certificates; the gateway's section for it, `authorities` apart.
    typealias Provider = (_ certificates: String, _ redirectURI: String) throws -> [String: Any]

    /// `consumer` is what its section of the configuration has besides. The lab's Pro Santé Connect signs in, unless there
    /// is another provider. That one's tokens the source cannot check: it serves then who names a manifest and is a box of
    /// the list. With `sharesManifests` the consumer asks the source's Document Responder, too.
    init(
        _ consumer: [String: Any] = [:],
        viewer: [String: Any]? = nil,
        provider: Provider? = nil,
        manifests: String = "french",
        sharesManifests: Bool = false
    ) throws {
        self.manifests = manifests
        let url = "https://localhost:\(try Bench.freePort())"
        let own = try TemporaryDirectory()
        let source = try SourceUnderTest(
            identity: provider == nil,
            whiteList: true,
            neighbour: .init(url: url, structures: Self.structures),
            manifests: manifests
        )
        let certificates = source.certificates
        elsewhere = try CertificatesUnderTest(in: try own.directory("elsewhere"))
        let authorities = own.appending("authorities.pem")
        let texts = try ["\(certificates)/ca.pem", elsewhere.path("ca.pem")].map {
            try String(contentsOfFile: $0, encoding: .utf8)
        }
        try Data(texts.joined().utf8).write(to: authorities)
        let proxyPort = try Bench.freePort()
        proxy = try Server(
            Bench.python,
            [Bench.support.appending(path: "loopback_proxy.py").path, "\(proxyPort)"],
            log: own.appending("proxy.log")
        )
        let listPort = try Bench.freePort()
        lists = try Server(
            Bench.python,
            [
                "-m", "http.server", "\(listPort)", "--bind", "127.0.0.1", "--directory",
                source.directory.url.path,
            ],
            log: own.appending("lists.log")
        )
        let list = "http://127.0.0.1:\(listPort)/list.xml"
        // A fetch that fails is made again after a quarter of an hour.
        let isServed = try eventually { try run("curl", ["--silent", "--fail", "--head", list]).status == 0 }
        try #require(isServed, "\(lists.logText)")
        let dicomPort = try Bench.freePort()
        let archive = try OrthancUnderTest(in: own, box: ("DRIMBOX", dicomPort), ["DicomAet": "ORTHANCB"])
        func credentials(_ name: String) -> [String: String] {
            ["certificate": "\(certificates)/\(name).pem", "privateKey": "\(certificates)/\(name).key"]
        }
        let first = Self.structures[0].identifier
        let identity: [String: Any] =
            try provider?(certificates, url + "/consumer/signed-in") ?? [
                "issuer": source.issuer, "clientID": SourceUnderTest.Neighbour.client,
                "credentials": credentials("auth-cli-\(first)"),
            ]
        var settings = GatewayUnderTest.Settings()
        settings.dicomPort = dicomPort
        settings.peers = [
            [
                "aeTitle": "ORTHANCB", "host": "127.0.0.1", "port": archive.dicomPort, "roles": ["store"],
            ]
        ]
        settings.authorization = "none"
        settings.boxes = [
            "proxy": "127.0.0.1:\(proxyPort)",
            "tls": credentials("auth-cli-\(first)").merging(["authorities": authorities.path]) { $1 },
        ]
        settings.source = [
            "dmp": [
                "services": "https://127.0.0.1:\(source.recordPort)/si-dmp-server/v2/services",
                "authorities": "\(certificates)/ca.pem",
                "software": ["identifier": "LPS", "name": "DRIMbox", "homologation": "H"],
                "sourceIdentifier": "1.2.250.1.999.2",
                "structures": Self.structures.map { structure in
                    [
                        "identifiers": [structure.identifier], "name": structure.name,
                        "authentication": credentials("auth-cli-\(structure.identifier)"),
                        "signature": credentials("sign-\(structure.identifier)"),
                    ] as [String: Any]
                },
            ] as [String: Any],
            "proSanteConnect": identity.merging(["authorities": "\(certificates)/ca.pem"]) { $1 },
            "whiteList": [
                "url": list, "file": own.appending("list.xml").path,
                "authorities": "\(certificates)/ca.pem",
            ],
            "consumer": [
                "listen": [String(url.dropFirst("https://".count))], "tls": credentials("server"),
                "publicURL": url,
                "archive": "ORTHANCB", "allowPrivateAddresses": "laboratory", "station": "DRIMBOX-B",
                "documentResponders": sharesManifests
                    ? [["name": "A", "url": "https://db1.lab.test:\(source.gateway.webPort)/fhir"]] : [],
            ].merging(consumer) { $1 },
        ]
        settings.source?["viewer"] = viewer
        box = try GatewayUnderTest(in: try own.directory("box"), settings)
        self.archive = archive
        self.source = source
        self.own = own
        self.url = url
    }

    /// A study in the source's archive, its report sent by the RIS, manifest and report in the record; the patient has
    /// authorised nobody yet.
    func publish(instances: Int) throws -> URL {
        let (study, files) = try source.study(
            accession: "ACN101",
            patient: "IPP101",
            seed: 11,
            instances: instances
        )
        let report = own.appending("report.xml")
        let sent = try source.send([
            "--type", "ORU", "--event", "new", "--study", "\(study),modality=CT", "--accession", "ACN101",
            "--ipp", "IPP101", "--document-id", "1.2.250.1.999.5.1", "--cda-out", report.path,
        ])
        try #require(sent == "AA")
        try source.awaitEntries(manifests == "both" ? ["Approved", "Approved"] : ["Approved"])
        try source.publish(["--cda", report.path])
        try source.patient(["patientId": Self.patientID, "authorization": "INEXISTANTE"])
        return files
    }

    // MARK: A professional at a browser

    /// What `consumer_browser.py` saw.
    func browse(_ professional: String, images: Int, _ arguments: [String] = []) throws -> [String: Any] {
        let certificates = source.certificates
        let result = try run(
            Bench.python,
            [
                Bench.support.appending(path: "consumer_browser.py").path, "--url", url,
                "--ca", "\(certificates)/ca.pem", "--certificate", "\(certificates)/server.pem",
                "--professional", professional, "--images", "\(images)",
            ] + arguments
        )
        let report = try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any]
        return try #require(report, "\(result.errors.suffix(2000))")
    }

    // MARK: Without a browser

    struct Answer {
        let status: Int
        /// Where a redirection leads.
        let location: String
        let body: String

        /// The value of the first form's token.
        var formToken: String { between("name=\"token\" value=\"", "\"") ?? "" }

        func between(_ start: String, _ end: String) -> String? {
            guard let start = body.range(of: start),
                let end = body.range(of: end, range: start.upperBound..<body.endIndex)
            else { return nil }
            return String(body[start.upperBound..<end.lowerBound])
        }
    }

    func ask(_ address: String, _ arguments: [String] = []) throws -> Answer {
        let file = own.appending("answer-\(UUID())")
        defer { try? FileManager.default.removeItem(at: file) }
        let result = try Bench.curl(
            [
                "--silent", "--cacert", "\(source.certificates)/ca.pem", "--output", file.path,
                "--write-out", "%{http_code} %{redirect_url}",
            ] + arguments + [address]
        )
        let words = result.output.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
        return Answer(
            status: words.first.flatMap { Int($0) } ?? 0,
            location: words.count == 2 ? String(words[1]) : "",
            body: (try? String(contentsOf: file, encoding: .utf8)) ?? ""
        )
    }

    /// The contextual call of a RIS; where its user goes on.
    func call() throws -> String {
        let fields = [
            "Patient.identifier.value=279035121518989", "Patient.identifier.system=1.2.250.1.213.1.4.10",
            "Patient.name.family=PAT-TROIS", "Patient.name.given=DOMINIQUE", "Patient.gender=F",
            "Patient.birthDate=1979-03-28", "Address.district=63220", "InformationEtConsentement=true",
            "PatientID=IPPB7", "PatientIDIssuer=CLINIQUE-B&1.2.250.1.999.7&ISO",
        ]
        let answer = try ask(
            url + "/api/conso/parameters",
            fields.flatMap { ["--data-urlencode", $0] }
        )
        try #require(answer.status == 303, "\(answer)")
        return answer.location
    }

    func traces() throws -> [[String: Any]] {
        try #require(try box.call("/v1/pipeline/traces")["rows"] as? [[String: Any]])
    }

    /// Whether such a refusal is in the traces: text of the row's subject, outcome or reason.
    func hasTrace(_ action: String, _ words: String) throws -> Bool {
        try traces().contains { row in
            row["action"] as? String == action
                && ["subject", "outcome", "reason"].contains { key in
                    (row[key] as? String)?.contains(words) == true
                }
        }
    }

    /// Nothing of the patient, and no token, is in logs or traces.
    func expectDiscretion() throws {
        let log = box.server.logText
        let rows = "\(try traces())"
        for word in Self.identity + ["Bearer "] {
            #expect(!log.contains(word), "the log has \(word)")
            #expect(!rows.contains(word), "the traces have \(word)")
        }
    }
}

/// Somebody with a cookie jar.
final class Visitor {
    private let bench: ConsumerUnderTest
    private let jar: URL

    init(_ bench: ConsumerUnderTest) {
        self.bench = bench
        jar = bench.source.directory.appending("jar-\(UUID())")
    }

    func ask(_ address: String, _ arguments: [String] = []) throws -> ConsumerUnderTest.Answer {
        let start = address.hasPrefix("/") ? bench.url : ""
        return try bench.ask(
            start + address,
            ["--cookie", jar.path, "--cookie-jar", jar.path] + arguments
        )
    }

    func post(_ path: String, _ fields: [String]) throws -> ConsumerUnderTest.Answer {
        try ask(path, fields.flatMap { ["--data-urlencode", $0] })
    }

    /// The secret of the session, as a thief would have it.
    func cookie() throws -> String {
        let text = try String(contentsOf: jar, encoding: .utf8)
        let line = try #require(text.split(separator: "\n").first { $0.contains("__Host-drimbox") })
        return "__Host-drimbox=\(line.split(separator: "\t").last ?? "")"
    }

    /// The provider's page, and what it sends the browser back to.
    func choose(_ professional: String, at authorize: String) throws -> String {
        let answer = try post(authorize, ["professional=\(professional)"])
        try #require(answer.status == 303, "\(answer)")
        return answer.location
    }

    /// Asks for the images of the only exam of a modality.
    func open(_ modality: String, _ page: String) throws -> (path: String, answer: ConsumerUnderTest.Answer) {
        let list = try ask("\(page)?modality=\(modality)")
        let number = try #require(list.between("action=\"\(page)/images/", "\""), "\(list)")
        let path = "\(page)/images/\(number)"
        return (path, try post(path, ["token=\(list.formToken)"]))
    }

    /// Opens a patient and signs in; the path of the patient's page.
    func signIn(_ professional: String = "899700367909") throws -> String {
        let begun = try ask(try bench.call())
        let back = try ask(try choose(professional, at: begun.location))
        try #require(back.status == 303, "\(back)")
        return String(back.location.dropFirst(bench.url.count))
    }
}
