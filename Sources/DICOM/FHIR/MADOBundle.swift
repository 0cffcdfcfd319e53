// SPDX-License-Identifier: Apache-2.0

/// A MADO manifest in its FHIR form (MADO 6.X.3): an R4 document of the study, its patient, requests, endpoints,
/// and who made it. It says what the Key Object Selection of the same values says (6.X.5, table 4.3-1 of the
/// implementation guide 1.0.0).
///
/// The table has nothing for the series that the Key Object Selection is in, the patient's other identifiers and
/// place of birth. A time without seconds comes back with zeros. What FHIR cannot say is left out: a series' time
/// without a date, numbers below zero, a date of birth that is none.
package struct MADOBundle: Sendable {
    /// In the code system 1.3.6.1.4.1.19376.1.2.7.1.
    package static let formatCode = "urn:ihe:rad:MADO:fhir-manifest:2026"
    package static let mediaType = "application/fhir+json"

    let study: ManifestStudy
    let context: ManifestContext

    /// - Throws: what is required and not known, or cannot be said in FHIR.
    package init(
        _ study: ManifestStudy,
        _ context: ManifestContext,
        _ settings: MADOSettings = MADOSettings()
    ) throws(ManifestIncomplete) {
        let study = study.listed(without: [])
        var missing = MADORequirements.missing(study, context, settings)
        if missing.isEmpty, FHIRDateTime.minutes(context.timezoneOffset) == nil {
            missing.append("TimezoneOffsetFromUTC")
        }
        if missing.isEmpty,
            FHIRDateTime(date: study.date, time: study.time, offset: context.timezoneOffset) == nil
        {
            missing.append("StudyDate and StudyTime that are valid")
        }
        guard missing.isEmpty else { throw ManifestIncomplete(missing: missing) }
        self.study = study
        self.context = context
    }

    /// The document under the UID that a Key Object Selection of the same version has, made at a date (YYYYMMDD)
    /// and time (HHMMSS) of the site. Equal for equal values, byte for byte.
    ///
    /// - Throws: the date or time, where it is none.
    package func document(sopInstanceUID: UID, date: String, time: String) throws(ManifestIncomplete)
        -> [UInt8]
    {
        let made = FHIRDateTime(date: date, time: time, offset: context.timezoneOffset)
        guard let made, !time.isEmpty else {
            throw ManifestIncomplete(missing: ["ContentDate and ContentTime that are valid"])
        }
        var output: [UInt8] = []
        MADOBundleWriter(self, sopInstanceUID, made: made.text).bundle.append(to: &output)
        return output
    }

    /// The FHIR form of a manifest that was read in whatever form.
    package static func encode(
        _ manifest: ImagingManifest,
        _ settings: MADOSettings = MADOSettings()
    ) throws(ManifestIncomplete) -> [UInt8] {
        try MADOBundle(manifest.study, manifest.context, settings).document(
            sopInstanceUID: manifest.sopInstanceUID,
            date: manifest.date,
            time: manifest.time
        )
    }

    /// Reads a document; images are expected on `hosts`, in small letters, or on any where that is nil. Reading is
    /// bounded: 16 MiB, 524,288 values, 32 levels. References are looked up, never followed from one to the next.
    package static func decode(
        _ bytes: [UInt8],
        hosts: Set<String>? = nil
    ) throws(ManifestError) -> ImagingManifest {
        let manifest: ImagingManifest
        do throws(FHIRError) {
            var reader = try MADOBundleReader(FHIRValue(parsing: bytes))
            manifest = try reader.manifest(hosts)
        } catch {
            throw .malformed(error)
        }
        guard manifest.study.instanceCount > 0 else { throw .noInstance }
        return manifest
    }
}
