// SPDX-License-Identifier: Apache-2.0
package import XML

/// SOAP 1.2 with WS-Addressing and a SAML assertion in WS-Security, as the national record wants them.
package enum Envelope {
    private static let soap = "http://www.w3.org/2003/05/soap-envelope"
    private static let addressing = "http://www.w3.org/2005/08/addressing"
    private static let security =
        "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"

    /// `messageID` is a UUID, `assertion` the signed VIHF.
    package static func make(
        action: String,
        to address: String,
        messageID: String,
        assertion: XMLElement,
        body: XMLElement
    ) -> XMLElement {
        .make(
            "Envelope",
            in: soap,
            [
                .make(
                    "Header",
                    in: soap,
                    [
                        .make("MessageID", in: addressing, text: "urn:uuid:\(messageID)"),
                        .make("To", in: addressing, text: address),
                        .make("Action", in: addressing, ["mustUnderstand": "true"], text: action),
                        .make("Security", in: security, [assertion]),
                    ]
                ),
                .make("Body", in: soap, [body]),
            ]
        )
    }

    /// What an answer says: the content of its body, or why there is none.
    package static func body(of envelope: XMLElement) throws(RegistryFailure) -> XMLElement {
        guard envelope.name == XMLName("Envelope", in: soap), let body = envelope.first("Body") else {
            throw RegistryFailure(code: "answer", words: "found no SOAP 1.2 envelope", isRetryable: true)
        }
        if let fault = body.first("Fault") { throw RegistryFailure(fault: fault, in: soap) }
        guard let content = body.elements.first else {
            throw RegistryFailure(code: "answer", words: "found an empty body", isRetryable: true)
        }
        return content
    }

    /// The body of an answer that tells of success or of errors (ebRS 3.0).
    package static func check(_ body: XMLElement) throws(RegistryFailure) {
        guard let status = body["status"] else {
            throw RegistryFailure(code: "answer", words: "found no status", isRetryable: true)
        }
        if status.hasSuffix(":Success") { return }
        let errors = body.descendants(XMLName("RegistryError", in: EbRIM.rs))
        guard
            let error = errors.first(where: { $0["severity"]?.hasSuffix(":Warning") != true }) ?? errors.first
        else {
            throw RegistryFailure(
                code: "Failure",
                words: "the registry refused without a reason",
                isRetryable: false
            )
        }
        throw RegistryFailure(
            code: error["errorCode"] ?? "Failure",
            words: error["codeContext"] ?? "",
            isRetryable: RegistryFailure.busy.contains(error["errorCode"] ?? "")
        )
    }
}

/// A SOAP fault or a registry error. Digits are taken out of its words, since a registry may repeat an identifier.
package struct RegistryFailure: Error, Equatable, Sendable, CustomStringConvertible {
    /// Errors after which the same request may succeed (ITI TF-3 Table 4.2.4.1-2).
    static let busy: Set<String> = ["XDSRegistryBusy", "XDSRepositoryBusy", "XDSRegistryOutOfResources"]

    package let code: String
    package let words: String
    package let isRetryable: Bool

    package init(code: String, words: String, isRetryable: Bool) {
        self.code = String(code.prefix(100))
        self.words = Self.anonymous(words)
        self.isRetryable = isRetryable
    }

    init(fault: XMLElement, in soap: String) {
        let code = fault.first("Code")
        let sub = code?.first("Subcode")?.first("Value")?.text
        let value = code?.first("Value")?.text ?? ""
        // The server's side of a fault may pass, the sender's does not.
        self.init(
            code: Self.local(sub ?? value),
            words: fault.first("Reason")?.first("Text")?.text ?? "",
            isRetryable: Self.local(value) == "Receiver"
        )
    }

    private static func local(_ name: String) -> String {
        String(name.split(separator: ":").last ?? "").filter { !$0.isWhitespace }
    }

    /// The same without words that are in `known`, whatever their case: a registry may repeat whom it speaks of.
    package func without(_ known: [String]) -> RegistryFailure {
        let secrets = Set(
            known.flatMap { $0.lowercased().split { !$0.isLetter && !$0.isNumber } }.filter { $0.count > 1 }
        )
        var result = ""
        var word = ""
        func take() {
            result += secrets.contains(word.lowercased()[...]) ? "…" : word
            word = ""
        }
        for character in words {
            if character.isLetter || character.isNumber {
                word.append(character)
            } else {
                take()
                result.append(character)
            }
        }
        take()
        return RegistryFailure(code: code, words: result, isRetryable: isRetryable)
    }

    /// Runs of seven digits or more may be somebody's number.
    private static func anonymous(_ text: String) -> String {
        var result = ""
        var run = ""
        for character in text.prefix(500) {
            if character.isNumber {
                run.append(character)
                continue
            }
            result += run.count >= 7 ? "…" : run
            run = ""
            result.append(character.isNewline ? " " : character)
        }
        return result + (run.count >= 7 ? "…" : run)
    }

    package var description: String { words.isEmpty ? code : "\(code): \(words)" }
}
