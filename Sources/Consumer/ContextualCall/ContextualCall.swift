// SPDX-License-Identifier: Apache-2.0
import Identity

/// Why a contextual call is refused. Names the parameter, never what it held; `found` may repeat the name of a parameter
/// that somebody made up, so it is for the caller and not for a log.
package struct ContextualCallError: Error, Equatable, Sendable, CustomStringConvertible {
    package let parameter: String
    package let found: String
    package let expected: String

    package var description: String { "\(parameter): found \(found), expected \(expected)" }
}

/// The call of a RIS or a portal that opens the box for a patient (« appel contextuel »): a form whose names are
/// case-sensitive.
package enum ContextualCall {
    private enum Name {
        static let identifier = "Patient.identifier.value"
        static let system = "Patient.identifier.system"
        static let family = "Patient.name.family"
        static let given = "Patient.name.given"
        static let gender = "Patient.gender"
        static let birthDate = "Patient.birthDate"
        static let district = "Address.district"
        static let consent = "InformationEtConsentement"
        static let formerConsent = "InformationEtOppositionConsultation"
        static let localIdentifier = "PatientID"
        static let issuer = "PatientIDIssuer"
        static let situation = "Situation"
        static let usedFamily = "Patient.name.used.family"
        static let usedGiven = "Patient.name.used.given"

        static let all: Set = [
            identifier, system, family, given, gender, birthDate, district, consent, formerConsent,
            localIdentifier, issuer, situation, usedFamily, usedGiven,
        ]
        /// Of former versions of the call: read past, since callers still send them.
        static let former: Set = [
            "StudyInstanceUID", "Modality", "AccessionNumber", "AccessionNumberIssuer", "StudyDate",
            "AnatomicRegion",
        ]
    }

    /// INS-NIR, INS-NIA, and the NIR of tests.
    private static let authorities: Set = [
        "1.2.250.1.213.1.4.8", "1.2.250.1.213.1.4.9", "1.2.250.1.213.1.4.10", "1.2.250.1.213.1.4.11",
    ]
    private static let longest = 256

    /// Reads the body of a call.
    package static func read(_ body: [UInt8]) throws(ContextualCallError) -> PatientContext {
        guard let form = SubmittedForm(bytes: body) else {
            throw ContextualCallError(
                parameter: "body",
                found: "no form",
                expected: "application/x-www-form-urlencoded in UTF-8"
            )
        }
        return try read(form)
    }

    static func read(_ form: SubmittedForm) throws(ContextualCallError) -> PatientContext {
        try checkNames(form)
        let consent = try required(
            form.fields.contains { $0.name == Name.formerConsent } ? Name.formerConsent : Name.consent,
            in: form
        )
        return PatientContext(
            nationalIdentifier: try nationalIdentifier(form),
            birthFamilyName: try required(Name.family, in: form),
            birthGivenNames: try givenNames(form),
            usedFamilyName: optional(Name.usedFamily, in: form),
            usedGivenName: optional(Name.usedGiven, in: form),
            sex: try sex(form),
            birthDate: try birthDate(form),
            birthPlace: try district(form),
            hasConsent: try flag(consent),
            localIdentifier: try localIdentifier(form),
            localIssuer: try issuer(form),
            situation: try situation(form)
        )
    }

    /// Of whom a form is, whatever else of it is missing.
    static func identified(_ form: SubmittedForm) throws(ContextualCallError) -> PatientContext {
        PatientContext(
            nationalIdentifier: try nationalIdentifier(form),
            birthFamilyName: optional(Name.family, in: form) ?? "",
            birthGivenNames: [],
            usedFamilyName: nil,
            usedGivenName: nil,
            sex: .unknown,
            birthDate: "",
            birthPlace: "",
            hasConsent: false,
            localIdentifier: "",
            localIssuer: .init(namespace: "", universalID: nil, universalIDType: nil),
            situation: try situation(form)
        )
    }

    private static func checkNames(_ form: SubmittedForm) throws(ContextualCallError) {
        var seen: Set<String> = []
        for field in form.fields {
            guard Name.all.contains(field.name) || Name.former.contains(field.name) else {
                throw ContextualCallError(
                    parameter: "body",
                    found: "the unknown parameter \"\(printable(field.name))\"",
                    expected: "those of the contextual call"
                )
            }
            guard seen.insert(field.name).inserted else {
                throw ContextualCallError(parameter: field.name, found: "it twice", expected: "it once")
            }
            guard field.value.count <= longest, !field.value.unicodeScalars.contains(where: \.isControl)
            else {
                throw ContextualCallError(
                    parameter: field.name,
                    found: "more than \(longest) characters, or control characters",
                    expected: "a text on one line"
                )
            }
        }
        if seen.contains(Name.consent), seen.contains(Name.formerConsent) {
            throw ContextualCallError(
                parameter: Name.formerConsent,
                found: "it beside \(Name.consent)",
                expected: "one of them"
            )
        }
    }

    private static func required(
        _ name: String,
        in form: SubmittedForm
    ) throws(ContextualCallError) -> String {
        guard let value = form[name] else {
            throw ContextualCallError(parameter: name, found: "nothing", expected: "a value")
        }
        let text = trimmed(value)
        guard !text.isEmpty else {
            throw ContextualCallError(parameter: name, found: "an empty value", expected: "a value")
        }
        return text
    }

    private static func optional(_ name: String, in form: SubmittedForm) -> String? {
        form[name].map(trimmed).flatMap { $0.isEmpty ? nil : $0 }
    }

    private static func trimmed(_ text: String) -> String {
        let start = text.drop { $0 == " " }
        return String(start.reversed().drop { $0 == " " }.reversed())
    }

    // MARK: Values

    private static func nationalIdentifier(
        _ form: SubmittedForm
    ) throws(ContextualCallError) -> PatientContext.NationalIdentifier {
        let value = try required(Name.identifier, in: form)
        guard NationalIdentifier.isValid(value) else {
            throw ContextualCallError(
                parameter: Name.identifier,
                found: "\(value.count) characters that are none",
                expected: "a matricule INS of 13 characters with its key"
            )
        }
        let system = try required(Name.system, in: form)
        let authority = system.hasPrefix("urn:oid:") ? String(system.dropFirst("urn:oid:".count)) : system
        guard authorities.contains(authority) else {
            throw ContextualCallError(
                parameter: Name.system,
                found: "another OID",
                expected: "one of \(authorities.sorted().joined(separator: ", "))"
            )
        }
        return .init(value: value, authority: authority)
    }

    /// Given names are separated by spaces or commas; a hyphen binds.
    private static func givenNames(_ form: SubmittedForm) throws(ContextualCallError) -> [String] {
        try required(Name.given, in: form).split { $0 == " " || $0 == "," }.map(String.init)
    }

    private static func sex(_ form: SubmittedForm) throws(ContextualCallError) -> PatientContext.Sex {
        switch try required(Name.gender, in: form).lowercased() {
        case "m", "male": return .male
        case "f", "female": return .female
        case "o", "other": return .other
        case "u", "unknown": return .unknown
        default:
            throw ContextualCallError(
                parameter: Name.gender,
                found: "another word",
                expected: "M, F, O, U, or male, female, other, unknown"
            )
        }
    }

    /// YYYYMMDD or YYYY-MM-DD; a day or a month that is not known is 00 (INS reference).
    private static func birthDate(_ form: SubmittedForm) throws(ContextualCallError) -> String {
        let text = try required(Name.birthDate, in: form)
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        let isSplit = parts.count == 3 && parts.map(\.count) == [4, 2, 2]
        let digits = isSplit ? parts.joined() : text
        guard digits.utf8.count == 8, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let month = Int(digits.dropFirst(4).prefix(2)), let day = Int(digits.suffix(2)),
            (0...12).contains(month), (0...31).contains(day)
        else {
            throw ContextualCallError(
                parameter: Name.birthDate,
                found: "no date",
                expected: "YYYY-MM-DD or YYYYMMDD"
            )
        }
        return digits
    }

    private static func district(_ form: SubmittedForm) throws(ContextualCallError) -> String {
        let text = try required(Name.district, in: form)
        let isCode = text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) }
        guard isCode, text.utf8.count == 5 else {
            throw ContextualCallError(
                parameter: Name.district,
                found: "no such code",
                expected: "an INSEE code of 5 characters"
            )
        }
        return text
    }

    private static func flag(_ text: String) throws(ContextualCallError) -> Bool {
        switch text.lowercased() {
        case "true", "1", "y", "o", "oui", "yes": return true
        case "false", "0", "n", "non", "no": return false
        default:
            throw ContextualCallError(
                parameter: Name.consent,
                found: "another word",
                expected: "true or false"
            )
        }
    }

    /// What DICOM's PatientID (0010,0020) takes.
    private static func localIdentifier(_ form: SubmittedForm) throws(ContextualCallError) -> String {
        let text = try required(Name.localIdentifier, in: form)
        guard text.count <= 64, !text.contains("\\") else {
            throw ContextualCallError(
                parameter: Name.localIdentifier,
                found: "more than DICOM takes",
                expected: "1 to 64 characters without backslash"
            )
        }
        return text
    }

    /// CX-4 whole (`name&oid&ISO`) or in part.
    private static func issuer(_ form: SubmittedForm) throws(ContextualCallError) -> PatientContext.Issuer {
        let text = try required(Name.issuer, in: form)
        let parts = text.split(separator: "&", omittingEmptySubsequences: false).map(String.init)
        func part(_ index: Int) -> String? {
            index < parts.count && !parts[index].isEmpty ? parts[index] : nil
        }
        guard parts.count <= 3, part(0) != nil || part(1) != nil, text.count <= 200, !text.contains("\\")
        else {
            throw ContextualCallError(
                parameter: Name.issuer,
                found: "no such issuer",
                expected: "name, or name&oid&ISO"
            )
        }
        return .init(
            namespace: String((part(0) ?? "").prefix(64)),
            universalID: part(1),
            universalIDType: part(1) == nil ? nil : part(2) ?? "ISO"
        )
    }

    private static func situation(_ form: SubmittedForm) throws(ContextualCallError) -> String? {
        guard let text = optional(Name.situation, in: form) else { return nil }
        let isPlain = text.utf8.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "/"): true
            default: false
            }
        }
        guard isPlain, text.utf8.count <= 64 else {
            throw ContextualCallError(
                parameter: Name.situation,
                found: "no identifier of a structure",
                expected: "letters and digits"
            )
        }
        return text
    }

    /// A name that somebody made up, fit for an answer.
    private static func printable(_ name: String) -> String {
        let plain = name.unicodeScalars.prefix(64).filter { $0.isASCII && !$0.isControl }
        return String(String.UnicodeScalarView(plain))
    }
}

extension Unicode.Scalar {
    fileprivate var isControl: Bool { value < 0x20 || value == 0x7F }
}
