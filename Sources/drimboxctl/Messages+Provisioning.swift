// SPDX-License-Identifier: Apache-2.0
import Admin

// Enrolment, answer files, backups, acceptance.
extension Messages {
    var provisioning: String { pick("provisioning", "mise en service") }

    func provisioning(_ state: ProvisioningState) -> String {
        switch state {
        case .factory: pick("factory: not configured", "usine : non configurée")
        case .configured: pick("configured: not enrolled", "configurée : non enrôlée")
        case .enrolled: pick("enrolled: not in service", "enrôlée : pas en service")
        case .inService: pick("in service", "en service")
        }
    }

    func key(_ store: EnrolmentStatus.KeyStore) -> String {
        switch store {
        case .tpm: pick("in the security chip", "dans la puce de sécurité")
        case .file: pick("in a file", "dans un fichier")
        }
    }

    var keyRow: String { pick("key", "clé") }
    var certificateRow: String { pick("certificate", "certificat") }
    var issuedBy: String { pick("issued by", "émis par") }
    var noKey: String { pick("none: drimboxctl enrol csr NAME", "aucune : drimboxctl enrol csr NOM") }
    var noCertificate: String {
        pick("none: drimboxctl enrol import CHAIN.pem", "aucun : drimboxctl enrol import CHAINE.pem")
    }
    var validity: String { pick("valid", "valide") }
    func until(_ start: String, _ end: String) -> String {
        pick("\(start) to \(end)", "du \(start) au \(end)")
    }

    // MARK: Answer files and backups

    var signature: String { pick("signature", "signature") }
    func signedBy(_ key: String) -> String { pick("by the key \(key)", "par la clé \(key)") }
    var unsigned: String { pick("none: taken unsigned", "aucune : accepté sans signature") }
    var configuration: String { pick("configuration", "configuration") }
    func unchanged(_ revision: Int) -> String {
        pick("nothing changes: revision \(revision)", "aucun changement : révision \(revision)")
    }
    var persons: String { pick("users", "utilisateurs") }
    func written(_ count: Int, _ file: String) -> String {
        pick("\(count) bytes in \(file)", "\(count) octets dans \(file)")
    }
    var created: String { pick("created", "créée le") }
    var revisions: String { pick("revisions", "révisions") }
    var audit: String { pick("audit", "audit") }
    func auditRows(_ count: Int) -> String { pick("\(count) rows", "\(count) lignes") }
    var identity: String { pick("identity", "identité") }
    var none: String { pick("none", "aucune") }

    // MARK: Credentials and media

    var credentials: String { pick("credentials", "fichiers") }
    var noCredentials: String {
        pick("none: drimboxctl credential put FILE", "aucun : drimboxctl credential put FICHIER")
    }
    var unused: String { pick("the configuration does not name it", "la configuration ne le nomme pas") }
    func keyPrint(_ digits: String) -> String { pick("key \(digits)", "clé \(digits)") }
    func validTo(_ time: String) -> String { pick("valid to \(time)", "valide jusqu'au \(time)") }
    func credential(_ kind: CredentialFile.Kind) -> String {
        switch kind {
        case .certificates: pick("certificates", "certificats")
        case .privateKey: pick("private key", "clé privée")
        case .other: pick("other", "autre")
        }
    }

    var noStick: String {
        pick("no USB stick with a directory \"drimbox\"", "pas de clé USB avec un répertoire « drimbox »")
    }
    func medium(_ purpose: Medium.Purpose) -> String {
        switch purpose {
        case .credential: pick("for the configuration", "pour la configuration")
        case .identity: pick("the box's certificate", "le certificat de la box")
        case .answers: pick("answer file", "fichier de réponses")
        }
    }
    var taken: String { pick("taken  ", "pris   ") }
    var refused: String { pick("REFUSED", "REFUSÉ ") }

    var writeDown: String {
        pick(
            "write it down, and keep it away from the box; then: drimboxctl recovery confirm LAST-GROUP",
            "notez-la et gardez-la loin de la box ; puis : drimboxctl recovery confirm DERNIER-GROUPE"
        )
    }
    var forgotten: String { pick("the box has forgotten it", "la box l'a oubliée") }

    // MARK: Acceptance and power

    var acceptanceTitle: String { pick("ACCEPTANCE REPORT", "RAPPORT DE RECETTE") }
    var acceptancePassed: String {
        pick("PASSED: what was tested works", "RECETTE PRONONCÉE : ce qui a été testé fonctionne")
    }
    func acceptanceFailed(_ count: Int) -> String {
        pick(
            "FAILED: \(count) of the tests",
            "RECETTE REFUSÉE : \(count) test\(count < 2 ? "" : "s") en échec"
        )
    }
    var revision: String { pick("revision", "révision") }
    var date: String { pick("date", "date") }

    func topic(_ topic: AcceptanceReport.Topic) -> String {
        switch topic {
        case .configuration: pick("configuration", "configuration")
        case .network: pick("network", "réseau")
        case .archive: pick("archive (PACS)", "archive (PACS)")
        case .nationalRecord: pick("national record", "dossier national")
        case .certificate: pick("certificate", "certificat")
        case .securityChip: pick("security chip", "puce de sécurité")
        case .disk: pick("disk", "disque")
        case .array: pick("array", "grappe RAID")
        case .fileSystem: pick("file system", "système fichiers")
        case .clock: pick("clock", "horloge")
        case .audit: pick("audit", "audit")
        }
    }

    func verdict(_ verdict: AcceptanceReport.Verdict) -> String {
        switch verdict {
        case .passed: pick("PASS", "OK")
        case .failed: pick("FAIL", "ÉCHEC")
        case .notTested: pick("not tested", "non testé")
        }
    }

    func power(_ answer: PowerAnswer) -> String {
        switch answer.action {
        case .reboot: pick("restarts in \(answer.seconds) s", "redémarre dans \(answer.seconds) s")
        case .off: pick("switched off in \(answer.seconds) s", "éteinte dans \(answer.seconds) s")
        }
    }

    func eraseQuestion(_ expected: String) -> String {
        pick(
            "Erases all images, revisions, users, the certificate and the audit. Type: \(expected)",
            "Efface les images, les révisions, les utilisateurs, le certificat et l'audit. Tapez : \(expected)"
        )
    }

    func noDisk(_ name: String) -> String { pick("no such disk: \(name)", "disque inconnu : \(name)") }
    var noTPM: String { pick("no answer from a security chip", "pas de réponse d'une puce de sécurité") }
    var noClock: String { pick("the clock is not looked after", "l'horloge n'est pas surveillée") }
}
