// SPDX-License-Identifier: Apache-2.0
import Identity

/// The contents of the pages before and around a patient.
struct Pages {
    let language: Language

    func home(isSignedIn: Bool, isSignedOut: Bool, patients: [(path: String, name: String)]) -> [HTML] {
        var content: [HTML] = [.element("h1", language(.welcome))]
        if isSignedOut { content.append(.element("p", ["role": "status"], language(.signedOut))) }
        content.append(.element("p", language(.howToOpen)))
        if !patients.isEmpty {
            content.append(.element("h2", language(.openPatients)))
            content.append(
                .element(
                    "ul",
                    patients.map { .element("li", [.element("a", ["href": $0.path], $0.name)]) }
                )
            )
        }
        if !isSignedIn {
            content.append(
                .element("a", ["class": "button", "href": "/consumer/sign-in"], language(.signIn))
            )
        }
        return content
    }

    /// `activities` with whether the box has their structure's certificates.
    func activities(
        _ activities: [(activity: Professional.Activity, isConfigured: Bool)],
        formToken: String
    ) -> [HTML] {
        let choices = activities.enumerated().map { index, entry -> HTML in
            let name = entry.activity.structureName ?? entry.activity.structureIdentifier ?? "?"
            let note = entry.isConfigured ? "" : " – \(language(.unconfigured))"
            return .element(
                "label",
                ["class": "choice"],
                [
                    .element(
                        "input",
                        [
                            "type": "radio", "name": "activity", "value": "\(index)", "required": "",
                            "disabled": entry.isConfigured ? nil : "",
                        ]
                    ),
                    .text("\(name) (\(entry.activity.structureIdentifier ?? "–"))\(note)"),
                ]
            )
        }
        return [
            .element("h1", language(.chooseActivity)), .element("p", language(.activityHelp)),
            Form.post(
                "/consumer/activity",
                formToken,
                [
                    .element(
                        "fieldset",
                        [.element("legend", language(.structure))] + choices
                    ),
                    .element("button", ["type": "submit"], language(.continueOn)),
                ]
            ),
        ]
    }

    func about(software: String, version: String) -> [HTML] {
        [
            .element("h1", language(.about)),
            .element(
                "dl",
                [
                    .element(
                        "div",
                        [.element("dt", language(.editor)), .element("dd", software)]
                    ),
                    .element(
                        "div",
                        [.element("dt", language(.version)), .element("dd", version)]
                    ),
                ]
            ),
            .element("p", language(.profile)),
        ]
    }

    /// Why something is not to be had. `detail` is for whoever is asked for help.
    func refusal(_ title: Phrase, _ words: [Phrase], detail: String?) -> [HTML] {
        var content: [HTML] = [.element("h1", language(title))]
        content += words.map { .element("p", ["role": "alert"], language($0)) }
        if let detail {
            content.append(
                .element(
                    "details",
                    [.element("summary", language(.details)), .element("p", ["class": "detail"], detail)]
                )
            )
        }
        content.append(.element("a", ["class": "button", "href": "/consumer"], language(.home)))
        return content
    }
}
