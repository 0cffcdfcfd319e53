// SPDX-License-Identifier: Apache-2.0

/// Puts together what the evidence, the image library and the national form's text say of a study.
struct ManifestReader {
    private(set) var study: ManifestStudy
    var context = ManifestContext.empty
    var warnings = ManifestWarnings()

    /// Positions in `study.series`.
    private var seriesPositions: [UID: Int] = [:]
    /// Positions in `study.series`, and there in `instances`.
    private var positions: [UID: (series: Int, instance: Int)] = [:]

    init(_ dataSet: DataSet, study: UID) {
        self.study = ManifestStudy(studyInstanceUID: study)
        self.study.date = dataSet.text(.studyDate) ?? ""
        self.study.time = dataSet.text(.studyTime) ?? ""
        self.study.description = dataSet.text(.studyDescription) ?? ""
        self.study.studyID = dataSet.text(.studyID) ?? ""
        self.study.referringPhysicianName = dataSet.text(.referringPhysicianName) ?? ""
        self.study.patientID = dataSet.text(.patientID)
        for evidence in dataSet.items(.currentRequestedProcedureEvidenceSequence).prefix(1) {
            readEvidence(evidence)
        }
    }

    // MARK: Evidence

    private mutating func readEvidence(_ evidence: DataSet) {
        var withoutUID = 0
        for item in evidence.items(.referencedSeriesSequence) {
            guard let uid = item.uid(.seriesInstanceUID) else {
                withoutUID += 1
                continue
            }
            let position: Int
            if let known = seriesPositions[uid] {
                warnings.append(.duplicateSeries(uid))
                position = known
            } else {
                position = study.series.count
                seriesPositions[uid] = position
                var series = ManifestStudy.Series(
                    seriesInstanceUID: uid,
                    number: item.integer(.seriesNumber),
                    modality: "",
                    instances: []
                )
                series.retrieveURL = item.text(.retrieveURL).map(RetrieveURL.service)
                series.retrieveLocationUID = item.uid(.retrieveLocationUID)
                study.series.append(series)
            }
            for reference in item.items(.referencedSOPSequence) {
                guard let instance = reference.uid(.referencedSOPInstanceUID),
                    let sopClass = reference.uid(.referencedSOPClassUID)
                else {
                    withoutUID += 1
                    continue
                }
                guard positions[instance] == nil else {
                    warnings.append(.duplicateInstance(instance))
                    continue
                }
                positions[instance] = (position, study.series[position].instances.count)
                study.series[position].instances.append(
                    .init(
                        sopClassUID: sopClass,
                        sopInstanceUID: instance,
                        number: reference.integer(.instanceNumber),
                        numberOfFrames: reference.integer(.numberOfFrames)
                    )
                )
            }
        }
        if withoutUID > 0 { warnings.append(.withoutUID(withoutUID)) }
    }

    // MARK: Content

    /// Compares the content's references with the evidence; empty series go.
    mutating func compare(_ content: [DataSet]) {
        var named: Set<UID> = []
        for item in content { name(item, &named) }
        for instance in study.series.lazy.flatMap(\.instances)
        where !named.contains(instance.sopInstanceUID) {
            warnings.append(.notInContent(instance.sopInstanceUID))
        }
        study.series.removeAll { $0.instances.isEmpty }
    }

    private mutating func name(_ item: DataSet, _ named: inout Set<UID>) {
        for reference in item.items(.referencedSOPSequence) {
            guard let uid = reference.uid(.referencedSOPInstanceUID), named.insert(uid).inserted else {
                continue
            }
            guard let position = positions[uid] else {
                warnings.append(.notInEvidence(uid))
                continue
            }
            let own = study.series[position.series].instances[position.instance].sopClassUID
            if reference.uid(.referencedSOPClassUID) != own { warnings.append(.otherClass(uid)) }
        }
    }

    /// TID 1600. What follows is found wherever it is among its siblings.
    mutating func readLibrary(_ content: [DataSet]) {
        guard let library = content.first(where: { $0.concept == .imageLibrary }) else {
            warnings.append(.missing("Image Library"))
            return
        }
        var described: Set<UID> = []
        for item in library.items(.contentSequence) {
            switch item.concept {
            case .targetRegion:
                if let code = item.items(.conceptCodeSequence).first?.manifestCode {
                    context.targetRegions.append(code)
                }
            case .seriesCount:
                if let said = item.count, said != study.series.count {
                    let uid = study.studyInstanceUID
                    warnings.append(.otherCount(said: said, found: study.series.count, uid))
                }
            case .imageLibraryGroup:
                if let uid = readGroup(item.items(.contentSequence)) { described.insert(uid) }
            default: break
            }
        }
        for series in study.series where !described.contains(series.seriesInstanceUID) {
            warnings.append(.seriesNotDescribed(series.seriesInstanceUID))
        }
    }

