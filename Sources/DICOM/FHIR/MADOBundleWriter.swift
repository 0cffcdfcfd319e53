// SPDX-License-Identifier: Apache-2.0

/// Writes the resources of a manifest, in an order that does not change, under names made of its UID.
struct MADOBundleWriter {
    /// Where images are: what series that are retrieved alike have in common.
    private struct Retrieval: Hashable {
        let url: String
        let location: UID?
    }

    private let study: ManifestStudy
    private let context: ManifestContext
    private let identifier: UID
    private let made: String
    /// In the order of the series that first has each, and where each is in it.
    private let retrievals: [Retrieval]
    private let positions: [Retrieval: Int]

    init(_ bundle: MADOBundle, _ identifier: UID, made: String) {
        study = bundle.study
        context = bundle.context
        self.identifier = identifier
        self.made = made
        var retrievals: [Retrieval] = []
        var positions: [Retrieval: Int] = [:]
        for series in study.series {
            let retrieval = Self.retrieval(series, context)
            guard positions[retrieval] == nil else { continue }
            positions[retrieval] = retrievals.count
            retrievals.append(retrieval)
        }
        self.retrievals = retrievals
        self.positions = positions
    }

    private static func retrieval(_ series: ManifestStudy.Series, _ context: ManifestContext) -> Retrieval {
        Retrieval(
            url: series.retrieveURL ?? context.retrieveURL,
            location: series.retrieveLocationUID ?? context.retrieveLocationUID
        )
    }

    var bundle: FHIRValue {
        var entries = [
            entry("composition", composition), entry("study", imagingStudy), entry("patient", patient),
        ]
        for (index, request) in context.requests.enumerated() {
            entries.append(entry("request-\(index + 1)", serviceRequest(request, index + 1)))
        }
        if !study.referringPhysicianName.isEmpty { entries.append(entry("referrer", referrer)) }
        for (index, retrieval) in retrievals.enumerated() {
            entries.append(entry("wado-\(index + 1)", endpoint(retrieval, index + 1)))
        }
        if let viewer { entries.append(entry("viewer", viewer)) }
        entries += [entry("device", device), entry("organization", organization)]
        return [
            "resourceType": "Bundle",
            "id": .string(identifier.string),
            "meta": meta("MadoFhirBundle"),
            "identifier": documentIdentifier,
            "type": "document",
            "timestamp": .string(made),
            "entry": .array(entries),
        ]
    }

    private func entry(_ role: String, _ resource: FHIRValue) -> FHIRValue {
        ["fullUrl": .string(FHIRIdentifier.entry(identifier, role)), "resource": resource]
    }

    private func reference(_ role: String, _ type: String) -> FHIRValue {
        ["reference": .string(FHIRIdentifier.entry(identifier, role)), "type": .string(type)]
    }

    private func meta(_ profile: String) -> FHIRValue {
        ["profile": [.string(MADOVocabulary.profile(profile))]]
    }

    private var documentIdentifier: FHIRValue {
        ["system": .string(MADOVocabulary.dicomUID), "value": .string(FHIRIdentifier.urn(identifier))]
    }

    // MARK: Composition

    private var title: String {
        study.description.isEmpty ? MADOConcept.documentTitle.meaning : study.description
    }

    private var composition: FHIRValue {
        let documentType: FHIRValue = [
            "coding": [
                [
                    "system": .string(MADOVocabulary.loinc),
                    "code": .string(MADOVocabulary.documentType),
                    "display": "Diagnostic imaging Study",
                ]
            ]
        ]
        return [
            "resourceType": "Composition",
            "id": "composition",
            "meta": meta("MadoComposition"),
            "text": narrative,
            "identifier": documentIdentifier,
            "status": "final",
            "type": documentType,
            "subject": reference("patient", "Patient"),
            "date": .string(made),
            "author": [reference("device", "Device"), reference("organization", "Organization")],
            "title": .string(title),
            "event": [["detail": [reference("study", "ImagingStudy")]]],
        ]
    }

