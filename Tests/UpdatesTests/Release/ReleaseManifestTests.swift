// SPDX-License-Identifier: Apache-2.0
import TUF
import Testing

@testable import Updates

@Suite("The manifest of a release") struct ReleaseManifestTests {
    private static let one = String(repeating: "01", count: 32)
    private static let two = String(repeating: "ab", count: 32)

    /// Two segments, the second shorter; the patch has a frame for the second only.
    private static let text = """
        { "format": 1, "release": "2026.10.0", "made_by": "a key that is not known",
          "root": { "size": 4202496, "segment": 4194304, "seg_sha256": ["\(one)", "\(two)"],
                    "pack": { "sha256": "\(one)", "len": 1000, "frames": [[0, 600], [600, 400]] } },
          "verity": { "roothash": "\(one)", "salt": "00ff", "uuid": "01234567-89ab-cdef-0123-456789ABCDEF",
                      "alg": "sha256" },
          "uki": { "sha256": "\(two)", "len": 12345 },
          "patches": [ { "from_roothash": "\(two)", "src_windows": [[0, 0], [4096, 16777216]],
                         "pack": { "sha256": "\(two)", "len": 77, "frames": [[0, 0], [7, 70]] } } ],
          "health": { "deadline_s": 900 },
          "data": { "schema": 3, "downgradable": true },
          "floor": { "value": 7, "signature": "AAEC/w==" } }
        """

    @Test("all of it is read") func reads() throws {
        let manifest = try ReleaseManifest(parsing: Array(Self.text.utf8))
        #expect(manifest.release == ReleaseVersion("2026.10.0"))
        #expect(manifest.root.size == 4_202_496)
        #expect(manifest.root.range(of: 0) == 0..<4_194_304)
        #expect(manifest.root.range(of: 1) == 4_194_304..<4_202_496)
        #expect(manifest.root.hashes[1] == [UInt8](repeating: 0xAB, count: 32))
        #expect(manifest.root.pack.frames == [0..<600, 600..<1000])
        #expect(manifest.verity.salt == [0x00, 0xFF])
        #expect(manifest.verity.uuid.count == 16)
        #expect(manifest.verity.uuid.suffix(2).elementsEqual([0xCD, 0xEF]))
        #expect(manifest.kernelImage.length == 12_345)
        #expect(manifest.patches[0].fileName == "patch-abababab.pack")
        #expect(manifest.patches[0].pack.frames == [0..<0, 7..<77])
        #expect(manifest.patches[0].windows[1] == 4096..<16_781_312)
        #expect(manifest.healthDeadline == 900)
        #expect(manifest.data == .init(schema: 3, isDowngradable: true))
        #expect(manifest.floor == .init(value: 7, signature: [0, 1, 2, 255]))
        #expect(manifest.path("root.pack") == "releases/2026.10.0/root.pack")
    }

