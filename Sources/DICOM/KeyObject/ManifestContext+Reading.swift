// SPDX-License-Identifier: Apache-2.0

extension ManifestContext {
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

    /// The line "Acte" of the description.
    private static func procedure(_ manifest: DataSet) -> String {
        let texts = manifest.items(.contentSequence).compactMap { $0.text(.textValue) }
        for line in texts.flatMap({ $0.split(whereSeparator: \.isNewline) }) where line.hasPrefix("Acte =") {
            return String(line.dropFirst("Acte =".count).drop { $0 == " " || $0 == ":" })
        }
        return ""
    }
}
