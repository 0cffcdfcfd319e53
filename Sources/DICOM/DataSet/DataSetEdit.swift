// SPDX-License-Identifier: Apache-2.0

/// A change to a stored data set that leaves the rest of its bytes where they are.
package struct DataSetEdit: Equatable, Sendable {
    /// Bytes from the start of the data set that `bytes` take the place of; empty where nothing is removed.
    package let range: Range<Int>
    package let bytes: [UInt8]

    package init(range: Range<Int>, bytes: [UInt8]) {
        self.range = range
        self.bytes = bytes
    }

    /// How many bytes longer the data set becomes.
    package var growth: Int { bytes.count - range.count }

    /// The whole data set, changed.
    package func applied(to dataSet: [UInt8]) -> [UInt8] {
        Array(dataSet[..<range.lowerBound]) + bytes + Array(dataSet[range.upperBound...])
    }
}

/// Edits of one data set, in ascending order; none reaches into another.
extension [DataSetEdit] {
    /// How many bytes longer the data set becomes.
    package var growth: Int { reduce(0) { $0 + $1.growth } }

    /// The whole data set, changed.
    package func applied(to dataSet: [UInt8]) -> [UInt8] {
        var changed: [UInt8] = []
        var position = 0
        for edit in self {
            changed += dataSet[position..<edit.range.lowerBound] + edit.bytes
            position = edit.range.upperBound
        }
        return changed + dataSet[position...]
    }
}

extension DataSetSource {
    /// What adds `item` to the sequence `tag` at the top level, which need not be there. Items that are there stay.
    /// Nil where an equal item is there already, and for data sets that are not Little Endian or are deflated: their
    /// bytes cannot be pieced together.
    ///
    /// - Throws: what is wrong with the data set up to that element.
    package func edit(
        adding item: DataSet,
        to tag: Tag,
        transferSyntax: UID
    ) throws(DataSetError) -> DataSetEdit? {
        switch transferSyntax {
        case TransferSyntax.explicitVRBigEndian, TransferSyntax.deflatedExplicitVRLittleEndian: return nil
        default: break
        }
        var start: Int?
        var end: Int?
        var search = ElementSearch(self, transferSyntax: transferSyntax)
        try search.forEach { (header, value, _) throws(DataSetError) in
            let position = value - header.size
            if header.tag < tag { return true }
            if header.tag == tag {
                start = position
                return true
            }
            end = position
            return false
        }
        let upper = end ?? count
        let lower = start ?? upper
        let written =
            ElementEncoding(transferSyntax: transferSyntax) == .implicitLittleEndian
            ? TransferSyntax.implicitVRLittleEndian : TransferSyntax.explicitVRLittleEndian
        var items: [DataSet] = []
        if start != nil {
            var source = self
            let former = try DataSet(
                decoding: source.read(at: lower, count: upper - lower),
                transferSyntax: written
            )
            items = former.items(tag)
            if items.contains(item) { return nil }
        }
        var changed = DataSet()
        changed.set(tag, .sq, .items(items + [item]))
        return DataSetEdit(range: lower..<upper, bytes: changed.encode(transferSyntax: written))
    }
}
