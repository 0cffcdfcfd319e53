// SPDX-License-Identifier: Apache-2.0
import Crypto
package import DICOM
import HL7
import Linux
package import Store
package import Transfer

/// Manifests of what a PACS answers to C-FIND, study, series and instance by instance.
package struct ArchivedManifests: ManifestSource {
    package struct Site: Sendable {
        package var manufacturer: String
        package var retrieveURL: String
        package var retrieveLocationUID: UID?
        /// Such as "+0100"; that of the machine where it is nil.
        package var timezoneOffset: String?
        /// In the order in which they are published.
        package var forms: [PublicationManifest.Form]
        package var mado: MADOSite

        package init(
            manufacturer: String,
            retrieveURL: String,
            retrieveLocationUID: UID? = nil,
            timezoneOffset: String? = nil,
            forms: [PublicationManifest.Form] = [.french],
            mado: MADOSite = MADOSite()
        ) {
            self.manufacturer = manufacturer
            self.retrieveURL = retrieveURL
            self.retrieveLocationUID = retrieveLocationUID
            self.timezoneOffset = timezoneOffset
            self.forms = forms
            self.mado = mado
        }
    }

    private let client: DIMSEClient
    private let archive: DICOMPeer
    private let site: Site

    package init(client: DIMSEClient, archive: DICOMPeer, site: Site) {
        self.client = client
        self.archive = archive
        self.site = site
    }

    package func draft(of context: ReportContext, without excluded: Set<UID>) async throws -> ManifestDraft {
        guard let uid = UID(context.studyInstanceUID) else {
            return .noImages(reason: "the report's StudyInstanceUID is no UID")
        }
        guard let found = try await study(uid) else {
            return .noImages(reason: "the archive has no such study")
        }
        if let reason = contradiction(found, context) { return .noImages(reason: reason) }
        let listed = found.listed(without: excluded)
        guard listed.instanceCount > 0 else {
            let reason =
                found.instanceCount > 0 ? "all images are rejected" : "the archive has no images of the study"
            return .noImages(reason: reason)
        }
        var modalities: [String] = []
        for series in listed.series where !modalities.contains(series.modality) && !series.modality.isEmpty {
            modalities.append(series.modality)
        }
        return .images(site.forms.map { document($0, listed, manifestContext(context), context, modalities) })
    }

    private func document(
        _ form: PublicationManifest.Form,
        _ study: ManifestStudy,
        _ manifest: ManifestContext,
        _ context: ReportContext,
        _ modalities: [String]
    ) -> ManifestDraft.Document {
        let builder: any ManifestForm
        switch form {
        case .french: builder = ManifestBuilder(study, manifest)
        case .mado:
            do throws(ManifestIncomplete) {
                builder = try MADOBuilder(study, site.mado.complete(manifest, context), site.mado.settings)
            } catch {
                return .incomplete(.mado, reason: error.description)
            }
        }
        let offset = site.timezoneOffset ?? WallClock.utcOffset()
        return .ready(
            .init(
                form: form,
                fingerprint: SHA256.hash(data: builder.content).hexadecimal,
                instances: study.instanceCount,
                modalities: modalities
            ) { sopInstanceUID, seriesInstanceUID, created in
                let (date, time) = SiteTime.dicom(created, offset: offset)
                return builder.file(
                    sopInstanceUID: sopInstanceUID,
                    seriesInstanceUID: seriesInstanceUID,
                    date: date,
                    time: time
                )
            }
        )
    }

    // MARK: The archive

    /// Nil where it has no such study.
    private func study(_ uid: UID) async throws -> ManifestStudy? {
        var query = QueryIdentifier(level: .study)
        query.match(.studyInstanceUID, [uid])
        query.request(
            .studyDate,
            .studyTime,
            .studyDescription,
            .studyID,
            .referringPhysicianName,
            .accessionNumber,
            .patientID
        )
        let describes = site.forms.contains(.mado)
        let matches = try await client.find(archive, query, priority: .prefetch).matches
        guard let match = matches.first(where: { $0.uid(.studyInstanceUID) == uid }) else { return nil }
        var study = ManifestStudy(studyInstanceUID: uid)
        study.date = match.text(.studyDate) ?? ""
        study.time = match.text(.studyTime) ?? ""
        study.description = match.text(.studyDescription) ?? ""
        study.studyID = match.text(.studyID) ?? ""
        study.referringPhysicianName = match.text(.referringPhysicianName) ?? ""
        study.accessionNumber = match.text(.accessionNumber)
        study.patientID = match.text(.patientID)
        let found = try await client.instances(
            archive,
            study: uid,
            seriesKeys: [.seriesDescription]
                + (describes ? [.seriesDate, .seriesTime, .bodyPartExamined] : []),
            instanceKeys: [.numberOfFrames] + (describes ? [.conceptNameCodeSequence] : []),
            priority: .prefetch
        )
        study.series = found.map { series in
            var described = ManifestStudy.Series(
                seriesInstanceUID: series.seriesInstanceUID,
                number: series.attributes.integer(.seriesNumber),
                modality: series.attributes.text(.modality) ?? "",
                description: series.attributes.text(.seriesDescription) ?? "",
                instances: series.instances.compactMap { instance in
                    guard let sopClass = instance.uid(.sopClassUID), let own = instance.uid(.sopInstanceUID)
                    else {
                        return nil
                    }
                    return ManifestStudy.Instance(
                        sopClassUID: sopClass,
                        sopInstanceUID: own,
                        number: instance.integer(.instanceNumber),
                        numberOfFrames: instance.integer(.numberOfFrames),
                        documentTitle: instance.keyObjectTitle
                    )
                }
            )
            described.date = series.attributes.text(.seriesDate) ?? ""
            described.time = series.attributes.text(.seriesTime) ?? ""
            described.targetRegionText = series.attributes.text(.bodyPartExamined).flatMap {
                $0.isEmpty ? nil : $0
            }
            return described
        }
        return study
    }

    /// What of the study contradicts the report (DOMAIN: accession and the site's own patient identifier); values are
    /// compared only where both sides have one.
    private func contradiction(_ study: ManifestStudy, _ context: ReportContext) -> String? {
        if let found = study.accessionNumber, found != context.accessionNumber.value {
            return "AccessionNumber: the archive's is not the report's"
        }
        if let found = study.patientID, let local = context.patient.localIdentifier, found != local.value {
            return "PatientID: the archive's is not the report's"
        }
        return nil
    }

    private func manifestContext(_ context: ReportContext) -> ManifestContext {
        let patient = context.patient
        func name(_ family: String?, _ given: String?) -> String? {
            guard let family, !family.isEmpty || given?.isEmpty == false else { return nil }
            return [family, given ?? ""].map { $0.filter { $0 != "^" && $0 != "\\" && $0 != "=" } }
                .joined(separator: "^")
        }
        let institution = context.institution ?? context.structure
        return ManifestContext(
            patientID: .init(
                value: patient.nationalIdentifier.value,
                authority: patient.nationalIdentifier.authority
            ),
            patientName: name(patient.birthFamilyName, patient.firstBirthGivenName) ?? "",
            otherPatientName: name(patient.usedFamilyName ?? "", patient.usedGivenName),
            patientBirthDate: patient.birthDate,
            patientSex: patient.sex,
            birthplace: patient.birthplace,
            accessionNumber: .init(
                value: context.accessionNumber.value,
                authority: context.accessionNumber.authority
            ),
            order: context.order.map { .init(value: $0.value, authority: $0.authority) },
            manufacturer: site.manufacturer,
            institutionName: institution.name,
            institutionIdentifier: institution.identifier,
            procedure: (context.regions.first ?? context.acts.first)?.meaning ?? context.title.meaning,
            retrieveURL: site.retrieveURL,
            retrieveLocationUID: site.retrieveLocationUID,
            timezoneOffset: site.timezoneOffset ?? WallClock.utcOffset()
        )
    }
}

/// Points of time as documents write them.
package enum SiteTime {
    /// DA and TM at an offset such as "+0100".
    static func dicom(_ milliseconds: Int64, offset: String) -> (date: String, time: String) {
        let digits = Int(offset.dropFirst()) ?? 0
        let minutes = (digits / 100 * 60 + digits % 100) * (offset.hasPrefix("-") ? -1 : 1)
        let text = utc(milliseconds + Int64(minutes) * 60_000)
        return (String(text.prefix(8)), String(text.suffix(6)))
    }

    /// YYYYMMDDhhmmss
    package static func utc(_ milliseconds: Int64) -> String {
        let seconds = milliseconds / 1000
        let (days, rest) = seconds.quotientAndRemainder(dividingBy: 86_400)
        func pad(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return DTM.date(daysSince1970: Int(days)) + pad(rest / 3600) + pad(rest / 60 % 60) + pad(rest % 60)
    }
}
