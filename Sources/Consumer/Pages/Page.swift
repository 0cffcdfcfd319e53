// SPDX-License-Identifier: Apache-2.0
import IHE

/// What every page has around its content.
struct Page {
    let language: Language
    /// Who is signed in, as the page names them.
    var professional: String?
    var formToken: String?
    let title: String
    /// The path of this page, to come back to in the other language.
    var path: String
    /// What follows in the URL, ending in "&" where it is not empty.
    var query = ""
    var content: [HTML]

    var html: HTML {
        .element(
            "html",
            ["lang": language.rawValue],
            [
                .element(
                    "head",
                    [
                        .element("meta", ["charset": "utf-8"]),
                        .element(
                            "meta",
                            ["name": "viewport", "content": "width=device-width, initial-scale=1"]
                        ),
                        .element("title", "\(title) – DRIMbox"),
                        .element("link", ["rel": "stylesheet", "href": "/consumer/style.css"]),
                        .element("link", ["rel": "icon", "href": "data:,"]),
                    ]
                ),
                .element(
                    "body",
                    [
                        .element("a", ["class": "skip", "href": "#content"], language(.skip)), header,
                        .element("main", ["id": "content", "tabindex": "-1"], content), footer,
                        .element("script", ["src": "/consumer/script.js", "defer": ""]),
                    ]
                ),
            ]
        )
    }

    private var header: HTML {
        var parts: [HTML] = [
            .element("a", ["class": "product", "href": "/consumer"], language(.product))
        ]
        let other: Language = language == .french ? .english : .french
        parts.append(
            .element(
                "a",
                [
                    "href": "\(path)?\(query)lang=\(other.rawValue)", "hreflang": other.rawValue,
                    "lang": other.rawValue,
                ],
                language(.otherLanguage)
            )
        )
        if let professional, let formToken {
            parts.append(.element("span", ["class": "who"], professional))
            parts.append(
                Form.post(
                    "/consumer/sign-out",
                    formToken,
                    [.element("button", ["type": "submit"], language(.signOut))]
                )
            )
        }
        return .element("header", parts)
    }

    private var footer: HTML {
        .element(
            "footer",
            [
                .element("a", ["href": "/consumer/about"], language(.about))
            ]
        )
    }
}

extension HTML {
    static func element(_ name: StaticString, _ children: [HTML]) -> HTML { element(name, [:], children) }

    static func element(_ name: StaticString, _ text: String) -> HTML { element(name, [:], [.text(text)]) }
}

enum Form {
    static let tokenField = "token"

    /// A form that changes something: it carries the session's own token.
    static func post(_ action: String, _ token: String, _ children: [HTML]) -> HTML {
        .element(
            "form",
            ["method": "post", "action": action],
            [.element("input", ["type": "hidden", "name": "token", "value": token])] + children
        )
    }
}

/// The ten traits of the national identity; five are there at once, the others a click away (INS/va1.36).
struct PatientBanner {
    let patient: PatientContext
    let language: Language

    private static let natures = [
        "1.2.250.1.213.1.4.8": "INS-NIR", "1.2.250.1.213.1.4.9": "INS-NIA",
        "1.2.250.1.213.1.4.10": "INS-NIR (test)", "1.2.250.1.213.1.4.11": "INS-NIR (demo)",
    ]

    var html: HTML {
        let identifier = patient.nationalIdentifier
        let nature = Self.natures[identifier.authority].map { "\($0), \(identifier.authority)" }
        return .element(
            "section",
            ["class": "patient", "aria-label": patient.birthFamilyName],
            [
                list([
                    (.birthName, patient.birthFamilyName), (.firstGivenName, patient.firstGivenName),
                    (.birthDate, language.date(patient.birthDate)), (.sex, patient.sex.rawValue),
                    (.birthPlace, patient.birthPlace),
                ]),
                .element(
                    "details",
                    [
                        .element("summary", language(.otherTraits)),
                        list([
                            (.nationalIdentifier, identifier.value),
                            (.identifierNature, nature ?? identifier.authority),
                            (.birthGivenNames, patient.birthGivenNames.joined(separator: " ")),
                            (.usedName, patient.usedFamilyName), (.usedGivenName, patient.usedGivenName),
                            (.localIdentifier, patient.localIdentifier),
                        ]),
                    ]
                ),
            ]
        )
    }

    private func list(_ traits: [(Phrase, String?)]) -> HTML {
        .element(
            "dl",
            traits.map { trait in
                let value = trait.1.flatMap { $0.isEmpty ? nil : $0 }
                return .element(
                    "div",
                    [
                        .element("dt", language(trait.0)),
                        .element("dd", value ?? language(.unknownValue)),
                    ]
                )
            }
        )
    }
}

/// What a document's entry says of who may see it (EX_3.1-1080).
struct DocumentStates {
    let document: RegisteredDocument
    let language: Language

    var html: HTML {
        let words = phrases.map { HTML.element("li", language($0)) }
        return words.isEmpty ? .nothing : .element("ul", ["class": "states"], words)
    }

    /// Shown before the document itself (EX_3.2-1025).
    var warnings: HTML {
        var phrases: [Phrase] = []
        if document.isInvisibleToPatient { phrases.append(.invisibleWarning) }
        if document.isInvisibleToLegalRepresentatives { phrases.append(.guardianWarning) }
        return .group(
            phrases.map { .element("p", ["class": "warning", "role": "alert"], language($0)) }
        )
    }

    private var phrases: [Phrase] {
        [
            (document.isMaskedFromProfessionals, .masked), (document.isInvisibleToPatient, .invisible),
            (document.isInvisibleToLegalRepresentatives, .invisibleToGuardians),
            (document.status == .archived, .archived), (document.status == .deprecated, .obsolete),
            (document.isOfPatient, .ofPatient),
        ].compactMap { (holds: Bool, phrase: Phrase) in holds ? phrase : nil }
    }
}
