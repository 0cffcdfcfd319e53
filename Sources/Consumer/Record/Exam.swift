// SPDX-License-Identifier: Apache-2.0
package import IHE

/// What belongs together in a record: the manifests of an exam's images and the reports on them, which come in different
/// submissions and name the same accession or the same study.
package struct Exam: Equatable, Sendable {
    package var manifests: [RegisteredDocument] = []
    package var reports: [RegisteredDocument] = []

    package var documents: [RegisteredDocument] { manifests + reports }

    /// When the exam was done, YYYYMMDDhhmmss; empty where nothing says it.
    package var performed: String {
        documents.lazy.map(\.entry.serviceStartTime).first { !$0.isEmpty }
            ?? documents.lazy.map(\.entry.creationTime).first { !$0.isEmpty } ?? ""
    }

    package var modalities: [String] {
        var seen: Set<String> = []
        return manifests.flatMap(\.modalities).filter { seen.insert($0).inserted }
    }

    package var regions: [Coded] {
        var seen: Set<String> = []
        return documents.flatMap(\.regions).filter { seen.insert($0.value).inserted }
    }

    /// The act, as the report or the manifest names it.
    package var title: String {
        reports.lazy.map(\.entry.title).first { !$0.isEmpty }
            ?? manifests.lazy.map(\.entry.title).first { !$0.isEmpty } ?? ""
    }

    /// Name of the structure: the first component of the author's institution (XON).
    package var institution: String {
        let institutions = documents.flatMap(\.entry.authors).map(\.institution)
        return institutions.lazy.compactMap { $0.split(separator: "^").first.map(String.init) }.first ?? ""
    }

    /// Pairs what a registry found; the newest exam first. Signatures are nothing to look at.
    package static func pair(_ documents: [RegisteredDocument]) -> [Exam] {
        var groups: [(keys: Set<String>, exam: Exam)] = []
        for document in documents where document.isManifest || document.isReport {
            var keys = Set(document.studyInstanceUIDs.map { "study " + $0 })
            keys.formUnion(document.accessionNumbers.map { "accession " + $0 })
            var exam = Exam()
            if document.isManifest { exam.manifests = [document] } else { exam.reports = [document] }
            // It may be what two groups have in common.
            let related = groups.indices.filter { !groups[$0].keys.isDisjoint(with: keys) }
            for index in related.reversed() {
                let group = groups.remove(at: index)
                keys.formUnion(group.keys)
                exam.manifests = group.exam.manifests + exam.manifests
                exam.reports = group.exam.reports + exam.reports
            }
            groups.append((keys, exam))
        }
        return groups.map(\.exam).sorted { $0.performed > $1.performed }
    }

    /// With each manifest in one form: those of the same images list the same. It is the preferred form where that is there,
    /// else the first of French, MADO, FHIR.
    package func inOneForm(_ preferred: RegisteredDocument.ManifestForm) -> Exam {
        let order = [preferred] + RegisteredDocument.ManifestForm.allCases
        func rank(_ document: RegisteredDocument) -> Int {
            document.manifestForm.flatMap(order.firstIndex) ?? order.count
        }
        var exam = self
        exam.manifests.removeAll { document in
            manifests.contains { $0.listsTheSame(as: document) && rank($0) < rank(document) }
        }
        return exam
    }
}

extension RegisteredDocument {
    /// CXi, as the entry has them.
    var accessionReferences: [String] {
        entry.references.filter { $0.hasSuffix("^urn:ihe:iti:xds:2013:accession") }
    }

    /// Whether it is of the same images, from the same structure and as much in force.
    fileprivate func listsTheSame(as document: RegisteredDocument) -> Bool {
        isManifest && status == document.status && !studyInstanceUIDs.isEmpty
            && Set(studyInstanceUIDs) == Set(document.studyInstanceUIDs)
            && institutions == document.institutions
    }

    /// Identifiers of the authors' structures (XON-10), whose names are not written alike everywhere.
    private var institutions: [String] {
        entry.authors.map { author in
            let components = author.institution.split(separator: "^", omittingEmptySubsequences: false)
            return components.count > 9 ? String(components[9]) : author.institution
        }
    }

    /// A report of imaging (TRE_A04 / LOINC 18748-4).
    var isReport: Bool { entry.typeCode.value == ReportType.code }
}

/// « CR d'imagerie médicale ».
enum ReportType {
    static let code = "18748-4"
    static let scheme = "2.16.840.1.113883.6.1"
}
