// SPDX-License-Identifier: Apache-2.0
import Admin
import Foundation
import Testing

@testable import Health

/// Recorded outputs of smartctl; their README tells where each comes from.
enum Fixture {
    static let directory = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "Fixtures/smartctl")

    static func bytes(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: directory.appending(path: "\(name).json")))
    }

    static func names() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: directory.path)
            .filter { $0.hasSuffix(".json") }.map { String($0.dropLast(5)) }.sorted()
    }

    /// The report of the fixture, with the exit status that it names itself.
    static func report(_ name: String, device: String = "/dev/sda", time: Timestamp = .start) throws
        -> DiskReport
    {
        let output = try bytes(name)
        return Smartctl.report(
            device: device,
            output: output,
            exitStatus: try exitStatus(output),
            time: time
        )
    }

    /// The report of the fixture after `edits`, each a path of members and its new value; nil removes it.
    static func report(
        _ name: String,
        device: String = "/dev/sda",
        exit: Int? = nil,
        edits: [(path: [String], value: Any?)]
    ) throws -> DiskReport {
        let original = try bytes(name)
        var document = try JSONSerialization.jsonObject(with: Data(original))
        for edit in edits { document = replaced(document, edit.path[...], edit.value) as Any }
        return Smartctl.report(
            device: device,
            output: Array(try JSONSerialization.data(withJSONObject: document)),
            exitStatus: try exit ?? exitStatus(original),
            time: .start
        )
    }

    private static func exitStatus(_ output: [UInt8]) throws -> Int {
        let document = try JSONSerialization.jsonObject(with: Data(output)) as? [String: Any]
        return try #require((document?["smartctl"] as? [String: Any])?["exit_status"] as? Int)
    }

    private static func replaced(_ value: Any?, _ path: ArraySlice<String>, _ new: Any?) -> Any? {
        guard let step = path.first else { return new }
        if var list = value as? [Any], let index = Int(step), list.indices.contains(index) {
            list[index] = replaced(list[index], path.dropFirst(), new) ?? NSNull()
            return list
        }
        var members = value as? [String: Any] ?? [:]
        members[step] = replaced(members[step], path.dropFirst(), new)
        return members
    }
}

/// A little /sys and /proc in a directory of its own; goes away with the object.
final class FakeSystem {
    private let root = FileManager.default.temporaryDirectory
        .appending(path: "drimbox-health-\(UUID().uuidString)")

    var files: SystemFiles { SystemFiles(root: root.path) }

    init(_ contents: [String: String] = [:]) throws {
        try FileManager.default.createDirectory(at: root, withIntermediateDirectories: true)
        try write(contents)
    }

    deinit {
        try? FileManager.default.removeItem(at: root)
    }

    /// Texts by path below the root.
    func write(_ contents: [String: String]) throws {
        for (path, text) in contents {
            let file = root.appending(path: path)
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(),
                withIntermediateDirectories: true
            )
            try Data(text.utf8).write(to: file)
        }
    }
}

extension Timestamp {
    /// 2026-11-24T00:00:00Z.
    static let start = Timestamp(milliseconds: 1_795_478_400_000)

    func after(days: Double) -> Timestamp {
        Timestamp(milliseconds: milliseconds + Int64(days * 86_400_000))
    }
}

extension [Admin.Issue] {
    var codes: [String] { map(\.code).sorted() }

    func evidence(_ code: String) -> [String: String] { first { $0.code == code }?.evidence ?? [:] }
}

extension [Admin.Issue]? {
    var codes: [String]? { self?.codes }
}
