// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import Admin

@Suite("What is asked of drimbox-probe, and answered") struct ProbeMessagesTests {
    private func object<Value: Encodable>(_ value: Value) throws -> NSDictionary {
        try #require(try JSONSerialization.jsonObject(with: try JSONEncoder().encode(value)) as? NSDictionary)
    }

    @Test(
        "a request about the floor is one JSON object",
        arguments: [
            (
                .addressConflicts([LinkAddress(interface: "care0", address: "10.10.0.5")]),
                #"{"addressConflicts":{"_0":[{"interface":"care0","address":"10.10.0.5"}]}}"#
            ),
            (.floor(vendorKey: nil), #"{"floor":{}}"#),
            (.floor(vendorKey: [48, 89]), #"{"floor":{"vendorKey":[48,89]}}"#),
            (
                .defineFloor(value: 1, signature: [48], vendorKey: [89]),
                #"{"defineFloor":{"value":1,"signature":[48],"vendorKey":[89]}}"#
            ),
            (
                .raiseFloor(value: .max, signature: [48], vendorKey: [89]),
                #"{"raiseFloor":{"value":18446744073709551615,"signature":[48],"vendorKey":[89]}}"#
            ),
        ] as [(ProbeRequest, String)]
    )
    func requests(request: ProbeRequest, text: String) throws {
        #expect(try JSONDecoder().decode(ProbeRequest.self, from: Data(text.utf8)) == request)
        let written = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? NSDictionary
        #expect(try object(request) == written)
    }

    @Test(
        "what is no floor's value or lacks a signature is no request",
        arguments: [
            #"{"raiseFloor":{"value":-1,"signature":[],"vendorKey":[]}}"#,
            #"{"raiseFloor":{"value":1.5,"signature":[],"vendorKey":[]}}"#,
            #"{"raiseFloor":{"value":18446744073709551616,"signature":[],"vendorKey":[]}}"#,
            #"{"raiseFloor":{"value":1,"vendorKey":[]}}"#,
            #"{"raiseFloor":{"value":1,"signature":[256],"vendorKey":[]}}"#,
            #"{"lowerFloor":{"value":1}}"#,
        ]
    )
    func noRequest(text: String) {
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode(ProbeRequest.self, from: Data(text.utf8))
        }
    }

    @Test(
        "an answer about the floor says who keeps it, and what it is",
        arguments: [
            (.floor(.withoutTPM), #"{"floor":{"_0":{"keeper":"none"}}}"#),
            (.floor(RollbackFloor(.absent)), #"{"floor":{"_0":{"keeper":"tpm","state":"absent"}}}"#),
            (
                .floor(RollbackFloor(.present, value: 8, writePolicy: "ab")),
                #"{"floor":{"_0":{"keeper":"tpm","state":"present","value":8,"writePolicy":"ab"}}}"#
            ),
            (
                .floor(RollbackFloor(.foreignPolicy, writePolicy: "ab")),
                #"{"floor":{"_0":{"keeper":"tpm","state":"foreign-policy","writePolicy":"ab"}}}"#
            ),
            (
                .floor(RollbackFloor(.foreignAttributes, writePolicy: "ab")),
                #"{"floor":{"_0":{"keeper":"tpm","state":"foreign-attributes","writePolicy":"ab"}}}"#
            ),
            (
                .floorRaise(FloorRaise(outcome: .higher, floor: 8, requested: 3)),
                #"{"floorRaise":{"_0":{"outcome":"higher","floor":8,"requested":3}}}"#
            ),
            (
                .tpmFailure(TPMFailure(kind: .floorPassed, call: "c", code: "0x126", words: "w")),
                #"{"tpmFailure":{"_0":{"kind":"floor-passed","call":"c","code":"0x126","words":"w"}}}"#
            ),
        ] as [(ProbeAnswer, String)]
    )
    func answers(answer: ProbeAnswer, text: String) throws {
        #expect(try JSONDecoder().decode(ProbeAnswer.self, from: Data(text.utf8)) == answer)
        let written = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? NSDictionary
        #expect(try object(answer) == written)
    }

    @Test("a TPM report of a box that knows no floor is read") func olderReport() throws {
        let text = """
            {"manufacturer":"IFX","model":"SLB9672","firmwareVersion":"15.22.0.0","selfTest":{"hasPassed":true},
             "pcrs":{},"failures":[]}
            """
        #expect(try JSONDecoder().decode(TPMReport.self, from: Data(text.utf8)).floor == nil)
    }
}
