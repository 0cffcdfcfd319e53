// SPDX-License-Identifier: Apache-2.0
import Admin
import FoundationEssentials

/// `context.json`: what the page of a session is to show, and what its reader may do.
struct ViewerContext: Encodable {
    struct Patient: Encodable {
        var name: String?
        var birthName: String?
        var usedName: String?
        var usedGivenName: String?
        var givenNames: String?
        var birthDate: String?
        var sex: String?
        var ins: String?
        var insOID: String?
        var birthPlace: String?
        var patientID: String?
    }

    struct Rights: Encodable {
        var download: Bool
        var print: Bool
        var report: Bool
    }

    struct Exam: Encodable {
        var studyUID: String
        var description: String
        var date: String
        var modalities: [String]
        var accession: String
        var origin: String
        var isOpened: Bool
        /// Of which something may be seen now.
        var instances: Int
        /// There will be more of them.
        var isArriving: Bool
        var root: String
        /// Nil where there is none: the member is there all the same.
        var report: String?

        private enum Key: CodingKey {
            case studyUID, description, date, modalities, accession, origin, isOpened, instances, isArriving,
                root, report
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Key.self)
            try container.encode(studyUID, forKey: .studyUID)
            try container.encode(description, forKey: .description)
            try container.encode(date, forKey: .date)
            try container.encode(modalities, forKey: .modalities)
            try container.encode(accession, forKey: .accession)
            try container.encode(origin, forKey: .origin)
            try container.encode(isOpened, forKey: .isOpened)
            try container.encode(instances, forKey: .instances)
            try container.encode(isArriving, forKey: .isArriving)
            try container.encode(root, forKey: .root)
            try container.encode(report, forKey: .report)
        }
    }

    var language: String
    var role: String
    var site: String
    var patient: Patient
    var expires: Timestamp
    var rights: Rights
    var notices: [String]
    var exams: [Exam]

    func json() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(self))
    }
}

extension ViewerContext.Patient {
    /// Members that are not known are absent.
    init(_ patient: ViewedPatient) {
        func known(_ text: String?) -> String? { text.flatMap { $0.isEmpty ? nil : $0 } }
        self.init(
            name: "\(patient.birthName)^\(patient.firstGivenName)",
            birthName: known(patient.birthName),
            usedName: known(patient.usedName),
            usedGivenName: known(patient.usedGivenName),
            givenNames: known(patient.givenNames.joined(separator: " ")) ?? known(patient.firstGivenName),
            birthDate: known(patient.birthDate),
            sex: known(patient.sex),
            ins: known(patient.nationalIdentifier),
            insOID: known(patient.nationalAuthority),
            birthPlace: known(patient.birthPlace),
            patientID: known(patient.localIdentifier)
        )
    }
}
