// SPDX-License-Identifier: Apache-2.0

/// A run of a file with the frames in it that are wanted.
struct FrameRequest: Hashable, Sendable {
    let kind: SlotWriter.FrameKind
    /// Bytes of the file.
    private(set) var range: Range<Int>
    /// In the order of the file.
    private(set) var segments: [Int]

    /// One request for frames that lie close to each other.
    static func plan(
        _ segments: [Int],
        of kind: SlotWriter.FrameKind,
        limits: InstallationLimits,
        frame: (Int) -> Range<Int>
    ) -> [FrameRequest] {
        var requests: [FrameRequest] = []
        let order = segments.sorted { frame($0).lowerBound < frame($1).lowerBound }
        for segment in order {
            let range = frame(segment)
            if let last = requests.last, range.lowerBound - last.range.upperBound <= limits.gapBytes,
                range.upperBound - last.range.lowerBound <= limits.requestBytes
            {
                requests[requests.count - 1].range = last.range.lowerBound..<range.upperBound
                requests[requests.count - 1].segments.append(segment)
            } else {
                requests.append(FrameRequest(kind: kind, range: range, segments: [segment]))
            }
        }
        return requests
    }
}
