// SPDX-License-Identifier: Apache-2.0
import Admin

// The install wizard.
extension ConsoleText {
    var wizardTitle: String { pick("Install wizard", "Assistant d'installation") }
    var wizardKeys: String {
        pick(
            "Enter takes the value in brackets, . goes back, .. leaves without any change.",
            "Entree prend la valeur entre crochets, . revient, .. quitte sans rien changer."
        )
    }
    var selfCheck: String { pick("Self-check", "Autocontrole") }
    var wizardUnavailable: String {
        pick("The wizard cannot start:", "L'assistant ne peut pas demarrer :")
    }

    func check(_ result: SelfCheck.Result) -> String {
        switch result {
        case .pass: pick("PASS", "OK")
        case .fail: pick("FAIL", "ECHEC")
        case .unknown: "?"
        }
    }

    func check(_ subject: SelfCheck.Subject) -> String {
        switch subject {
        case .supervisor: pick("supervisor", "superviseur")
        case .services: "services"
        case .network: pick("network interfaces", "interfaces reseau")
        case .disks: pick("disks", "disques")
        case .memory: pick("memory", "memoire")
        case .heat: pick("heat and fans", "temperatures et ventilateurs")
        case .clock: pick("clock", "horloge")
        case .tpm: "TPM"
        }
    }

    var notTold: String { pick("not told by this version", "non fourni par cette version") }
    func linksUp(_ up: Int, of count: Int) -> String {
        pick("\(up) of \(count) with link", "\(up) sur \(count) avec lien")
    }

    // MARK: Questions

    func zone(_ zone: NetworkConfiguration.Zone) -> String {
        switch zone {
        case .care: pick("care (PACS, modalities)", "care (PACS, modalites)")
        case .dmz: pick("dmz (outside)", "dmz (exterieur)")
        case .admin: "admin"
        }
    }

    func question(_ step: WizardStep) -> String {
        switch step {
        case .site: pick("Site name", "Nom du site")
        case .interface(let zone):
            pick(
                "Interface for \(zone.rawValue): number or name",
                "Interface pour \(zone.rawValue) : numero ou nom"
            )
        case .address(let zone):
            pick(
                "\(zone.rawValue): address/prefix gateway, or dhcp",
                "\(zone.rawValue) : adresse/prefixe routeur, ou dhcp"
            )
        case .gateway(let zone): pick("\(zone.rawValue): gateway", "\(zone.rawValue) : routeur")
        case .dmz: pick("Second network, dmz (yes/no)", "Second reseau, dmz (oui/non)")
        case .dns: pick("DNS servers", "Serveurs DNS")
        case .ntp: pick("NTP servers", "Serveurs NTP")
        case .pacs: pick("PACS: AE title, host, port", "PACS : AE title, adresse, port")
        case .plaintext: pick("DICOM without TLS here (yes/no)", "DICOM sans TLS ici (oui/non)")
        case .administrator: pick("Administrator name", "Nom de l'administrateur")
        case .password: pick("Password, 10 or more (not shown)", "Mot de passe, 10 ou plus (invisible)")
        case .passwordAgain: pick("Password again", "Mot de passe, encore")
        case .review: pick("Apply", "Appliquer")
        }
    }

    /// The question in a list of answers.
    func label(_ step: WizardStep) -> String {
        switch step {
        case .interface(let zone): pick("\(zone.rawValue) interface", "interface \(zone.rawValue)")
        case .address(let zone):
            pick("\(zone.rawValue) address, gateway", "adresse, routeur \(zone.rawValue)")
        case .dmz: pick("Second network, dmz", "Second reseau, dmz")
        case .pacs: "PACS"
        case .plaintext: pick("DICOM without TLS", "DICOM sans TLS")
        default: question(step)
        }
    }

    /// What is said before a question, to those who meet it for the first time.
    func help(_ step: WizardStep, _ answers: WizardAnswers) -> [String] {
        switch step {
        case .interface(let zone):
            [
                pick(
                    "Which socket goes to \(self.zone(zone))? Plug the cable now to find it.",
                    "Quelle prise va vers \(self.zone(zone)) ? Branchez le cable maintenant."
                )
            ]
        case .address:
            [
                pick(
                    "For example 10.10.0.5/24 10.10.0.1 (ask the network team; gateway may be none).",
                    "Exemple : 10.10.0.5/24 10.10.0.1 (voir l'equipe reseau ; routeur : ou aucun)."
                )
            ]
        case .dns:
            [pick("Addresses with spaces between, or none.", "Adresses separees par des espaces, ou aucun.")]
        case .ntp:
            [pick("Names or addresses, or none (bad idea).", "Noms ou adresses, ou aucun (deconseille).")]
        case .pacs:
            [
                pick(
                    "For example PACS1 10.10.0.40 104 (ask the PACS team), or none.",
                    "Exemple : PACS1 10.10.0.40 104 (voir l'equipe PACS), ou aucun."
                )
            ]
        case .plaintext:
            [
                pick(
                    "Modalities and PACS without TLS can reach the box only if it takes DICOM in",
                    "Modalites et PACS sans TLS n'atteignent la box que si elle accepte DICOM en"
                ),
                pick(
                    "clear text on \(answers.listenAddress ?? "-"), from the care network only.",
                    "clair sur \(answers.listenAddress ?? "-"), depuis le reseau care seulement."
                ),
            ]
        default: []
        }
    }

