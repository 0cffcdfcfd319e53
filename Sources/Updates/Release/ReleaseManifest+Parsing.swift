// SPDX-License-Identifier: Apache-2.0
package import TUF

extension ReleaseManifest {
    /// Bytes of a manifest.
    package static let maximumLength = 2 << 20
    package static let maximumSegments = 65_536
    /// Bytes of the old root that a patch frame may have been made against: with a segment of 4 MiB they stay below
    /// the window of 2^25 bytes, and what is read for one frame below the memory that an installation has.
    package static let maximumWindow = 16 << 20
    /// Bytes; what is larger is no kernel with its initrd.
    package static let maximumKernelImage = 256 << 20
    private static let maximumPatches = 64
    /// Bytes: less would be more requests than content.
    private static let smallestSegment = 64 << 10
    private static let largestSegment = 4 << 20
    /// Bytes that no root, pack or partition here exceeds; sums of two stay far from overflowing.
    private static let maximumSize = 1 << 40

    /// Reads a manifest and checks all that can be checked without the files it speaks of. Members that it does not
    /// know are ignored; an error's place is the path to the member.
    package init(parsing bytes: [UInt8]) throws(FormatError) {
        if bytes.count > Self.maximumLength {
            throw FormatError(
                place: "manifest",
                found: "\(bytes.count) bytes",
                expected: "at most \(Self.maximumLength)"
            )
        }
        let fields = try Fields(try JSON(parsing: bytes), "manifest")
        let format = try fields.value("format")
        if format != .integer(1) {
            throw FormatError(place: fields.place("format"), found: format.evidence, expected: "1")
        }
        release = try fields.version("release")
        let root = try Root(try fields.fields("root"))
        self.root = root
        verity = try Verity(try fields.fields("verity"))
        let image = try fields.fields("uki")
        kernelImage = KernelImage(
            sha256: try image.bytes("sha256", count: 32...32),
            length: try image.integer("len", in: 1...Self.maximumKernelImage)
        )
        patches = try Self.patches(fields, root)
        healthDeadline = try fields.fields("health").integer("deadline_s", in: 1...86_400)
        let data = try fields.fields("data")
        self.data = DataFormat(
            schema: try data.integer("schema", atLeast: 0),
            isDowngradable: try data.bool("downgradable")
        )
        floor = try fields.fields(ifAny: "floor").map { floor throws(FormatError) in try Floor(floor) }
    }

    private static func patches(_ fields: Fields, _ root: Root) throws(FormatError) -> [Patch] {
        let values = try fields.array("patches")
        if values.count > maximumPatches {
            throw FormatError(
                place: fields.place("patches"),
                found: "\(values.count) patches",
                expected: "at most \(maximumPatches)"
            )
        }
        var patches: [Patch] = []
        for (index, value) in values.enumerated() {
            let members = try Fields(value, "\(fields.place("patches"))[\(index)]")
            let patch = try Patch(members, root)
            if patches.contains(where: { $0.fileName == patch.fileName }) {
                throw FormatError(
                    place: members.place("from_roothash"),
                    found: "the file \(patch.fileName) twice",
                    expected: "one for each"
                )
            }
            patches.append(patch)
        }
        return patches
    }
}

extension ReleaseManifest.Root {
    fileprivate init(_ fields: Fields) throws(FormatError) {
        size = try fields.integer("size", in: 4096...ReleaseManifest.maximumSize, multipleOf: 4096)
        segmentSize = try fields.integer(
            "segment",
            in: ReleaseManifest.smallestSegment...ReleaseManifest.largestSegment,
            multipleOf: ReleaseManifest.smallestSegment
        )
        let count = (size + segmentSize - 1) / segmentSize
        if count > ReleaseManifest.maximumSegments {
            throw FormatError(
                place: fields.place("size"),
                found: "\(count) segments",
                expected: "at most \(ReleaseManifest.maximumSegments)"
            )
        }
        var hashes: [[UInt8]] = []
        let elements = try fields.array("seg_sha256", count: count)
        hashes.reserveCapacity(count)
        for (index, element) in elements.enumerated() {
            let place = "\(fields.place("seg_sha256"))[\(index)]"
            hashes.append(try Fields.hexadecimal(element, place, count: 32...32))
        }
        self.hashes = hashes
        pack = try .init(try fields.fields("pack"), segments: count, segmentSize, isSparse: false)
    }
}

