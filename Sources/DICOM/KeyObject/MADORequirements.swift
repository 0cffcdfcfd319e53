// SPDX-License-Identifier: Apache-2.0

/// What a MADO manifest has to say, and was not known: keywords of attributes, or meanings of content items,
/// with the UID of the first series or instance that lacks it.
package struct ManifestIncomplete: Error, Equatable, Sendable, CustomStringConvertible {
    package let missing: [String]

    package var description: String {
        "\(missing.joined(separator: ", ")): found no value, expected one in a MADO manifest"
    }
}

/// The attributes of usage R+, and RC+ where the condition is met (MADO 6.X.2.5 to 6.X.2.14).
enum MADORequirements {
    static func missing(
        _ study: ManifestStudy,
        _ context: ManifestContext,
        _ settings: MADOSettings
    ) -> [String] {
        var missing: [String] = []
        func require(_ isThere: Bool, _ keyword: String, _ uid: UID? = nil) {
            if isThere || missing.contains(where: { $0 == keyword || $0.hasPrefix(keyword + " ") }) { return }
            missing.append(uid.map { "\(keyword) (\($0))" } ?? keyword)
        }
        require(!context.patientID.value.isEmpty, "PatientID")
        require(!context.patientID.authority.isEmpty, "IssuerOfPatientIDQualifiersSequence")
        require(!study.date.isEmpty, "StudyDate")
        require(!study.time.isEmpty, "StudyTime")
        require(!context.manufacturer.isEmpty, "Manufacturer")
        require(!context.institutionName.isEmpty, "InstitutionName")
        require(!context.timezoneOffset.isEmpty, "TimezoneOffsetFromUTC")
        for request in context.requests {
            require(!request.accessionNumber.value.isEmpty, "AccessionNumber")
            require(!request.accessionNumber.authority.isEmpty, "IssuerOfAccessionNumberSequence")
            require(request.order?.value.isEmpty == false, "PlacerOrderNumberImagingServiceRequest")
            require(request.order?.authority.isEmpty != true, "OrderPlacerIdentifierSequence")
        }
        require(!context.targetRegions.isEmpty, "Target Region")
        if settings.bindsRegions {
            require(context.targetRegions.allSatisfy(MADORegion.contains), "Target Region of CID IHE-MADO1")
        }
        if case .final(let title) = settings.codes { require(!title.isEmpty, "ConceptNameCodeSequence") }
        require(study.series.contains { !$0.instances.isEmpty }, "ReferencedSOPSequence")
        for series in study.series {
            require(!series.modality.isEmpty, "Modality", series.seriesInstanceUID)
            require(
                series.retrieveLocationUID != nil || context.retrieveLocationUID != nil,
                "RetrieveLocationUID",
                series.seriesInstanceUID
            )
            for instance in series.instances {
                require(
                    !instance.isMultiFrame || instance.numberOfFrames != nil,
                    "NumberOfFrames",
                    instance.sopInstanceUID
                )
                require(
                    !instance.isKeyObjectSelection || instance.documentTitle != nil,
                    "Document Title",
                    instance.sopInstanceUID
                )
            }
        }
        return missing
    }
}
