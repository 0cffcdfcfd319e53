// SPDX-License-Identifier: Apache-2.0

/// What the doors' pages have in common.
enum DoorPage {
    static let stylePath = "/viewer/page.css"
    static let style = """
        :root { color-scheme: light dark; font-family: system-ui, sans-serif; line-height: 1.5 }
        main { max-width: 36rem; margin: 15vh auto 0; padding: 0 1rem }
        h1 { font-size: 1.5rem }
        .desk { display: block; margin: 1rem 0; padding: 1rem; border: 1px solid; border-radius: .5rem; color: inherit }

        """

    /// `title` and `content` are HTML.
    static func html(_ language: Language, title: String, content: String) -> String {
        """
        <!DOCTYPE html>
        <html lang="\(language.rawValue)"><head><meta charset="utf-8"><title>\(title) – DRIMbox</title>
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <link rel="icon" href="data:,"><link rel="stylesheet" href="\(stylePath)"></head>
        <body><main><h1>\(title)</h1>\(content)</main></body></html>

        """
    }

    static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
            .replacing("\"", with: "&quot;").replacing("'", with: "&#39;")
    }
}

/// Asks who follows a link: a professional, or the patient. It says nothing of the exam.
struct DeskPage {
    let language: Language
    let link: ImageDisplayLink
    /// As patients know it.
    let patientProvider: String

    var html: String {
        let words: (title: String, professional: String, patient: String) =
            switch language {
            case .french:
                (
                    "Images d’un examen", "Je suis un professionnel de santé : Pro Santé Connect",
                    "Je suis le patient, ou son représentant légal : "
                )
            case .english:
                (
                    "Images of an exam", "I am a health professional: Pro Santé Connect",
                    "I am the patient, or a legal representative: "
                )
            }
        func way(_ desk: SignInDesk, _ text: String) -> String {
            let address = link.url(path: desk.path) + "&lang=\(language.rawValue)"
            return "<a class=\"desk\" href=\"\(DoorPage.escaped(address))\">\(DoorPage.escaped(text))</a>"
        }
        return DoorPage.html(
            language,
            title: words.title,
            content: way(.professionals, words.professional) + way(.patients, words.patient + patientProvider)
        )
    }
}

/// A page that says one thing. Its words are ours alone: nothing of a request or of a patient is in it.
struct NoticePage {
    let language: Language
    let notice: Notice

    var html: String {
        let words =
            switch language {
            case .french: notice.french
            case .english: notice.english
            }
        return DoorPage.html(language, title: words.title, content: "<p>\(words.text)</p>")
    }
}
