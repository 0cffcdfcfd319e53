// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Admin

@Suite("OpenMetrics 1.0 exposition") struct OpenMetricsTests {
    @Test("a family is its metadata, its samples, and the end mark follows") func family() {
        var metrics = OpenMetrics()
        metrics.family(
            "x_bytes",
            .counter,
            unit: "bytes",
            help: "A \"help\"\nof two lines.",
            [OpenMetrics.Sample(3, [("a", "q\"\\\n")]), OpenMetrics.Sample(0.25)]
        )
        #expect(
            metrics.text == """
                # TYPE x_bytes counter
                # UNIT x_bytes bytes
                # HELP x_bytes A \\"help\\"\\nof two lines.
                x_bytes_total{a="q\\"\\\\\\n"} 3
                x_bytes_total 0.25
                # EOF

                """
        )
    }

    private static let full: String = {
        var status = PipelineStatus(process: .init(startTime: Timestamp(milliseconds: 1500)))
        status.receive.refused = ["A700": 2, "0110": 1]
        status.receive.lastInstanceTime = Timestamp(milliseconds: 2500)
        status.retrieve.errors = ["404": 3]
        status.spool.usedBytes = 5_000_000_000
        let services = [
            ServiceStatus(name: "gateway", state: .backoff, restarts: 4, since: Timestamp(milliseconds: 0))
        ]
        return OpenMetrics(pipeline: status, services: services, supervisor: status.process).text
    }()

    @Test(
        "the box's values are found under their names",
        arguments: [
            "drimbox_service_up{service=\"gateway\"} 0",
            "drimbox_service_restarts_total{service=\"gateway\"} 4",
            "drimbox_receive_refused_total{status=\"0110\"} 1",
            "drimbox_receive_refused_total{status=\"A700\"} 2",
            "drimbox_retrieve_errors_total{status=\"404\"} 3", "drimbox_spool_used_bytes 5000000000",
            "drimbox_receive_last_instance_time_seconds 2.5",
            "drimbox_process_start_time_seconds{service=\"supervisor\"} 1.5",
        ]
    )
    func values(line: String) {
        #expect(Self.full.split(separator: "\n").contains(Substring(line)))
    }

    @Test("names, units and suffixes are what the format wants") func wellFormed() throws {
        var kinds: [String: String] = [:]
        var current = ""
        let lines = Self.full.split(separator: "\n").map(String.init)
        #expect(lines.last == "# EOF")
        for line in lines.dropLast() {
            let words = line.split(separator: " ").map(String.init)
            if words[0] == "#" {
                if words[1] == "TYPE" {
                    current = words[2]
                    #expect(kinds.updateValue(words[3], forKey: current) == nil, "\(current) twice")
                }
                #expect(words[2] == current)
                if words[1] == "UNIT" { #expect(current.hasSuffix("_" + words[3])) }
                continue
            }
            let name = line.prefix { $0 != "{" && $0 != " " }
            let suffix = try #require(
                ["gauge": "", "counter": "_total", "info": "_info"][kinds[current] ?? ""]
            )
            #expect(name == current + suffix)
            #expect(name.allSatisfy { $0.isLowercase || $0 == "_" })
            #expect(Double(try #require(words.last)) != nil)
        }
    }

    @Test("without an answer of the gateway its families are absent") func absent() {
        let process = PipelineStatus.Process(startTime: Timestamp(milliseconds: 0))
        let text = OpenMetrics(pipeline: nil, services: [], supervisor: process).text
        #expect(!text.contains("drimbox_spool"))
        #expect(text.contains("drimbox_process_cpu_seconds_total{service=\"supervisor\"} 0\n"))
    }
}
