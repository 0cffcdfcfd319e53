// SPDX-License-Identifier: Apache-2.0
package import Admin

// Issues and hardware.
extension ConsoleText {
    /// An issue's summary for a program that writes French too; without accents, as on the console.
    package static func frenchSummary(_ issue: Issue) -> String {
        ConsoleText(language: .french).summary(issue)
    }

    /// The code of an issue without the thing it is about, and that thing: `E-DISK-01:nvme0`.
    private static func parts(_ issue: Issue) -> (code: String, subject: String) {
        let parts = issue.code.split(separator: ":", maxSplits: 1)
        return (parts.first.map(String.init) ?? "", parts.count == 2 ? String(parts[1]) : "")
    }

    func summary(_ issue: Issue) -> String {
        let (code, subject) = Self.parts(issue)
        let service = serviceName(issue.evidence["service"] ?? "?")
        let last = issue.evidence["lastExit"] ?? "?"
        let exams = issue.evidence["exams"] ?? "?"
        let percent = issue.evidence["percent"] ?? issue.evidence["used"] ?? "?"
        guard language == .french else {
            return switch code {
            case "E-SVC-01", "E-SVC-02", "W-SVC-04": "\(issue.summary) (\(last))"
            case "E-SPOOL-01", "W-SPOOL-01": "\(issue.summary) (\(percent) %)"
            case "E-PUB-01", "W-PUB-02", "W-PUB-03": "\(issue.summary) (\(exams))"
            default: issue.summary
            }
        }
        return switch code {
        case "E-SVC-01": "\(service) s'arrete sans cesse (\(last))"
        case "E-SVC-02": "\(service) s'est arretee trop souvent et reste bloquee (\(last))"
        case "E-SVC-03": "\(service) refuse sa configuration"
        case "W-SVC-04": "\(service) s'est arretee, relance (\(last))"
        case "E-SPOOL-01": "stockage plein a \(percent) % : les images seront bientot refusees"
        case "W-SPOOL-01": "stockage occupe a \(percent) %"
        case "E-PUB-01": "des publications attendent une decision (\(exams))"
        case "W-PUB-02": "les images de comptes rendus valides ne sont pas arrivees (\(exams))"
        case "W-PUB-03": "des publications attendent depuis plus d'une heure (\(exams))"
        case "E-WL-01": "pas de liste blanche : aucune image ne part ni n'arrive"
        case "W-WL-02": "la derniere liste blanche est refusee ou introuvable"
        case "E-UPD-01": "drimbox-update ne repond pas : aucune mise a jour n'est possible"
        case "W-UPD-02": "une mise a jour n'a pas tenu : la box est revenue au logiciel precedent"
        case "W-UPD-03": "la derniere recherche de mise a jour a echoue"
        case "W-UPD-04": "l'etat des mises a jour ou le plancher ne peut pas etre lu"
        case "E-TIME-02": "horloge fausse : elle est plus ancienne que le logiciel"
        case "W-TIME-01":
            issue.evidence["synchronised"] == "true" ? "horloge decalee" : "horloge non synchronisee"
        case "E-DISK-01": "le disque \(subject) est en panne"
        case "E-DISK-02": "le disque \(subject) va tomber en panne"
        case "E-DISK-03": "le disque \(subject) est use"
        case "W-DISK-03": "le disque \(subject) est presque use"
        case "W-DISK-04": "le disque \(subject) a plus d'erreurs qu'avant"
        case "W-DISK-05": "le disque \(subject) a echoue a ses autotests"
        case "W-DISK-06": "la sante du disque \(subject) ne peut pas etre lue"
        case "E-DISK-07": "le disque \(subject) ne repond pas"
        case "E-HEAT-01", "E-HEAT-02": "\(subject) beaucoup trop chaud"
        case "W-HEAT-01", "W-HEAT-02": "\(subject) trop chaud"
        case "W-FAN-01": "le ventilateur \(subject) tourne mal"
        case "E-RAID-01": "le RAID \(subject) est degrade"
        case "E-ECC-01": "erreurs de memoire non corrigees"
        case "W-ECC-01": "les erreurs de memoire augmentent, toutes corrigees"
        case "W-MEM-01": "les programmes attendent de la memoire"
        case "E-FS-01": "le disque de donnees refuse les ecritures ; ne coupez pas le courant"
        case "E-FS-02": "le systeme de fichiers \(subject) est presque plein"
        case "W-FS-02": "le systeme de fichiers \(subject) se remplit"
        case "E-FS-03": "la table d'inodes de \(subject) est presque pleine"
        case "W-FS-03": "la table d'inodes de \(subject) se remplit"
        case "W-UPS-01": "la box est sur batterie"
        case "E-UPS-02": "la batterie est presque vide"
        case "E-DISK-08": "le disque \(subject) a disparu"
        case "E-TPM-01": "la puce de securite ne repond pas"
        case "E-TPM-02": "il n'y a pas de puce de securite"
        case "E-TPM-03":
            "la puce de securite est verrouillee, libre dans \(issue.evidence["minutes"] ?? "?") min au plus"
        case "W-TPM-03": "la puce de securite compte des essais manques"
        case "E-TPM-04": "la puce de securite est une autre : la carte a ete changee"
        case "E-TPM-05": "la puce de securite est en defaut"
        case "E-NET-01": "\(subject) : pas de cable"
        case "E-NET-04": "\(subject) : le commutateur n'a pas admis la box (802.1X)"
        case "W-NET-02": "\(subject) : pas de reponse DHCP"
        case "W-KEY-01": "la cle de secours du disque de donnees n'a pas ete notee"
        case "W-SHELL-01": "un shell de depannage a ete ouvert depuis le demarrage de la box"
        case "E-NET-03":
            "\(issue.evidence["interface"] ?? "?") : l'adresse \(subject) est aussi celle d'un autre appareil"
                + (issue.evidence["hardwareAddress"].map { " (\($0))" } ?? "")
        case "E-DB-01": "la base de donnees du superviseur refuse les ecritures"
        case "E-CERT-01": "le certificat \(subject) a expire"
        case "E-CERT-02", "W-CERT-03", "W-CERT-04":
            "le certificat \(subject) expire dans \(issue.evidence["days"] ?? "?") j"
        case "E-CERT-05": "le certificat \(subject) ne peut pas etre lu"
        case "W-CERT-06": "le certificat \(subject) n'est pas encore valide"
        case "E-AUDIT-01": "le journal d'audit a ete modifie : ligne \(issue.evidence["row"] ?? "?")"
        default: issue.summary
        }
    }

