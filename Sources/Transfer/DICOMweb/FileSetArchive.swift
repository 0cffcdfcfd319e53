// SPDX-License-Identifier: Apache-2.0
import DICOM
import Linux
import NIOHTTP1
import ZIP

/// Instances as they are kept, in a ZIP of a DICOM file-set (PS3.10 8, PS3.12 V): the DICOMDIR, then each file out of where
/// it lies. Names say nothing of anybody.
struct FileSetArchive: AsyncSequence, Sendable {
    typealias Element = HTTPBodyPart
    typealias Failure = any Error

    let instances: [RetrievableInstance]
    let scope: RetrieveScope?
    /// Of the DICOMDIR.
    let sopInstanceUID: UID
    let layout: ZIPLayout

    struct Iterator: AsyncIteratorProtocol {
        private let archive: FileSetArchive
        private var layout: ZIPLayout
        private var position = -1
        /// The rest of the instance whose first bytes have gone.
        private var rest: HTTPBodyPart?

        init(_ archive: FileSetArchive) {
            self.archive = archive
            layout = archive.layout
        }

        /// What cannot be read ends the archive without its end: no reader takes it for whole.
        mutating func next() async throws -> HTTPBodyPart? {
            if let rest {
                self.rest = nil
                return rest
            }
            defer { position += 1 }
            if position < 0 { return directory() }
            let instances = archive.instances
            if position == instances.count { return HTTPBodyPart(head: layout.end(), extent: nil) }
            guard position < instances.count else { return nil }
            let instance = instances[position]
            let pieces = try archive.scope?.pieces(of: instance) ?? RetrievedPieces(instance.file)
            var check = CRC32()
            try await check.read(pieces.first)
            if let second = pieces.second {
                check.update(second.bytes)
                try await check.read(second.extent)
                rest = HTTPBodyPart(head: second.bytes, extent: second.extent)
            }
            let name = archive.path(of: position).joined(separator: "/")
            let head = layout.add(name, size: pieces.length, crc32: check.value)
            return HTTPBodyPart(head: head, extent: pieces.first)
        }

        private mutating func directory() -> HTTPBodyPart {
            let files = archive.instances.enumerated().map { position, instance in
                FileSetDirectory.File(
                    path: archive.path(of: position),
                    sopInstanceUID: instance.sopInstanceUID,
                    transferSyntax: instance.transferSyntax,
                    keys: FileSetArchive.keys(instance)
                )
            }
            let bytes = FileSetDirectory(files).encode(
                sopInstanceUID: archive.sopInstanceUID,
                identifier: "DRIMBOX"
            )
            var check = CRC32()
            check.update(bytes)
            let head = layout.add("DICOMDIR", size: Int64(bytes.count), crc32: check.value)
            return HTTPBodyPart(head: head + bytes, extent: nil)
        }
    }

    func makeAsyncIterator() -> Iterator { Iterator(self) }

    /// Eight characters each: "DICOM", a thousand files in a directory.
    private func path(of position: Int) -> [String] {
        func padded(_ number: Int) -> String {
            let digits = "\(number)"
            return String(repeating: "0", count: Swift.max(0, 6 - digits.utf8.count)) + digits
        }
        return ["DICOM", "DI\(padded(position / 1000))", "IM\(padded(position))"]
    }

    /// Where an instance's header cannot be read, its identity alone.
    private static func keys(_ instance: RetrievableInstance) -> DataSet {
        let read = try? DataSet(
            selecting: FileSetDirectory.attributes,
            from: KeptDataSet(instance),
            transferSyntax: instance.transferSyntax
        )
        var keys = read ?? DataSet()
        keys.set(.studyInstanceUID, uids: [instance.studyInstanceUID])
        keys.set(.seriesInstanceUID, uids: [instance.seriesInstanceUID])
        return keys
    }
}

extension DICOMwebService {
    static let fileSetType = "application/zip"

    /// All of a study or series that the request may see.
    func fileSet(_ resource: DICOMwebRoute.Resource) async throws -> HTTPResponse {
        let (instances, availability) = try await gathered(resource)
        guard !instances.isEmpty else { return Self.missing(resource, availability) }
        var uuid = (0..<16).map { _ in UInt8.random(in: 0...255) }
        // Of version 4 (RFC 9562).
        uuid[6] = uuid[6] & 0x0F | 0x40
        uuid[8] = uuid[8] & 0x3F | 0x80
        let now = WallClock.day()
        let archive = FileSetArchive(
            instances: instances,
            scope: scope,
            sopInstanceUID: UID(uuid: uuid),
            layout: ZIPLayout(year: now.year, month: now.month, day: now.day)
        )
        // A file that lies around for years says itself that it is not all.
        var name = "exam.zip"
        if case .complete = availability {} else { name = "exam-incomplete.zip" }
        var response = HTTPResponse(
            .ok,
            headers: [
                "Content-Type": Self.fileSetType, "Cache-Control": "private, no-store",
                "Content-Disposition": "attachment; filename=\"\(name)\"",
            ],
            body: .arriving(archive)
        )
        if case .complete = availability {} else { response.warn("instances are missing") }
        return response
    }
}

extension CRC32 {
    /// Others have their turn between the pieces.
    fileprivate mutating func read(_ extent: FileExtent) async throws {
        var position: Int64 = 0
        while position < extent.length {
            let bytes = try extent.read(at: position, count: 1 << 20)
            guard !bytes.isEmpty else {
                throw SystemCallError(
                    call: "pread",
                    subject: "a file that is shorter",
                    errno: SystemCallError.inputOutput
                )
            }
            update(bytes)
            position += Int64(bytes.count)
            await Task.yield()
        }
    }
}
