// SPDX-License-Identifier: Apache-2.0

/// What the doors say where there are no images to show.
struct Notice: Sendable {
    let french: (title: String, text: String)
    let english: (title: String, text: String)

    /// The same for every link that leads nowhere, so that nobody learns what of it was right.
    static let unknownLink = Notice(
        french: (
            "Lien non valide",
            "Ce lien ne mène à aucun examen. Vérifiez qu’il est complet, tel qu’il figure dans le compte rendu."
        ),
        english: (
            "Invalid link", "This link leads to no exam. Check that it is complete, as the report has it."
        )
    )
    static let withdrawn = Notice(
        french: ("Examen retiré", "Cet examen ou son compte rendu a été retiré par le service d’imagerie."),
        english: ("Exam withdrawn", "This exam or its report was withdrawn by the imaging department.")
    )
    static let unavailable = Notice(
        french: (
            "Images non disponibles",
            "Les images de cet examen ne sont pas encore disponibles. Réessayez plus tard."
        ),
        english: (
            "Images not available", "The images of this exam are not available yet. Try again later."
        )
    )
    static func hidden(at desk: SignInDesk) -> Notice {
        switch desk {
        case .professionals:
            Notice(
                french: ("Accès refusé", "Le patient a masqué cet examen aux professionnels de santé."),
                english: ("Access refused", "The patient has hidden this exam from health professionals.")
            )
        case .patients:
            // The same to whom it is not shown yet, and to whom it does not concern.
            Notice(
                french: (
                    "Accès refusé",
                    "Cet examen ne peut pas être consulté avec ce compte. Adressez-vous au médecin qui a demandé l’examen, ou au service d’imagerie."
                ),
                english: (
                    "Access refused",
                    "This exam cannot be seen with this account. Ask the doctor who requested the exam, or the imaging department."
                )
            )
        }
    }
    static func signInFailed(at desk: SignInDesk) -> Notice {
        switch desk {
        case .professionals:
            Notice(
                french: (
                    "Connexion refusée",
                    "Pro Santé Connect n’a pas confirmé votre identité. Ouvrez de nouveau le lien du compte rendu."
                ),
                english: (
                    "Sign-in refused",
                    "Pro Santé Connect did not confirm who you are. Open the link of the report again."
                )
            )
        case .patients:
            Notice(
                french: (
                    "Connexion refusée",
                    "Votre identité n’a pas été confirmée. Ouvrez de nouveau le lien du compte rendu."
                ),
                english: (
                    "Sign-in refused", "Who you are was not confirmed. Open the link of the report again."
                )
            )
        }
    }
    static let over = Notice(
        french: (
            "Session terminée",
            "Votre session est terminée, ou n’a pas été ouverte dans ce navigateur. Ouvrez de nouveau l’examen."
        ),
        english: (
            "Session over", "Your session is over, or was not opened in this browser. Open the exam again."
        )
    )
    static let signedOut = Notice(
        french: ("Vous êtes déconnecté", "Vous pouvez fermer cette fenêtre."),
        english: ("You are signed out", "You can close this window.")
    )
    static let notFound = Notice(
        french: ("Page inconnue", "Il n’y a rien à cette adresse."),
        english: ("Unknown page", "There is nothing at this address.")
    )
    static let later = Notice(
        french: ("Service indisponible", "Réessayez dans quelques instants."),
        english: ("Service unavailable", "Try again in a moment.")
    )
}
