// SPDX-License-Identifier: Apache-2.0
import Admin

// Configuration, network, health and audit.
extension Messages {
    var nothingChanges: String { pick("nothing changes", "aucun changement") }

    func noEditor(_ path: String) -> String {
        pick(
            "neither VISUAL nor EDITOR is set, and there is no \(path)",
            "ni VISUAL ni EDITOR n'est défini, et \(path) n'existe pas"
        )
    }

    func editorEnded(_ exit: String) -> String {
        pick(
            "the editor ended with \(exit): nothing was sent",
            "l'éditeur a fini par \(exit) : rien n'a été envoyé"
        )
    }

    func editKept(_ file: String) -> String {
        pick(
            "what you edited is kept in \(file); to go on from it: drimboxctl config import \(file)",
            "votre texte reste dans \(file) ; pour le reprendre : drimboxctl config import \(file)"
        )
    }

    var disruptive: String { pick("disruptive", "interrompt des connexions") }

    func applying(_ tx: String) -> String { pick("\(tx) is being applied", "\(tx) en cours d'application") }

    func confirmBefore(_ tx: String, _ deadline: String) -> String {
        pick(
            "in force; undone at \(deadline) unless: drimboxctl config confirm \(tx)",
            "en vigueur ; annulé à \(deadline) sauf : drimboxctl config confirm \(tx)"
        )
    }

    func awaiting(_ tx: String, _ deadline: String) -> String {
        pick("\(tx) waits for its probes until \(deadline)", "\(tx) attend ses tests jusqu'à \(deadline)")
    }

    func confirmed(_ revision: Int) -> String {
        pick("confirmed as revision \(revision)", "confirmé : révision \(revision)")
    }

    func rolledBack(_ revision: Int, _ reason: String) -> String {
        pick("rolled back to revision \(revision): \(reason)", "retour à la révision \(revision) : \(reason)")
    }

    var revisionColumns: [String] {
        [
            pick("REVISION", "RÉVISION"), pick("TIME", "DATE"), pick("AUTHOR", "AUTEUR"),
            pick("STATE", "ÉTAT"),
            pick("COMMENT", "COMMENTAIRE"),
        ]
    }

    var current: String { pick("in force", "en vigueur") }
    var rescue: String { pick("rescue", "secours") }

    var linkColumns: [String] {
        ["INTERFACE", pick("LINK", "LIEN"), "MTU", "MAC", pick("ADDRESSES", "ADRESSES")]
    }

    var routeColumns: [String] {
        ["DESTINATION", pick("GATEWAY", "PASSERELLE"), "INTERFACE"]
    }

    var linkUp: String { pick("up", "actif") }
    var noCable: String { pick("no cable", "pas de câble") }
    var nothingToTest: String {
        pick("nothing to test: no network is configured", "rien à tester : aucun réseau configuré")
    }

    /// What a failure means, and what to do.
    func advice(_ cause: NetworkTestStep.Cause) -> String {
        switch cause {
        case .missingDevice:
            pick(
                "The interface is not there: compare the names with drimboxctl net show",
                "L'interface n'existe pas : comparez les noms avec drimboxctl net show"
            )
        case .noCable:
            pick(
                "No cable: plug it in, or try another socket of the wall",
                "Pas de câble : branchez-le ou changez de prise"
            )
        case .wrongPort(let other):
            pick(
                "The cable is in \(other): move it, or configure \(other) instead",
                "Le câble est sur \(other) : déplacez-le, ou configurez \(other)"
            )
        case .notAuthorized:
            pick(
                "802.1X: ask the network team whether their server knows the box's certificate, and check the clock",
                "802.1X : demandez à l'équipe réseau si son serveur connaît le certificat de la box, et vérifiez l'horloge"
            )
        case .noLease:
            pick(
                "No DHCP answer: ask the network team, or give a fixed address",
                "Pas de réponse DHCP : appelez l'équipe réseau, ou donnez une adresse fixe"
            )
        case .noRoute:
            pick(
                "No way there: check address, prefix and gateway",
                "Pas de route : vérifiez adresse, préfixe et passerelle"
            )
        case .gatewaySilent:
            pick(
                "The gateway does not answer: check its address and the VLAN of the socket",
                "La passerelle ne répond pas : vérifiez son adresse et le VLAN de la prise"
            )
        case .dnsSilent:
            pick(
                "The name server does not answer: ask the network team for UDP 53",
                "Le serveur de noms ne répond pas : demandez UDP 53 à l'équipe réseau"
            )
        case .ntpSilent:
            pick(
                "The time server does not answer: ask the network team for UDP 123",
                "Le serveur de temps ne répond pas : demandez UDP 123 à l'équipe réseau"
            )
        case .ntpUnsynchronised:
            pick(
                "The time server has no time itself: name another one",
                "Le serveur de temps n'est pas à l'heure : indiquez-en un autre"
            )
        case .clockWrong(let seconds):
            pick(
                "The box's clock is wrong by \(abs(seconds)) s: certificates may seem invalid until it is set",
                "L'horloge de la box est fausse de \(abs(seconds)) s : des certificats peuvent sembler invalides"
            )
        case .tcpRefused:
            pick("Nobody listens there, or a firewall is between", "Personne n'écoute, ou un pare-feu bloque")
        case .pacsSilent:
            pick(
                "The archive does not answer C-ECHO: check its AE title, host and port, and that it knows ours",
                "L'archive ne répond pas au C-ECHO : vérifiez son AE title, son adresse, son port, et qu'elle connaît le nôtre"
            )
        }
    }

    func auditIntact(_ rows: Int, _ head: String) -> String {
        pick(
            "intact: \(rows) rows, newest hash \(head)",
            "intact : \(rows) lignes, dernière empreinte \(head)"
        )
    }

    func auditBroken(_ row: Int) -> String {
        pick("BROKEN at row \(row)", "ROMPU à la ligne \(row)")
    }

    var wear: String { pick("wear", "usure") }
    var pendingSectors: String { pick("pending sectors", "secteurs en attente") }
    var tries: String { pick("failed tries", "essais manqués") }
    var clock: String { pick("clock", "horloge") }
    var synchronised: String { pick("synchronised", "synchronisée") }
    var notSynchronised: String { pick("NOT synchronised", "NON synchronisée") }
}
