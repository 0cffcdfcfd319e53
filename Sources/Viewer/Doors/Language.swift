// SPDX-License-Identifier: Apache-2.0

package enum Language: String, Sendable, CaseIterable {
    case french = "fr"
    case english = "en"

    /// The language that a browser prefers (RFC 9110 12.5.4); French where it says nothing that we have.
    init(accepting header: String?) {
        let wanted = (header ?? "").split(separator: ",").compactMap { range -> (Language, Double)? in
            let parts = range.split(separator: ";").map { $0.filter { !$0.isWhitespace } }
            guard let tag = parts.first, let language = Language(rawValue: String(tag.prefix(2)).lowercased())
            else { return nil }
            let quality = parts.dropFirst().first { $0.hasPrefix("q=") }.flatMap { Double($0.dropFirst(2)) }
            return (language, quality ?? 1)
        }
        self = wanted.max { $0.1 < $1.1 }?.0 ?? .french
    }
}

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
    static let hidden = Notice(
        french: ("Accès refusé", "Le patient a masqué cet examen aux professionnels de santé."),
        english: ("Access refused", "The patient has hidden this exam from health professionals.")
    )
    static let signInFailed = Notice(
        french: (
            "Connexion refusée",
            "Pro Santé Connect n’a pas confirmé votre identité. Ouvrez de nouveau le lien du compte rendu."
        ),
        english: (
            "Sign-in refused",
            "Pro Santé Connect did not confirm who you are. Open the link of the report again."
        )
    )
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

/// A page that says one thing. Its words are ours alone: nothing of a request or of a patient is in it.
struct NoticePage {
    static let stylePath = "/viewer/page.css"
    static let style = """
        :root { color-scheme: light dark; font-family: system-ui, sans-serif; line-height: 1.5 }
        main { max-width: 36rem; margin: 15vh auto 0; padding: 0 1rem }
        h1 { font-size: 1.5rem }

        """

    let language: Language
    let notice: Notice

    var html: String {
        let words =
            switch language {
            case .french: notice.french
            case .english: notice.english
            }
        return """
            <!DOCTYPE html>
            <html lang="\(language.rawValue)"><head><meta charset="utf-8"><title>\(words.title) – DRIMbox</title>
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <link rel="stylesheet" href="\(Self.stylePath)"></head>
            <body><main><h1>\(words.title)</h1><p>\(words.text)</p></main></body></html>

            """
    }
}
