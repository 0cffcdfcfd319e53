// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

/// A real Orthanc with a storage of its own.
final class OrthancUnderTest {
    let server: Server
    let webPort: Int
    let dicomPort: Int

    /// `box` is who it may send to.
    init(
        in directory: TemporaryDirectory,
        box: (aeTitle: String, port: Int),
        _ options: [String: Any] = [:]
    ) throws {
        webPort = try Bench.freePort()
        dicomPort = try options["DicomPort"] as? Int ?? Bench.freePort()
        var configuration: [String: Any] = [
            "StorageDirectory": try directory.directory("orthanc").path, "HttpPort": webPort,
            "DicomPort": dicomPort, "DicomAet": "ORTHANC", "RemoteAccessAllowed": false,
            "AuthenticationEnabled": false, "DicomAlwaysAllowStore": true,
            "DicomModalities": ["box": [box.aeTitle, "127.0.0.1", box.port]],
        ]
        configuration.merge(options) { $1 }
        let file = directory.appending("orthanc.json")
        try JSONSerialization.data(withJSONObject: configuration).write(to: file)
        server = try Server("Orthanc", [file.path], log: directory.appending("orthanc.log"))
        let isUp = try eventually(within: 60) {
            try curl(["/system"]).status == 0
                && run("echoscu", ["-aec", "ORTHANC", "127.0.0.1", "\(dicomPort)"]).status == 0
        }
        try #require(isUp, "\(server.logText.suffix(2000))")
    }

    convenience init(in directory: TemporaryDirectory, storesTo gateway: GatewayUnderTest) throws {
        try self.init(in: directory, box: ("DRIMBOX", gateway.dicomPort))
    }

    func curl(_ arguments: [String]) throws -> CommandResult {
        let path = arguments[0]
        return try Bench.curl(
            ["--silent", "--fail"] + arguments.dropFirst() + ["http://127.0.0.1:\(webPort)\(path)"]
        )
    }

    /// Instances it holds.
    func count() throws -> Int {
        let statistics = try JSONSerialization.jsonObject(with: Data(try curl(["/statistics"]).output.utf8))
        return (statistics as? [String: Any])?["CountInstances"] as? Int ?? -1
    }

    /// Patient ID, name and date of birth of each.
    func patients() throws -> [String] {
        let list = try JSONSerialization.jsonObject(with: Data(try curl(["/patients?expand"]).output.utf8))
        return (list as? [[String: Any]] ?? []).compactMap { $0["MainDicomTags"] as? [String: String] }.map {
            tags in
            ["PatientID", "PatientName", "PatientBirthDate"].map { tags[$0] ?? "" }.joined(separator: " ")
        }
    }

    func upload(_ study: URL) throws {
        for file in try Bench.files(in: study) {
            #expect(
                try curl(["/instances", "--data-binary", "@" + file.path, "--output", "/dev/null"]).status
                    == 0
            )
        }
    }

    func send() throws {
        let studies = try curl(["/studies"]).output
        let identifiers = try JSONSerialization.jsonObject(with: Data(studies.utf8)) as? [String] ?? []
        let body = try JSONSerialization.data(withJSONObject: ["Resources": identifiers, "Synchronous": true])
        let result = try curl([
            "/modalities/box/store", "--data-binary", String(decoding: body, as: UTF8.self), "--output",
            "/dev/null",
        ])
        #expect(result.status == 0, "Orthanc could not send: \(server.logText.suffix(2000))")
    }

    /// Writes each instance it holds to a file in `output`.
    func download(to output: URL) throws {
        let list = try curl(["/instances"]).output
        let identifiers = try JSONSerialization.jsonObject(with: Data(list.utf8)) as? [String] ?? []
        for identifier in identifiers {
            let file = output.appending(path: identifier).path
            #expect(try curl(["/instances/\(identifier)/file", "--output", file]).status == 0)
        }
    }
}

/// DCMTK's dcmqrscp: an image archive with C-FIND, C-MOVE and C-GET.
final class DcmqrscpUnderTest {
    let server: Server
    let port: Int

    init(in directory: TemporaryDirectory, box: (aeTitle: String, port: Int), _ options: [String] = []) throws
    {
        port = try Bench.freePort()
        let storage = try directory.directory("dcmqrscp")
        let text = """
            NetworkTCPPort = \(port)
            MaxPDUSize = 16384
            MaxAssociations = 16
            HostTable BEGIN
            box = (\(box.aeTitle), localhost, \(box.port))
            HostTable END
            VendorTable BEGIN
            VendorTable END
            AETable BEGIN
            DCMQRSCP \(storage.path) RW (200, 1024mb) ANY
            AETable END

            """
        let file = directory.appending("dcmqrscp.cfg")
        try Data(text.utf8).write(to: file)
        server = try Server(
            "dcmqrscp",
            options + ["-c", file.path],
            log: directory.appending("dcmqrscp.log")
        )
        let port = port
        let isUp = try eventually(within: 20) {
            try run("echoscu", ["-aec", "DCMQRSCP", "127.0.0.1", "\(port)"]).status == 0
        }
        try #require(isUp, "\(server.logText.suffix(2000))")
    }

    func upload(_ study: URL) throws {
        let result = try run(
            "storescu",
            ["-aec", "DCMQRSCP", "+sd", "+r", "127.0.0.1", "\(port)", study.path],
            environment: ["TCP_NODELAY": "1"]
        )
        try #require(result.status == 0, "\(result.errors)")
    }
}

extension Bench {
    /// All files below `directory`, in the order of their paths.
    static func files(in directory: URL) throws -> [URL] {
        try FileManager.default.subpathsOfDirectory(atPath: directory.path).sorted()
            .map { directory.appending(path: $0) }
            .filter { url in
                var isDirectory: ObjCBool = false
                _ = FileManager.default.fileExists(atPath: url.path, isDirectory: &isDirectory)
                return !isDirectory.boolValue
            }
    }
}
