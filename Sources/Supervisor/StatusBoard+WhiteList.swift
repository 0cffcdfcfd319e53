// SPDX-License-Identifier: Apache-2.0
import Admin

extension StatusBoard {
    /// Without a list no box is answered and none is asked; with an old one, new boxes are not.
    func judge(_ list: PipelineStatus.WhiteList) {
        let evidence = ["problem": list.problem ?? "none yet"]
        if list.generated == nil {
            clear("W-WL-02")
            raise(
                Issue(
                    code: "E-WL-01",
                    severity: .critical,
                    since: .now,
                    summary: "there is no white list: no images leave for other boxes, and none come",
                    evidence: evidence,
                    suggestions: ["drimboxctl whitelist verify FILE says what is wrong with it"]
                )
            )
            return
        }
        clear("E-WL-01")
        guard list.problem != nil else { return clear("W-WL-02") }
        raise(
            Issue(
                code: "W-WL-02",
                severity: .warning,
                since: .now,
                summary: "the newest white list is refused or cannot be had; the last good one counts",
                evidence: evidence,
                suggestions: [
                    "drimboxctl whitelist verify FILE says what is wrong with it",
                    "test the way to where it is fetched",
                ]
            )
        )
    }
}
