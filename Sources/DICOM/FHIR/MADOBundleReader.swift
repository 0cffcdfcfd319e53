// SPDX-License-Identifier: Apache-2.0

/// Reads a manifest's FHIR form. What contradicts itself is an error: the guide calls such documents malformed.
struct MADOBundleReader {
    private let bundle: FHIRElement
    private let composition: FHIRElement
    private let imagingStudy: FHIRElement
    /// By full URL, and by type and id: "Patient/1".
    private var entries: [String: FHIRElement] = [:]
    private var requests: [FHIRElement] = []

    private var study = ManifestStudy(studyInstanceUID: UID(literal: "0"))
    private var context = ManifestContext.empty
    private var warnings = ManifestWarnings()
    /// Of the document's dates and times from UTC, in minutes.
    private var offset = 0

    init(_ document: FHIRValue) throws(FHIRError) {
        bundle = FHIRElement(document, path: "")
        guard try bundle.string("resourceType") == "Bundle" else {
            throw bundle["resourceType"]?.mismatch("\"Bundle\"")
                ?? bundle.missing("resourceType", "\"Bundle\"")
        }
        guard try bundle.required("type", "\"document\"").string() == "document" else {
            throw FHIRError(
                place: "type",
                found: bundle["type"]?.value.evidence ?? "none",
                expected: "\"document\""
            )
        }
        var resources: [(type: String, resource: FHIRElement)] = []
        for entry in try bundle.list("entry") {
            let resource = try entry.required("resource", "a resource")
            let type = try resource.required("resourceType", "a type").string()
            var names = try [entry.string("fullUrl")].compactMap { $0 }
            if let id = try resource.string("id") { names.append("\(type)/\(id)") }
            for name in names {
                guard entries.updateValue(resource, forKey: name) == nil else {
                    throw FHIRError(
                        place: entry.path,
                        found: "\"\(name.shortened)\" twice",
                        expected: "each entry once"
                    )
                }
            }
            resources.append((type, resource))
        }
        guard let first = resources.first, first.type == "Composition" else {
            throw FHIRError(
                place: "entry[0].resource",
                found: resources.first?.type.shortened ?? "none",
                expected: "a Composition"
            )
        }
        composition = first.resource
        let studies = resources.filter { $0.type == "ImagingStudy" }
        guard let only = studies.first, studies.count == 1 else {
            throw FHIRError(
                place: "entry",
                found: "\(studies.count) resources of type ImagingStudy",
                expected: "one"
            )
        }
        imagingStudy = only.resource
        requests = resources.filter { $0.type == "ServiceRequest" }.map(\.resource)
    }

    mutating func manifest(_ hosts: Set<String>?) throws(FHIRError) -> ImagingManifest {
        let identifier = try bundle.required("identifier", "an identifier").uid("value")
        if let own = composition["identifier"], try own.uid("value") != identifier {
            throw own.mismatch("the identifier of the bundle")
        }
        let timestamp = try bundle.required("timestamp", "a time")
        guard let made = FHIRDateTime(try timestamp.string()), let offset = made.offset else {
            throw timestamp.mismatch("a date and time with its offset from UTC")
        }
        self.offset = offset
        context.timezoneOffset = FHIRDateTime.offset(offset)
        try readStudy()
        try readPatient()
        try readRequests()
        try readAuthors()
        study.series.removeAll { $0.instances.isEmpty }
        study.shareRetrieval(&context, hosts: hosts, &warnings)
        for name in MADORequirements.missing(study, context, MADOSettings()) {
            warnings.append(.missing(name))
        }
        return ImagingManifest(
            fhir: identifier,
            date: made.date(at: offset),
            time: made.time(at: offset),
            study: study,
            context: context,
            warnings: warnings.all
        )
    }

    // MARK: References

