// SPDX-License-Identifier: Apache-2.0
import Identity
import Testing

@testable import Consumer

/// The parameters of a call that is in order.
private let good = [
    ("Patient.identifier.value", "279035121518989"), ("Patient.identifier.system", "1.2.250.1.213.1.4.10"),
    ("Patient.name.family", "PAT-TROIS"), ("Patient.name.given", "DOMINIQUE+MARIE-LOUISE"),
    ("Patient.gender", "F"), ("Patient.birthDate", "1979-03-28"), ("Address.district", "63220"),
    ("InformationEtConsentement", "true"), ("PatientID", "IPP%20101"),
    ("PatientIDIssuer", "HOPITAL%261.2.250.1.213.4.5.2.4%26ISO"),
]

private func read(_ parameters: [(String, String)]) throws(ContextualCallError) -> PatientContext {
    try ContextualCall.read(Array(parameters.map { "\($0)=\($1)" }.joined(separator: "&").utf8))
}

@Suite("Contextual call") struct ContextualCallTests {
    @Test("a call is read, percent encoding and plus signs undone") func whole() throws {
        let patient = try read(good)
        #expect(
            patient.nationalIdentifier == .init(value: "279035121518989", authority: "1.2.250.1.213.1.4.10")
        )
        #expect(patient.birthFamilyName == "PAT-TROIS")
        #expect(patient.birthGivenNames == ["DOMINIQUE", "MARIE-LOUISE"])
        #expect(patient.sex == .female)
        #expect(patient.birthDate == "19790328")
        #expect(patient.birthPlace == "63220")
        #expect(patient.hasConsent)
        #expect(patient.localIdentifier == "IPP 101")
        #expect(
            patient.localIssuer
                == .init(namespace: "HOPITAL", universalID: "1.2.250.1.213.4.5.2.4", universalIDType: "ISO")
        )
        #expect(patient.situation == nil)
    }

    @Test("the former name of the consent and parameters of former calls are taken") func former() throws {
        var call = good.filter { $0.0 != "InformationEtConsentement" }
        call += [
            ("InformationEtOppositionConsultation", "non"), ("StudyInstanceUID", ""), ("Modality", "CT"),
        ]
        #expect(try read(call).hasConsent == false)
    }

    @Test("every mandatory parameter is missed by its name", arguments: good.map(\.0))
    func missing(_ name: String) {
        #expect {
            try read(good.filter { $0.0 != name })
        } throws: { error in
            let error = error as? ContextualCallError
            return error?.parameter == name && error?.found == "nothing"
        }
        #expect {
            try read(good.map { $0.0 == name ? (name, "") : $0 })
        } throws: { error in
            let error = error as? ContextualCallError
            return error?.parameter == name && error?.found == "an empty value"
        }
    }

    @Test(
        "what is no such value is refused, and not repeated",
        arguments: [
            ("Patient.identifier.value", "279035121518988"), ("Patient.identifier.value", "27903512151898"),
            ("Patient.identifier.system", "1.2.3"), ("Patient.gender", "X"),
            ("Patient.birthDate", "28/03/1979"), ("Patient.birthDate", "19791328"),
            ("Address.district", "6322"), ("InformationEtConsentement", "maybe"),
            ("PatientID", "a%5Cb"), ("PatientIDIssuer", "a%26b%26c%26d"), ("Patient.name.family", "A%0AB"),
            ("Situation", "a%20b"),
        ]
    ) func wrong(_ name: String, _ value: String) {
        var call = good.filter { $0.0 != name }
        call.append((name, value))
        #expect {
            try read(call)
        } throws: { error in
            guard let error = error as? ContextualCallError else { return false }
            return error.parameter == name && !"\(error)".contains(value)
        }
    }

    @Test("names are case-sensitive; unknown and doubled ones are refused") func names() {
        for extra in [("patient.gender", "F"), ("Foo", "1"), ("Patient.gender", "F")] {
            #expect(throws: ContextualCallError.self) { try read(good + [extra]) }
        }
        #expect(throws: ContextualCallError.self) {
            try read(good + [("InformationEtOppositionConsultation", "true")])
        }
        for body in ["%", "a=%zz", "a=%ff"] {
            #expect(throws: ContextualCallError.self) { try ContextualCall.read(Array(body.utf8)) }
        }
    }

    @Test(
        "a matricule is checked with its key, Corsica included",
        arguments: [
            ("279035121518989", true), ("279035121518990", false), ("1790320123456", false),
            ("2790320A1518921", false), ("27903512151898A", false), ("", false),
        ]
    ) func key(_ text: String, _ isOne: Bool) {
        #expect(NationalIdentifier.isValid(text) == isOne)
    }

    @Test("random calls are refused or read, never more") func fuzz() {
        var generator = SystemRandomNumberGenerator()
        let bytes = good.map { "\($0)=\($1)" }.joined(separator: "&").utf8
        for _ in 0..<3000 {
            var call = Array(bytes)
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                call[Int.random(in: 0..<call.count, using: &generator)] = .random(
                    in: 0...255,
                    using: &generator
                )
            }
            if let patient = try? ContextualCall.read(call) {
                #expect(NationalIdentifier.isValid(patient.nationalIdentifier.value))
            }
        }
    }
}
