// SPDX-License-Identifier: Apache-2.0
import Admin
import Foundation
import Synchronization

@testable import TPM

/// A vendor with a key of its own. Its files are put into a software TPM's directory; what it has made once stays the
/// same for all tests, which no TPM can tell.
struct Vendor {
    static let tool = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "image/vendor/floor_policy.py").path
    /// Hexadecimal digits to bytes.
    static let binary = "tr a-f A-F | basenc --base16 -d"
    /// One that has `cryptography`, or nil.
    static let signingPython = [
        URL(filePath: tool).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
            .appending(path: ".build/python/bin/python").path, "/usr/bin/python3",
    ].first { python in
        let process = Process()
        process.executableURL = URL(filePath: python)
        process.arguments = ["-c", "import cryptography"]
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return false }
        process.waitUntilExit()
        return process.terminationStatus == 0
    }

    private static let made = Mutex<[String: [UInt8]]>([:])

    let software: SoftwareTPM
    let name: String
    /// SubjectPublicKeyInfo, DER.
    let key: [UInt8]

    init(_ software: SoftwareTPM, name: String = "vendor") throws {
        self.software = software
        self.name = name
        key = try Self.make("\(name).der", in: software) {
            """
            openssl ecparam -name prime256v1 -genkey -noout -out \(name).pem
            openssl pkey -in \(name).pem -pubout -outform DER -out \(name).der
            openssl pkey -in \(name).pem -pubout -out \(name).pub
            """
        }
        for file in ["\(name).pem", "\(name).pub"] { _ = try Self.make(file, in: software) { "true" } }
    }

    /// The file, from an earlier test or from a script that makes it.
    private static func make(_ file: String, in software: SoftwareTPM, by script: () -> String) throws
        -> [UInt8]
    {
        if let bytes = made.withLock({ $0[file] }) {
            try software.write(bytes, to: file)
            return bytes
        }
        try software.shell(script())
        let bytes = try software.read(file)
        made.withLock { $0[file] = bytes }
        return bytes
    }

    var coordinates: [UInt8] { Array(key.suffix(64)) }

    /// Of the policy for `value`, by openssl; of another vendor's policy where `policy` names one.
    func signature(_ purpose: String = "raise", _ value: UInt64, policyOf other: Vendor? = nil) throws
        -> [UInt8]
    {
        let policyOwner = (other ?? self).name
        let file = "\(name).\(purpose).\(value).\(policyOwner)"
        return try Self.make(file, in: software) {
            """
            /usr/bin/python3 \(Self.tool) message \(purpose) \(value) --public-key \(policyOwner).pub >message
            openssl dgst -sha256 -sign \(name).pem -out \(file) message
            """
        }
    }

    func numbers(_ purpose: String = "raise", _ value: UInt64, policyOf other: Vendor? = nil) throws
        -> [UInt8]
    {
        guard let numbers = DER.numbers(of: try signature(purpose, value, policyOf: other)) else {
            throw SoftwareTPM.Failure(description: "openssl signs otherwise")
        }
        return numbers
    }
}

/// What `body` throws; nil where it does not.
func failure<Value>(_ body: () throws(TPMFailure) -> Value) -> TPMFailure? {
    do {
        _ = try body()
        return nil
    } catch {
        return error
    }
}