    /// TID 1602 of a series, and its instances: each after what describes it, or around it.
    private mutating func readGroup(_ items: [DataSet]) -> UID? {
        guard let uid = items.first(where: { $0.concept == .seriesInstanceUID })?.uid(.uidValue) else {
            warnings.append(.missing("Series Instance UID"))
            return nil
        }
        guard let position = seriesPositions[uid] else {
            warnings.append(.seriesNotInEvidence(uid))
            return nil
        }
        var description: [DataSet] = []
        for item in items {
            if !item.items(.referencedSOPSequence).isEmpty {
                describe(item, description + item.items(.contentSequence))
                description = []
                continue
            }
            switch item.concept {
            case .frameCount, .instanceNumber, .keyObjectTitle, .keyObjectDescription:
                description.append(item)
            case let concept?: Self.describe(&study.series[position], concept, item)
            case nil: break
            }
        }
        return uid
    }

    private static func describe(
        _ series: inout ManifestStudy.Series,
        _ concept: MADOConcept,
        _ item: DataSet
    ) {
        let code = item.items(.conceptCodeSequence).first?.manifestCode
        switch concept {
        case .modality: series.modality = code?.value ?? ""
        case .seriesDate: series.date = item.text(.dateValue) ?? ""
        case .seriesTime: series.time = item.text(.timeValue) ?? ""
        case .seriesDescription: series.description = item.text(.textValue) ?? ""
        case .seriesNumber: series.number = item.text(.textValue).flatMap { Int($0) }
        case .targetRegion:
            series.targetRegion = code ?? series.targetRegion
            series.targetRegionText = item.text(.textValue) ?? series.targetRegionText
        case .laterality: series.laterality = code
        default: break
        }
    }

    private mutating func describe(_ reference: DataSet, _ description: [DataSet]) {
        guard let uid = reference.items(.referencedSOPSequence).first?.uid(.referencedSOPInstanceUID),
            let position = positions[uid]
        else { return }
        var instance = study.series[position.series].instances[position.instance]
        for item in description {
            switch item.concept {
            case .frameCount:
                instance.numberOfFrames = item.count
                if item.count == nil { warnings.append(.invalid("Number of Frames", uid)) }
            case .instanceNumber:
                instance.number = item.text(.textValue).flatMap { Int($0) }
                if instance.number == nil { warnings.append(.invalid("Instance Number", uid)) }
            case .keyObjectTitle:
                instance.documentTitle = item.items(.conceptCodeSequence).first?.manifestCode
            case .keyObjectDescription: instance.documentDescription = item.text(.textValue)
            default: break
            }
        }
        study.series[position.series].instances[position.instance] = instance
    }

    /// The lines "Série-UID : modality @  : description" of the national form.
    mutating func readFrenchText(_ content: [DataSet]) {
        let start = "Série-"
        for line in content.compactMap({ $0.text(.textValue) }).flatMap({
            $0.split(whereSeparator: \.isNewline)
        })
        where line.hasPrefix(start) {
            let parts = line.dropFirst(start.count).split(separator: " : ", maxSplits: 2)
            guard parts.count >= 2, let uid = UID(parts[0]), let position = seriesPositions[uid] else {
                continue
            }
            study.series[position].modality = String(parts[1].prefix { $0 != " " && $0 != "@" })
            study.series[position].description = parts.count > 2 ? String(parts[2]) : ""
        }
    }

    mutating func checkRetrieval(_ hosts: Set<String>?) {
        study.shareRetrieval(&context, hosts: hosts, &warnings)
    }
}

extension DataSet {
    /// A code sequence's item as a code; nil where it has no value.
    var manifestCode: ManifestCode? {
        guard let value = text(.codeValue) ?? text(.longCodeValue) else { return nil }
        return ManifestCode(value, text(.codingSchemeDesignator) ?? "", text(.codeMeaning) ?? "")
    }

    /// Of a Key Object Selection: why its objects were selected.
    package var keyObjectTitle: ManifestCode? { items(.conceptNameCodeSequence).first?.manifestCode }

    fileprivate var concept: MADOConcept? {
        items(.conceptNameCodeSequence).first?.manifestCode.flatMap(MADOConcept.init)
    }

    /// A NUM's value, or the number in a text such as "(50, UCUM, "instances")".
    fileprivate var count: Int? {
        let text = items(.measuredValueSequence).first?.text(.numericValue) ?? text(.textValue)
        return text.flatMap { Int($0.drop { $0 == "(" || $0 == " " }.prefix(while: \.isNumber)) }
    }
}
