// SPDX-License-Identifier: Apache-2.0
import DMP
import IHE
import Identity
import NIOHTTP1

/// What sites share by themselves, beside the national record.
extension ConsumerService {
    /// Exams of both, each manifest in one form. A site that does not answer is named, and hides nothing of the others.
    func sharedToo(
        _ recorded: RecordSearch,
        _ filter: ExamFilter,
        _ consultation: Consultation
    ) async throws -> RecordSearch {
        var result = recorded
        var documents = recorded.exams.flatMap(\.documents)
        for answer in await asked(consultation) {
            let site = answer.site
            do throws(RecordError) {
                let found = try answer.found.get()
                try note(.shared, site, consultation, outcome: "\(found.documents.count) documents")
                result.unreadable += found.unreadable
                if !found.isWhole { result.silent.append(site.name) }
                documents += found.documents.filter { document in
                    // What the record has too is had from the record.
                    filter.takes(document)
                        && !documents.contains {
                            $0.entry.uniqueID == document.entry.uniqueID
                                && ($0.manifestForm == .fhir) == (document.manifestForm == .fhir)
                        }
                }
            } catch {
                try note(.shared, site, consultation, outcome: "refused", reason: "\(error)")
                result.silent.append(site.name)
            }
        }
        result.exams = (parts.shared.isEmpty ? recorded.exams : Exam.pair(documents)).map {
            $0.inOneForm(settings.preferredManifest)
        }
        return result
    }

    private struct SiteAnswer: Sendable {
        let position: Int
        let site: DocumentConsumer
        let found: Result<DocumentConsumer.Found, RecordError>
    }

    /// All sites at once, in the order of the configuration.
    private func asked(_ consultation: Consultation) async -> [SiteAnswer] {
        await withTaskGroup(of: SiteAnswer.self) { group in
            for (position, site) in parts.shared.enumerated() {
                group.addTask {
                    SiteAnswer(
                        position: position,
                        site: site,
                        found: await self.found(at: site, consultation)
                    )
                }
            }
            var answers: [SiteAnswer] = []
            for await answer in group { answers.append(answer) }
            return answers.sorted { $0.position < $1.position }
        }
    }

    private func found(
        at site: DocumentConsumer,
        _ consultation: Consultation
    ) async -> Result<DocumentConsumer.Found, RecordError> {
        do throws(RecordError) {
            let token = try await token(consultation)
            return .success(try await site.search(consultation.opened.patient, token: token))
        } catch {
            return .failure(error)
        }
    }

    /// ITI-68
    func contents(
        _ document: RegisteredDocument,
        of site: DocumentConsumer,
        _ consultation: Consultation
    ) async throws -> [UInt8] {
        do throws(RecordError) {
            let bytes = try await site.document(document, token: try await token(consultation))
            try note(.sharedRetrieval, site, consultation, document.entry.uniqueID, outcome: "answered")
            return bytes
        } catch {
            try note(
                .sharedRetrieval,
                site,
                consultation,
                document.entry.uniqueID,
                outcome: "refused",
                reason: "\(error)"
            )
            throw Refusal(error, .siteFailed)
        }
    }

    private func token(_ consultation: Consultation) async throws(RecordError) -> String {
        do {
            return try await consultation.session.accessToken(parts.party, now: now())
        } catch {
            throw RecordError(.temporary, "access token: \(error)")
        }
    }

    /// Without a trace nobody sees what was answered.
    private func note(
        _ action: TraceBook.Action,
        _ site: DocumentConsumer,
        _ consultation: Consultation,
        _ document: String = "",
        outcome: String,
        reason: String = ""
    ) throws(RecordError) {
        do {
            try parts.traces.note(
                action,
                by: "\(consultation.consultant.professional.identifier) of "
                    + (consultation.consultant.activity.structureIdentifier ?? "no structure"),
                of: consultation.opened.patient,
                document.isEmpty ? site.name : "\(site.name) \(document)",
                outcome: outcome,
                reason: reason
            )
        } catch {
            throw RecordError(.temporary, "the access cannot be traced")
        }
    }
}