    /// The entry that a Reference names; nil where it names none by URL.
    private func target(_ reference: FHIRElement, _ types: String...) throws(FHIRError) -> FHIRElement? {
        guard let url = reference["reference"] else { return nil }
        guard let resource = entries[try url.string()] else { throw url.mismatch("an entry of the document") }
        guard let type = try resource.string("resourceType"), types.contains(type) else {
            throw url.mismatch("one of type \(types.joined(separator: " or "))")
        }
        return resource
    }

    private func subject() throws(FHIRError) -> FHIRElement? {
        let reference = try imagingStudy.required("subject", "a Patient")
        let patient = try target(reference, "Patient")
        if let other = composition["subject"], let named = try target(other, "Patient"), let patient,
            named.path != patient.path
        {
            throw other.mismatch("the subject of the ImagingStudy")
        }
        return patient
    }

    // MARK: Study

    private mutating func readStudy() throws(FHIRError) {
        var uid: UID?
        for identifier in try imagingStudy.list("identifier") {
            if try identifier.string("system") == MADOVocabulary.dicomUID {
                let value = try identifier.uid("value")
                guard uid == nil || uid == value else { throw identifier.mismatch("one Study Instance UID") }
                uid = value
            } else if try identifier["type"]?.string("text") == MADOVocabulary.studyID {
                study.studyID = try identifier.string("value") ?? ""
            }
        }
        guard let uid else { throw imagingStudy.missing("identifier", "a Study Instance UID") }
        study.studyInstanceUID = uid
        (study.date, study.time) = try started(imagingStudy, uid)
        study.description = try imagingStudy.string("description") ?? ""
        for element in try imagingStudy.list("extension")
        where try element.string("url") == MADOVocabulary.anatomicalRegion {
            if let code = try Self.code(element["valueCodeableConcept"]) {
                context.targetRegions.append(code)
            }
        }
        if let reference = imagingStudy["referrer"],
            let referrer = try target(reference, "Practitioner", "PractitionerRole"),
            let name = try referrer.list("name").first
        {
            study.referringPhysicianName = try FHIRHumanName.text(name)
        }
        if let procedure = try imagingStudy.list("procedureCode").first {
            let code = try Self.code(procedure)
            context.procedure = try procedure.string("text") ?? code?.meaning ?? ""
        }
        let endpoints = try imagingStudy.list("endpoint")
        for reference in endpoints where context.displayURI == nil {
            guard let endpoint = try target(reference, "Endpoint"),
                try endpoint["connectionType"]?.string("code") == "web-viewer"
            else { continue }
            context.displayURI = try endpoint.string("address")
        }
        try readSeries(endpoints)
        if let said = try imagingStudy.count("numberOfSeries"), said != study.series.count {
            warnings.append(.otherCount(said: said, found: study.series.count, uid))
        }
    }

    private mutating func started(
        _ element: FHIRElement,
        _ uid: UID
    ) throws(FHIRError) -> (date: String, time: String) {
        guard let text = try element.string("started") else { return ("", "") }
        guard let started = FHIRDateTime(text) else {
            warnings.append(.invalid("started", uid))
            return ("", "")
        }
        return (started.date(at: offset), started.time(at: offset))
    }

    private mutating func readSeries(_ endpoints: [FHIRElement]) throws(FHIRError) {
        var positions: [UID: Int] = [:]
        var instances: Set<UID> = []
        for element in try imagingStudy.list("series") {
            let uid = try element.uid("uid")
            let position: Int
            if let known = positions[uid] {
                warnings.append(.duplicateSeries(uid))
                position = known
            } else {
                position = study.series.count
                positions[uid] = position
                study.series.append(try describe(element, uid, endpoints))
            }
            let items = try element.list("instance")
            for item in items {
                let instance = try Self.instance(item)
                guard instances.insert(instance.sopInstanceUID).inserted else {
                    warnings.append(.duplicateInstance(instance.sopInstanceUID))
                    continue
                }
                study.series[position].instances.append(instance)
            }
            if let said = try element.count("numberOfInstances"), said != items.count {
                warnings.append(.otherCount(said: said, found: items.count, uid))
            }
        }
    }

