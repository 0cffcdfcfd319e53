// SPDX-License-Identifier: Apache-2.0
import Foundation

/// What Tests/Support/raw_scu.py said.
struct RawSCUReport {
    struct Answer: Equatable {
        let status: String
        let comment: String
    }

    /// Data set SHA-256 by SOP instance UID, of everything whose sending began.
    var sent: [String: String] = [:]
    var answers: [String: Answer] = [:]
    var accepted = 0
    /// "RESULT SOURCE REASON" of each A-ASSOCIATE-RJ.
    var rejections: [String] = []

    var stored: Set<String> { Set(answers.filter { $0.value.status == "0000" }.keys) }

    init(_ output: String) {
        for line in output.split(separator: "\n") {
            let words = line.split(separator: " ", maxSplits: 3).map(String.init)
            switch words.first {
            case "accepted": accepted += 1
            case "rejected": rejections.append(words.dropFirst(2).joined(separator: " "))
            case "sending" where words.count == 3: sent[words[1]] = words[2]
            case "answered" where words.count >= 3:
                answers[words[1]] = Answer(status: words[2], comment: words.count > 3 ? words[3] : "")
            default: break
            }
        }
    }
}

extension GatewayUnderTest {
    static let rawSCU = Bench.support.appending(path: "raw_scu.py").path

    /// Runs the raw SCU to its end.
    func store(_ arguments: [String]) throws -> RawSCUReport {
        let result = try run("/usr/bin/python3", [Self.rawSCU, "127.0.0.1", "\(dicomPort)"] + arguments)
        return RawSCUReport(result.output)
    }
}
