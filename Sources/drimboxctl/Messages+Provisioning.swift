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
}
