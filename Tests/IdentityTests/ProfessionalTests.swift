// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Identity

@Suite("Userinfo of Pro Santé Connect") struct ProfessionalTests {
    private func read(_ json: String) throws(SignInError) -> Professional {
        try Professional(reading: Array(json.utf8))
    }

    @Test("a physician with two structures") func activities() throws {
        let professional = try read(
            #"""
            {"sub":"f:1:899700000002","preferred_username":"899700000002","family_name":"GENERALISTE",
             "given_name":"Léa","SubjectOrganization":"ignored","otherIds":[{"identifiant":"1"}],
             "SubjectRefPro":{"codeCivilite":"MME","exercices":[
              {"codeProfession":"10","codeSavoirFaire":"SM54","activities":[
               {"codeSecteurDactivite":"SA07^1.2.250.1.71.4.2.4","raisonSocialeSite":"CABINET DU PORT",
                "ancienIdentifiantDeLaStructure":"499700000012345","numeroSiretSite":"12345678900011"},
               {"codeSecteurDactivite":"SA01","raisonSocialeSite":"HOPITAL","numeroFinessSite":"750000001",
                "ancienIdentifiantDeLaStructure":"1750000001"}]}]}}
            """#
        )
        #expect(professional.identifier == "899700000002" && professional.subject == "f:1:899700000002")
        let (physician, general) = (
            Professional.Code(code: "10", scheme: nil), Professional.Code(code: "SM54", scheme: nil)
        )
        #expect(
            professional.activities == [
                .init(
                    structureIdentifier: "499700000012345",
                    structureName: "CABINET DU PORT",
                    sector: .init(code: "SA07", scheme: "1.2.250.1.71.4.2.4"),
                    profession: physician,
                    specialty: general,
                    siret: "12345678900011"
                ),
                .init(
                    structureIdentifier: "1750000001",
                    structureName: "HOPITAL",
                    sector: .init(code: "SA01", scheme: nil),
                    profession: physician,
                    specialty: general,
                    finess: "750000001"
                ),
            ]
        )
    }

    @Test(
        "without SubjectRefPro the claims beside it tell",
        arguments: [#""10^1.2.3""#, #"["10^1.2.3","60^1.2.3"]"#]
    )
    func summary(role: String) throws {
        let professional = try read(
            #"{"sub":"s","SubjectNameID":"8997","preferred_username":"other","SubjectRole":\#(role),"#
                + #""SubjectOrganization":"CABINET","SubjectOrganizationID":"1750","Secteur_Activite":"SA07^1.2"}"#
        )
        #expect(professional.identifier == "8997")
        #expect(
            professional.activities == [
                .init(
                    structureIdentifier: "1750",
                    structureName: "CABINET",
                    sector: .init(code: "SA07", scheme: "1.2"),
                    profession: .init(code: "10", scheme: "1.2.3")
                )
            ]
        )
    }

    @Test("what is malformed is left out, and is no reason to stay outside") func malformed() throws {
        let professional = try read(
            #"""
            {"sub":"s","SubjectNameID":17,"preferred_username":"8997","family_name":["x"],"given_name":"a\nb",
             "SubjectRefPro":{"exercices":[null,7,{"activities":"none"},{"nomDexercice":"NOM","activities":[
              {},[],{"codeSecteurDactivite":"SA07"},{"raisonSocialeSite":"A","codeSecteurDactivite":"^1.2",
              "numeroSiretSite":12}]}]}}
            """#
        )
        #expect(professional.familyName == "NOM" && professional.givenName.isEmpty)
        #expect(professional.activities == [.init(structureIdentifier: nil, structureName: "A")])
        #expect(try read(#"{"sub":"s","SubjectNameID":"8997","SubjectRefPro":[]}"#).activities.isEmpty)
    }

    @Test(
        "nobody is nobody",
        arguments: [
            "", "[]", "{}", #"{"sub":"s"}"#, #"{"SubjectNameID":"8997"}"#,
            #"{"sub":"s","SubjectNameID":"89 97"}"#,
            #"{"sub":"s","SubjectNameID":""}"#,
        ]
    )
    func nobody(json: String) {
        #expect(throws: SignInError.self) { try read(json) }
    }
}