    /// What the study's resources say, for a reader of documents who knows no manifests.
    private var narrative: FHIRValue {
        var rows = [("Study Instance UID", study.studyInstanceUID.string)]
        if let started = started(study.date, study.time) { rows.append(("Study Start", started)) }
        rows.append(("Modalities", modalities.joined(separator: ", ")))
        let regions = context.targetRegions.map(\.meaning).filter { !$0.isEmpty }
        if !regions.isEmpty { rows.append(("Anatomical Region", regions.joined(separator: ", "))) }
        let numbers = context.requests.map(\.accessionNumber.value)
        rows.append(("Accession Number", numbers.joined(separator: ", ")))
        rows.append(("Number of Series", "\(study.series.count)"))
        rows.append(("Number of Instances", "\(study.instanceCount)"))
        let table = rows.map { name, value in
            "<tr><td><b>\(name)</b></td><td>\(Self.markup(value))</td></tr>"
        }
        let content = "<h1>\(Self.markup(title))</h1><table><tbody>\(table.joined())</tbody></table>"
        return [
            "status": "generated",
            "div": .string("<div xmlns=\"http://www.w3.org/1999/xhtml\">\(content)</div>"),
        ]
    }

    private static func markup(_ text: String) -> String {
        var markup = ""
        for character in text {
            switch character {
            case "&": markup += "&amp;"
            case "<": markup += "&lt;"
            case ">": markup += "&gt;"
            default: markup.append(character)
            }
        }
        return markup
    }

    // MARK: Study

    private var modalities: [String] {
        var modalities: [String] = []
        for series in study.series where !modalities.contains(series.modality) {
            modalities.append(series.modality)
        }
        return modalities
    }

    private func started(_ date: String, _ time: String) -> String? {
        FHIRDateTime(date: date, time: time, offset: context.timezoneOffset)?.text
    }

    private var imagingStudy: FHIRValue {
        let viewer = viewer == nil ? [] : [reference("viewer", "Endpoint")]
        let referrer = study.referringPhysicianName.isEmpty ? nil : reference("referrer", "Practitioner")
        return [
            "resourceType": "ImagingStudy",
            "id": .string(study.studyInstanceUID.string),
            "meta": meta("MadoImagingStudy"),
            "extension": .array(
                context.targetRegions.map { region in
                    [
                        "url": .string(MADOVocabulary.anatomicalRegion),
                        "valueCodeableConcept": ["coding": [Self.coding(region)]],
                    ]
                }
            ),
            "identifier": .array([studyIdentifier] + studyID),
            "status": "available",
            "modality": .array(modalities.map(Self.modality)),
            "subject": reference("patient", "Patient"),
            "started": .text(started(study.date, study.time)),
            "basedOn": .array(
                context.requests.enumerated().map { index, request in
                    [
                        "reference": .string(FHIRIdentifier.entry(identifier, "request-\(index + 1)")),
                        "type": "ServiceRequest",
                        "identifier": Self.accessionNumber(request),
                    ]
                }
            ),
            "referrer": referrer,
            "endpoint": .array(viewer),
            "numberOfSeries": .number("\(study.series.count)"),
            "numberOfInstances": .number("\(study.instanceCount)"),
            "procedureCode": [procedure],
            "description": .text(study.description),
            "series": .array(study.series.map(series)),
        ]
    }

    private var studyIdentifier: FHIRValue {
        [
            "type": [
                "coding": [Self.coding(ManifestCode("110180", "DCM", "Study Instance UID"))]
            ],
            "system": .string(MADOVocabulary.dicomUID),
            "value": .string(FHIRIdentifier.urn(study.studyInstanceUID)),
        ]
    }

    private var studyID: [FHIRValue] {
        guard !study.studyID.isEmpty else { return [] }
        return [["type": ["text": .string(MADOVocabulary.studyID)], "value": .string(study.studyID)]]
    }

