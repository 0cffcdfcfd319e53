// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

/// A gateway of release make on loopback, with a spool in the test's directory.
final class GatewayUnderTest {
    struct Settings {
        var capacityBytes = 2 << 30
        var segmentBytes = 32 << 20
        var maximumAssociations = 64
        var maximumPDULength = 131_072
        var acceptUnknownPeers = true
        var peers: [[String: Any]] = []
        var artimSeconds = 30
        var idleSeconds = 300
        /// Nil: any free one.
        var dicomPort: Int?
        var webPort: Int?
        var dicomTLS: [String: Any]?
        var webTLS: [String: Any]?
        var hosts: (database: String, viewer: String)?
        var boxes: [String: Any]?
        /// Sections `hl7`, `dmp`, `source`, `consumer`…; images are then served to who names a manifest, unless
        /// `authorization` says otherwise.
        var source: [String: Any]?
        var authorization: String?
        var environment: [String: String] = [:]
        /// What curl needs to be let in.
        var curl: [String] = []
    }

    let directory: URL
    let dicomPort: Int
    let webPort: Int
    private(set) var server: Server
    private let configuration: URL
    private let log: URL

    private let scheme: String
    private let identity: [String]
    private let environment: [String: String]
    /// Nil: the machine's own loopback.
    private let network: BadNetwork?

    init(in directory: URL, _ settings: Settings = Settings(), inside network: BadNetwork? = nil) throws {
        self.directory = directory
        self.network = network
        scheme = settings.webTLS == nil ? "http" : "https"
        identity = settings.curl
        environment = settings.environment
        dicomPort = try settings.dicomPort ?? Bench.freePort()
        webPort = try settings.webPort ?? Bench.freePort()
        configuration = directory.appending(path: "gateway.json")
        log = directory.appending(path: "gateway.log")
        var document: [String: Any] = [
            "site": "Test", "dataDirectory": directory.appending(path: "data").path,
            "statusSocket": directory.appending(path: "gateway.sock").path,
            "spool": ["capacityBytes": settings.capacityBytes, "segmentBytes": settings.segmentBytes],
            "dicom": [
                "aeTitle": "DRIMBOX", "listen": ["127.0.0.1:\(dicomPort)"],
                "tls": settings.dicomTLS ?? NSNull(),
                "maximumPDULength": settings.maximumPDULength,
                "maximumAssociations": settings.maximumAssociations, "peers": settings.peers,
                "acceptUnknownPeers": settings.acceptUnknownPeers, "artimSeconds": settings.artimSeconds,
                "idleSeconds": settings.idleSeconds,
            ] as [String: Any],
            "web": [
                "listen": ["127.0.0.1:\(webPort)"], "tls": settings.webTLS ?? NSNull(),
                "authorization": settings.authorization ?? (settings.source == nil ? "none" : "manifest"),
                "databaseHost": settings.hosts?.database ?? NSNull(),
                "viewerHost": settings.hosts?.viewer ?? NSNull(),
            ] as [String: Any],
        ]
        document["boxes"] = settings.boxes
        document.merge(settings.source ?? [:]) { $1 }
        try JSONSerialization.data(withJSONObject: document, options: [.sortedKeys]).write(to: configuration)
        server = try Self.launch(configuration, log, network, environment)
        try awaitReady()
    }

    var url: String { "\(scheme)://127.0.0.1:\(webPort)/dicomweb" }