    /// What somebody in front of the box can do: without a shell, and in their language.
    func suggestions(_ issue: Issue) -> [String] {
        let (code, _) = Self.parts(issue)
        switch code {
        case "E-SVC-01", "E-SVC-02", "W-SVC-04":
            return [
                pick("Look at the events (menu 8).", "Regardez les evenements (menu 8)."),
                pick(
                    "Restart the gateway (menu 4); if it ends again, call support.",
                    "Relancez la passerelle (menu 4) ; si elle s'arrete encore, appelez le support."
                ),
            ]
        case "E-SVC-03":
            return [
                pick("Undo the last change (menu 3).", "Annulez le dernier changement (menu 3).")
            ]
        case "W-TIME-01":
            return [
                pick(
                    "Test the time servers (menu 2): UDP 123 has to pass.",
                    "Testez les serveurs de temps (menu 2) : UDP 123 doit passer."
                )
            ]
        default:
            guard language == .french else { return issue.suggestions }
            return frenchSuggestion(code).map { [$0] } ?? issue.suggestions
        }
    }

    private func frenchSuggestion(_ code: String) -> String? {
        switch code {
        case "E-SPOOL-01", "W-SPOOL-01":
            "Cherchez pourquoi des examens attendent leur publication, appelez le support."
        case "E-PUB-01": "drimboxctl pipeline queue dit pourquoi ; corrigez, puis « queue retry »."
        case "W-PUB-02": "Cherchez dans le PACS si l'examen existe, sous ce numero d'accession."
        case "W-PUB-03": "Testez l'acces au DMP et au PACS (menu 2)."
        case "E-WL-01", "W-WL-02": "drimboxctl whitelist verify FICHIER dit ce qui ne va pas."
        case "E-UPD-01", "W-UPD-04": "Appelez le support."
        case "W-UPD-02": "Prevenez le fournisseur ; « update install --retry » la reessaie une fois."
        case "W-UPD-03": "Menu 10 : cherchez encore ; testez le reseau (menu 2)."
        case "E-TIME-02": "Reglez l'horloge ; si cela revient apres une coupure, changez la pile de la carte."
        case "E-DISK-01": "Laissez partir les images en attente, puis remplacez le disque tout de suite."
        case "E-DISK-02": "Remplacez le disque dans la journee."
        case "E-DISK-03": "Remplacez le disque : son constructeur ne garantit plus d'ecritures."
        case "W-DISK-03": "Commandez un disque neuf."
        case "W-DISK-04", "W-DISK-05": "Prevoyez de remplacer le disque, appelez le support."
        case "W-DISK-06": "Verifiez que le disque est bien enfiche."
        case "E-DISK-07": "Ne redemarrez pas la box. Verifiez cable et baie du disque, puis remplacez-le."
        case "E-HEAT-01", "E-HEAT-02", "W-HEAT-01", "W-HEAT-02":
            "Verifiez les ventilateurs et l'air autour de la box."
        case "W-FAN-01": "Nettoyez ou remplacez le ventilateur."
        case "E-RAID-01": "Remplacez le disque absent ; n'en retirez aucun autre."
        case "E-ECC-01", "W-ECC-01": "Prevoyez de remplacer la barrette de memoire."
        case "W-MEM-01": "Laissez moins de transferts a la fois, appelez le support."
        case "E-FS-01": "Laissez la box allumee et appelez le support."
        case "E-FS-02", "W-FS-02", "E-FS-03", "W-FS-03": "Appelez le support : il faut faire de la place."
        case "W-UPS-01", "E-UPS-02": "Verifiez le courant secteur de la box."
        case "E-DISK-08": "A-t-il ete retire ? Sinon, verifiez son cable."
        case "E-TPM-01", "E-TPM-02": "Coupez le courant de la box pendant 30 s."
        case "E-TPM-03": "Laissez la box allumee et attendez ; chaque essai remet le delai a zero."
        case "W-TPM-03": "N'essayez plus, appelez le support."
        case "E-TPM-04": "Enrolez la box de nouveau, ou remettez l'ancienne carte."
        case "E-TPM-05": "Remplacez la carte."
        case "E-NET-01", "E-NET-04": "Menu 2 : tests du reseau."
        case "W-NET-02": "Appelez l'equipe reseau, ou donnez une adresse fixe (menu 6)."
        case "W-KEY-01": "Menu 12 : affichez-la, notez-la, gardez-la loin de la box."
        case "W-SHELL-01": "Lisez l'audit ; redemarrez la box quand le travail est fini."
        case "E-NET-03":
            "L'equipe reseau trouve l'autre appareil ; l'un des deux doit changer d'adresse."
        case "E-DB-01", "E-AUDIT-01": "Laissez la box allumee et appelez le support."
        case "E-CERT-01", "E-CERT-02", "W-CERT-03", "W-CERT-04":
            "Demandez un nouveau certificat (drimboxctl enrol csr), puis importez-le."
        case "E-CERT-05": "Remettez le certificat la ou la configuration le nomme."
        case "W-CERT-06": "Verifiez l'horloge de la box."
        default: nil
        }
    }

