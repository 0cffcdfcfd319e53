// SPDX-License-Identifier: Apache-2.0

extension DataSet {
    /// Some of a stored data set's own elements, read where they lie; nothing behind the last of them is looked at.
    package init(
        selecting tags: Set<Tag>,
        from source: some DataSetSource,
        transferSyntax: UID
    ) throws(DataSetError) {
        var source = source
        var ranges: [Range<Int>] = []
        var begun: Int?
        let last = tags.max() ?? Tag(0, 0)
        var search = ElementSearch(source, transferSyntax: transferSyntax)
        try search.forEach { (header, value, _) throws(DataSetError) in
            let start = value - header.size
            if let from = begun { ranges.append(from..<start) }
            begun = tags.contains(header.tag) ? start : nil
            return header.tag <= last
        }
        // The data set's last element ends where it does.
        if let from = begun { ranges.append(from..<source.count) }
        var bytes: [UInt8] = []
        for range in ranges {
            guard bytes.count + range.count <= Self.maximumLength else {
                throw .headerTooLong(last, end: range.upperBound, limit: Self.maximumLength)
            }
            bytes += try source.read(at: range.lowerBound, count: range.count)
        }
        try self.init(decoding: bytes, transferSyntax: transferSyntax)
    }
}
