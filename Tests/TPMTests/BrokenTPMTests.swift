// SPDX-License-Identifier: Apache-2.0
import Admin
import Foundation
import Testing

@testable import TPM

/// TPMs that no software makes: a script answers for them.
@Suite(
    "TPM 2.0, broken",
    .serialized,
    .enabled(
        if: FileManager.default.isExecutableFile(atPath: "/usr/bin/python3")
            && ["x86_64", "aarch64"].contains {
                FileManager.default.fileExists(atPath: "/usr/lib/\($0)-linux-gnu/libtss2-tcti-cmd.so.0")
            },
        "needs python3 and libtss2-tcti-cmd0"
    ),
    .timeLimit(.minutes(1))
)
struct BrokenTPMTests {
    // `answer` is Python that makes `answer` of `code` and `body`.
    private func report(_ answer: String) throws -> TPMReport {
        let script = FileManager.default.temporaryDirectory.appending(path: "drimbox-tpm-\(UUID()).py")
        defer { try? FileManager.default.removeItem(at: script) }
        let text = """
            import struct, sys
            while head := sys.stdin.buffer.read(10):
                _, size, code = struct.unpack(">HII", head)
                body = sys.stdin.buffer.read(size - 10)
            \(answer)
                sys.stdout.buffer.write(answer)
                sys.stdout.buffer.flush()
            """
        try Data(text.utf8).write(to: script)
        return try TPM(tcti: "cmd:python3 \(script.path)").report()
    }

    @Test("in failure mode the report says so, and who made the TPM") func failureMode() throws {
        let report = try report(
            """
                answer = struct.pack(">HII", 0x8001, 10, 0x101)
                if code == 0x17A:
                    property = max(struct.unpack(">III", body)[1], 0x105)
                    values = {0x105: b"IFX\\0", 0x106: b"SLB9", 0x107: b"672\\0", 0x10B: b"\\0\\x0f\\0\\x16"}
                    answer = struct.pack(">HIIBIII", 0x8001, 27, 0, property < 0x10C, 6, 1, property)
                    answer += values.get(property, bytes(4))
            """
        )
        #expect(report.selfTest == TPMReport.SelfTest(hasPassed: false, code: "0x101"))
        #expect(report.manufacturer == "IFX")
        #expect(report.model == "SLB9672")
        #expect(report.firmwareVersion == "15.22.0.0")
        #expect(report.lockout == nil)
        #expect(report.failures == [])
    }

    @Test("an answer that is none is an error") func nonsense() throws {
        let failure = #expect(throws: TPMFailure.self) {
            try report(#"    answer = struct.pack(">HII", 0x8001, 10, 0)"#)
        }
        #expect(failure?.kind == .other)
        #expect(failure?.call == "Esys_GetCapability")
    }
}
