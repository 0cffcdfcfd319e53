// SPDX-License-Identifier: Apache-2.0
import DICOM
import Linux
import NIOHTTP1

/// Frames and bulk data as byte ranges of the stored file (PS3.18 10.4.1.1.5, 10.4.1.1.6). No pixel is decoded.
struct PixelAnswer {
    let instance: RetrievableInstance
    let form: PixelAcceptance.Form
    /// The resource's own URL, and those of its parts.
    let location: (Int) -> String

    /// One part for each member of `parts`, whose runs of bytes are offsets in the data set.
    func response(_ parts: [[Range<Int>]]) -> HTTPResponse {
        switch form {
        case .single(let type): single(type, parts.first ?? [])
        case .multipart(let type): multipart(type, parts)
        case .instance: .text(.notAcceptable, "Accept: found the whole instance only")
        }
    }

    private func contentType(_ type: String) -> String {
        "\(type); transfer-syntax=\(instance.transferSyntax)"
    }

    private func extent(_ range: Range<Int>) -> FileExtent {
        FileExtent(
            file: instance.file.file,
            offset: instance.file.offset + instance.dataSetOffset + Int64(range.lowerBound),
            length: Int64(range.count)
        )
    }

    private func single(_ type: String, _ ranges: [Range<Int>]) -> HTTPResponse {
        let extents = ranges.map(extent)
        return HTTPResponse(
            .ok,
            headers: ["Content-Type": contentType(type), "Cache-Control": "private, no-store"],
            body: .parts(count: extents.count, length: extents.reduce(0) { $0 + $1.length }) { index in
                HTTPBodyPart(head: [], extent: extents[index])
            }
        )
    }

    private func multipart(_ type: String, _ parts: [[Range<Int>]]) -> HTTPResponse {
        var generator = SystemRandomNumberGenerator()
        let multipart = MultipartRelated(using: &generator)
        var pieces: [HTTPBodyPart] = []
        for (index, ranges) in parts.enumerated() {
            let head = multipart.partHeader(
                isFirst: index == 0,
                contentType: contentType(type),
                contentLength: ranges.reduce(0) { $0 + $1.count },
                contentLocation: location(index)
            )
            pieces.append(HTTPBodyPart(head: head, extent: ranges.first.map(extent)))
            for range in ranges.dropFirst() { pieces.append(HTTPBodyPart(head: [], extent: extent(range))) }
        }
        pieces.append(HTTPBodyPart(head: multipart.closing, extent: nil))
        let length = pieces.reduce(Int64(0)) { $0 + Int64($1.head.count) + ($1.extent?.length ?? 0) }
        return HTTPResponse(
            .ok,
            headers: [
                "Content-Type": multipart.contentType(of: type), "Cache-Control": "private, no-store",
            ],
            body: .parts(count: pieces.count, length: length) { [pieces] in pieces[$0] }
        )
    }
}