    @Test("without a floor and without patches, too") func optional() throws {
        let floor = #", "floor": { "value": 7, "signature": "AAEC/w==" }"#.dropFirst(0)
        var text = Self.text.replacing(#""downgradable": true },"#, with: #""downgradable": true }"#)
        text = text.replacing(floor.dropFirst(2), with: "")
        #expect(try ReleaseManifest(parsing: Array(text.utf8)).floor == nil)
    }

    @Test(
        "what is wrong is refused with the path to it",
        arguments: [
            ("\"format\": 1", "\"format\": 2", "manifest.format"),
            ("\"2026.10.0\"", "\"2026.10.0-rc1\"", "manifest.release"),
            ("\"2026.10.0\"", "\"../../etc\"", "manifest.release"),
            ("\"size\": 4202496", "\"size\": 4202497", "manifest.root.size"),
            ("\"size\": 4202496", "\"size\": 0", "manifest.root.size"),
            ("\"size\": 4202496", "\"size\": -4096", "manifest.root.size"),
            ("\"size\": 4202496", "\"size\": 9223372036854771712", "manifest.root.size"),
            ("\"size\": 4202496", "\"size\": 8392704", "manifest.root.seg_sha256"),
            ("\"segment\": 4194304", "\"segment\": 4096", "manifest.root.segment"),
            ("\"segment\": 4194304", "\"segment\": 8388608", "manifest.root.segment"),
            ("\"segment\": 4194304, ", "", "manifest.root.segment"),
            ("[\"\(one)\", \"\(two)\"]", "[\"\(one)\", \"\(two)00\"]", "manifest.root.seg_sha256[1]"),
            ("[\"\(one)\", \"\(two)\"]", "[\"\(one)\", 7]", "manifest.root.seg_sha256[1]"),
            ("[\"\(one)\", \"\(two)\"]", "[\"\(one)\"]", "manifest.root.seg_sha256"),
            ("[600, 400]", "[600, 401]", "manifest.root.pack.frames[1]"),
            ("[600, 400]", "[599, 400]", "manifest.root.pack.frames[1]"),
            ("[600, 400]", "[0, 0]", "manifest.root.pack.frames[1]"),
            ("[600, 400]", "[-1, 400]", "manifest.root.pack.frames[1]"),
            ("[600, 400]", "[600, -400]", "manifest.root.pack.frames[1]"),
            ("[600, 400]", "[9223372036854775807, 400]", "manifest.root.pack.frames[1]"),
            ("[600, 400]", "[600, 9223372036854775807]", "manifest.root.pack.frames[1]"),
            ("[600, 400]", "[600]", "manifest.root.pack.frames[1]"),
            ("[600, 400]", "{}", "manifest.root.pack.frames[1]"),
            (", [600, 400]", "", "manifest.root.pack.frames"),
            ("\"len\": 1000,", "\"len\": -1,", "manifest.root.pack.len"),
            ("\"len\": 1000,", "\"len\": \"1000\",", "manifest.root.pack.len"),
            ("\"00ff\"", "\"0ff\"", "manifest.verity.salt"),
            ("\"00ff\"", "\"00fg\"", "manifest.verity.salt"),
            ("01234567-89ab", "0123456789-ab", "manifest.verity.uuid"),
            ("\"alg\": \"sha256\"", "\"alg\": \"sha1\"", "manifest.verity.alg"),
            ("\"len\": 12345", "\"len\": 999999999999", "manifest.uki.len"),
            ("\"len\": 12345", "\"len\": 0", "manifest.uki.len"),
            ("[[0, 0], [7, 70]]", "[[0, 0], [7, 71]]", "manifest.patches[0].pack.frames[1]"),
            ("[[0, 0], [7, 70]]", "[[3, 0], [7, 70]]", "manifest.patches[0].pack.frames[0]"),
            ("[4096, 16777216]", "[4096, 16777217]", "manifest.patches[0].src_windows[1]"),
            ("[[0, 0], [4096, 16777216]]", "[]", "manifest.patches[0].src_windows"),
            ("\"deadline_s\": 900", "\"deadline_s\": 0", "manifest.health.deadline_s"),
            ("\"downgradable\": true", "\"downgradable\": 1", "manifest.data.downgradable"),
            ("\"AAEC/w==\"", "\"AAEC/w=\"", "manifest.floor.signature"),
            ("\"AAEC/w==\"", "\"AAEC/x==\"", "manifest.floor.signature"),
            ("\"value\": 7", "\"value\": -7", "manifest.floor.value"),
        ]
    ) func refuses(find: String, replacement: String, place: String) {
        let text = Self.text.replacing(find, with: replacement, maxReplacements: 1)
        #expect(text != Self.text)
        let error = #expect(throws: FormatError.self) { try ReleaseManifest(parsing: Array(text.utf8)) }
        #expect(error?.place == place, "\(String(describing: error))")
    }

    @Test("two patches for one file are refused") func twice() {
        let patch = Self.text.split(separator: "\"patches\": [").last?.split(separator: " ],").first ?? ""
        let text = Self.text.replacing(patch, with: "\(patch), \(patch)", maxReplacements: 1)
        let error = #expect(throws: FormatError.self) { try ReleaseManifest(parsing: Array(text.utf8)) }
        #expect(error?.place == "manifest.patches[1].from_roothash", "\(String(describing: error))")
    }

    @Test("more than 2 MiB, or more than 65,536 segments, are refused") func bounds() {
        let long = Array(Self.text.utf8) + [UInt8](repeating: 0x20, count: 2 << 20)
        let error = #expect(throws: FormatError.self) { try ReleaseManifest(parsing: long) }
        #expect(error?.place == "manifest")
        let many = Self.text.replacing("\"size\": 4202496", with: "\"size\": 274877911040")
        let other = #expect(throws: FormatError.self) { try ReleaseManifest(parsing: Array(many.utf8)) }
        #expect(other?.place == "manifest.root.size")
        #expect(other?.found == "65537 segments")
    }

    @Test("2,000 manifests with bytes changed, lost, doubled: none makes it trap, none that is taken lies")
    func mutations() {
        var generator = Pseudorandom.Generator(state: 11)
        let pieces = [
            "-", "9", "0", "\"", "[", "]", "{", "}", ",", "18446744073709551616", "null", "\\u0000", "é",
        ]
        for _ in 0..<2000 {
            var bytes = Array(Self.text.utf8)
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let place = Int.random(in: 0..<bytes.count, using: &generator)
                let end = min(bytes.count, place + Int.random(in: 1...30, using: &generator))
                switch Int.random(in: 0..<5, using: &generator) {
                case 0: bytes[place] = UInt8.random(in: 0...255, using: &generator)
                case 1: bytes.removeSubrange(place..<end)
                case 2: bytes.insert(contentsOf: bytes[place..<end], at: place)
                case 3:
                    bytes.replaceSubrange(
                        place..<place + 1,
                        with: pieces.randomElement(using: &generator)?.utf8.map { $0 } ?? []
                    )
                default: bytes[place] ^= 1 << UInt8.random(in: 0..<7, using: &generator)
                }
            }
            guard let manifest = try? ReleaseManifest(parsing: bytes) else { continue }
            let count = manifest.root.hashes.count
            #expect(manifest.root.range(of: count - 1).upperBound == manifest.root.size)
            for pack in [manifest.root.pack] + manifest.patches.map(\.pack) {
                #expect(pack.frames.count == count)
                #expect(pack.frames.allSatisfy { $0.upperBound <= pack.length })
            }
        }
    }
}
