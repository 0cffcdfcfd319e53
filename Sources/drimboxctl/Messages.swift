// SPDX-License-Identifier: Apache-2.0
import Admin
import Console

/// Every word that drimboxctl says as text, in each language.
struct Messages: Sendable {
    let language: Language

    func pick(_ english: String, _ french: String) -> String {
        switch language {
        case .english: english
        case .french: french
        }
    }

    // MARK: Status

    func state(_ state: BoxStatus.State) -> String {
        switch state {
        case .starting: pick("STARTING", "DÉMARRAGE")
        case .inService: pick("IN SERVICE", "EN SERVICE")
        case .degraded: pick("DEGRADED", "DÉGRADÉ")
        case .safeMode: pick("SAFE MODE", "MODE SECOURS")
        case .stopping: pick("STOPPING", "ARRÊT EN COURS")
        }
    }

    func service(_ state: ServiceStatus.State) -> String {
        switch state {
        case .starting: pick("starting", "démarre")
        case .running: pick("running", "en marche")
        case .backoff: pick("waits for restart", "attend sa relance")
        case .held: pick("held", "bloqué")
        case .stopped: pick("stopped", "arrêté")
        case .failed: pick("failed", "en échec")
        }
    }

    // MARK: DICOM

    var peerColumns: [String] {
        ["AE", pick("ADDRESS", "ADRESSE"), pick("ROLES", "RÔLES"), "TLS", pick("OPEN", "OUVERTES")]
    }

    var noEcho: String { pick("no answer", "pas de réponse") }

    var transferColumns: [String] {
        [
            "ID", pick("KIND", "SENS"), "AE", pick("STATE", "ÉTAT"), pick("DONE", "FAIT"),
            pick("FAILED", "ÉCHECS"),
            pick("BYTES", "OCTETS"), pick("AGE", "ÂGE"),
        ]
    }

    func transfer(_ state: TransferJob.State) -> String {
        switch state {
        case .queued: pick("queued", "en attente")
        case .running: pick("running", "en cours")
        case .succeeded: pick("succeeded", "réussi")
        case .partial: pick("partial", "incomplet")
        case .failed: pick("failed", "en échec")
        case .cancelled: pick("cancelled", "annulé")
        }
    }

    func committed(_ count: Int) -> String {
        pick(
            "\(count) instances committed by the archive",
            "\(count) instances prises en charge par l'archive"
        )
    }

    func issueCount(_ count: Int) -> String {
        switch count {
        case 0: pick("no issue", "aucun problème")
        case 1: pick("1 issue", "1 problème")
        default: pick("\(count) issues", "\(count) problèmes")
        }
    }

    /// The summary in the reader's language; the box's own words where the code is not known here.
    func summary(_ issue: Issue) -> String {
        let service = issue.evidence["service"] ?? "?"
        let percent = issue.evidence["percent"] ?? "?"
        let last = issue.evidence["lastExit"] ?? "?"
        return switch issue.code {
        case "E-SVC-01":
            pick("\(service) ends again and again (\(last))", "\(service) s'arrête sans cesse (\(last))")
        case "E-SVC-02":
            pick(
                "\(service) ended too often and is held (\(last))",
                "\(service) s'est arrêté trop souvent et reste bloqué (\(last))"
            )
        case "E-SVC-03":
            pick("\(service) refuses its configuration", "\(service) refuse sa configuration")
        case "W-SVC-04":
            pick(
                "\(service) ended and is started again (\(last))",
                "\(service) s'est arrêté, relance (\(last))"
            )
        case "E-SPOOL-01":
            pick("spool full at \(percent) %", "espace de stockage plein à \(percent) %")
        case "W-SPOOL-01":
            pick("spool at \(percent) %", "espace de stockage occupé à \(percent) %")
        default: language == .french ? ConsoleText.frenchSummary(issue) : issue.summary
        }
    }

