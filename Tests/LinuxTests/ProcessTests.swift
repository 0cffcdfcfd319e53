// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
import Testing

@testable import Linux

@Suite("Child processes", .timeLimit(.minutes(10))) struct ChildProcessTests {
    private func shell(_ script: String) async throws -> ChildProcess {
        try await ChildProcess.start("/bin/sh", ["-c", script])
    }

    @Test("an exit status and a signal are told apart") func exits() async throws {
        #expect(await (try shell("exit 7")).exit() == .status(7))
        #expect(await (try shell("kill -9 $$")).exit() == .signal(9))
    }

    @Test("several may wait, also after the end") func waiters() async throws {
        let child = try await shell("exit 3")
        async let first = child.exit()
        async let second = child.exit()
        #expect(await [first, second] == [.status(3), .status(3)])
        #expect(await child.exit() == .status(3))
        child.signal(SIGKILL)
    }

    @Test("a signal ends it") func signals() async throws {
        let child = try await shell("exec sleep 100")
        child.signal(SIGTERM)
        #expect(await child.exit() == .signal(SIGTERM))
    }

    @Test("a program that is not there is an error with its path") func missing() async {
        await #expect(throws: SystemCallError(call: "posix_spawn", subject: "/no/such", errno: ENOENT)) {
            try await ChildProcess.start("/no/such", [])
        }
    }

    @Test("its process group is its own, and no signal is blocked or ignored") func environment() async throws
    {
        signal(SIGPIPE, SIG_IGN)
        let script = "ps -o pgid= -p $$; echo $$; grep -E 'Sig(Blk|Ign)' /proc/self/status"
        let lines = try await ChildProcess.run("/bin/sh", ["-c", script], deadline: .seconds(30))
            .output.split(separator: "\n").map { $0.filter { !$0.isWhitespace } }
        try #require(lines.count == 4)
        #expect(lines[0] == lines[1])
        #expect(lines[2] == "SigBlk:0000000000000000")
        // SIGPIPE is bit 12; 31 and 32 are the C library's own.
        let ignored = try #require(UInt64(lines[3].dropFirst("SigIgn:".count), radix: 16))
        #expect(ignored & ~(0b11 << 31) == 0)
    }

    @Test("what speaks to our service manager is not handed down") func variables() async throws {
        setenv("DRIMBOX_TEST_VARIABLE", "1", 1)
        let output = try await ChildProcess.run("/usr/bin/env", [], deadline: .seconds(30)).output
        #expect(!output.contains("NOTIFY_SOCKET="))
        #expect(output.contains("PATH="))
    }

    @Test("a program that does not end is ended at its deadline") func deadline() async throws {
        let result = try await ChildProcess.run("/bin/sleep", ["1000"], deadline: .milliseconds(50))
        #expect(result.exit == .signal(SIGKILL))
    }
}

@Suite("Accounts, credentials, usage") struct AccountTests {
    @Test("root's group is found and others are not") func groups() {
        #expect(Accounts.groupID(named: "root") == 0)
        #expect(Accounts.groupID(named: "no-such-group") == nil)
        #expect(Accounts.isUser(0, memberOf: 0))
        #expect(!Accounts.isUser(0, memberOf: 4_000_000_000))
        #expect(!Accounts.isUser(3_999_999_999, memberOf: 0))
    }

    @Test("the peer of a socket pair is ourselves") func credentials() throws {
        var ends: [Int32] = [0, 0]
        #expect(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
        defer { ends.forEach { close($0) } }
        #expect(
            try PeerCredentials.of(ends[0]) == PeerCredentials(pid: getpid(), uid: getuid(), gid: getgid())
        )
        #expect(throws: SystemCallError.self) { try PeerCredentials.of(-1) }
    }

    @Test("our own memory and processor time are not nothing") func usage() {
        let usage = ProcessUsage.own()
        #expect(usage.residentBytes > 1 << 20)
        #expect(usage.cpuSeconds > 0)
    }
}

@Suite("Small files and socket files") struct SmallFileTests {
    private let directory: String

    init() throws {
        directory = NSTemporaryDirectory() + "/drimbox-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    }

    @Test("a file is replaced in one step and keeps its mode") func replace() throws {
        let path = directory + "/f"
        try replaceFile(path, with: [1], mode: 0o644)
        try replaceFile(path, with: Array(repeating: 7, count: 200_000), mode: 0o640)
        #expect(try readFile(path, limit: 200_000).count == 200_000)
        #expect(throws: SystemCallError(call: "read", subject: path, errno: EFBIG)) {
            try readFile(path, limit: 199_999)
        }
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        #expect(attributes[.posixPermissions] as? Int == 0o640)
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory) == ["f"])
    }

    @Test("a dead socket is removed; a live one and another file stay") func claim() throws {
        let path = directory + "/s"
        try UnixSocket.claim(path)
        let server = Descriptor(owning: socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0))
        try unsafe UnixSocket.withAddress(path) { unsafe Int(bind(server.rawValue, $0, $1)) }
        try UnixSocket.claim(path)
        #expect(!FileManager.default.fileExists(atPath: path))

        let live = Descriptor(owning: socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0))
        try unsafe UnixSocket.withAddress(path) { unsafe Int(bind(live.rawValue, $0, $1)) }
        #expect(listen(live.rawValue, 1) == 0)
        #expect(throws: SystemCallError(call: "bind", subject: path, errno: EADDRINUSE)) {
            try UnixSocket.claim(path)
        }
        #expect(FileManager.default.fileExists(atPath: path))

        let file = directory + "/file"
        try replaceFile(file, with: [1], mode: 0o600)
        #expect(throws: SystemCallError(call: "bind", subject: file, errno: EEXIST)) {
            try UnixSocket.claim(file)
        }
    }
}
