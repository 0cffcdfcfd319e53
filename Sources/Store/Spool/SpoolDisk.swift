// SPDX-License-Identifier: Apache-2.0
package import Linux
package import Glibc

/// One segment's file. What is written is read at once; it is on the disk after `synchronize`.
package protocol SpoolFile: SharedFile {
    /// Writes all of `pieces` one after the other; the pieces are used up. At most 1024 of them.
    func write(_ pieces: UnsafeMutableBufferPointer<iovec>, at offset: Int64) throws(SystemCallError)
    /// Reads until the buffer is full or the file ends.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(SystemCallError) -> Int
    func synchronize() throws(SystemCallError)
    /// Takes the space beforehand and leaves the size alone; ENOSPC when there is none.
    func reserve(_ range: Range<Int64>) throws(SystemCallError)
    func truncate(to size: Int64) throws(SystemCallError)
    func extent() throws(SystemCallError) -> (size: Int64, occupied: Int64)
}

/// What the spool asks of a file system: the place where a simulated disk stands in.
package protocol SpoolDisk: Sendable {
    /// Numbers of the segments that are there, in no order.
    func segments() throws(SystemCallError) -> [Int]
    func open(_ number: Int) throws(SystemCallError) -> any SpoolFile
    /// Makes an empty segment; its name is on the disk after `synchronizeNames`.
    func create(_ number: Int) throws(SystemCallError) -> any SpoolFile
    func remove(_ number: Int) throws(SystemCallError)
    func synchronizeNames() throws(SystemCallError)
}