    private mutating func describe(
        _ element: FHIRElement,
        _ uid: UID,
        _ endpoints: [FHIRElement]
    ) throws(FHIRError) -> ManifestStudy.Series {
        var series = ManifestStudy.Series(
            seriesInstanceUID: uid,
            number: try element.count("number"),
            modality: try element["modality"]?.string("code") ?? "",
            description: try element.string("description") ?? "",
            instances: []
        )
        (series.date, series.time) = try started(element, uid)
        series.targetRegion = try Self.code(coding: element["bodySite"])
        if series.targetRegion == nil { series.targetRegionText = try element["bodySite"]?.string("display") }
        series.laterality = try Self.code(coding: element["laterality"])
        let own = try element.list("endpoint")
        // R4's endpoints of the study are those of a series that names none.
        for reference in own.isEmpty ? endpoints : own {
            guard let endpoint = try target(reference, "Endpoint"),
                try endpoint["connectionType"]?.string("code") == "dicom-wado-rs"
            else { continue }
            series.retrieveURL = try Self.address(endpoint)
            if let location = try endpoint.extension(MADOVocabulary.retrieveLocationUID, "valueString") {
                series.retrieveLocationUID = FHIRIdentifier.uid(try location.string())
                if series.retrieveLocationUID == nil { warnings.append(.invalid("RetrieveLocationUID", uid)) }
            }
            break
        }
        return series
    }

    /// What `/studies/…` comes after; nil where the endpoint says that it is not known.
    private static func address(_ endpoint: FHIRElement) throws(FHIRError) -> String? {
        let absent = try endpoint["_address"]?.extension(MADOVocabulary.dataAbsentReason, "valueCode")
        guard absent == nil, let address = try endpoint.string("address"), address != MADOVocabulary.noAddress
        else { return nil }
        return RetrieveURL.service(address)
    }

    private static func instance(_ element: FHIRElement) throws(FHIRError) -> ManifestStudy.Instance {
        var instance = ManifestStudy.Instance(
            sopClassUID: try element.required("sopClass", "a SOP class").uid("code"),
            sopInstanceUID: try element.uid("uid"),
            number: try element.count("number")
        )
        if let frames = try element.extension(MADOVocabulary.numberOfFrames, "valueInteger") {
            guard case .number(let digits) = frames.value, let count = Int(digits), count > 0 else {
                throw frames.mismatch("a number of 1 or more")
            }
            instance.numberOfFrames = count
        }
        instance.documentTitle = try code(
            element.extension(MADOVocabulary.keyObjectTitle, "valueCodeableConcept")
        )
        instance.documentDescription = try element.string("title")
        return instance
    }

    /// The first code of a CodeableConcept.
    private static func code(_ concept: FHIRElement?) throws(FHIRError) -> ManifestCode? {
        guard let concept else { return nil }
        for coding in try concept.list("coding") {
            guard var code = try code(coding: coding) else { continue }
            if code.meaning.isEmpty { code.meaning = try concept.string("text") ?? "" }
            return code
        }
        return nil
    }

    private static func code(coding: FHIRElement?) throws(FHIRError) -> ManifestCode? {
        guard let coding, let code = try coding.string("code") else { return nil }
        let system = try coding.string("system") ?? ""
        return ManifestCode(
            code,
            FHIRIdentifier.scheme(system: system),
            try coding.string("display") ?? ""
        )
    }

    // MARK: Patient