    // MARK: Hardware

    var healthUnavailable: String {
        pick(
            "This version of the supervisor does not tell the health of the hardware.",
            "Cette version du superviseur ne donne pas l'etat du materiel."
        )
    }

    var disks: String { pick("Disks", "Disques") }
    var noDisk: String { pick("no disk was found", "aucun disque trouve") }

    func disk(_ state: DiskReport.State) -> String {
        switch state {
        case .good: pick("good", "bon")
        case .warning: pick("warning", "a surveiller")
        case .failing: pick("FAILING", "EN PANNE")
        case .asleep: pick("asleep", "en veille")
        case .unreadable: pick("unreadable", "illisible")
        case .silent: pick("NO ANSWER", "MUET")
        }
    }

    func diskAdvice(_ disk: DiskReport) -> String? {
        let place = [disk.model, disk.serial.map { pick("serial \($0)", "serie \($0)") }].compactMap { $0 }
            .joined(separator: ", ")
        return switch disk.state {
        case .failing:
            pick(
                "Replace \(disk.name) now (\(place)). Let the spool be sent first; call support.",
                "Remplacez \(disk.name) tout de suite (\(place)). Laissez d'abord partir les images ; appelez le support."
            )
        case .silent:
            pick(
                "\(disk.name) does not answer (\(place)): do not restart, check cable and bay, call support.",
                "\(disk.name) ne repond pas (\(place)) : ne redemarrez pas, verifiez cable et baie, appelez le support."
            )
        case .warning: pick("Plan to replace \(disk.name).", "Prevoyez de remplacer \(disk.name).")
        case .good, .asleep, .unreadable: nil
        }
    }

