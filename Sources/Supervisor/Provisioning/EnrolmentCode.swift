// SPDX-License-Identifier: Apache-2.0
import Admin
import Linux

/// QR codes of the smallest size, by qrencode(1): more than its 21 rows a screen of 24 does not show.
enum SmallQRCode {
    private static let program = "/usr/bin/qrencode"
    private static let deadline: Duration = .seconds(5)
    private static let modules = 21

    /// Version 1, level L: up to 25 digits and upper-case letters (ISO/IEC 18004 table 7).
    ///
    /// - Returns: rows of `#`, dark, and `.`, without the quiet zone; nil where the program is not there.
    static func modules(of text: String) async -> [String]? {
        let result = try? await ChildProcess.run(
            program,
            [
                "--symversion=1", "--strict-version", "--level=L", "--margin=0", "--type=ASCII", "--output=-",
                text,
            ],
            deadline: deadline
        )
        guard let result, result.exit == .status(0) else { return nil }
        return rows(result.output)
    }

    /// The program shows a module as two characters.
    static func rows(_ output: String) -> [String]? {
        let rows = output.split(separator: "\n").map { line in
            String(line.enumerated().filter { $0.offset % 2 == 0 }.map { $0.element == "#" ? "#" : "." })
        }
        return rows.count == modules && rows.allSatisfy { $0.count == modules } ? rows : nil
    }
}

extension Enrolment {
    /// 96 bits: nobody finds another key with the same ones.
    private static let digits = 24

    func code() async throws -> EnrolmentCode {
        guard let fingerprint = fullFingerprint else {
            throw Problem(
                status: 404,
                code: "enrol.no-key",
                title: "the box has no identity key yet",
                hint: "drimboxctl enrol csr NAME"
            )
        }
        let content = fingerprint.prefix(Self.digits).uppercased()
        return EnrolmentCode(
            fingerprint: fingerprint,
            content: content,
            modules: await SmallQRCode.modules(of: content)
        )
    }
}
