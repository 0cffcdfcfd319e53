// SPDX-License-Identifier: Apache-2.0
package import DICOM

/// Whether anybody would send an instance again (DESIGN 5.4).
package enum InstanceOrigin: Sendable {
    /// A modality or PACS pushed it: nobody sends it again, so it is on the disk before the C-STORE-RSP.
    case unsolicited
    /// We asked for it and its archive keeps it: one flush per association or 64 MiB is enough.
    case pulled
}

/// Where received instances go; what the spool is to an association.
package protocol InstanceReceiver: Sendable {
    /// One writer per association, used on that association's thread only.
    func makeWriter(origin: InstanceOrigin) -> any InstanceWriter
}

package protocol InstanceWriter: AnyObject {
    /// Starts an instance with its Part 10 header (PS3.10 7.1). What was begun and not committed is abandoned.
    func begin(fileMetaInformation: [UInt8]) throws(InstanceWriterError)

    /// Adds the pieces of `bytes` that `ranges` name, in one gathered write; keeps no reference to `bytes`.
    func append(_ bytes: RawSpan, _ ranges: [Range<Int>]) throws(InstanceWriterError)

    /// Completes the instance: from here it survives the end of the process and readers see it.
    func commit(_ header: InstanceHeader, transferSyntax: UID) throws(InstanceWriterError)

    /// Returns when everything committed through this writer survives a power cut.
    func flush() throws(InstanceWriterError)

    /// Forgets the instance that was begun.
    func abandon()

    /// Ends the writer's use; what was begun is abandoned.
    func close()
}

package enum InstanceWriterError: Error, Sendable {
    /// No space, and nothing that may be evicted.
    case outOfResources(String)
    case failed(String)
}
