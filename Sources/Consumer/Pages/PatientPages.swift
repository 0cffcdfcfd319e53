// SPDX-License-Identifier: Apache-2.0
import DICOM
import IHE

/// The contents of the pages of one opened patient.
struct PatientPages {
    let language: Language
    let opened: OpenedPatient
    let formToken: String

    private var banner: HTML {
        let patient = PatientBanner(patient: opened.patient, language: language).html
        guard let emergency = opened.emergency else { return patient }
        return .group([
            .element(
                "p",
                ["class": "warning emergency", "role": "alert"],
                "\(language(.emergencyBanner)) \(language(.emergencyReason))\(language.colon)\(language(emergency.words))"
            ), patient,
        ])
    }
    private var back: HTML {
        .element("p", [.element("a", ["href": opened.path], "← \(language(.back))")])
    }

    // MARK: Access

    func access(_ access: RecordAccess) -> [HTML] {
        var content = [banner, .element("h1", language(.exams))]
        switch access {
        case .granted: break
        case .none: content.append(alert(.noRecord))
        case .closed: content.append(alert(.closedRecord))
        case .forbidden: content.append(alert(.forbiddenRecord))
        case .unauthorised:
            content.append(alert(.notAuthorised))
            if !opened.patient.hasConsent {
                content.append(.element("p", ["class": "warning"], language(.noConsentGiven)))
            }
            // Never by itself, and never by a press of a button alone (EX_0.3-1010).
            content.append(
                Form.post(
                    opened.path + "/authorisation",
                    formToken,
                    [
                        .element(
                            "label",
                            ["class": "choice"],
                            [
                                .element(
                                    "input",
                                    ["type": "checkbox", "name": "consent", "value": "yes", "required": ""]
                                ),
                                .text(language(.consentBox)),
                            ]
                        ),
                        .element("button", ["type": "submit"], language(.authorise)),
                    ]
                )
            )
            content.append(emergency)
        }
        return content
    }

    /// Behind a click, and never by a press of a button alone.
    private var emergency: HTML {
        .element(
            "details",
            ["class": "emergency"],
            [
                .element("summary", language(.emergency)), .element("p", language(.emergencyHelp)),
                Form.post(
                    opened.path + "/emergency",
                    formToken,
                    [
                        .element(
                            "label",
                            [
                                .text(language(.emergencyReason)),
                                .element(
                                    "select",
                                    ["name": "reason", "required": ""],
                                    [.element("option", ["value": ""], "–")]
                                        + Emergency.allCases.map { reason in
                                            .element(
                                                "option",
                                                ["value": reason.rawValue],
                                                language(reason.words)
                                            )
                                        }
                                ),
                            ]
                        ),
                        .element(
                            "label",
                            ["class": "choice"],
                            [
                                .element(
                                    "input",
                                    ["type": "checkbox", "name": "emergency", "value": "yes", "required": ""]
                                ),
                                .text(language(.emergencyBox)),
                            ]
                        ),
                        .element("button", ["type": "submit"], language(.openInEmergency)),
                    ]
                ),
            ]
        )
    }

    private func alert(_ phrase: Phrase) -> HTML {
        .element("p", ["class": "warning", "role": "alert"], language(phrase))
    }

    // MARK: List

    func list(_ search: RecordSearch, _ filter: ExamFilter) -> [HTML] {
        var content = [banner, .element("h1", language(.exams)), filters(filter)]
        if search.exams.isEmpty { content.append(.element("p", ["role": "status"], language(.noExams))) }
        if search.unreadable > 0 {
            content.append(
                .element(
                    "p",
                    ["class": "warning"],
                    "\(language(.unreadableEntries)) \(search.unreadable)"
                )
            )
        }
        if !search.silent.isEmpty {
            content.append(
                .element(
                    "p",
                    ["class": "warning", "role": "status"],
                    "\(language(.silentSites)) \(search.silent.joined(separator: ", "))"
                )
            )
        }
        content.append(.element("ol", ["class": "exams"], search.exams.map(row)))
        return content
    }

