// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Updates

@Suite("What is asked for together") struct RequestPlanTests {
    private func plan(
        _ frames: [Range<Int>],
        gap: Int = 10,
        request: Int = 100
    ) -> [(range: Range<Int>, segments: [Int])] {
        var limits = InstallationLimits()
        limits.gapBytes = gap
        limits.requestBytes = request
        return FrameRequest.plan(Array(frames.indices), of: .pack, limits: limits) { frames[$0] }
            .map { ($0.range, $0.segments) }
    }

    @Test("frames with a small gap between them") func gap() {
        let requests = plan([0..<10, 20..<30, 41..<50])
        #expect(requests.map(\.range) == [0..<30, 41..<50])
        #expect(requests.map(\.segments) == [[0, 1], [2]])
    }

    @Test("not more than fits a request, unless one frame is larger") func size() {
        let requests = plan([0..<60, 60..<100, 100..<101, 101..<400, 400..<401])
        #expect(requests.map(\.range) == [0..<100, 100..<101, 101..<400, 400..<401])
    }

    @Test("in the order of the file, whatever that of the segments") func order() {
        let requests = plan([50..<60, 0..<10, 15..<20, 300..<310])
        #expect(requests.map(\.range) == [0..<20, 50..<60, 300..<310])
        #expect(requests.map(\.segments) == [[1, 2], [0], [3]])
    }

    @Test("nothing for nothing") func none() { #expect(plan([]).isEmpty) }
}
