// SPDX-License-Identifier: Apache-2.0
import IHE

/// Which exams a consultant wants to see.
package struct ExamFilter: Equatable, Sendable {
    /// JDV 1.2.250.1.213.1.1.5.618.
    static let modalities = ["CR", "CT", "DX", "IO", "MG", "MR", "NM", "OT", "PT", "PX", "RF", "US", "XA"]
    /// JDV 1.2.250.1.213.1.1.5.695.
    static let regions = [
        "63337009", "38266002", "53120007", "61685007", "67734004", "69536005", "45048000", "113257007",
        "80891009", "76752008", "786880003", "737561001", "774007",
    ]
    /// Of the fields of a query.
    static let names: Set = ["modality", "region", "from", "to", "archived", "obsolete"]

    static let modalityScheme = "1.2.250.1.213.1.1.5.618"
    static let regionScheme = "1.2.250.1.213.1.1.5.695"

    /// One of them; any where there is none.
    package var modalities: [String] = []
    package var regions: [String] = []
    /// YYYYMMDD, both inclusive.
    package var from: String?
    package var to: String?
    package var includesArchived = false
    package var includesObsolete = false

    package init() {}

    /// Reads a query; what is no such value is as if it were not there.
    init(_ form: SubmittedForm) {
        modalities = form["modality"].map { [$0] }?.filter(Self.modalities.contains) ?? []
        regions = form["region"].map { [$0] }?.filter(Self.regions.contains) ?? []
        from = form["from"].flatMap(Self.date)
        to = form["to"].flatMap(Self.date)
        includesArchived = form["archived"] == "on"
        includesObsolete = form["obsolete"] == "on"
    }

    /// What narrows the manifests, and not the reports, whose entries need not say it.
    var narrowsImages: Bool { !modalities.isEmpty || !regions.isEmpty }

    /// One of each list (ITI TF-2 3.18.4.1.2.3.5).
    var eventCodes: [[Coded]] {
        [
            modalities.map { Coded($0, Self.modalityScheme, "") },
            regions.map { Coded($0, Self.regionScheme, "") },
        ].filter { !$0.isEmpty }
    }

    /// Whether a manifest that a site shares may be what is looked for. Sites code regions more coarsely (CID IHE-MADO1), and
    /// need not say everything: an exam too many is better than one that nobody sees.
    func takes(_ document: RegisteredDocument) -> Bool {
        let start = document.entry.serviceStartTime
        let isInTime =
            start.isEmpty || (from.map { start >= $0 } ?? true) && (end.map { start <= $0 } ?? true)
        let near = regions + regions.flatMap { Self.related[$0] ?? [] } + [Self.wholeBody]
        let named = document.regions.map(\.value).filter(Self.regions.contains)
        return isInTime && statuses.contains(document.status)
            && Self.meets(modalities, document.modalities) && Self.meets(regions.isEmpty ? [] : near, named)
    }

    /// Where one side says nothing they do.
    private static func meets(_ wanted: [String], _ found: [String]) -> Bool {
        wanted.isEmpty || found.isEmpty || !Set(wanted).isDisjoint(with: found)
    }

    var statuses: [RegisteredDocument.Status] {
        [.approved] + (includesArchived ? [.archived] : []) + (includesObsolete ? [.deprecated] : [])
    }

    /// The end of `to`: intervals of the registry are half open (ITI TF-2 3.18.4.1.2.3.7.1).
    var end: String? { to.map { $0 + "235959" } }

    /// A date of `<input type=date>`.
    private static func date(_ text: String) -> String? {
        let digits = text.filter { $0 != "-" }
        return digits.utf8.count == 8 && digits.utf8.allSatisfy { (0x30...0x39).contains($0) } ? digits : nil
    }
}
