// SPDX-License-Identifier: Apache-2.0
package import XML

/// The patient lets who asks into the record (TD0.3). Sent only where a person said so (EX_0.3-1010).
package struct SetAuthorization: Equatable, Sendable {
    package static let action = "urn:si-dmp-habilitations:HabilitationsEndPoint:setAuthorization"
    private static let namespace = "urn:si-dmp-habilitations"

    package init() {}

    package var body: XMLElement {
        .make(
            "setAuthorization",
            in: Self.namespace,
            [.make("action", in: Self.namespace, text: "AJOUT")]
        )
    }

    /// Reads a setAuthorizationResponse: a status, DMPOk or another code, and its context in words.
    ///
    /// - Throws: the code and the words of a refusal.
    package static func check(_ body: XMLElement) throws(RegistryFailure) {
        let output = body.first("output") ?? body
        guard body.name == XMLName("setAuthorizationResponse", in: namespace),
            let status = output.first("status")?.text.trimmed, !status.isEmpty
        else {
            throw RegistryFailure(
                code: "answer",
                words: "found no setAuthorizationResponse with a status",
                isRetryable: true
            )
        }
        guard status != "DMPOk" else { return }
        throw RegistryFailure(
            code: status,
            words: output.first("context")?.text.trimmed ?? "",
            isRetryable: false
        )
    }
}