    func linkUp(_ name: String) -> String { pick("\(name): cable plugged in", "\(name) : cable branche") }
    func linkDown(_ name: String) -> String { pick("\(name): cable pulled out", "\(name) : cable debranche") }
    var answerNeeded: String { pick("An answer is needed.", "Une reponse est necessaire.") }
    var fromDHCP: String { pick("from DHCP", "par DHCP") }

    // MARK: What is wrong with an answer

    func wrong(_ found: String, _ expected: String) -> String {
        pick(
            "found \"\(found.prefix(40))\", expected \(expected)",
            "lu \"\(found.prefix(40))\", attendu \(expected)"
        )
    }

    func oneOf(_ names: [String]) -> String { pick("one of ", "un de ") + names.joined(separator: ", ") }

    func expected(_ step: WizardStep) -> String {
        switch step {
        case .site: pick("a text of 1 to 256 characters", "un texte de 1 a 256 caracteres")
        case .interface: pick("the name of an interface", "le nom d'une interface")
        case .address:
            pick(
                "dhcp, or an address with its prefix length: 10.10.0.5/24",
                "dhcp, ou une adresse avec son prefixe : 10.10.0.5/24"
            )
        case .gateway: pick("an IP address, or none", "une adresse IP, ou aucun")
        case .dmz, .plaintext, .review: yesOrNo
        case .dns: pick("IP addresses, or none", "des adresses IP, ou aucun")
        case .ntp: pick("host names or addresses, or none", "des noms ou adresses, ou aucun")
        case .pacs:
            pick(
                "AE title (1 to 16 characters), host and port (1 to 65535): PACS1 10.10.0.40 104",
                "AE title (1 a 16 caracteres), adresse et port (1 a 65535) : PACS1 10.10.0.40 104"
            )
        case .administrator:
            pick("1 to 32 of a-z 0-9 . _ -, a letter first", "1 a 32 de a-z 0-9 . _ -, une lettre d'abord")
        case .password: pick("at least 10 characters", "au moins 10 caracteres")
        case .passwordAgain: pick("the same password", "le meme mot de passe")
        }
    }

    var passwordTooShort: String {
        pick("Too short: expected at least 10 characters.", "Trop court : attendu au moins 10 caracteres.")
    }
    var passwordsDiffer: String {
        pick("Not the same as before; once more.", "Pas le meme ; recommencez.")
    }

    /// A finding of the configuration's own rules.
    func finding(_ finding: ConfigurationError.Finding, _ step: WizardStep) -> String {
        guard language == .french else { return "found \(finding.found), expected \(finding.expected)" }
        let found = finding.found.replacing(", in the network of ", with: ", dans le reseau de ")
            .replacing(", the box's own address", with: ", l'adresse de la box elle-meme")
            .replacing(", beside the one of ", with: ", en plus de celui de ").replacing(
                "nothing",
                with: "rien"
            )
            .replacing(" again", with: " encore")
        let expected =
            switch finding.code {
            case "net.address.overlap": "un reseau a elle seule"
            case "net.address": "l'adresse d'une machine dans son reseau"
            case "net.gateway.outside":
                "une adresse dans le reseau de "
                    + (finding.expected.split(separator: " ").last.map(String.init) ?? "?")
            case "net.gateway": "une autre machine"
            case "net.gateway.several": "un seul routeur par defaut ; ici : aucun"
            case "net.name.duplicate": "chaque nom une fois"
            default: self.expected(step)
            }
        return "lu \(found), attendu \(expected)"
    }

    // MARK: The end

    var review: String { pick("Your answers", "Vos reponses") }
    var reviewQuestion: String {
        pick(
            "Apply? Type yes, a number to correct, Enter to see again, .. to leave: ",
            "Appliquer ? Tapez oui, un numero, Entree pour revoir, .. pour quitter : "
        )
    }
    var invalid: String { pick("The box refuses these answers:", "La box refuse ces reponses :") }
    func administratorMade(_ name: String) -> String {
        pick("Administrator \(name) created.", "Administrateur \(name) cree.")
    }
    var administratorRefused: String {
        pick("The administrator was not created:", "L'administrateur n'a pas ete cree :")
    }
    var stale: String {
        pick(
            "The configuration was changed meanwhile; look at the differences again.",
            "La configuration a change entre-temps ; relisez les differences."
        )
    }
}
