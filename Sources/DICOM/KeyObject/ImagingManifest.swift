// SPDX-License-Identifier: Apache-2.0

/// A manifest as it is read, of either form: what it lists, what it says besides, and what is wrong with it.
///
/// Reading is bounded: `DataSet.maximumLength` bytes, `DataSetLimits.manifestElements` elements,
/// `DataSetLimits.nesting` levels, one pass over three levels of content. References by identifier (0040,DB73),
/// the only way to make content loop, are not followed.
package struct ImagingManifest: Equatable, Sendable {
    package enum Form: Equatable, Sendable {
        case french
        /// With the codes that it is written in.
        case mado(MADOSettings.Codes)
        /// MADO's, as FHIR resources.
        case fhir
    }

    package let form: Form
    package let sopInstanceUID: UID
    package let seriesInstanceUID: UID?
    /// Content Date and Content Time: YYYYMMDD and HHMMSS, empty where it says none.
    package let date: String
    package let time: String
    /// Its series in the document's order. Their URLs are those of the service, whatever the form; nil where they
    /// are the context's.
    package let study: ManifestStudy
    package let context: ManifestContext
    /// At most 100, and how many more there are.
    package let warnings: [ManifestWarning]

    /// A manifest in FHIR form, of what its reader has found.
    init(
        fhir sopInstanceUID: UID,
        date: String,
        time: String,
        study: ManifestStudy,
        context: ManifestContext,
        warnings: [ManifestWarning]
    ) {
        form = .fhir
        self.sopInstanceUID = sopInstanceUID
        seriesInstanceUID = nil
        self.date = date
        self.time = time
        self.study = study
        self.context = context
        self.warnings = warnings
    }

    /// Reads a document of any form: FHIR's where it begins as JSON, else a Part 10 file. Images are expected on
    /// `hosts`, in small letters, or on any where that is nil.
    package init(document bytes: [UInt8], hosts: Set<String>? = nil) throws(ManifestError) {
        let prefix = bytes.dropFirst(128).prefix(4)
        let first = bytes.first { $0 != 0x20 && $0 != 0x0A && $0 != 0x0D && $0 != 0x09 }
        if first == UInt8(ascii: "{"), !prefix.elementsEqual("DICM".utf8) {
            self = try MADOBundle.decode(bytes, hosts: hosts)
        } else {
            try self.init(file: bytes, hosts: hosts)
        }
    }

    /// Reads a document; images are expected on `hosts`, in small letters, or on any where that is nil.
    package init(_ dataSet: DataSet, hosts: Set<String>? = nil) throws(ManifestError) {
        let selection: KeyObjectSelection
        do throws(KeyObjectError) {
            selection = try KeyObjectSelection(dataSet)
        } catch {
            throw .unreadable(error)
        }
        let title = dataSet.items(.conceptNameCodeSequence).first?.manifestCode
        guard selection.title == .manifest, let title, let listed = selection.studies.first else {
            throw .otherTitle(title?.value ?? "")
        }
        if let own = dataSet.uid(.studyInstanceUID), own != listed.studyInstanceUID {
            throw .otherStudy(listed.studyInstanceUID)
        }
        var reader = ManifestReader(dataSet, study: listed.studyInstanceUID)
        let content = dataSet.items(.contentSequence)
        if title.value == "113030" {
            form = .french
            reader.context = ManifestContext(reading: dataSet)
            reader.readFrenchText(content)
        } else {
            let codes: MADOSettings.Codes = title.scheme == "99IHE" ? .temporary : .final(title: title.value)
            form = .mado(codes)
            reader.context = ManifestContext(readingMADO: dataSet)
            reader.readLibrary(content)
        }
        reader.compare(content)
        guard reader.study.instanceCount > 0 else { throw .noInstance }
        reader.checkRetrieval(hosts)
        if case .mado(let codes) = form {
            let settings = MADOSettings(codes: codes)
            for name in MADORequirements.missing(reader.study, reader.context, settings) {
                reader.warnings.append(.missing(name))
            }
        }
        sopInstanceUID = selection.sopInstanceUID
        seriesInstanceUID = dataSet.uid(.seriesInstanceUID)
        date = dataSet.text(.contentDate) ?? ""
        time = dataSet.text(.contentTime) ?? ""
        study = reader.study
        context = reader.context
        warnings = reader.warnings.all
    }

    /// Reads a Part 10 file.
    package init(file bytes: [UInt8], hosts: Set<String>? = nil) throws(ManifestError) {
        let dataSet: DataSet
        do throws(KeyObjectError) {
            dataSet = try KeyObjectSelection.dataSet(file: bytes)
        } catch {
            throw .unreadable(error)
        }
        try self.init(dataSet, hosts: hosts)
    }

    /// The host of a series' URL; nil where it has no valid one.
    package func host(of series: ManifestStudy.Series) -> String? {
        RetrieveURL.host(series.retrieveURL ?? context.retrieveURL)
    }

    /// Where the images of each series are asked for, as (0008,1190) has it in the French form; nil where it says no URL.
    package var retrievals: [(series: UID, url: String?, instances: [UID])] {
        study.series.map { series in
            let url = series.retrieveURL ?? context.retrieveURL
            return (
                series.seriesInstanceUID,
                url.isEmpty
                    ? nil : RetrieveURL.complete(url, study.studyInstanceUID, series.seriesInstanceUID),
                series.instances.map(\.sopInstanceUID)
            )
        }
    }

    /// Whether the images of a series at least can be asked for.
    package var isRetrievable: Bool {
        study.series.contains { series in
            host(of: series) != nil || series.retrieveLocationUID != nil || context.retrieveLocationUID != nil
        }
    }
}
