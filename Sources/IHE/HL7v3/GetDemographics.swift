// SPDX-License-Identifier: Apache-2.0
package import XML

/// Patient Registry Get Demographics (HL7 v3 PRPA_IN201307UV02), as the national record answers it: whether a patient has
/// a record, and whether who asks may use it (TD0.2).
package struct GetDemographics: Sendable {
    package static let action = "urn:hl7-org:v3:PRPA_IN201307UV02"
    private static let hl7 = "urn:hl7-org:v3"
    private static let interaction = "PRPA_IN201307UV02"
    /// The record as a receiver.
    private static let record = "1.2.250.1.213.4.1.1.1"

    /// New with each query.
    package var messageID: String
    package var queryID: String
    /// YYYYMMDDhhmmss, UTC
    package var creationTime: String
    /// OID and name of who asks.
    package var sender: (identifier: String, name: String)
    /// The INS and the OID of its nature.
    package var patient: (identifier: String, authority: String)

    package init(
        messageID: String,
        queryID: String,
        creationTime: String,
        sender: (identifier: String, name: String),
        patient: (identifier: String, authority: String)
    ) {
        self.messageID = messageID
        self.queryID = queryID
        self.creationTime = creationTime
        self.sender = sender
        self.patient = patient
    }

    package var body: XMLElement {
        func element(
            _ local: String,
            _ attributes: KeyValuePairs<String, String> = [:],
            _ children: [XMLElement] = []
        ) -> XMLElement {
            .make(local, in: Self.hl7, attributes, children)
        }
        func device(_ role: String, _ code: String, _ identifier: String, _ name: String) -> XMLElement {
            let children = [
                element("id", ["root": identifier]),
                XMLElement.make("softwareName", in: Self.hl7, text: name),
            ]
            return element(
                role,
                ["typeCode": code],
                [element("device", ["classCode": "DEV", "determinerCode": "INSTANCE"], children)]
            )
        }
        let parameters = element(
            "parameterList",
            [:],
            [
                element(
                    "patientIdentifier",
                    [:],
                    [
                        element("value", ["root": patient.authority, "extension": patient.identifier]),
                        .make("semanticsText", in: Self.hl7, text: "Patient.id"),
                    ]
                )
            ]
        )
        let query = element(
            "queryByParameter",
            [:],
            [
                element("queryId", ["root": sender.identifier, "extension": queryID]),
                element("statusCode", ["code": "new"]), parameters,
            ]
        )
        let reason = element(
            "reasonCode",
            [
                "code": "TEST_EXST", "codeSystem": "1.2.250.1.213.1.1.4.11",
                "displayName": "Test d'existence de dossier",
            ]
        )
        return element(
            Self.interaction,
            ["ITSVersion": "XML_1.0"],
            [
                element("id", ["root": sender.identifier, "extension": messageID]),
                element("creationTime", ["value": creationTime]),
                element("interactionId", ["root": "2.16.840.1.113883.1.6", "extension": Self.interaction]),
                element("processingCode", ["code": "P"]), element("processingModeCode", ["code": "T"]),
                element("acceptAckCode", ["code": "AL"]), device("receiver", "RCV", Self.record, "DMP"),
                device("sender", "SND", sender.identifier, sender.name),
                element("controlActProcess", ["classCode": "CACT", "moodCode": "EVN"], [reason, query]),
            ]
        )
    }

    // MARK: The answer

    /// PRPA_IN201308UV02
    package struct Answer: Equatable, Sendable {
        /// VALIDE, INTERDIT, INEXISTANTE, EXPIREE…; nil where it is not said.
        package let authorization: String?
        package let exists: Bool
        package let isClosed: Bool
        /// Whether who asks is the patient's médecin traitant; nil where it is not said.
        package let isTreatingPhysician: Bool?
        /// At birth, where the record tells names apart.
        package let familyName: String?
        package let givenName: String?
        /// As the record has it, such as M or F.
        package let sex: String?
        /// YYYYMMDD
        package let birthDate: String?

        /// Nil where it is no answer to the query, or an error.
        package init?(reading body: XMLElement) {
            guard body.name == XMLName("PRPA_IN201308UV02", in: GetDemographics.hl7),
                let acknowledgement = body.first("acknowledgement"),
                (acknowledgement["typeCode"] ?? acknowledgement.first("typeCode")?["code"]) == "AA",
                let control = body.first("controlActProcess"),
                let code = control.first(at: ["queryAck", "queryResponseCode"])?["code"],
                code == "OK" || code == "NF"
            else { return nil }
            exists = code == "OK"
            let patient = control.first(at: ["subject", "registrationEvent", "subject1", "patient"])
            isClosed = patient?.first("statusCode")?["code"] == "terminated"
            let attention = body.elements("attentionLine")
            func value(_ keyword: String) -> XMLElement? {
                attention.first { $0.first("keyWordText")?["code"] == keyword }?.first("value")
            }
            authorization = value("AUTORISATION")?["code"]
            isTreatingPhysician = (value("STATUT_MT")?["value"]).flatMap {
                ["true": true, "false": false][$0]
            }
            let person = patient?.first("patientPerson")
            let names = person?.elements("name") ?? []
            let name = names.first { $0.elements("family").contains(where: Self.isOfBirth) } ?? names.first
            familyName = Self.part("family", of: name)
            givenName = Self.part("given", of: name)
            sex = Self.said(person?.first("administrativeGenderCode")?["code"])
            birthDate = Self.said(person?.first("birthTime")?["value"]).flatMap { time in
                let digits = time.prefix(8)
                return digits.utf8.count == 8 && digits.allSatisfy { $0.isASCII && $0.isNumber }
                    ? String(digits) : nil
            }
        }

        private static func part(_ local: String, of name: XMLElement?) -> String? {
            let parts = name?.elements(local) ?? []
            return said((parts.first(where: isOfBirth) ?? parts.first)?.text)
        }

        /// EntityNamePartQualifier BR.
        private static func isOfBirth(_ part: XMLElement) -> Bool {
            part["qualifier"]?.split(separator: " ").contains("BR") == true
        }

        /// The record says NON RENSEIGNE for nothing (REC_0.2-1020).
        private static func said(_ text: String?) -> String? {
            guard let text = text?.trimmed, !text.isEmpty, text != "NON RENSEIGNE" else { return nil }
            return text
        }
    }
}
