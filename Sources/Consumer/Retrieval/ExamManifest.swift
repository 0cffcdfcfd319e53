// SPDX-License-Identifier: Apache-2.0
package import DICOM
package import IHE

/// A manifest that was read out of a record, and is of the patient whose record it was found in.
package struct ExamManifest: Equatable, Sendable {
    package struct Series: Equatable, Sendable {
        package let seriesInstanceUID: UID
        /// Verbatim (0008,1190).
        package let retrieveURL: String
        package let instances: [UID]
    }

    package struct Unusable: Error, Equatable, Sendable, CustomStringConvertible {
        package let description: String
    }

    package let sopInstanceUID: UID
    package let studyInstanceUID: UID
    package let series: [Series]
    /// In the order of the manifest.
    package let instances: [UID]

    /// The series of the instance at a position in `instances`.
    package func series(at position: Int) -> UID? {
        var end = 0
        return series.first { item in
            end += item.instances.count
            return position < end
        }?.seriesInstanceUID
    }

    init(sopInstanceUID: UID, studyInstanceUID: UID, series: [Series]) {
        self.sopInstanceUID = sopInstanceUID
        self.studyInstanceUID = studyInstanceUID
        self.series = series
        instances = series.flatMap(\.instances)
    }

    /// In whichever form it is.
    ///
    /// - Throws: what of the document is not as its entry, or a manifest, has it.
    package init(
        _ document: [UInt8],
        of entry: RegisteredDocument,
        patient: PatientContext
    ) throws(Unusable) {
        if entry.manifestForm == .fhir {
            try self.init(fhir: document, of: entry, patient: patient)
        } else {
            try self.init(keyObjects: document, of: entry, patient: patient)
        }
    }

    private init(
        fhir document: [UInt8],
        of entry: RegisteredDocument,
        patient: PatientContext
    ) throws(Unusable) {
        let found: ImagingManifest
        do throws(ManifestError) {
            found = try MADOBundle.decode(document)
        } catch {
            throw Unusable(description: "\(error)")
        }
        try self.init(
            sopInstanceUID: found.sopInstanceUID,
            studyInstanceUID: found.study.studyInstanceUID,
            patientID: found.context.patientID.value,
            found.retrievals.map { ($0.series, $0.url, $0.instances) },
            of: entry,
            patient: patient
        )
    }

    private init(
        keyObjects document: [UInt8],
        of entry: RegisteredDocument,
        patient: PatientContext
    ) throws(Unusable) {
        let found: KeyObjectSelection
        do throws(KeyObjectError) {
            found = try KeyObjectSelection(file: document)
        } catch {
            throw Unusable(description: "\(error)")
        }
        guard found.title == .manifest, let study = found.studies.first else {
            throw Unusable(description: "ConceptNameCodeSequence: found another title, expected Manifest")
        }
        try self.init(
            sopInstanceUID: found.sopInstanceUID,
            studyInstanceUID: study.studyInstanceUID,
            patientID: found.patientID,
            study.series.map { ($0.seriesInstanceUID, $0.retrieveURL, $0.instances) },
            of: entry,
            patient: patient
        )
    }

    private init(
        sopInstanceUID: UID,
        studyInstanceUID: UID,
        patientID: String?,
        _ listed: [(series: UID, url: String?, instances: [UID])],
        of entry: RegisteredDocument,
        patient: PatientContext
    ) throws(Unusable) {
        guard sopInstanceUID.string == entry.entry.uniqueID else {
            throw Unusable(description: "SOPInstanceUID: found another than the record's uniqueId")
        }
        guard patientID == patient.nationalIdentifier.value else {
            throw Unusable(
                description: "PatientID: found another patient's, expected the one who was asked for"
            )
        }
        var series: [Series] = []
        var seen: Set<UID> = []
        for item in listed {
            guard let url = item.url, !url.isEmpty else {
                throw Unusable(description: "RetrieveURL: found none in a series, expected one")
            }
            let instances = item.instances.filter { seen.insert($0).inserted }
            guard !instances.isEmpty else { continue }
            series.append(
                Series(seriesInstanceUID: item.series, retrieveURL: url, instances: instances)
            )
        }
        guard !series.isEmpty else {
            throw Unusable(description: "ReferencedSOPSequence: found no instance, expected one at least")
        }
        self.init(sopInstanceUID: sopInstanceUID, studyInstanceUID: studyInstanceUID, series: series)
    }
}
