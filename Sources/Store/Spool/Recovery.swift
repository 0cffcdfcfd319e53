// SPDX-License-Identifier: Apache-2.0
import DICOM
import Linux

/// Brings the index in line with the log when the spool is opened. The log is the truth: rows whose records are
/// not there go, records that have no row get one.
struct Recovery {
    /// Entries that go to the index together.
    private static let batch = 4096

    private let disk: any SpoolDisk
    private let index: InstanceIndex
    private let options: SpoolOptions

    private(set) var highestSequence: UInt64 = 0
    private(set) var events: [SpoolEvent] = []
    private var recoveredInstances = 0
    private var recoveredSegments = 0

    init(_ environment: SpoolEnvironment, options: SpoolOptions) {
        disk = environment.disk
        index = environment.index
        self.options = options
    }

    mutating func run() throws(StoreError) -> SegmentTable {
        highestSequence = try index.highestSequence()
        let rows = Dictionary(try index.segments().map { ($0.number, $0) }) { first, _ in first }
        var table = SegmentTable(options: options)
        let numbers = try StoreError.system { () throws(SystemCallError) in try disk.segments().sorted() }
        for number in rows.keys where !numbers.contains(number) { _ = try index.removeSegment(number) }
        // All rows whose records may be lost go before any record is entered: none may stand in another's way.
        var starts: [Start] = []
        for number in numbers {
            let row = rows[number]
            let (file, header, reserved) = try open(number)
            if let header, header.number == number {
                starts.append(try start(file, header, row, reserved: reserved))
            } else {
                table.insert(try headless(file, row, reserved: reserved))
            }
        }
        // What is only in the page cache after a mere end of the process may be lost later.
        if !numbers.isEmpty { try StoreError.system(disk.synchronizeNames) }
        for start in starts { table.insert(try segment(start)) }
        if let reason = index.rebuildReason {
            events.append(.indexRebuilt(instances: recoveredInstances, reason: reason))
        } else if recoveredInstances > 0 {
            events.append(.recovered(segments: recoveredSegments, instances: recoveredInstances))
        }
        return table
    }

    /// A segment whose header is whole, and from where on its records are to be entered.
    private struct Start {
        let file: SegmentFile
        let header: SegmentHeader
        let reserved: Int64
        let row: SegmentRow?
        /// Whether the index knows this life of the segment.
        let isKnown: Bool

        var position: LogPosition { isKnown ? row?.indexed ?? .start : .start }
    }

    private func open(_ number: Int) throws(StoreError) -> (SegmentFile, SegmentHeader?, reserved: Int64) {
        try StoreError.system { () throws(SystemCallError) in
            let file = SegmentFile(number: number, file: try disk.open(number))
            let extent = try file.file.extent()
            let reserved = (max(extent.size, extent.occupied) + 4095) & ~4095
            return (file, try SegmentHeader.read(from: file.file), reserved)
        }
    }

    /// Removes the rows of records that may be lost.
    private func start(
        _ file: SegmentFile,
        _ header: SegmentHeader,
        _ row: SegmentRow?,
        reserved: Int64
    ) throws(StoreError) -> Start {
        let isKnown = row?.generation == header.generation && row?.salt == header.salt
        let start = Start(file: file, header: header, reserved: reserved, row: row, isKnown: isKnown)
        if isKnown {
            _ = try index.removeInstances(segment: header.number, from: start.position.offset)
        } else {
            _ = try index.removeSegment(header.number)
        }
        return start
    }

    private mutating func segment(_ start: Start) throws(StoreError) -> SegmentState {
        let end = try scan(start.file, start.header, from: start.position, isKnown: start.isKnown)
        let state = SegmentState(
            file: start.file,
            header: start.header,
            use: .closed,
            committed: end,
            durable: end,
            reserved: start.reserved,
            firstSequence: 0
        )
        if state.row != start.row { try index.add([], [state.row]) }
        return state
    }

    /// Enters the records behind `start`; returns where the next one may be written, with all before it on the
    /// disk. A segment that the index does not know is searched to its end, so that a record whose header is
    /// unreadable does not take those behind it along.
    private mutating func scan(
        _ file: SegmentFile,
        _ header: SegmentHeader,
        from start: LogPosition,
        isKnown: Bool
    ) throws(StoreError) -> LogPosition {
        let scanner = try StoreError.system { () throws(SystemCallError) in
            try LogScanner(file.file, header, from: start, stopsAtGap: isKnown)
        }
        var entries: [CatalogueEntry] = []
        while let finding = try StoreError.system(scanner.next) {
            switch finding {
            case .record(let entry):
                entries.append(entry)
                recoveredInstances += 1
            case .damaged(let record, let offset):
                let uid = record.instance.sopInstanceUID
                events.append(.damaged(segment: file.number, offset: offset, sopInstanceUID: uid))
            case .unreadable(let offset):
                events.append(.damaged(segment: file.number, offset: offset, sopInstanceUID: nil))
            }
            if entries.count == Self.batch {
                try index.add(entries, [])
                entries = []
            }
        }
        highestSequence = max(highestSequence, scanner.highestSequence, start.sequence)
        // The index knows a segment's life only after its header is on the disk.
        if scanner.end == start && isKnown { return start }
        try StoreError.system(file.file.synchronize)
        if scanner.end == start { return start }
        recoveredSegments += 1
        try index.add(entries, [])
        return scanner.end
    }

    /// A segment without a readable header. Torn while it got a new life, it holds nothing; held segments get no
    /// other life, so there it is damage, and what the index knows of it stays readable.
    private mutating func headless(
        _ file: SegmentFile,
        _ row: SegmentRow?,
        reserved: Int64
    ) throws(StoreError) -> SegmentState {
        let isDamage = row?.kind.isHeld ?? false
        if isDamage, let row {
            events.append(.damaged(segment: file.number, offset: 0, sopInstanceUID: nil))
            _ = try index.removeInstances(segment: file.number, from: row.indexed.offset)
        } else {
            _ = try index.removeSegment(file.number)
        }
        return SegmentState(
            file: file,
            header: SegmentHeader(
                number: file.number,
                generation: row?.generation ?? 0,
                salt: row?.salt ?? 0,
                kind: row?.kind ?? .pulled,
                created: 0
            ),
            use: isDamage ? .failed : .free,
            committed: row?.indexed ?? .start,
            durable: row?.indexed ?? .start,
            reserved: reserved,
            firstSequence: 0
        )
    }
}

extension StoreError {
    /// Runs `body`; its error becomes a store error.
    static func system<Result>(
        _ body: () throws(SystemCallError) -> Result
    ) throws(StoreError) -> Result {
        do throws(SystemCallError) {
            return try body()
        } catch {
            throw .system(error)
        }
    }
}

extension SegmentHeader {
    /// The header in the file's first page; nil when there is none.
    static func read(from file: any SpoolFile) throws(SystemCallError) -> SegmentHeader? {
        let page = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.size, alignment: Self.size)
        defer { unsafe page.deallocate() }
        guard try unsafe file.read(into: page, at: 0) == Self.size else { return nil }
        return unsafe SegmentHeader(page: UnsafeRawBufferPointer(page).bytes)
    }
}
