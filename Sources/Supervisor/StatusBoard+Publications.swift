// SPDX-License-Identifier: Apache-2.0
import Admin

extension StatusBoard {
    /// A publication that waits for longer has an obstacle: an archive or a record that does not answer.
    private static let longestWait: Int64 = 3_600_000

    func judge(_ publications: PipelineStatus.Publications) {
        judge(
            "E-PUB-01",
            .critical,
            publications.failed,
            "publications need a person: the record or the box refuses them",
            [
                "look at drimboxctl pipeline queue",
                "drimboxctl pipeline queue retry NUMBER when the cause is gone",
            ]
        )
        judge(
            "W-PUB-02",
            .warning,
            publications.overdue,
            "the images of validated reports did not come",
            [
                "look at drimboxctl pipeline queue",
                "look whether the archive has the studies, under this accession number",
            ]
        )
        let waits = publications.waitingSince.map { Timestamp.now.milliseconds - $0.milliseconds } ?? 0
        judge(
            "W-PUB-03",
            .warning,
            waits > Self.longestWait ? publications.waiting : 0,
            "publications have been waiting for more than an hour",
            ["look at drimboxctl pipeline queue", "test the way to the record and the archive"]
        )
    }

    private func judge(
        _ code: String,
        _ severity: Severity,
        _ count: Int,
        _ summary: String,
        _ suggestions: [String]
    ) {
        guard count > 0 else { return clear(code) }
        raise(
            Issue(
                code: code,
                severity: severity,
                since: .now,
                summary: summary,
                evidence: ["exams": "\(count)"],
                suggestions: suggestions
            )
        )
    }
}
