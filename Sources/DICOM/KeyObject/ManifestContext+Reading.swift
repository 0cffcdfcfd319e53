// SPDX-License-Identifier: Apache-2.0

extension ManifestContext {
    /// Of a manifest that says nothing.
    static var empty: ManifestContext {
        ManifestContext(
            patientID: .init(value: "", authority: ""),
            patientName: "",
            patientBirthDate: "",
            patientSex: "",
            accessionNumber: .init(value: "", authority: ""),
            manufacturer: "",
            institutionName: "",
            institutionIdentifier: "",
            procedure: "",
            retrieveURL: "",
            timezoneOffset: ""
        )
    }

    /// What a manifest of any box says besides its study; what is absent is empty.
    package init(reading manifest: DataSet) {
        func identifier(_ dataSet: DataSet?, _ value: Tag, _ issuer: Tag) -> Identifier? {
            guard let text = dataSet?.text(value), !text.isEmpty else { return nil }
            return Identifier(
                value: text,
                authority: dataSet?.items(issuer).first?.text(.universalEntityID) ?? ""
            )
        }
        func text(_ tag: Tag) -> String? { manifest.text(tag).flatMap { $0.isEmpty ? nil : $0 } }
        let request = manifest.items(.referencedRequestSequence).first
        let series = manifest.items(.currentRequestedProcedureEvidenceSequence).first?
            .items(.referencedSeriesSequence).first
        // Name, nine carets, identifier; older boxes wrote the name alone.
        let institution = (manifest.text(.institutionName) ?? "")
            .split(separator: "^", omittingEmptySubsequences: false)
        let url = series?.text(.retrieveURL) ?? ""
        self.init(
            patientID: identifier(manifest, .patientID, .issuerOfPatientIDQualifiersSequence)
                ?? Identifier(value: "", authority: ""),
            patientName: text(.patientName) ?? "",
            otherPatientName: text(.otherPatientNames),
            patientBirthDate: text(.patientBirthDate) ?? "",
            patientSex: text(.patientSex) ?? "",
            birthplace: text(.patientComments),
            accessionNumber: identifier(request, .accessionNumber, .issuerOfAccessionNumberSequence)
                ?? Identifier(value: "", authority: ""),
            order: identifier(
                request,
                .placerOrderNumberImagingServiceRequest,
                .orderPlacerIdentifierSequence
            ),
            manufacturer: text(.manufacturer) ?? "",
            institutionName: institution.first.map(String.init) ?? "",
            institutionIdentifier: institution.count > 1 ? institution.last.map(String.init) ?? "" : "",
            procedure: Self.procedure(manifest),
            retrieveURL: url.firstRange(of: "/studies/").map { String(url[..<$0.lowerBound]) } ?? url,
            retrieveLocationUID: series?.uid(.retrieveLocationUID),
            timezoneOffset: text(.timezoneOffsetFromUTC) ?? ""
        )
    }

    /// What a manifest in MADO's form says besides its study; its regions are in its content.
    init(readingMADO manifest: DataSet) {
        self.init(reading: manifest)
        patientIDIssuer = manifest.text(.issuerOfPatientID)
        // HL7 V2 XON.
        let institution = (manifest.text(.institutionName) ?? "")
            .split(separator: "^", omittingEmptySubsequences: false)
        institutionIdentifier = institution.count > 9 ? String(institution[9]) : ""
        let authority =
            institution.count > 5
            ? institution[5].split(separator: "&", omittingEmptySubsequences: false) : []
        institutionAuthority = authority.count > 1 ? String(authority[1]) : nil
        let requests = manifest.items(.referencedRequestSequence).map { Request(reading: $0) }
        if let first = requests.first {
            accessionNumber = first.accessionNumber
            order = first.order
            furtherRequests = Array(requests.dropFirst())
        } else {
            accessionNumber = Request(reading: manifest).accessionNumber
        }
        let evidence = manifest.items(.currentRequestedProcedureEvidenceSequence).first
        displayURI = evidence?.text(.displayURI)
        if evidence?.text(.madoPrivateCreator) == "IHE_MADO_PRIVATE", displayURI == nil {
            displayURI = evidence?.text(.madoDisplayURI)
        }
    }

    /// The line "Acte" of the description.
    private static func procedure(_ manifest: DataSet) -> String {
        let texts = manifest.items(.contentSequence).compactMap { $0.text(.textValue) }
        for line in texts.flatMap({ $0.split(whereSeparator: \.isNewline) }) where line.hasPrefix("Acte =") {
            return String(line.dropFirst("Acte =".count).drop { $0 == " " || $0 == ":" })
        }
        return ""
    }
}

extension ManifestContext.Request {
    fileprivate init(reading item: DataSet) {
        func authority(_ tag: Tag) -> String { item.items(tag).first?.text(.universalEntityID) ?? "" }
        accessionNumber = .init(
            value: item.text(.accessionNumber) ?? "",
            authority: authority(.issuerOfAccessionNumberSequence)
        )
        order = item.text(.placerOrderNumberImagingServiceRequest).map { value in
            .init(value: value, authority: authority(.orderPlacerIdentifierSequence))
        }
    }
}
