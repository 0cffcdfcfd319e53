// SPDX-License-Identifier: Apache-2.0
package import Linux

/// A kept data set, read as far as it is asked for.
package struct KeptDataSet: DataSetSource {
    private let file: FileExtent
    private let start: Int64

    package init(_ file: FileExtent, dataSetOffset: Int64) {
        self.file = file
        start = dataSetOffset
    }

    package var count: Int { Int(file.length - start) }

    package func read(at offset: Int, count: Int) throws(DataSetError) -> [UInt8] {
        do {
            return try file.read(at: start + Int64(offset), count: count)
        } catch {
            throw .unreadable(offset: offset, reason: "\(error)")
        }
    }
}