    /// A request on the status socket; a body makes it POST.
    func call(_ path: String, _ body: [String: Any]? = nil) throws -> [String: Any] {
        var arguments = [
            "--silent", "--unix-socket", directory.appending(path: "gateway.sock").path,
            "http://localhost\(path)",
        ]
        if let body {
            let data = try JSONSerialization.data(withJSONObject: body)
            arguments += ["--request", "POST", "--data-binary", String(decoding: data, as: UTF8.self)]
        }
        let output = try Bench.curl(arguments).output
        return try #require(
            try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any],
            "\(output)"
        )
    }

    /// Runs a transfer to its end.
    func transfer(_ body: [String: Any], seconds: Double = 60) throws -> [String: Any] {
        var job = try call("/v1/transfers", body)
        let id = try #require(job["id"] as? String, "\(job)")
        let isDone = try eventually(within: seconds) {
            job = try call("/v1/transfers/\(id)")
            return !["queued", "running"].contains(job["state"] as? String ?? "")
        }
        #expect(isDone, "\(job)")
        return job
    }

    /// Starts the gateway anew on the same data, after it was ended.
    func restart() throws {
        server = try Self.launch(configuration, log, network, environment)
        try awaitReady()
    }

    private static func launch(
        _ configuration: URL,
        _ log: URL,
        _ network: BadNetwork?,
        _ environment: [String: String]
    ) throws -> Server {
        let executable = Bench.release.appending(path: "drimbox-gateway").path
        if let network {
            return try network.server(executable, ["--config", configuration.path], log: log)
        }
        return try Server(executable, ["--config", configuration.path], log: log, environment: environment)
    }

    private func awaitReady() throws {
        let isReady = try eventually(within: 60) {
            try #require(server.process.isRunning, "the gateway ended: \(server.logText.suffix(2000))")
            return try (200..<300).contains(fetch("").status)
        }
        try #require(isReady, "the gateway does not answer: \(server.logText.suffix(2000))")
    }

    /// GET by curl: status and body.
    func fetch(_ path: String, accept: String = "*/*", _ arguments: [String] = []) throws -> (
        status: Int, body: Data
    ) {
        let file = directory.appending(path: "body-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: file) }
        let result = try curl(
            [
                "--silent", "--output", file.path, "--write-out", "%{http_code}", "--header",
                "Accept: \(accept)",
            ]
                + arguments + [url + path]
        )
        return (Int(result.output) ?? 0, (try? Data(contentsOf: file)) ?? Data())
    }

    /// Where the gateway is.
    private func curl(_ arguments: [String]) throws -> CommandResult {
        guard let network else { return try Bench.curl(identity + arguments) }
        return try network.run("curl", ["--noproxy", "*", "--max-time", "120"] + identity + arguments)
    }

    func json(_ path: String) throws -> [[String: Any]] {
        let answer = try fetch(path, accept: "application/dicom+json")
        if answer.status == 204 { return [] }
        try #require(
            answer.status == 200,
            "\(path): \(answer.status) \(String(decoding: answer.body, as: UTF8.self))"
        )
        return try #require(try JSONSerialization.jsonObject(with: answer.body) as? [[String: Any]])
    }

    func pipeline() throws -> [String: Any] {
        let socket = directory.appending(path: "gateway.sock").path
        let result = try Bench.curl(["--silent", "--unix-socket", socket, "http://localhost/v1/pipeline"])
        return try #require(
            try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any]
        )
    }

    /// Retrieves with WADO-RS and splits into one file per instance in `output`.
    func retrieve(_ path: String, into output: URL) throws {
        let body = directory.appending(path: "body-\(UUID().uuidString)")
        let heads = directory.appending(path: "heads-\(UUID().uuidString)")
        defer { for file in [body, heads] { try? FileManager.default.removeItem(at: file) } }
        let result = try curl([
            "--silent", "--fail", "--output", body.path, "--dump-header", heads.path,
            "--header", "Accept: multipart/related; type=\"application/dicom\"; transfer-syntax=*",
            url + path,
        ])
        try #require(result.status == 0, "\(path): curl \(result.status)")
        let head = try String(contentsOf: heads, encoding: .utf8)
        let contentType =
            head.split(whereSeparator: \.isNewline)
            .first { $0.lowercased().hasPrefix("content-type:") }.map { String($0.dropFirst(13)) } ?? ""
        let split = try run(
            Bench.python,
            [Bench.support.appending(path: "multipart_split.py").path, body.path, contentType, output.path]
        )
        try #require(split.status == 0, "\(split.errors)")
    }
}

extension Bench {
    static func curl(_ arguments: [String]) throws -> CommandResult {
        try run("curl", ["--noproxy", "*", "--max-time", "120"] + arguments)
    }

    /// Compares the data sets in two directories by SOP instance UID; the script's findings.
    static func compare(_ sent: URL, _ received: URL) throws -> CommandResult {
        try run(python, [support.appending(path: "compare_datasets.py").path, sent.path, received.path])
    }

    static func makeStudy(_ directory: URL, instances: Int, series: Int = 1, rows: Int = 64, seed: Int = 1)
        throws
    {
        let result = try run(
            "/usr/bin/python3",
            [
                support.appending(path: "make_study.py").path, directory.path, "--instances", "\(instances)",
                "--series", "\(series)", "--rows", "\(rows)", "--seed", "\(seed)",
            ]
        )
        try #require(result.status == 0, "\(result.errors)")
    }
}
