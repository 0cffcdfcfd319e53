// SPDX-License-Identifier: Apache-2.0
import Foundation
import HL7
import Store
import Testing

@testable import Source

/// Changes bytes as damage and malice do: flips, cuts, repetitions, and what parsers trip over.
struct Mutator {
    private static let words = [
        "|", "^", "~", "\\", "&", "\r", "\u{0}", "<", ">", "]]>", "<!DOCTYPE a [<!ENTITY b \"c\">]>", "&b;",
        "&#0;", "OBX|",
        "MSH|", "PID|", "\u{1C}\r", "xmlns=''", "9999999999999999999", "-1", "=", "==",
    ].map { Array($0.utf8) }

    private var random: SplitMix

    init(seed: UInt64) {
        random = SplitMix(seed: seed)
    }

    mutating func mutate(_ original: [UInt8]) -> [UInt8] {
        var bytes = original
        for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
            let place = Int.random(in: 0..<bytes.count, using: &random)
            let end = min(bytes.count, place + Int.random(in: 1...40, using: &random))
            switch Int.random(in: 0..<7, using: &random) {
            case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
            case 1: bytes.removeSubrange(place..<end)
            case 2: bytes.insert(contentsOf: bytes[place..<end], at: place)
            case 3: bytes.removeSubrange(place...)
            case 4: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 5: bytes.insert(contentsOf: Array(repeating: bytes[place], count: 2000), at: place)
            default: bytes.insert(contentsOf: Self.words.randomElement(using: &random) ?? [], at: place)
            }
        }
        return bytes
    }
}

@Suite("Damaged messages") struct MutatedMessageTests {
    @Test(
        "whatever comes is answered; what is acknowledged is kept, what is not changes nothing and names nobody",
        arguments: [true, false]
    )
    func mutations(withinDocument: Bool) throws {
        let bench = try Workbench()
        let receiver = ReportReceiver(
            intake: bench.intake,
            table: bench.table,
            journal: bench.journal,
            now: { bench.clock.now },
            timestamp: { "20240101080000+0000" },
            knowsStructure: { $0 == "1750803447" },
            allowsMaskedAndInvisible: false,
            wake: {}
        )
        var mutator = Mutator(seed: withinDocument ? 11 : 12)
        let document = clinicalDocument(studies: ["1.2.3.4", "1.2.3.5"])
        var codes: [String: Int] = [:]
        for _ in 0..<700 {
            let message = withinDocument ? report(mutator.mutate(document)) : mutator.mutate(report(document))
            let before = try bench.exams().count
            let answer = try HL7Message(receiver.answer(message))
            let acknowledgement = try #require(answer.first("MSA"))
            let code = try acknowledgement.required(1)
            codes[code, default: 0] += 1
            guard code != "AA" else { continue }
            #expect(try bench.exams().count == before)
            let reason = String(decoding: answer.all("ERR").flatMap { $0.bytes(8) }, as: UTF8.self)
            #expect(!reason.contains("279035121518989"))
            #expect(!reason.contains("PAT-TROIS") && !reason.contains("DOMINIQUE"), "\(reason)")
        }
        #expect(Set(codes.keys).isSubset(of: ["AA", "AE", "AR"]))
        #expect((codes["AE"] ?? 0) > 100 && (codes["AA"] ?? 0) > 10, "\(codes)")
        for case .messageRefused(_, _, let reason) in bench.journal.events {
            #expect(!reason.contains("279035121518989") && !reason.contains("PAT-TROIS"), "\(reason)")
        }
        // Every exam can still be read.
        for exam in try bench.exams() { _ = try ExamWish(reading: exam.document) }
    }
}
