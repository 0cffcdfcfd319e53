// SPDX-License-Identifier: Apache-2.0
import Admin

/// Releases, for a person.
extension Rendering {
    func update(_ status: UpdateStatus) -> String {
        let running = status.running
        var lines = [
            row(
                messages.running,
                "\(clean(running.release))   \(messages.slot) \(clean(running.slot))   \(messages.rollbackIndex) \(running.rollbackIndex)"
            ),
            row(messages.update, phase(status)),
        ]
        if let reason = status.reason { lines.append(row(messages.why, clean(reason))) }
        if let problem = status.problem { lines.append(row(messages.problem, clean(problem))) }
        if status.progress != nil { lines.append(row("", progress(status))) }
        if let until = status.consentUntil { lines.append(row(messages.consentUntil, "\(until)")) }
        if let deadline = status.deadline {
            let title = status.phase == .trial ? messages.trialUntil : messages.soakUntil
            lines.append(row(title, "\(deadline)"))
        }
        let floor = status.floor
        let value = floor.value.map { "\($0)" } ?? "? \(clean(floor.problem ?? ""))"
        lines.append(row(messages.floor, "\(value) (\(clean(floor.keeper)))"))
        lines.append(row(messages.bootEntries, status.entries.map(clean).joined(separator: " ")))
        lines += status.failures.map { row(messages.failedRelease, "\(clean($0.release))   \($0.count)x") }
        lines += status.strangers.map { row(messages.stranger, clean($0)) }
        lines += status.damaged.map { row(messages.damagedRecord, clean($0)) }
        if status.canRollBack { lines.append("   -> \(messages.canRollBack)") }
        return lines.joined(separator: "\n")
    }

    private func phase(_ status: UpdateStatus) -> String {
        let words = messages.phase(status.phase) + (status.release.map { "   \(clean($0))" } ?? "")
        return words + (status.hold.map { "   \(messages.hold($0))" } ?? "")
    }

    func progress(_ status: UpdateStatus) -> String {
        guard let progress = status.progress else { return phase(status) }
        var parts = [messages.step(progress.step), "\(progress.segments)/\(progress.ofSegments)"]
        parts.append(bytes(progress.bytesFetched))
        if let rate = progress.bytesPerSecond { parts.append("\(bytes(rate))/s") }
        if let left = progress.secondsLeft { parts.append(messages.secondsLeft(left)) }
        return parts.joined(separator: "   ")
    }

    func media(_ list: UpdateMediaList) -> String {
        list.media.isEmpty ? messages.noMedium : list.media.map(clean).joined(separator: "\n")
    }
}

extension Messages {
    var running: String { pick("running", "en service") }
    var slot: String { pick("slot", "emplacement") }
    var rollbackIndex: String { pick("rollback index", "indice anti-retour") }
    var update: String { pick("update", "mise à jour") }
    var why: String { pick("reason", "motif") }
    var problem: String { pick("problem", "problème") }
    var consentUntil: String { pick("consent until", "accord jusqu'à") }
    var trialUntil: String { pick("trial ends", "fin de l'essai") }
    var soakUntil: String { pick("may go back to", "retour jusqu'à") }
    var floor: String { pick("floor", "plancher") }
    var bootEntries: String { pick("boot entries", "démarrage") }
    var failedRelease: String { pick("failed", "en échec") }
    var stranger: String { pick("unknown file", "fichier inconnu") }
    var damagedRecord: String { pick("damaged", "abîmé") }
    var canRollBack: String {
        pick(
            "drimboxctl update rollback --reason TEXT reboots into the software of before",
            "drimboxctl update rollback --reason TEXTE redémarre sur le logiciel précédent"
        )
    }
    var noMedium: String { pick("no medium with releases", "aucun support avec une mise à jour") }
    func secondsLeft(_ count: Int) -> String { pick("\(count) s left", "reste \(count) s") }

    func phase(_ phase: UpdateStatus.Phase) -> String {
        switch phase {
        case .idle: pick("nothing under way", "rien en cours")
        case .checking: pick("checking", "recherche")
        case .offered: pick("offered", "proposée")
        case .fetching: pick("being installed", "en cours d'installation")
        case .staged: pick("installed", "installée")
        case .armed, .rebooting: pick("starts with the next boot", "démarre au prochain redémarrage")
        case .trial: pick("on trial", "à l'essai")
        case .committing: pick("being committed", "validation")
        case .committed: pick("committed", "validée")
        case .floorRaised:
            pick("committed, nothing older is taken any more", "validée, plus de retour possible")
        case .aborted: pick("dropped", "abandonnée")
        case .rolledBack: pick("went back from", "retirée, retour au précédent")
        }
    }

    func hold(_ hold: UpdateStatus.Hold) -> String {
        switch hold {
        case .window: pick("waits for a maintenance window", "attend une plage de maintenance")
        case .consent: pick("waits for consent", "attend un accord")
        case .cohort: pick("waits for its turn", "attend son tour")
        case .notBefore: pick("waits for its time", "attend son heure")
        case .paused: pick("paused by the vendor", "suspendue par le fournisseur")
        case .failed: pick("has failed, waits for a retry", "a échoué, attend un nouvel essai")
        }
    }

    func step(_ step: UpdateStatus.Progress.Step) -> String {
        switch step {
        case .surveying: pick("reading the slots", "lecture des emplacements")
        case .copying: pick("copying", "copie")
        case .fetching: pick("fetching", "téléchargement")
        case .sealing: pick("reading back", "relecture")
        case .kernelImage: pick("kernel image", "image du noyau")
        case .done: pick("done", "fait")
        }
    }
}
