// SPDX-License-Identifier: Apache-2.0

/// Writes manifests: Key Object Selection documents (PS3.3 A.35.4) that list what a study consists of and where it can
/// be retrieved (IHE RAD XDS-I.b, as the national DRIM-M profile wants them).
package struct ManifestBuilder: ManifestForm {
    /// The institution's name and, after nine carets, its identifier, in the 64 characters of LO.
    private static let institutionSeparator = "^^^^^^^^^"
    private static let maximumLO = 64

    private let study: ManifestStudy
    private let context: ManifestContext

    /// The study has at least one instance; what is rejected is not in it.
    package init(_ study: ManifestStudy, _ context: ManifestContext) {
        self.study = study.listed(without: [])
        self.context = context
    }

    /// The document, under UIDs that are new with each version, made at a date (YYYYMMDD) and time (HHMMSS) of the site.
    package func dataSet(sopInstanceUID: UID, seriesInstanceUID: UID, date: String, time: String) -> DataSet {
        var dataSet = DataSet()
        // The description has an accent in any case.
        dataSet.set(.specificCharacterSet, isLatin ? "ISO_IR 100" : "ISO_IR 192")
        dataSet.set(.instanceCreationDate, date)
        dataSet.set(.instanceCreationTime, time)
        dataSet.set(.sopClassUID, uids: [SOPClass.keyObjectSelectionDocument])
        dataSet.set(.sopInstanceUID, uids: [sopInstanceUID])
        for tag in [Tag.seriesDate, .contentDate] { dataSet.set(tag, date) }
        for tag in [Tag.seriesTime, .contentTime] { dataSet.set(tag, time) }
        dataSet.setOrEmpty(.studyDate, study.date)
        dataSet.setOrEmpty(.studyTime, study.time)
        dataSet.setOrEmpty(.studyDescription, study.description)
        dataSet.setOrEmpty(.studyID, study.studyID)
        dataSet.setOrEmpty(.referringPhysicianName, study.referringPhysicianName)
        dataSet.setEmpty(.accessionNumber)
        dataSet.set(.modality, "KO")
        dataSet.set(.manufacturer, context.manufacturer)
        dataSet.set(.institutionName, institution)
        dataSet.set(.timezoneOffsetFromUTC, context.timezoneOffset)
        dataSet.setEmpty(.referencedPerformedProcedureStepSequence)
        setPatient(in: &dataSet)
        dataSet.set(.studyInstanceUID, uids: [study.studyInstanceUID])
        dataSet.set(.seriesInstanceUID, uids: [seriesInstanceUID])
        dataSet.set(.seriesNumber, "59")
        dataSet.set(.instanceNumber, "1")
        dataSet.set(.valueType, "CONTAINER")
        dataSet.set(.conceptNameCodeSequence, items: [code("113030", "MANIFEST", in: dataSet)])
        dataSet.set(.continuityOfContent, "SEPARATE")
        dataSet.set(.referencedRequestSequence, items: [request(in: dataSet)])
        dataSet.set(.currentRequestedProcedureEvidenceSequence, items: [evidence(in: dataSet)])
        dataSet.set(.contentSequence, items: content(in: dataSet))
        return dataSet
    }

    /// Equal for manifests that say the same, whenever and under whatever UIDs they were made.
    package var content: [UInt8] {
        let none = UID(literal: "0")
        var context = context
        // The site's offset changes twice a year, and what the manifest says does not.
        context.timezoneOffset = ""
        return ManifestBuilder(study, context).dataSet(
            sopInstanceUID: none,
            seriesInstanceUID: none,
            date: "",
            time: ""
        ).encode()
    }

    private var isLatin: Bool {
        let texts =
            [
                context.patientName, context.otherPatientName ?? "", context.institutionName,
                context.procedure,
                context.manufacturer, study.description, study.referringPhysicianName, study.studyID,
            ] + study.series.map(\.description)
        return texts.allSatisfy { text in
            text.unicodeScalars.allSatisfy { $0.isASCII || (0xA0...0xFF).contains($0.value) }
        }
    }

    /// The name is cut where both do not fit, the identifier never.
    private var institution: String {
        let end = Self.institutionSeparator + context.institutionIdentifier
        return context.institutionName.prefix(max(0, Self.maximumLO - end.count)) + end
    }

    // MARK: Patient and request

    private func setPatient(in dataSet: inout DataSet) {
        let issuer = dataSet.issuer(context.patientID.authority)
        let name = Self.issuerName(context.patientID.authority)
        dataSet.set(.patientName, context.patientName)
        dataSet.set(.patientID, context.patientID.value)
        dataSet.set(.issuerOfPatientID, name)
        dataSet.set(.issuerOfPatientIDQualifiersSequence, items: [issuer])
        dataSet.setOrEmpty(.patientBirthDate, context.patientBirthDate)
        dataSet.setOrEmpty(.patientSex, context.patientSex)
        if let other = context.otherPatientName { dataSet.set(.otherPatientNames, other) }
        dataSet.set(.otherPatientIDsSequence, items: [Self.otherPatientID(context.patientID)])
        if let birthplace = context.birthplace { dataSet.set(.patientComments, birthplace) }
    }

    /// The item that manifests, and instances on their way to other boxes, carry for the national identifier.
    package static func otherPatientID(_ identifier: ManifestContext.Identifier) -> DataSet {
        var issuer = DataSet()
        issuer.set(.universalEntityID, identifier.authority)
        issuer.set(.universalEntityIDType, "ISO")
        var item = DataSet()
        item.set(.patientID, identifier.value)
        item.set(.typeOfPatientID, "TEXT")
        item.set(.issuerOfPatientIDQualifiersSequence, items: [issuer])
        return item
    }

    /// The namespace of an INS by the OID of its nature.
    static func issuerName(_ authority: String) -> String {
        authority == "1.2.250.1.213.1.4.9" ? "ASIP-SANTE-INS-NIA" : "ASIP-SANTE-INS-NIR"
    }

    private func request(in dataSet: DataSet) -> DataSet {
        var item = dataSet.item()
        item.set(.accessionNumber, context.accessionNumber.value)
        item.set(
            .issuerOfAccessionNumberSequence,
            items: [dataSet.issuer(context.accessionNumber.authority)]
        )
        item.setEmpty(.referencedStudySequence)
        item.set(.studyInstanceUID, uids: [study.studyInstanceUID])
        item.setEmpty(.requestedProcedureDescription)
        item.setEmpty(.requestedProcedureCodeSequence)
        if let order = context.order {
            item.set(.orderPlacerIdentifierSequence, items: [dataSet.issuer(order.authority)])
            item.set(.placerOrderNumberImagingServiceRequest, order.value)
        } else {
            item.setEmpty(.placerOrderNumberImagingServiceRequest)
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
            let path = "/studies/\(study.studyInstanceUID)/series/\(series.seriesInstanceUID)"
            item.set(.retrieveURL, context.retrieveURL + path)
            item.set(
                .referencedSOPSequence,
                items: series.instances.map { instance in
                    var reference = dataSet.reference(instance)
                    if let number = instance.number { reference.set(.instanceNumber, "\(number)") }
                    if let frames = instance.numberOfFrames { reference.set(.numberOfFrames, "\(frames)") }
                    return reference
                }
            )
            item.set(.seriesInstanceUID, uids: [series.seriesInstanceUID])
            if let number = series.number { item.set(.seriesNumber, "\(number)") }
            if let location = context.retrieveLocationUID { item.set(.retrieveLocationUID, uids: [location]) }
            return item
        }
        evidence.set(.referencedSeriesSequence, items: series)
        evidence.set(.studyInstanceUID, uids: [study.studyInstanceUID])
        return evidence
    }

    private func content(in dataSet: DataSet) -> [DataSet] {
        var items = study.series.flatMap(\.instances).map { dataSet.contained($0) }
        var text = dataSet.item()
        text.set(.relationshipType, "CONTAINS")
        text.set(.valueType, "TEXT")
        text.set(.conceptNameCodeSequence, items: [code("113012", "Key Object Description", in: dataSet)])
        text.set(.textValue, description)
        items.append(text)
        return items
    }

    /// Word for word what readers of the profile parse.
    private var description: String {
        var lines = ["Examen : \(study.description)", "Acte =  : \(context.procedure)"]
        for series in study.series {
            lines.append("Série-\(series.seriesInstanceUID) : \(series.modality) @  : \(series.description)")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private func code(_ value: String, _ meaning: String, in dataSet: DataSet) -> DataSet {
        dataSet.code(ManifestCode(value, "DCM", meaning))
    }
}