    /// The guide wants a text that can be shown (mado-reqproc-1); where none is known, it says so.
    private var procedure: FHIRValue {
        guard context.procedure.isEmpty else { return ["text": .string(context.procedure)] }
        return ["_text": ["extension": [Self.unknown]]]
    }

    private static let unknown: FHIRValue = [
        "url": .string(MADOVocabulary.dataAbsentReason), "valueCode": "unknown",
    ]

    private func series(_ series: ManifestStudy.Series) -> FHIRValue {
        let endpoint = (positions[Self.retrieval(series, context)] ?? 0) + 1
        var bodySite = series.targetRegion.map(Self.coding)
        if bodySite == nil, let text = FHIRValue.text(series.targetRegionText) {
            bodySite = ["display": text]
        }
        return [
            "uid": .string(series.seriesInstanceUID.string),
            "number": Self.count(series.number),
            "modality": Self.modality(series.modality),
            "description": .text(series.description),
            "numberOfInstances": .number("\(series.instances.count)"),
            "endpoint": [reference("wado-\(endpoint)", "Endpoint")],
            "bodySite": bodySite,
            "laterality": series.laterality.map(Self.coding),
            "started": .text(started(series.date, series.time)),
            "instance": .array(series.instances.map(Self.instance)),
        ]
    }

    private static func instance(_ instance: ManifestStudy.Instance) -> FHIRValue {
        var extensions: [FHIRValue] = []
        if let frames = instance.numberOfFrames {
            extensions.append([
                "url": .string(MADOVocabulary.numberOfFrames), "valueInteger": .number("\(frames)"),
            ])
        }
        if let title = instance.documentTitle {
            extensions.append([
                "url": .string(MADOVocabulary.keyObjectTitle),
                "valueCodeableConcept": ["coding": [coding(title)]],
            ])
        }
        return [
            "extension": .array(extensions),
            "uid": .string(instance.sopInstanceUID.string),
            "sopClass": [
                "system": .string(MADOVocabulary.uri),
                "code": .string(FHIRIdentifier.urn(instance.sopClassUID)),
            ],
            "number": count(instance.number),
            "title": .text(instance.documentDescription),
        ]
    }

    /// FHIR's numbers are not negative.
    private static func count(_ number: Int?) -> FHIRValue? {
        number.flatMap { $0 < 0 ? nil : .number("\($0)") }
    }

    private static func modality(_ value: String) -> FHIRValue {
        ["system": .string(MADOVocabulary.dcm), "code": .string(value)]
    }

    private static func coding(_ code: ManifestCode) -> FHIRValue {
        [
            "system": .text(FHIRIdentifier.system(scheme: code.scheme)),
            "code": .text(code.value),
            "display": .text(code.meaning),
        ]
    }

    // MARK: Patient and requests

    private var patient: FHIRValue {
        let issuer: FHIRValue? = FHIRValue.text(context.patientIDIssuer).map { ["display": $0] }
        var names: [FHIRValue] = []
        if !context.patientName.isEmpty {
            names.append(FHIRHumanName.name(context.patientName, use: "official"))
        }
        if let other = context.otherPatientName, !other.isEmpty {
            names.append(FHIRHumanName.name(other, use: "usual"))
        }
        return [
            "resourceType": "Patient",
            "id": "patient",
            "meta": meta("MadoPatient"),
            "identifier": [
                [
                    "system": .text(FHIRIdentifier.system(authority: context.patientID.authority)),
                    "value": .string(context.patientID.value),
                    "assigner": issuer,
                ]
            ],
            "name": .array(names),
            "gender": Self.genders.first { $0.sex == context.patientSex }.map { .string($0.gender) },
            "birthDate": .text(FHIRDateTime.date(context.patientBirthDate)),
        ]
    }

    /// Patient's Sex (PS3.3 C.7.1.1) and the gender of R4.
    static let genders: [(sex: String, gender: String)] = [("M", "male"), ("F", "female"), ("O", "other")]

