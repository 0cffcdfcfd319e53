// SPDX-License-Identifier: Apache-2.0

/// Tells what happens, without a word about a patient.
package protocol SourceJournal: Sendable {
    func record(_ event: SourceEvent)
}

package enum SourceEvent: Equatable, Sendable {
    case messageAccepted(controlID: String, kind: String, exams: Int)
    case messageRepeated(controlID: String)
    case messageRefused(controlID: String, code: String, reason: String)
    case manifestPublished(study: String, manifest: String, entry: String, instances: Int, replaced: String?)
    case manifestWithdrawn(study: String, manifest: String)
    /// By somebody else: the record has it no more, or not in force.
    case manifestTakenOut(study: String, manifest: String)
    case imagesAwaited(study: String, reason: String)
    case imagesOverdue(study: String, hours: Int)
    case publicationDelayed(study: String, reason: String, seconds: Int)
    case publicationFailed(study: String, reason: String)
    case rejectionNoted(study: String, instances: Int, title: String)
    /// From an archive that another box, or this one, wrote.
    case manifestImported(study: String, manifest: String, isWithdrawn: Bool)
    case manifestExported(study: String, manifest: String)
    case storeFailed(reason: String)
}
