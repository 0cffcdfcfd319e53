// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import Admin

@Suite("Admin API contract") struct ContractTests {
    private let time = Timestamp(milliseconds: 1_795_480_147_737)

    private func roundTrip<Value: Codable>(_ value: Value) throws -> (Value, [String: Any]) {
        let data = try JSONEncoder().encode(value)
        let object = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        return (try JSONDecoder().decode(Value.self, from: data), object)
    }

    @Test("the pipeline's status is the same after JSON, and its keys are the contract's") func pipeline()
        throws
    {
        var status = PipelineStatus(process: .init(residentBytes: 1, cpuSeconds: 0.5, startTime: time))
        status.receive = .init(
            instances: 1,
            bytes: 2,
            duplicates: 3,
            replaced: 4,
            refused: ["A700": 5],
            flushes: 6,
            flushSeconds: 0.75,
            lastInstanceTime: time
        )
        status.retrieve.errors = ["404": 1]
        let (copy, object) = try roundTrip(status)
        #expect(copy == status)
        #expect(Set(object.keys) == ["associations", "receive", "retrieve", "spool", "process"])
        let receive = try #require(object["receive"] as? [String: Any])
        #expect(receive["lastInstanceTime"] as? String == "2026-11-24T00:29:07.737Z")
        #expect(
            Set(receive.keys) == [
                "instances", "bytes", "duplicates", "replaced", "refused", "flushes", "flushSeconds",
                "lastInstanceTime",
            ]
        )
        let spool = try #require(object["spool"] as? [String: Any])
        #expect(
            Set(spool.keys) == [
                "capacityBytes", "usedBytes", "segments", "segmentBytes", "instances", "studies",
                "evictedInstances",
                "heldBytes",
            ]
        )
    }

    @Test("a state is written as the API names it") func states() throws {
        let status = BoxStatus(
            site: "S",
            state: .inService,
            since: time,
            uptimeSeconds: 1,
            services: [.init(ServiceStatus(name: "gateway", state: .running, since: time))],
            pipeline: nil,
            issues: [Issue(code: "E-SVC-01", severity: .critical, since: time, summary: "s")]
        )
        let (copy, object) = try roundTrip(status)
        #expect(copy == status)
        #expect(object["state"] as? String == "in-service")
        #expect(object["pipeline"] == nil)
    }

    @Test("an event and a problem are the same after JSON") func eventAndProblem() throws {
        let event = Event(
            seq: 7,
            time: time,
            kind: "a.b",
            service: "gateway",
            message: "m",
            attributes: ["k": "v"]
        )
        #expect(try roundTrip(event).0 == event)
        let problem = Problem(status: 403, code: "auth.denied", title: "t")
        let (copy, object) = try roundTrip(problem)
        #expect(copy == problem)
        #expect(object["type"] as? String == "urn:drimbox:problem:auth.denied")
    }

    @Test("severities have an order") func severities() {
        #expect(Severity.allCases.sorted() == [.info, .warning, .critical])
    }
}
