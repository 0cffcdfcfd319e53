// SPDX-License-Identifier: Apache-2.0
import DMP
import HL7
import NIOHTTP1
import Transfer

/// Which former exams of whom a RIS wants to know: a form with the fields of a contextual call and `Modality`,
/// `AnatomicRegion` and `Days` where they are wanted; or the order itself, an HL7 v2 message or a CDA request, with `days`
/// and `situation` in the query.
struct PriorQuestion {
    private enum Field {
        static let modality = "Modality"
        static let region = "AnatomicRegion"
        static let days = "Days"
    }

    private static let longestDays = 36_500

    let patient: PatientContext
    /// Whether the patient is known well enough for the pages.
    let canOpen: Bool
    private let kind: ExamFilter
    private let days: Int?

    init(_ visit: Visit) throws(ContextualCallError) {
        let type = visit.request.headers.first(name: "Content-Type")?.lowercased() ?? ""
        switch type.prefix(while: { $0 != ";" }).filter({ $0 != " " }) {
        case "", "application/x-www-form-urlencoded": try self.init(form: visit.request.body)
        case "x-application/hl7-v2+er7", "application/hl7-v2":
            try self.init(visit) { () throws(HL7Error) in
                try ExamRequest(HL7Message(Self.unframed(visit.request.body)))
            }
        case "application/xml", "text/xml":
            try self.init(visit) { () throws(HL7Error) in try ExamRequest(document: visit.request.body) }
        default:
            throw ContextualCallError(
                parameter: "Content-Type",
                found: "another type",
                expected: "application/x-www-form-urlencoded, x-application/hl7-v2+er7 or application/xml"
            )
        }
    }

    /// `now` is in milliseconds since 1970.
    func filter(now: Int64) -> ExamFilter {
        var filter = kind
        filter.from = days.map { days in
            DMPClient.time(now - Int64(days) * 86_400_000).prefix(10).filter(\.isNumber)
        }
        return filter
    }

    // MARK: Form

    private init(form body: [UInt8]) throws(ContextualCallError) {
        guard let fields = SubmittedForm(bytes: body) else {
            throw ContextualCallError(parameter: "body", found: "no form", expected: "a form in UTF-8")
        }
        patient = try ContextualCall.read(fields.without([Field.modality, Field.region, Field.days]))
        canOpen = true
        func choice(_ name: String, _ values: [String]) throws(ContextualCallError) -> [String] {
            guard let value = fields[name], !value.isEmpty else { return [] }
            guard values.contains(value) else {
                throw ContextualCallError(
                    parameter: name,
                    found: "another value",
                    expected: "one of \(values.joined(separator: ", "))"
                )
            }
            return [value]
        }
        var kind = ExamFilter()
        kind.modalities = try choice(Field.modality, ExamFilter.modalities)
        kind.regions = try choice(Field.region, ExamFilter.regions)
        self.kind = kind
        days = try Self.days(fields[Field.days], Field.days)
    }

    private static func days(_ text: String?, _ name: String) throws(ContextualCallError) -> Int? {
        guard let text, !text.isEmpty else { return nil }
        guard let days = Int(text), (1...longestDays).contains(days) else {
            throw ContextualCallError(
                parameter: name,
                found: "no such number",
                expected: "1 to \(longestDays)"
            )
        }
        return days
    }

    // MARK: Order

    private init(
        _ visit: Visit,
        _ read: () throws(HL7Error) -> ExamRequest
    ) throws(ContextualCallError) {
        let request: ExamRequest
        do throws(HL7Error) {
            request = try read()
        } catch {
            throw ContextualCallError(
                parameter: error.location,
                found: error.found,
                expected: error.expected
            )
        }
        let situation = visit.query["situation"]
        var fields: [(String, String?)] = [
            ("Patient.identifier.value", request.nationalIdentifier.value),
            ("Patient.identifier.system", request.nationalIdentifier.authority),
            ("Patient.name.family", request.familyName),
            ("Patient.name.given", request.givenNames.joined(separator: " ")),
            ("Patient.gender", request.sex), ("Patient.birthDate", request.birthDate),
            ("Address.district", request.birthPlace), ("PatientID", request.localIdentifier?.value),
            // An order says nothing of it.
            ("InformationEtConsentement", "false"), ("Situation", situation),
        ]
        if let local = request.localIdentifier {
            let end = local.authority.isEmpty ? "" : "&\(local.authority)&ISO"
            fields.append(("PatientIDIssuer", local.namespace + end))
        }
        let form = SubmittedForm(
            fields: fields.compactMap { name, value in
                value.flatMap { $0.isEmpty ? nil : SubmittedForm.Field(name: name, value: $0) }
            }
        )
        do throws(ContextualCallError) {
            patient = try ContextualCall.read(form)
            canOpen = true
        } catch {
            // The record needs no more than the national identifier; the pages show all traits.
            patient = try ContextualCall.identified(form)
            canOpen = false
        }
        kind = ExamFilter(request)
        days = try Self.days(visit.query["days"], "days")
    }

    /// A message may come in the frame of MLLP.
    private static func unframed(_ bytes: [UInt8]) -> [UInt8] {
        var reader = MLLPReader()
        return (try? reader.feed(bytes))?.first ?? bytes
    }
}