    private static func accessionNumber(_ request: ManifestContext.Request) -> FHIRValue {
        [
            "type": [
                "coding": [
                    identifierType("ACSN", "Accession ID"),
                    coding(ManifestCode("121022", "DCM", "Accession Number")),
                ]
            ],
            "system": .text(FHIRIdentifier.system(authority: request.accessionNumber.authority)),
            "value": .string(request.accessionNumber.value),
        ]
    }

    private static func identifierType(_ code: String, _ display: String) -> FHIRValue {
        [
            "system": .string(MADOVocabulary.identifierTypes), "code": .string(code),
            "display": .string(display),
        ]
    }

    private func serviceRequest(_ request: ManifestContext.Request, _ number: Int) -> FHIRValue {
        var identifiers = [Self.accessionNumber(request)]
        if let order = request.order {
            identifiers.append([
                "type": ["coding": [Self.identifierType("PLAC", "Placer Identifier")]],
                "system": .text(FHIRIdentifier.system(authority: order.authority)),
                "value": .string(order.value),
            ])
        }
        return [
            "resourceType": "ServiceRequest",
            "id": .string("request-\(number)"),
            "meta": meta("MadoRequestedProcedure"),
            "identifier": .array(identifiers),
            "status": "completed",
            "intent": "order",
            "subject": reference("patient", "Patient"),
        ]
    }

    private var referrer: FHIRValue {
        [
            "resourceType": "Practitioner",
            "id": "referrer",
            "name": [FHIRHumanName.name(study.referringPhysicianName)],
        ]
    }

    // MARK: Endpoints, device and organisation

    private func endpoint(_ retrieval: Retrieval, _ number: Int) -> FHIRValue {
        let isKnown = !retrieval.url.isEmpty
        return [
            "resourceType": "Endpoint",
            "id": .string("wado-\(number)"),
            "meta": meta("MadoWadoEndpoint"),
            "extension": .array(
                retrieval.location.map { location in
                    [
                        [
                            "url": .string(MADOVocabulary.retrieveLocationUID),
                            "valueString": .string(location.string),
                        ]
                    ]
                } ?? []
            ),
            "status": "active",
            "connectionType": [
                "system": .string(MADOVocabulary.connectionTypes),
                "code": "dicom-wado-rs",
            ],
            "payloadType": [["coding": [Self.noPayload], "text": "DICOM WADO-RS"]],
            "address": .string(isKnown ? retrieval.url : MADOVocabulary.noAddress),
            "_address": isKnown ? nil : ["extension": [Self.unknown]],
        ]
    }

    private static let noPayload: FHIRValue = [
        "system": .string(MADOVocabulary.payloadTypes), "code": "none",
    ]

    private var viewer: FHIRValue? {
        guard let address = FHIRValue.text(context.displayURI) else { return nil }
        return [
            "resourceType": "Endpoint",
            "id": "viewer",
            "meta": meta("MadoWebViewerEndpoint"),
            "status": "active",
            "connectionType": [
                "system": .string(MADOVocabulary.viewerConnectionTypes),
                "code": "web-viewer",
            ],
            "payloadType": [["coding": [Self.noPayload]]],
            "payloadMimeType": ["text/html"],
            "address": address,
        ]
    }

    private var device: FHIRValue {
        [
            "resourceType": "Device",
            "id": "device",
            "meta": meta("MadoCreator"),
            "manufacturer": .text(context.manufacturer),
            "type": [
                "coding": [["system": .string(MADOVocabulary.deviceTypes), "code": "mado-creator"]]
            ],
            "owner": reference("organization", "Organization"),
        ]
    }

    private var organization: FHIRValue {
        let identifier: FHIRValue? = FHIRValue.text(context.institutionIdentifier).map { value in
            [
                "system": .text(context.institutionAuthority.flatMap(FHIRIdentifier.system(authority:))),
                "value": value,
            ]
        }
        return [
            "resourceType": "Organization",
            "id": "organization",
            "meta": meta("MadoCreatorOrganization"),
            "identifier": .array(identifier.map { [$0] } ?? []),
            "name": .string(context.institutionName),
        ]
    }
}
