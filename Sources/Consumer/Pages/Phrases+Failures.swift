// SPDX-License-Identifier: Apache-2.0

extension ImageFailure {
    /// As a reader is told; the technical detail is in the traces.
    var words: Phrase {
        switch self {
        case .gone:
            Phrase("l’autre établissement ne les a plus", "the other site has them no longer")
        case .notKept:
            Phrase(
                "reçues, mais illisibles ou impossibles à conserver",
                "received, but they could not be kept"
            )
        case .interrupted: Phrase("la réception a été interrompue", "the reception was interrupted")
        case .source(let error): error.words
        case .signedOut: Phrase("votre session est terminée", "your session is over")
        case .notDone:
            Phrase("service momentanément indisponible", "the service is unavailable for the moment")
        case .evicted:
            Phrase(
                "elles ne sont plus dans cette DRIMbox ; rouvrez l’examen",
                "they are no longer in this box; open the exam again"
            )
        case .archiveRefused(let status, _):
            Phrase("le PACS les refuse (statut \(status))", "the PACS refuses them (status \(status))")
        case .archiveFailed: Phrase("le PACS ne répond pas", "the PACS does not answer")
        }
    }
}

extension ImageSourceError {
    fileprivate var words: Phrase {
        switch self {
        case .forbiddenAddress:
            Phrase(
                "leur adresse n’est pas celle d’une DRIMbox de la liste blanche",
                "their address is not that of a box of the white list"
            )
        case .refused(let status) where status == 401 || status == 403:
            Phrase(
                "l’autre établissement refuse l’accès (\(status))",
                "the other site refuses access (\(status))"
            )
        case .refused(let status) where status == 404 || status == 410:
            Phrase(
                "l’autre établissement ne partage plus cet examen (\(status))",
                "the other site shares this exam no longer (\(status))"
            )
        case .refused(let status):
            Phrase(
                "l’autre établissement ne peut les envoyer (\(status))",
                "the other site cannot send them (\(status))"
            )
        case .unreachable:
            Phrase("l’autre établissement ne répond pas", "the other site does not answer")
        }
    }
}