    private mutating func readPatient() throws(FHIRError) {
        guard let patient = try subject() else { return }
        for identifier in try patient.list("identifier").prefix(1) {
            context.patientID = try Self.identifier(identifier)
            context.patientIDIssuer = try identifier["assigner"]?.string("display")
            study.patientID = context.patientID.value
        }
        var (official, others): (String?, [String]) = (nil, [])
        for name in try patient.list("name") {
            let text = try FHIRHumanName.text(name)
            if official == nil, try name.string("use") == "official" {
                official = text
            } else {
                others.append(text)
            }
        }
        if official == nil, try patient.list("name").first?.string("use") != "usual", !others.isEmpty {
            official = others.removeFirst()
        }
        context.patientName = official ?? ""
        context.otherPatientName = others.first
        let gender = try patient.string("gender")
        context.patientSex = MADOBundleWriter.genders.first { $0.gender == gender }?.sex ?? ""
        if let birth = try patient.string("birthDate") {
            if let date = FHIRDateTime(birth) {
                context.patientBirthDate = date.date(at: offset)
            } else {
                warnings.append(.invalid("birthDate", study.studyInstanceUID))
            }
        }
    }

    private static func identifier(_ element: FHIRElement) throws(FHIRError) -> ManifestContext.Identifier {
        ManifestContext.Identifier(
            value: try element.string("value") ?? "",
            authority: FHIRIdentifier.authority(system: try element.string("system") ?? "")
        )
    }

    // MARK: Requests

    private mutating func readRequests() throws(FHIRError) {
        var found: [ManifestContext.Request] = []
        var read: Set<String> = []
        for reference in try imagingStudy.list("basedOn") {
            var named: ManifestContext.Identifier?
            if let identifier = reference["identifier"], try Self.isAccessionNumber(identifier) {
                named = try Self.identifier(identifier)
            }
            if let element = try target(reference, "ServiceRequest") {
                guard read.insert(element.path).inserted else { continue }
                let request = try Self.request(element)
                if let named, named != request.accessionNumber {
                    throw FHIRError(
                        place: "\(reference.path).identifier",
                        found: "\"\(named.value.shortened)\"",
                        expected: "the accession number of the ServiceRequest"
                    )
                }
                found.append(request)
            } else if let named {
                found.append(ManifestContext.Request(accessionNumber: named))
            }
        }
        for element in requests where read.insert(element.path).inserted {
            found.append(try Self.request(element))
        }
        guard let first = found.first else { return }
        context.accessionNumber = first.accessionNumber
        context.order = first.order
        context.furtherRequests = Array(found.dropFirst())
    }

    private static func request(_ element: FHIRElement) throws(FHIRError) -> ManifestContext.Request {
        var request = ManifestContext.Request(accessionNumber: .init(value: "", authority: ""))
        for identifier in try element.list("identifier") {
            let isOrder = try identifier["type"]?.hasCode("PLAC", of: MADOVocabulary.identifierTypes)
            if try isAccessionNumber(identifier) {
                request.accessionNumber = try Self.identifier(identifier)
            } else if isOrder == true, request.order == nil {
                request.order = try Self.identifier(identifier)
            }
        }
        return request
    }

    private static func isAccessionNumber(_ identifier: FHIRElement) throws(FHIRError) -> Bool {
        guard let type = identifier["type"] else { return false }
        if try type.hasCode("ACSN", of: MADOVocabulary.identifierTypes) { return true }
        return try type.hasCode("121022", of: MADOVocabulary.dcm)
    }

    // MARK: Authors

    private mutating func readAuthors() throws(FHIRError) {
        for reference in try composition.list("author") {
            guard
                let author = try target(
                    reference,
                    "Device",
                    "Organization",
                    "Practitioner",
                    "PractitionerRole"
                )
            else { continue }
            switch try author.string("resourceType") {
            case "Device": context.manufacturer = try author.string("manufacturer") ?? ""
            case "Organization":
                context.institutionName = try author.string("name") ?? ""
                guard let identifier = try author.list("identifier").first else { break }
                let own = try Self.identifier(identifier)
                context.institutionIdentifier = own.value
                context.institutionAuthority = own.authority.isEmpty ? nil : own.authority
            default: break
            }
        }
    }
}