    var wear: String { pick("wear", "usure") }
    var heat: String { pick("Heat", "Temperatures") }
    var fans: String { pick("Fans", "Ventilateurs") }
    var alarm: String { pick("ALARM", "ALARME") }
    var memory: String { pick("Memory", "Memoire") }
    var used: String { pick("used", "utilises") }
    var files: String { pick("Files", "Fichiers") }
    var refusesWrites: String { pick("REFUSES WRITES", "REFUSE LES ECRITURES") }
    var degraded: String { pick("DEGRADED", "DEGRADE") }
    var clockTitle: String { pick("Clock", "Horloge") }
    var ups: String { pick("UPS", "Onduleur") }
    var securityChip: String { pick("TPM", "TPM") }

    func memoryErrors(_ corrected: Int, _ uncorrected: Int) -> String {
        pick(
            "errors: \(corrected) corrected, \(uncorrected) not",
            "erreurs : \(corrected) corrigees, \(uncorrected) non"
        )
    }

    /// What a technician has to know of the security chip.
    func tpm(_ report: TPMReport) -> String {
        guard report.selfTest.hasPassed else {
            let code = report.selfTest.code ?? "?"
            return pick(
                "SELF-TEST FAILED \(code), call support",
                "AUTOTEST EN ECHEC \(code), appelez le support"
            )
        }
        guard let lockout = report.lockout else {
            let why = report.failures.first.map(\.description) ?? "?"
            return pick("cannot be read: \(why)", "illisible : \(why)")
        }
        guard lockout.isLocked else {
            return pick(
                "ok, \(lockout.failedTries) of \(lockout.maximumTries) failed tries",
                "ok, \(lockout.failedTries) echecs sur \(lockout.maximumTries)"
            )
        }
        let minutes = (lockout.recoverySeconds + 59) / 60
        if minutes == 0 { return pick("locked, free at once", "verrouille, libre tout de suite") }
        return pick(
            "LOCKED, free in at most \(minutes) min",
            "VERROUILLE, libre dans \(minutes) min au plus"
        )
    }

    var lockedTPMAdvice: String {
        pick(
            "Leave the box on and wait: the chip counts only while it has power.",
            "Laissez la box allumee et attendez : la puce ne compte que sous tension."
        )
    }

    func noTPM(_ why: String?) -> String {
        let reason = why.map { ": \($0)" } ?? ""
        return pick("no report\(reason)", "pas de rapport\(reason)")
    }

    var tpmAdvice: String {
        pick(
            "If the security chip does not answer: power off for 30 s; then call support.",
            "Si la puce ne repond pas : couper le courant 30 s ; sinon appelez le support."
        )
    }
}
