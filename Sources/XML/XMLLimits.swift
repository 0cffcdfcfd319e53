// SPDX-License-Identifier: Apache-2.0
internal import CXML

/// What a document may be at most. Beyond it the document is refused before work is done for it.
package struct XMLLimits: Equatable, Sendable {
    /// Bytes of the document, as it comes and as UTF-8; at most 1 GiB.
    package var maximumBytes: Int
    /// Elements around an element, itself included; at most 1000.
    package var maximumDepth: Int
    package var maximumElements: Int
    /// Attributes of one element, namespace declarations included.
    package var maximumAttributeCount: Int

    package init(
        maximumBytes: Int = 64 << 20,
        maximumDepth: Int = 100,
        maximumElements: Int = 1_000_000,
        maximumAttributeCount: Int = 200
    ) {
        self.maximumBytes = maximumBytes
        self.maximumDepth = maximumDepth
        self.maximumElements = maximumElements
        self.maximumAttributeCount = maximumAttributeCount
    }

    var shim: cxml_limits {
        cxml_limits(
            depth: UInt32(clamping: maximumDepth),
            elements: UInt32(clamping: maximumElements),
            attributes: UInt32(clamping: maximumAttributeCount)
        )
    }

    func check(_ count: Int) throws(XMLError) {
        let most = min(maximumBytes, Int(CXML_MAXIMUM_BYTES))
        guard count <= most else {
            throw XMLError(.limit, "found \(count) bytes, expected at most \(most)")
        }
    }
}
