// SPDX-License-Identifier: Apache-2.0
import Glibc

extension FileExtent {
    /// Pieces of one read; the kernel takes 1024 at once (IOV_MAX).
    package static let maximumPieces = 512

    /// Appends `count` bytes from `position` on to `output`, cut into pieces of `pieceLength` bytes with `gap` zero
    /// bytes before each, for headers that the caller fills in: one preadv(2), no copy in between.
    ///
    /// The extent must hold all of them, and `output` have room for them and the gaps; at most `maximumPieces`
    /// pieces. A file that has become shorter is EIO.
    package func read(
        at position: Int64,
        count: Int,
        pieceLength: Int,
        gap: Int,
        into output: inout OutputRawSpan
    ) throws(SystemCallError) {
        let pieces = (count + pieceLength - 1) / pieceLength
        guard count > 0, position >= 0, position + Int64(count) <= length, pieces <= Self.maximumPieces,
            output.freeCapacity >= count + pieces * gap
        else {
            throw SystemCallError(call: "preadv", subject: "fd \(file.descriptor)", errno: EINVAL)
        }
        try unsafe output.withUnsafeMutableBytes { (buffer, filled) throws(SystemCallError) in
            var vectors: [iovec] = unsafe []
            unsafe vectors.reserveCapacity(pieces)
            var place = filled
            for index in 0..<pieces {
                let length = min(pieceLength, count - index * pieceLength)
                for offset in place..<place + gap { unsafe buffer[offset] = 0 }
                unsafe vectors.append(
                    iovec(iov_base: buffer.baseAddress?.advanced(by: place + gap), iov_len: length)
                )
                place += gap + length
            }
            try unsafe fill(&vectors, at: offset + position, count: count)
            filled = place
        }
    }

    private func fill(_ vectors: inout [iovec], at start: Int64, count: Int) throws(SystemCallError) {
        var done = 0
        while done < count {
            let read = try systemCall("preadv", on: "fd \(file.descriptor)") {
                unsafe preadv(file.descriptor, vectors, Int32(vectors.count), off_t(start) + off_t(done))
            }
            guard read > 0 else {
                throw SystemCallError(call: "preadv", subject: "fd \(file.descriptor)", errno: EIO)
            }
            done += read
            var taken = read
            while taken > 0, let first = unsafe vectors.first {
                if unsafe first.iov_len <= taken {
                    unsafe taken -= first.iov_len
                    unsafe vectors.removeFirst()
                } else {
                    unsafe vectors[0].iov_base = first.iov_base?.advanced(by: taken)
                    unsafe vectors[0].iov_len = first.iov_len - taken
                    taken = 0
                }
            }
        }
    }
}
