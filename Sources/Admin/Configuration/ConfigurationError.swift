// SPDX-License-Identifier: Apache-2.0

/// Everything that is wrong with a configuration document.
package struct ConfigurationError: Error, Equatable, CustomStringConvertible {
    package struct Finding: Equatable, Sendable, CustomStringConvertible {
        /// `dicom.peers[2].port`; empty for the document itself.
        package let path: String
        package let found: String
        package let expected: String
        /// What kind of error, for programs: `net.gateway.outside`.
        package let code: String

        package init(path: String, found: String, expected: String, code: String = "config.invalid") {
            self.path = path
            self.found = found
            self.expected = expected
            self.code = code
        }

        package var description: String {
            "\(path.isEmpty ? "configuration" : path): found \(found), expected \(expected)"
        }
    }

    /// At least one.
    package let findings: [Finding]

    init(findings: [Finding]) {
        self.findings = findings
    }

    package init(path: String, found: String, expected: String) {
        findings = [Finding(path: path, found: found, expected: expected)]
    }

    /// One line per finding.
    package var description: String {
        findings.map(\.description).joined(separator: "\n")
    }
}