extension ReleaseManifest.Pack {
    /// `isSparse`: a segment may have no frame.
    fileprivate init(
        _ fields: Fields,
        segments: Int,
        _ segmentSize: Int,
        isSparse: Bool
    ) throws(FormatError) {
        sha256 = try fields.bytes("sha256", count: 32...32)
        let length = try fields.integer("len", in: 0...ReleaseManifest.maximumSize)
        self.length = length
        // Blocks that do not become smaller are stored with three bytes each, and a frame has a header and a checksum.
        let longest = segmentSize + segmentSize / 256 + 1024
        var frames: [Range<Int>] = []
        frames.reserveCapacity(segments)
        for (index, element) in try fields.array("frames", count: segments).enumerated() {
            let place = "\(fields.place("frames"))[\(index)]"
            let frame = try Fields.range(element, place, within: length, atMost: longest)
            if frame.isEmpty, !isSparse || frame.lowerBound != 0 {
                throw FormatError(
                    place: place,
                    found: "no bytes at \(frame.lowerBound)",
                    expected: isSparse ? "a frame, or [0, 0]" : "a frame"
                )
            }
            frames.append(frame)
        }
        self.frames = frames
        let order = frames.indices.filter { !frames[$0].isEmpty }.sorted {
            frames[$0].lowerBound < frames[$1].lowerBound
        }
        for (index, next) in zip(order, order.dropFirst())
        where frames[index].upperBound > frames[next].lowerBound {
            throw FormatError(
                place: "\(fields.place("frames"))[\(next)]",
                found: "bytes of frame \(index) too",
                expected: "bytes of its own"
            )
        }
    }
}

extension ReleaseManifest.Verity {
    fileprivate init(_ fields: Fields) throws(FormatError) {
        let algorithm = try fields.string("alg")
        if algorithm != "sha256" {
            throw FormatError(
                place: fields.place("alg"),
                found: "\"\(algorithm.shown)\"",
                expected: "\"sha256\""
            )
        }
        rootHash = try fields.bytes("roothash", count: 32...32)
        // What the superblock has room for.
        salt = try fields.bytes("salt", count: 0...256)
        let text = try fields.string("uuid")
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.map(\.utf8.count) == [8, 4, 4, 4, 12], let bytes = HexDigits.bytes(of: parts.joined())
        else {
            throw FormatError(
                place: fields.place("uuid"),
                found: "\"\(text.shown)\"",
                expected: "hexadecimal digits as 8-4-4-4-12"
            )
        }
        uuid = bytes
    }
}

extension ReleaseManifest.Patch {
    fileprivate init(_ fields: Fields, _ root: ReleaseManifest.Root) throws(FormatError) {
        let count = root.hashes.count
        fromRootHash = try fields.bytes("from_roothash", count: 32...32)
        let pack = try ReleaseManifest.Pack(
            try fields.fields("pack"),
            segments: count,
            root.segmentSize,
            isSparse: true
        )
        self.pack = pack
        var windows: [Range<Int>] = []
        windows.reserveCapacity(count)
        for (index, element) in try fields.array("src_windows", count: count).enumerated() {
            let place = "\(fields.place("src_windows"))[\(index)]"
            windows.append(
                try Fields.range(
                    element,
                    place,
                    within: ReleaseManifest.maximumSize,
                    atMost: ReleaseManifest.maximumWindow
                )
            )
        }
        self.windows = windows
    }
}

extension ReleaseManifest.Floor {
    fileprivate init(_ fields: Fields) throws(FormatError) {
        value = try fields.integer("value", atLeast: 0)
        let text = try fields.string("signature")
        guard let bytes = Base64.bytes(of: text), !bytes.isEmpty, bytes.count <= 4096 else {
            throw FormatError(
                place: fields.place("signature"),
                found: "\"\(text.shown)\"",
                expected: "base64 of at most 4096 bytes"
            )
        }
        signature = bytes
    }
}