    var version: String { pick("version", "version") }
    var up: String { pick("up", "en marche depuis") }
    var services: String { pick("services", "services") }
    var pipeline: String { pick("pipeline", "images") }
    var spool: String { pick("spool", "stockage") }
    var noAnswerYet: String {
        pick("no answer from the gateway yet", "pas encore de réponse de la passerelle")
    }
    var never: String { pick("never", "jamais") }

    func associations(_ count: Int) -> String { "\(count) association\(count == 1 ? "" : "s")" }
    func received(_ count: Int) -> String { pick("\(count) received", "\(count) reçue\(plural(count))") }
    func sent(_ count: Int) -> String { pick("\(count) sent", "\(count) envoyée\(plural(count))") }
    /// French: nought is singular.
    private func plural(_ count: Int) -> String { count < 2 ? "" : "s" }
    func last(_ time: String) -> String { pick("last \(time)", "dernière \(time)") }
    func ago(_ duration: String) -> String { pick("\(duration) ago", "il y a \(duration)") }
    func of(_ capacity: String) -> String { pick("of \(capacity)", "de \(capacity)") }
    func days(_ count: Int) -> String { pick("\(count) d", "\(count) j") }

    /// Binary units (IEC 80000-13).
    var byteUnits: [String] {
        switch language {
        case .english: ["B", "KiB", "MiB", "GiB", "TiB", "PiB"]
        case .french: ["o", "Kio", "Mio", "Gio", "Tio", "Pio"]
        }
    }

    // MARK: Tables

    var serviceColumns: [String] {
        switch language {
        case .english: ["SERVICE", "STATE", "PID", "RESTARTS", "SINCE", "LAST EXIT"]
        case .french: ["SERVICE", "ÉTAT", "PID", "RELANCES", "DEPUIS", "DERNIÈRE FIN"]
        }
    }

    func severity(_ severity: Severity) -> String {
        switch severity {
        case .info: pick("info", "info")
        case .warning: pick("warning", "alerte")
        case .critical: pick("critical", "critique")
        }
    }

    var gap: String { pick("events were lost here", "des événements manquent ici") }

    var open: String { pick("open", "ouvertes") }
    var accepted: String { pick("accepted", "acceptées") }
    var rejected: String { pick("rejected", "refusées") }
    var aborted: String { pick("aborted", "interrompues") }
    var associationsRow: String { pick("associations", "associations") }
    var receiveRow: String { pick("received", "réception") }
    var refusedRow: String { pick("refused", "refus") }
    var flushesRow: String { pick("flushes", "écritures disque") }
    var retrieveRow: String { pick("retrieved", "envoi") }
    var errorsRow: String { pick("errors", "erreurs") }
    var processRow: String { pick("process", "processus") }
    var viewerLinkRow: String { pick("viewer link", "lien images") }
    var instances: String { pick("instances", "instances") }
    var studies: String { pick("studies", "examens") }
    var duplicates: String { pick("duplicates", "doublons") }
    var replaced: String { pick("replaced", "remplacées") }
    var requests: String { pick("requests", "requêtes") }
    var segments: String { pick("segments", "segments") }
    var evicted: String { pick("evicted", "évincées") }
    var held: String { pick("held", "retenus") }
    var memory: String { pick("memory", "mémoire") }
    var processor: String { pick("processor", "processeur") }

    // MARK: Failures

    func unreachable(_ socket: String) -> String {
        pick(
            "\(socket): the daemon does not answer (is drimboxd running?)",
            "\(socket) : le démon ne répond pas (drimboxd tourne-t-il ?)"
        )
    }

    func denied(_ detail: String) -> String { pick("denied: \(detail)", "accès refusé : \(detail)") }

    func late(_ seconds: Int) -> String {
        pick("no answer within \(seconds) s", "pas de réponse en \(seconds) s")
    }

    func notUnderstood(_ what: String) -> String {
        pick("\(what): the answer is not understood", "\(what) : réponse incomprise")
    }

    func socketDenied(_ socket: String) -> String {
        pick("no permission to open \(socket)", "ouverture de \(socket) interdite")
    }
}