    private func row(_ exam: Exam) -> HTML {
        var parts: [HTML] = [.element("h2", heading(exam))]
        let regions = exam.regions.map { $0.meaning.isEmpty ? $0.value : $0.meaning }
        let place = ([exam.institution] + regions).filter { !$0.isEmpty }.joined(separator: " – ")
        if !place.isEmpty { parts.append(.element("p", place)) }
        for document in exam.reports {
            parts.append(
                .element(
                    "div",
                    ["class": "document"],
                    [
                        .element(
                            "a",
                            ["class": "button", "href": opened.path(ofReport: document)],
                            language(.openReport)
                        ),
                        DocumentStates(document: document, language: language).html,
                    ]
                )
            )
        }
        for document in exam.manifests {
            parts.append(
                .element(
                    "div",
                    ["class": "document"],
                    [
                        Form.post(
                            opened.path(ofImages: document),
                            formToken,
                            [.element("button", ["type": "submit"], language(.openImages))]
                        ),
                        DocumentStates(document: document, language: language).html,
                    ]
                )
            )
        }
        if exam.manifests.isEmpty { parts.append(.element("p", language(.noImages))) }
        return .element("li", parts)
    }

    /// Date, modalities, act.
    private func heading(_ exam: Exam) -> String {
        let title = exam.reports.isEmpty || exam.title.isEmpty ? language(.untitled) : exam.title
        return [language.date(exam.performed), exam.modalities.joined(separator: ", "), title]
            .filter { !$0.isEmpty }.joined(separator: " – ")
    }

    private func filters(_ filter: ExamFilter) -> HTML {
        func select(_ name: String, _ label: Phrase, _ values: [(String, String)], _ chosen: String?) -> HTML
        {
            .element(
                "label",
                [
                    .text(language(label)),
                    .element(
                        "select",
                        ["name": name],
                        [.element("option", ["value": ""], language(.any))]
                            + values.map { value, words in
                                .element(
                                    "option",
                                    ["value": value, "selected": value == chosen ? "" : nil],
                                    words
                                )
                            }
                    ),
                ]
            )
        }
        func date(_ name: String, _ label: Phrase, _ value: String?) -> HTML {
            let text = value.map { "\($0.prefix(4))-\($0.dropFirst(4).prefix(2))-\($0.suffix(2))" }
            return .element(
                "label",
                [
                    .text(language(label)),
                    .element("input", ["type": "date", "name": name, "value": text]),
                ]
            )
        }
        func check(_ name: String, _ label: Phrase, _ isOn: Bool) -> HTML {
            .element(
                "label",
                ["class": "choice"],
                [
                    .element("input", ["type": "checkbox", "name": name, "checked": isOn ? "" : nil]),
                    .text(language(label)),
                ]
            )
        }
        let modalities = ExamFilter.modalities.map { ($0, $0) }
        let regions = ExamFilter.regions.map { ($0, language(.region($0))) }
        return .element(
            "details",
            ["class": "filters", "open": filter == ExamFilter() ? nil : ""],
            [
                .element("summary", language(.filters)),
                .element(
                    "form",
                    ["method": "get", "action": opened.path],
                    [
                        select("modality", .modality, modalities, filter.modalities.first),
                        select("region", .region, regions, filter.regions.first),
                        date("from", .from, filter.from),
                        date("to", .to, filter.to), check("archived", .withArchived, filter.includesArchived),
                        check("obsolete", .withObsolete, filter.includesObsolete),
                        .element("button", ["type": "submit"], language(.apply)),
                    ]
                ),
            ]
        )
    }

    // MARK: Images

