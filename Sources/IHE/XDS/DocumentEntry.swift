// SPDX-License-Identifier: Apache-2.0

/// A code with its scheme (IHE ITI TF-3 4.2.3.1.3).
package struct Coded: Equatable, Sendable {
    package var value: String
    package var scheme: String
    package var meaning: String

    package init(_ value: String, _ scheme: String, _ meaning: String) {
        self.value = value
        self.scheme = scheme
        self.meaning = meaning
    }
}

/// Who is behind a document (ITI TF-3 4.2.3.2.1).
package struct Author: Equatable, Sendable {
    /// XCN
    package var person: String
    /// XON
    package var institution: String

    package init(person: String, institution: String) {
        self.person = person
        self.institution = institution
    }
}

/// Values of HL7 v2 in the metadata of XDS (ITI TF-3 4.2.3.1.7).
package enum DataTypes {
    /// The national identifier of a patient: `value^^^&oid&ISO^NH`.
    package static func patientIdentifier(_ value: String, authority: String, type: String = "NH") -> String {
        "\(clean(value))^^^&\(clean(authority))&ISO^\(type)"
    }

    /// A professional under an identifier of the directory of health.
    package static func professional(_ identifier: String, family: String, given: String) -> String {
        "\(clean(identifier))^\(clean(family))^\(clean(given))^^^^^^&1.2.250.1.71.4.2.1&ISO^D^^^IDNPS"
    }

    package static func institution(_ identifier: String, name: String) -> String {
        "\(clean(name))^^^^^&1.2.250.1.71.4.2.2&ISO^IDNST^^^\(clean(identifier))"
    }

    /// CXi: an identifier that a document refers to.
    package static func reference(_ value: String, authority: String, kind: String) -> String {
        "\(clean(value))^^^&\(clean(authority))&ISO^\(kind)"
    }

    /// Without what separates in HL7 v2.
    package static func clean(_ text: String) -> String {
        String(text.map { "^&~|\\\r\n".contains($0) ? " " : $0 })
    }
}

/// The metadata of a document in a registry (ITI TF-3 4.2.3.2).
package struct DocumentEntry: Equatable, Sendable {
    /// Within its submission, such as "DocumentKOS".
    package var id: String
    package var mimeType: String
    package var uniqueID: String
    package var patientID: String
    /// YYYYMMDDhhmmss, UTC
    package var creationTime: String
    package var submissionTime: String
    package var languageCode: String
    package var legalAuthenticator: String
    package var serviceStartTime: String
    package var serviceStopTime: String
    package var sourcePatientID: String
    package var sourcePatientInfo: [String]
    /// SHA-1, hexadecimal
    package var hash: String
    package var size: Int
    package var title: String
    package var comments: String
    package var authors: [Author]
    package var classCode: Coded
    package var typeCode: Coded
    package var confidentialityCodes: [Coded]
    package var formatCode: Coded
    package var facilityType: Coded
    package var practiceSetting: Coded
    package var eventCodes: [Coded]
    package var references: [String]
}

extension DocumentEntry {
    /// All that is not named is empty.
    package init(uniqueID: String, patientID: String, mimeType: String, formatCode: Coded) {
        let none = Coded("", "", "")
        self.init(
            id: "",
            mimeType: mimeType,
            uniqueID: uniqueID,
            patientID: patientID,
            creationTime: "",
            submissionTime: "",
            languageCode: "",
            legalAuthenticator: "",
            serviceStartTime: "",
            serviceStopTime: "",
            sourcePatientID: "",
            sourcePatientInfo: [],
            hash: "",
            size: 0,
            title: "",
            comments: "",
            authors: [],
            classCode: none,
            typeCode: none,
            confidentialityCodes: [],
            formatCode: formatCode,
            facilityType: none,
            practiceSetting: none,
            eventCodes: [],
            references: []
        )
    }
}

/// What is submitted together (ITI TF-3 4.2.3.3).
package struct SubmissionSet: Equatable, Sendable {
    package var uniqueID: String
    package var sourceID: String
    package var patientID: String
    package var submissionTime: String
    package var author: Author
    package var contentType: Coded
    package var title: String
    package var comments: String
}
