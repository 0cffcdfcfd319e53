// SPDX-License-Identifier: Apache-2.0

/// What a manifest says, for a person.
extension Rendering {
    func manifest(_ report: ManifestReport) -> String {
        guard let form = report.form else {
            return "\(messages.manifestRefused): \(clean(report.reason ?? "-"))"
        }
        func text(_ value: String?) -> String { value.flatMap { $0.isEmpty ? nil : clean($0) } ?? "-" }
        let time = [report.date, report.time].compactMap { $0 }.filter { !$0.isEmpty }
        let numbered = report.hasAccessionNumber == true
        var lines = [
            "\(messages.manifestForm(form)) \(text(report.uid))",
            row(messages.manifestStudy, text(report.study)),
            row(messages.manifestTime, time.isEmpty ? "-" : clean(time.joined(separator: " "))),
            row(messages.manifestDescription, text(report.description)),
            row(messages.manifestRegions, text((report.regions ?? []).joined(separator: ", "))),
            row(messages.manifestAccession, numbered ? messages.manifestThere : messages.manifestAbsent),
        ]
        if let patient = report.patient {
            lines += [
                row(
                    messages.manifestPatient,
                    "\(text(patient.name)) \(text(patient.birthDate)) \(text(patient.sex))"
                ),
                row(messages.manifestIdentifier, "\(text(patient.identifier)) (\(text(patient.authority)))"),
            ]
            lines += patient.requests.map { request in
                row(messages.manifestRequest, "\(text(request.accessionNumber)) / \(text(request.order))")
            }
        }
        var rows = [messages.manifestColumns]
        for series in report.series ?? [] {
            rows.append([
                series.number.map { "\($0)" } ?? "-", text(series.modality), text(series.description),
                text(series.region), "\(series.instances)", text(series.host),
            ])
        }
        lines += ["", table(rows)]
        lines += (report.keyObjects ?? []).map { item in
            row(messages.manifestKeyObject, "\(text(item.title)): \(text(item.description))")
        }
        lines += (report.warnings ?? []).map { "! \(clean($0))" }
        if let reason = report.reason { lines.append("!! \(messages.manifestRefused): \(clean(reason))") }
        return lines.joined(separator: "\n")
    }
}

extension Messages {
    var manifestRefused: String { pick("cannot be used", "inutilisable") }
    var manifestStudy: String { pick("Study", "Examen") }
    var manifestTime: String { "Date" }
    var manifestDescription: String { "Description" }
    var manifestRegions: String { pick("Regions", "Régions") }
    var manifestAccession: String { pick("Accession", "N° d'accès") }
    var manifestThere: String { pick("there", "présent") }
    var manifestAbsent: String { pick("absent", "absent") }
    var manifestPatient: String { "Patient" }
    var manifestIdentifier: String { pick("Identifier", "Identifiant") }
    var manifestRequest: String { pick("Request", "Demande") }
    var manifestKeyObject: String { pick("Key images", "Images clés") }

    var manifestColumns: [String] {
        [
            pick("NO", "N°"), pick("MODALITY", "MODALITÉ"), "DESCRIPTION", pick("REGION", "RÉGION"),
            "INSTANCES", pick("HOST", "HÔTE"),
        ]
    }

    func manifestForm(_ form: ManifestReport.Form) -> String {
        switch form {
        case .french: pick("Manifest in the national form", "Manifeste au format national")
        case .mado: pick("Manifest in MADO's form", "Manifeste au format MADO")
        case .fhir: pick("Manifest in MADO's form (FHIR)", "Manifeste au format MADO (FHIR)")
        }
    }
}
