// SPDX-License-Identifier: Apache-2.0
package import DICOM
import Glibc
import Linux
import Synchronization

/// Received instances on disk: a log of segments, which is the truth, and an index of it, its catalogue.
///
/// A committed instance survives the end of the process and is visible at once; after its writer's `flush` it
/// survives a power cut. After either, what was promised is there and everything that is there is whole.
package final class Spool: Sendable {
    private let core: SpoolCore
    private let indexer: Indexer
    /// Keeps other processes out while it is open.
    private let lock: Mutex<Descriptor?>

    /// News of the spool, for one consumer; the newest 1024 are kept.
    package var events: AsyncStream<SpoolEvent> { core.events }

    /// Opens the spool in `directory`, whose parent exists, and brings its index in line with its log. Takes
    /// `directory/spool`, `directory/spool.lock` and `directory/index.sqlite`.
    package init(directory: String, options: SpoolOptions = SpoolOptions()) throws(StoreError) {
        _ = try options.checked()
        let lock = try Self.lock(directory)
        let disk = try StoreError.system { () throws(SystemCallError) in
            try DirectoryDisk(directory: directory + "/spool")
        }
        let index = try InstanceIndex.open(path: directory + "/index.sqlite")
        guard let indexer = Indexer() else {
            throw .system(SystemCallError(call: "pthread_create", subject: "indexer", errno: EAGAIN))
        }
        do throws(StoreError) {
            let environment = SpoolEnvironment(disk: disk, index: index)
            core = try SpoolCore(environment, options: options) { indexer.entriesWait() }
        } catch {
            indexer.stop()
            throw error
        }
        indexer.serve(core)
        self.indexer = indexer
        self.lock = Mutex(consume lock)
    }

    deinit {
        close()
    }

    private static func lock(_ directory: String) throws(StoreError) -> Descriptor {
        let path = directory + "/spool.lock"
        do throws(SystemCallError) {
            try Directory.create(directory)
            let lock = try Descriptor(opening: path, O_RDWR | O_CREAT)
            if try lock.tryLock(of: path) { return lock }
        } catch {
            throw .system(error)
        }
        throw .alreadyOpen(directory: directory)
    }

    /// A writer for one association.
    package func writer(kind: SegmentKind) -> SpoolWriter {
        SpoolWriter(core: core, kind: kind)
    }

    /// The instances of a study, of one of its series, or one of them, that are there: in the order of series
    /// number and UID, then instance number and UID; what has no number comes last.
    package func instances(
        study: UID,
        series: UID? = nil,
        instance: UID? = nil
    ) throws(StoreError) -> [StoredInstance] {
        try core.instances(study: study, series: series, instance: instance)
    }

    package func instance(_ sopInstanceUID: UID) throws(StoreError) -> StoredInstance? {
        try core.instance(sopInstanceUID)
    }

    /// What matches, the newest study first.
    package func search(_ query: SearchQuery) throws(StoreError) -> [SearchMatch] {
        try core.search(query)
    }

    package var statistics: SpoolStatistics { core.statistics }

    /// Brings everything to the disk and lets others open the directory. Writers refuse from here.
    package func close() {
        indexer.stop()
        core.close()
        lock.withLock { $0 = nil }
    }
}
