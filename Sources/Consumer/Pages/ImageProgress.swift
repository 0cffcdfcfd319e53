// SPDX-License-Identifier: Apache-2.0
import Transfer

/// How far images have come, as a person reads it and as the script asks for it.
struct ImageProgress {
    let language: Language
    let retrieval: ExamRetrieval
    let path: String

    /// The script reads the attribute and puts in what `json` says since.
    var html: HTML {
        let progress = retrieval.progress
        return .element(
            "div",
            [
                "id": "progress", "data-progress": path + "/progress",
                "data-seen": "\(progress.arrived.count)",
            ],
            [
                .element("p", ["id": "received", "role": "status"], words(progress)),
                .element(
                    "progress",
                    [
                        "max": "\(retrieval.manifest.instances.count)", "value": "\(progress.arrived.count)",
                        "aria-labelledby": "received",
                    ],
                    [HTML]()
                ),
                .element("p", ["id": "missing", "class": "warning"], missing(progress)),
                .element("p", ["id": "imported", "role": "status"], importing),
                .element("noscript", [.element("a", ["href": path], language(.refresh))]),
            ]
        )
    }

    /// What has come since `seen` images had; every text is ready to be shown.
    func json(since seen: Int) -> [UInt8] {
        let progress = retrieval.progress
        let news = progress.arrived.dropFirst(max(0, seen)).map { "\($0)" }.joined(separator: ",")
        let isOver = progress.state != .running && retrieval.archiving?.progress.state != .running
        let texts = [
            ("received", words(progress)), ("missing", missing(progress)), ("imported", importing),
            ("alternative", language(.image)), ("import", importWords),
        ].map { "\"\($0)\":\(Self.quoted($1))" }.joined(separator: ",")
        return Array(
            """
            {"seen":\(progress.arrived.count),"images":[\(news)],"over":\(isOver),\(texts)}
            """.utf8
        )
    }

    private func words(_ progress: ExamRetrieval.Progress) -> String {
        let state = language(progress.state == .running ? .retrievalRunning : .retrievalDone)
        let count = "\(progress.arrived.count) / \(retrieval.manifest.instances.count)"
        return "\(state)\(language.colon)\(count) \(language(.imagesCounted))"
    }

    private func missing(_ progress: ExamRetrieval.Progress) -> String {
        guard !progress.missing.isEmpty else { return "" }
        // Each reason once, with how many have it.
        var counts: [String: Int] = [:]
        for reason in progress.missing.values { counts[language(reason.words), default: 0] += 1 }
        let reasons = counts.sorted { $0.value > $1.value }.prefix(5).map { "\($0.key) (\($0.value))" }
        return "\(language(.missingImages))\(language.colon)\(progress.missing.count) – "
            + reasons.joined(separator: " ; ")
    }

    /// What the button says that begins an import; empty where there is nothing left to import.
    var importWords: String {
        guard let progress = retrieval.archiving?.progress else { return "" }
        return switch progress.state {
        case .finished: ""
        case .failed: language(.importAgain)
        case .idle, .running: language(.importExam)
        }
    }

    private var importing: String {
        guard let progress = retrieval.archiving?.progress, progress.state != .idle else { return "" }
        let state: Phrase =
            switch progress.state {
            case .idle, .running: .importRunning
            case .finished: .importDone
            case .failed: .importFailed
            }
        var words = "\(language(state))\(language.colon)\(progress.stored) \(language(.imported))"
        if progress.missing > 0, retrieval.purpose == .view {
            words += " – \(language(.missingImages))\(language.colon)\(progress.missing)"
        }
        if let reason = progress.reason ?? progress.failures.values.first {
            words += " – \(progress.failures.count)\(language.colon)\(language(reason.words))"
        }
        return words
    }

    /// A JSON string (RFC 8259 7), safe within HTML too.
    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": result += "\\\(scalar)"
            case "<", ">", "&": result += "\\u00" + String(scalar.value, radix: 16, uppercase: true)
            default:
                if scalar.value < 0x20 {
                    result += "\\u00" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
                } else {
                    result.unicodeScalars.append(scalar)
                }
            }
        }
        return result + "\""
    }
}
