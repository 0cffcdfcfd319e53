// SPDX-License-Identifier: Apache-2.0

/// What is wrong with a message, and how that is said to its sender (HL7 v2.5 chapter 2, 2.15.5; tables 0357, 0008).
/// Names places and codes, never what a patient is called.
package struct HL7Error: Error, Equatable, Sendable, CustomStringConvertible {
    /// ERR-3, table 0357.
    package enum Code: Int, Sendable {
        case segmentSequence = 100
        case requiredField = 101
        case dataType = 102
        case tableValue = 103
        case cardinality = 198
        case other = 199
        case messageType = 200
        case eventCode = 201
        case processingID = 202
        case version = 203
        case applicationError = 207

        /// The request was not understood or is not for us: it may not come again as it is.
        var isRejection: Bool { (200...203).contains(rawValue) }
    }

    /// ERR-5 of the national profile.
    package enum ApplicationCode: Int, Sendable {
        case wrongVersion = 900
        case authorNotAllowed = 901
        case unknownPatient = 902
        case noNationalIdentifier = 903
        case nationalIdentifierMismatch = 904
        case nationalIdentifierIncomplete = 905
        case other = 906
    }

    package let code: Code
    package let applicationCode: ApplicationCode?
    /// ERR-2 in words of the standard, such as "PID-3".
    package let location: String
    package let found: String
    package let expected: String

    package init(
        _ code: Code,
        _ location: String,
        found: String,
        expected: String,
        application: ApplicationCode? = nil
    ) {
        self.code = code
        self.location = location
        applicationCode = application
        self.found = found
        self.expected = expected
    }

    package var words: String { "found \(found), expected \(expected)" }

    package var description: String { "\(location): \(words)" }

    /// MSA-1.
    package var acknowledgementCode: String { code.isRejection ? "AR" : "AE" }
}
