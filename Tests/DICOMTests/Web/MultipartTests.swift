// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import DICOM

@Suite("RFC 2046 5.1 multipart") struct MultipartTests {
    struct Part: Equatable {
        var header: MultipartReader.PartHeader
        var body: [UInt8] = []
    }

    /// The parts of `bytes`, fed in pieces.
    private func read(
        _ bytes: [UInt8],
        boundary: String,
        cuts: [Int] = []
    ) throws(MultipartError) -> [Part] {
        guard var reader = MultipartReader(boundary: boundary) else { return [] }
        var parts: [Part] = []
        var isOpen = false
        var start = 0
        for cut in cuts.sorted() + [bytes.count] {
            let piece = Array(bytes[start..<cut])
            start = cut
            var offset = 0
            while let event = try reader.next(piece.span.bytes, &offset) {
                switch event {
                case .part(let header):
                    #expect(!isOpen)
                    isOpen = true
                    parts.append(Part(header: header))
                case .body(let range):
                    #expect(isOpen && !range.isEmpty)
                    parts[parts.count - 1].body += piece[range]
                case .heldBack(let held):
                    #expect(isOpen && !held.isEmpty)
                    parts[parts.count - 1].body += held
                case .endOfPart:
                    #expect(isOpen)
                    isOpen = false
                case .end: #expect(!isOpen)
                }
            }
            #expect(offset == piece.count)
        }
        try reader.finish()
        return parts
    }

    private func body(_ multipart: MultipartRelated, _ parts: [[UInt8]]) -> [UInt8] {
        var bytes: [UInt8] = []
        for (index, part) in parts.enumerated() {
            bytes += multipart.partHeader(
                isFirst: index == 0,
                transferSyntax: TransferSyntax.explicitVRLittleEndian,
                contentLength: part.count
            )
            bytes += part
        }
        return bytes + multipart.closing
    }

    @Test("the frame of a response")
    func frame() {
        var random = SplitMix64(1)
        let multipart = MultipartRelated(using: &random)
        #expect(multipart.boundary.utf8.count == 40)
        #expect(
            multipart.contentType
                == "multipart/related; type=\"application/dicom\"; boundary=\(multipart.boundary)"
        )
        let header = multipart.partHeader(
            isFirst: false,
            transferSyntax: UID(literal: "1.2.3"),
            contentLength: 7,
            contentID: "x@y"
        )
        #expect(
            String(decoding: header, as: UTF8.self)
                == "\r\n--\(multipart.boundary)\r\nContent-Type: application/dicom;transfer-syntax=1.2.3\r\n"
                + "Content-Length: 7\r\nContent-ID: <x@y>\r\n\r\n"
        )
        #expect(String(decoding: multipart.closing, as: UTF8.self) == "\r\n--\(multipart.boundary)--\r\n")
        #expect(MultipartRelated(using: &random) != multipart)
    }

    @Test("what is framed is read, whatever the split")
    func roundTrip() throws {
        var random = SplitMix64(2)
        let multipart = MultipartRelated(using: &random)
        // Bodies that look like delimiters.
        let parts: [[UInt8]] = [
            Array("\r\n--drimbox-".utf8), [], Array("\r\r\n\r\n-\r\n--\r".utf8), [0, 1, 2],
            Array("--\(multipart.boundary)--".utf8),
        ]
        let bytes = body(multipart, parts)
        let whole = try read(bytes, boundary: multipart.boundary)
        #expect(whole.map(\.body) == parts)
        #expect(whole[0].header.value("content-length") == "12")
        #expect(
            whole[0].header.value("content-type") == "application/dicom;transfer-syntax=1.2.840.10008.1.2.1"
        )
        for cut in 0...bytes.count {
            #expect(try read(bytes, boundary: multipart.boundary, cuts: [cut]) == whole, "cut at \(cut)")
        }
        #expect(try read(bytes, boundary: multipart.boundary, cuts: Array(0...bytes.count)) == whole)
        for count in 0..<(bytes.count - 2) {
            #expect(throws: MultipartError.truncated) {
                try read(Array(bytes[..<count]), boundary: multipart.boundary)
            }
        }
    }

    @Test("preamble, padding, epilogue and a part without fields")
    func forms() throws {
        let text = "preamble\r\n--b \t\r\n\r\nx\r\n--b\r\nA : 1\r\nB:2\r\n\r\n\r\n--b--  epilogue\r\n--b\r\n"
        let parts = try read(Array(text.utf8), boundary: "b")
        #expect(parts.map(\.body) == [[0x78], []])
        #expect(parts[1].header.fields.map(\.name) == ["a", "b"])
        #expect(parts[1].header.fields.map(\.value) == ["1", "2"])
    }

    @Test("the boundary of a Content-Type")
    func contentType() throws {
        let sample =
            "multipart/related;start=\"<4d395c57@resteasy-multipart>\";type=\"application/dicom\"; boundary=b1"
        var reader = try #require(MultipartReader(contentType: sample))
        var offset = 0
        #expect(try reader.next(Array("--b1--".utf8).span.bytes, &offset) == .end)
        #expect(MultipartReader(contentType: "multipart/related; boundary=\"a;b\"") != nil)
        for bad in [
            "application/dicom", "multipart/related", "multipart/related; boundary=",
            "multipart/x; boundary=\"\u{7}\"",
        ] {
            #expect(MultipartReader(contentType: bad) == nil)
        }
    }

    @Test("what cannot be read")
    func errors() {
        #expect(throws: MultipartError.invalidDelimiter) { try read(Array("--bx\r\n".utf8), boundary: "b") }
        #expect(throws: MultipartError.invalidField) {
            try read(Array("--b\r\nx\r\n\r\n".utf8), boundary: "b")
        }
        let long =
            Array("--b\r\n".utf8) + [UInt8](repeating: 0x61, count: MultipartReader.maximumHeaderLength)
        #expect(throws: MultipartError.headerTooLong(limit: MultipartReader.maximumHeaderLength)) {
            try read(long, boundary: "b")
        }
    }

    @Test("mutated bodies never crash and read the same at every split", .timeLimit(.minutes(10)))
    func fuzz() {
        var random = SplitMix64(3)
        let multipart = MultipartRelated(using: &random)
        let bytes = body(multipart, [[1, 2, 3], Array("\r\n--".utf8), []])
        for round in 0..<600 {
            let mutated = random.mutate(bytes)
            let cuts = (0..<5).map { _ in Int.random(in: 0...mutated.count, using: &random) }
            let whole = Result { () throws(MultipartError) in try read(mutated, boundary: multipart.boundary)
            }
            let split = Result { () throws(MultipartError) in
                try read(mutated, boundary: multipart.boundary, cuts: cuts)
            }
            #expect(whole == split, "round \(round)")
        }
    }
}