    func images(
        _ document: RegisteredDocument,
        _ retrieval: ExamRetrieval,
        of exam: Exam,
        hasViewer: Bool = false
    ) -> [HTML] {
        let path = opened.path(ofImages: document)
        var content = [banner, back, .element("h1", heading(exam))]
        content.append(DocumentStates(document: document, language: language).warnings)
        content += exam.reports.map { report in
            .element(
                "p",
                [
                    .element(
                        "a",
                        ["class": "button", "href": opened.path(ofReport: report)],
                        language(.openReport)
                    )
                ]
            )
        }
        content.append(ImageProgress(language: language, retrieval: retrieval, path: path).html)
        if hasViewer {
            content.append(
                Form.post(
                    path + "/view",
                    formToken,
                    [.element("button", ["type": "submit", "id": "view"], language(.openViewer))]
                )
            )
        }
        content.append(importing(retrieval, path))
        content.append(.element("p", ["class": "warning"], language(.notForDiagnosis)))
        content += series(retrieval, path)
        return content
    }

    private func importing(_ retrieval: ExamRetrieval, _ path: String) -> HTML {
        guard let importing = retrieval.archiving else { return .element("p", language(.noArchive)) }
        let words = ImageProgress(language: language, retrieval: retrieval, path: path).importWords
        return Form.post(
            path + "/import",
            formToken,
            [
                .element(
                    "button",
                    [
                        "type": "submit", "id": "import", "hidden": words.isEmpty ? "" : nil,
                        "disabled": importing.progress.state == .running ? "" : nil,
                    ],
                    words
                )
            ]
        )
    }

    /// Images have their places before they are there; the script puts them in as they come.
    private func series(_ retrieval: ExamRetrieval, _ path: String) -> [HTML] {
        let come = Set(retrieval.progress.arrived)
        var position = 0
        return retrieval.manifest.series.enumerated().map { number, series in
            let range = position..<position + series.instances.count
            position = range.upperBound
            let images = range.map { index -> HTML in
                let source = "\(path)/instances/\(index)"
                return .element(
                    "li",
                    ["data-image": source, "data-position": "\(index)"],
                    come.contains(index)
                        ? [
                            .element(
                                "img",
                                [
                                    "src": source, "loading": "lazy",
                                    "alt": "\(language(.image)) \(index - range.lowerBound + 1)",
                                ]
                            )
                        ] : []
                )
            }
            let isWaiting = retrieval.progress.state == .running && come.isDisjoint(with: range)
            return .element(
                "section",
                ["class": "series"],
                [
                    .element("h2", "\(language(.serie)) \(number + 1) (\(series.instances.count))"),
                    isWaiting
                        ? .element(
                            "div",
                            ["class": "first"],
                            [
                                Form.post(
                                    "\(path)/series/\(number)/first",
                                    formToken,
                                    [.element("button", ["type": "submit"], language(.showFirst))]
                                )
                            ]
                        ) : .nothing,
                    .element("ol", ["class": "images"], images),
                ]
            )
        }
    }

    // MARK: Report

    func report(_ document: RegisteredDocument, hasPDF: Bool, images: [RegisteredDocument]) -> [HTML] {
        let path = opened.path(ofReport: document)
        var content = [banner, back]
        content.append(
            .element("h1", document.entry.title.isEmpty ? language(.report) : document.entry.title)
        )
        let states = DocumentStates(document: document, language: language)
        content += [states.warnings, states.html]
        content += images.map { manifest in
            Form.post(
                opened.path(ofImages: manifest),
                formToken,
                [.element("button", ["type": "submit"], language(.openImages))]
            )
        }
        if hasPDF {
            let source = path + "/document"
            content.append(
                .element(
                    "iframe",
                    ["class": "report", "src": source + "#navpanes=0&view=FitH", "title": language(.report)],
                    [HTML]()
                )
            )
            content.append(.element("p", [.element("a", ["href": source], language(.otherWindow))]))
        } else {
            content.append(.element("p", language(.unshownReport)))
            content.append(
                .element(
                    "p",
                    [.element("a", ["class": "button", "href": path + "/source"], language(.download))]
                )
            )
        }
        return content
    }
}

extension Emergency {
    fileprivate var words: Phrase {
        switch self {
        case .unconscious: .unconscious
        case .vital: .vital
        }
    }
}
