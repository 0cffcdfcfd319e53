// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Identity

@Suite("Patients by their claims") struct PatientIdentityTests {
    private static let names = PatientIdentity.ClaimNames(nationalIdentifier: "ins", represented: "enfants")
    private let own = "279035121518989"
    private let child = "184127510301118"

    private func read(_ members: String, _ names: PatientIdentity.ClaimNames = names) throws
        -> PatientIdentity
    {
        try PatientIdentity(UserClaims(reading: Array("{\"sub\":\"1\",\(members)}".utf8)), names)
    }

    @Test("the INS, and those of whom they represent: one text, several, none") func read() throws {
        let alone = PatientIdentity(nationalIdentifier: own)
        let parent = PatientIdentity(nationalIdentifier: own, represented: [child])
        #expect(try read("\"ins\":\"\(own)\"") == alone)
        #expect(try read("\"ins\":\"\(own)\",\"enfants\":null") == alone)
        #expect(try read("\"ins\":\"\(own)\",\"enfants\":[]") == alone)
        #expect(try read("\"ins\":\"\(own)\",\"enfants\":\"\(child)\"") == parent)
        #expect(try read("\"ins\":\"\(own)\",\"enfants\":[\"\(child)\"]") == parent)
        let none = PatientIdentity.ClaimNames(nationalIdentifier: "ins")
        #expect(try read("\"ins\":\"\(own)\",\"enfants\":[\"\(child)\"]", none) == alone)
    }

    @Test(
        "what is no INS is an error that does not repeat it",
        arguments: [
            "\"other\":1", "\"ins\":279035121518989", "\"ins\":\"279035121518988\"",
            "\"ins\":\"2790351215189\"",
            "\"ins\":[\"279035121518989\"]", "\"ins\":\"279035121518989\",\"enfants\":[\"1\"]",
            "\"ins\":\"279035121518989\",\"enfants\":[1]", "\"ins\":\"279035121518989\",\"enfants\":{}",
            "\"ins\":\"279035121518989\",\"enfants\":true",
        ]
    )
    func refused(members: String) throws {
        let error = #expect(throws: SignInError.self) { try read(members) }
        #expect(error.map { !"\($0)".contains("27903512") } == true)
    }

    @Test("a patient is told by nothing that is printed") func discretion() throws {
        let claims = try UserClaims(reading: Array("{\"sub\":\"7\",\"ins\":\"\(own)\"}".utf8))
        let patient = try PatientIdentity(claims, Self.names)
        for text in ["\(patient)", String(reflecting: patient), "\(claims)", String(reflecting: claims)] {
            #expect(!text.contains(own), "\(text)")
        }
    }
}
