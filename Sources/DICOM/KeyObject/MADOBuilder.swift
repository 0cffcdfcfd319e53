// SPDX-License-Identifier: Apache-2.0

/// Writes manifests as IHE MADO wants them (Rev. 1.1, 6.X.2): Key Object Selection documents whose content
/// tree describes series and instances (TID 2010 with TID 1600 and 1602).
package struct MADOBuilder: ManifestForm {
    private static let maximumLO = 64

    private let study: ManifestStudy
    private let context: ManifestContext
    private let settings: MADOSettings

    /// - Throws: what is required and not known.
    package init(
        _ study: ManifestStudy,
        _ context: ManifestContext,
        _ settings: MADOSettings = MADOSettings()
    ) throws(ManifestIncomplete) {
        let study = study.listed(without: [])
        let missing = MADORequirements.missing(study, context, settings)
        guard missing.isEmpty else { throw ManifestIncomplete(missing: missing) }
        self.init(checked: study, context, settings)
    }

    private init(checked study: ManifestStudy, _ context: ManifestContext, _ settings: MADOSettings) {
        self.study = study
        self.context = context
        self.settings = settings
    }

    package func dataSet(sopInstanceUID: UID, seriesInstanceUID: UID, date: String, time: String) -> DataSet {
        var dataSet = DataSet()
        dataSet.set(.specificCharacterSet, "ISO_IR 192")
        dataSet.set(.sopClassUID, uids: [SOPClass.keyObjectSelectionDocument])
        dataSet.set(.sopInstanceUID, uids: [sopInstanceUID])
        dataSet.set(.studyDate, study.date)
        dataSet.set(.contentDate, date)
        dataSet.set(.studyTime, study.time)
        dataSet.set(.contentTime, time)
        setAccessionNumber(in: &dataSet)
        dataSet.set(.modality, "KO")
        dataSet.set(.manufacturer, context.manufacturer)
        dataSet.set(.institutionName, institution)
        dataSet.setOrEmpty(.referringPhysicianName, study.referringPhysicianName)
        dataSet.set(.timezoneOffsetFromUTC, context.timezoneOffset)
        if !study.description.isEmpty { dataSet.set(.studyDescription, study.description) }
        dataSet.set(.seriesDescription, "Manifest Series")
        dataSet.setEmpty(.referencedPerformedProcedureStepSequence)
        setPatient(in: &dataSet)
        dataSet.set(.studyInstanceUID, uids: [study.studyInstanceUID])
        dataSet.set(.seriesInstanceUID, uids: [seriesInstanceUID])
        dataSet.setOrEmpty(.studyID, study.studyID)
        dataSet.set(.seriesNumber, "1")
        dataSet.set(.instanceNumber, "1")
        dataSet.set(.valueType, "CONTAINER")
        dataSet.set(.conceptNameCodeSequence, items: [dataSet.code(concept(.documentTitle))])
        dataSet.set(.continuityOfContent, "SEPARATE")
        dataSet.set(.referencedRequestSequence, items: context.requests.map { request($0, in: dataSet) })
        dataSet.set(.currentRequestedProcedureEvidenceSequence, items: [evidence(in: dataSet)])
        var template = dataSet.item()
        template.set(.mappingResource, "DCMR")
        template.set(.templateIdentifier, "2010")
        dataSet.set(.contentTemplateSequence, items: [template])
        let content = study.series.flatMap(\.instances).map { dataSet.contained($0) }
        dataSet.set(.contentSequence, items: [library(in: dataSet)] + content)
        return dataSet
    }

    package var content: [UInt8] {
        let none = UID(literal: "0")
        var context = context
        // The site's offset changes twice a year, and what the manifest says does not.
        context.timezoneOffset = ""
        return MADOBuilder(checked: study, context, settings).dataSet(
            sopInstanceUID: none,
            seriesInstanceUID: none,
            date: "",
            time: ""
        ).encode()
    }

    private func concept(_ concept: MADOConcept) -> ManifestCode { concept.code(settings.codes) }

    // MARK: Patient, institution and requests

    /// HL7 V2 XON: name, the identifier's authority where it is known, identifier. What does not fit is the
    /// name's.
    private var institution: String {
        guard !context.institutionIdentifier.isEmpty else {
            return String(context.institutionName.prefix(Self.maximumLO))
        }
        let authority = context.institutionAuthority.map { "&\($0)&ISO" } ?? ""
        let end = "^^^^^\(authority)^^^^\(context.institutionIdentifier)"
        return context.institutionName.prefix(max(0, Self.maximumLO - end.count)) + end
    }

    private var patientIDIssuer: String? {
        if let issuer = context.patientIDIssuer { return issuer }
        let authority = context.patientID.authority
        return authority.hasPrefix("1.2.250.1.213.1.4.") ? ManifestBuilder.issuerName(authority) : nil
    }

    private func setPatient(in dataSet: inout DataSet) {
        let issuer = dataSet.issuer(context.patientID.authority)
        dataSet.setOrEmpty(.patientName, context.patientName)
        dataSet.set(.patientID, context.patientID.value)
        dataSet.set(.issuerOfPatientIDQualifiersSequence, items: [issuer])
        dataSet.setOrEmpty(.patientBirthDate, context.patientBirthDate)
        dataSet.setOrEmpty(.patientSex, context.patientSex)
        if let other = context.otherPatientName { dataSet.set(.otherPatientNames, other) }
        var item = dataSet.item()
        item.set(.patientID, context.patientID.value)
        if let label = patientIDIssuer {
            dataSet.set(.issuerOfPatientID, label)
            item.set(.issuerOfPatientID, label)
        }
        item.set(.typeOfPatientID, "TEXT")
        item.set(.issuerOfPatientIDQualifiersSequence, items: [issuer])
        dataSet.set(.otherPatientIDsSequence, items: [item])
    }

    /// At the top where the study has one number only (6.X.2.6.1).
    private func setAccessionNumber(in dataSet: inout DataSet) {
        let number = context.accessionNumber
        guard context.furtherRequests.allSatisfy({ $0.accessionNumber == number }) else {
            return dataSet.setEmpty(.accessionNumber)
        }
        dataSet.set(.accessionNumber, number.value)
        dataSet.set(.issuerOfAccessionNumberSequence, items: [dataSet.issuer(number.authority)])
    }

    private func request(_ request: ManifestContext.Request, in dataSet: DataSet) -> DataSet {
        var item = dataSet.item()
        item.set(.accessionNumber, request.accessionNumber.value)
        item.set(
            .issuerOfAccessionNumberSequence,
            items: [dataSet.issuer(request.accessionNumber.authority)]
        )
        item.setEmpty(.referencedStudySequence)
        item.set(.studyInstanceUID, uids: [study.studyInstanceUID])
        item.setEmpty(.requestedProcedureDescription)
        item.setEmpty(.requestedProcedureCodeSequence)
        if let order = request.order {
            item.set(.orderPlacerIdentifierSequence, items: [dataSet.issuer(order.authority)])
            item.set(.placerOrderNumberImagingServiceRequest, order.value)
        }
        item.setEmpty(.requestedProcedureID)
        item.setEmpty(.fillerOrderNumberImagingServiceRequest)
        return item
    }

    // MARK: What is listed

    private func evidence(in dataSet: DataSet) -> DataSet {
        var evidence = dataSet.item()
        let series = study.series.map { series in
            var item = dataSet.item()
            let url = series.retrieveURL ?? context.retrieveURL
            if !url.isEmpty { item.set(.retrieveURL, url) }
            item.set(.referencedSOPSequence, items: series.instances.map { dataSet.reference($0) })
            item.set(.seriesInstanceUID, uids: [series.seriesInstanceUID])
            if let location = series.retrieveLocationUID ?? context.retrieveLocationUID {
                item.set(.retrieveLocationUID, uids: [location])
            }
            return item
        }
        evidence.set(.referencedSeriesSequence, items: series)
        if let uri = context.displayURI, !uri.isEmpty {
            switch settings.codes {
            case .final: evidence.set(.displayURI, uri)
            case .temporary:
                evidence.set(.madoPrivateCreator, "IHE_MADO_PRIVATE")
                let isOdd = !uri.utf8.count.isMultiple(of: 2)
                evidence.set(.madoDisplayURI, .ur, .bytes(Array(uri.utf8) + (isOdd ? [0x20] : [])))
            }
        }
        evidence.set(.studyInstanceUID, uids: [study.studyInstanceUID])
        return evidence
    }

    // MARK: Image library (TID 1600, 1602)

    private func library(in dataSet: DataSet) -> DataSet {
        var modalities: [String] = []
        for series in study.series where !modalities.contains(series.modality) {
            modalities.append(series.modality)
        }
        var items = modalities.map { code(.modality, Self.modality($0), in: dataSet) }
        items += context.targetRegions.map { code(.targetRegion, $0, in: dataSet) }
        items.append(number(.seriesCount, study.series.count, unit: "{series}", in: dataSet))
        items += study.series.map { container(.imageLibraryGroup, group($0, in: dataSet), in: dataSet) }
        return container(.imageLibrary, items, in: dataSet)
    }

    private func group(_ series: ManifestStudy.Series, in dataSet: DataSet) -> [DataSet] {
        var items = [code(.modality, Self.modality(series.modality), in: dataSet)]
        if !series.date.isEmpty { items.append(value(.seriesDate, .dateValue, series.date, in: dataSet)) }
        if !series.time.isEmpty { items.append(value(.seriesTime, .timeValue, series.time, in: dataSet)) }
        if !series.description.isEmpty {
            items.append(value(.seriesDescription, .textValue, series.description, in: dataSet))
        }
        if let number = series.number {
            items.append(value(.seriesNumber, .textValue, "\(number)", in: dataSet))
        }
        if let region = series.targetRegion {
            items.append(code(.targetRegion, region, in: dataSet))
        } else if let region = series.targetRegionText {
            items.append(value(.targetRegion, .textValue, region, in: dataSet))
        }
        if let laterality = series.laterality { items.append(code(.laterality, laterality, in: dataSet)) }
        items.append(value(.seriesInstanceUID, .uidValue, series.seriesInstanceUID.string, in: dataSet))
        // A TEXT with a unit (Table 6.X.2.9-2): as IHE's sample writes it.
        let count = "(\(series.instances.count), UCUM, \"instances\")"
        items.append(value(.instanceCount, .textValue, count, in: dataSet))
        return items + series.instances.flatMap { entry($0, in: dataSet) }
    }

    /// An instance after what describes it, as IHE's sample has them.
    private func entry(_ instance: ManifestStudy.Instance, in dataSet: DataSet) -> [DataSet] {
        var items: [DataSet] = []
        if let frames = instance.numberOfFrames {
            items.append(number(.frameCount, frames, unit: "{frames}", in: dataSet))
        }
        if let number = instance.number {
            items.append(value(.instanceNumber, .textValue, "\(number)", in: dataSet))
        }
        if let title = instance.documentTitle { items.append(code(.keyObjectTitle, title, in: dataSet)) }
        if let text = instance.documentDescription {
            items.append(value(.keyObjectDescription, .textValue, text, in: dataSet))
        }
        return items + [dataSet.contained(instance)]
    }

    private static func modality(_ value: String) -> ManifestCode { ManifestCode(value, "DCM", value) }

    // MARK: Content items

    private func item(_ name: MADOConcept, _ relationship: String, _ type: String, in dataSet: DataSet)
        -> DataSet
    {
        var item = dataSet.item()
        item.set(.relationshipType, relationship)
        item.set(.valueType, type)
        item.set(.conceptNameCodeSequence, items: [dataSet.code(concept(name))])
        return item
    }

    private func container(_ name: MADOConcept, _ content: [DataSet], in dataSet: DataSet) -> DataSet {
        var item = item(name, "CONTAINS", "CONTAINER", in: dataSet)
        item.set(.continuityOfContent, "SEPARATE")
        item.set(.contentSequence, items: content)
        return item
    }

    private func code(_ name: MADOConcept, _ code: ManifestCode, in dataSet: DataSet) -> DataSet {
        var item = item(name, "HAS ACQ CONTEXT", "CODE", in: dataSet)
        item.set(.conceptCodeSequence, items: [dataSet.code(code)])
        return item
    }

    private func value(_ name: MADOConcept, _ tag: Tag, _ value: String, in dataSet: DataSet) -> DataSet {
        let type =
            switch tag {
            case .dateValue: "DATE"
            case .timeValue: "TIME"
            case .uidValue: "UIDREF"
            default: "TEXT"
            }
        var item = item(name, "HAS ACQ CONTEXT", type, in: dataSet)
        item.set(tag, value)
        return item
    }

    private func number(_ name: MADOConcept, _ value: Int, unit: String, in dataSet: DataSet) -> DataSet {
        var measured = dataSet.item()
        measured.set(
            .measurementUnitsCodeSequence,
            items: [dataSet.code(ManifestCode(unit, "UCUM", unit))]
        )
        measured.set(.numericValue, "\(value)")
        var item = item(name, "HAS ACQ CONTEXT", "NUM", in: dataSet)
        item.set(.measuredValueSequence, items: [measured])
        return item
    }
}
