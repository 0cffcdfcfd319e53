// SPDX-License-Identifier: Apache-2.0

/// Which transfer syntaxes pixel data can be brought into without loss.
///
/// What is compressed with loss is decoded where it must be and never compressed again; nothing is ever compressed
/// with loss; video stays as it is.
package enum Transcoding {
    /// Of native pixel data.
    private static let native: Set<UID> = [
        TransferSyntax.implicitVRLittleEndian, TransferSyntax.explicitVRLittleEndian,
        TransferSyntax.deflatedExplicitVRLittleEndian, TransferSyntax.explicitVRBigEndian,
        TransferSyntax.implicitVRLittleEndianGE,
    ]
    /// That can be decoded, and have lost nothing.
    private static let lossless: Set<UID> = [
        TransferSyntax.jpegLossless, TransferSyntax.jpegLosslessSV1, TransferSyntax.jpegLSLossless,
        TransferSyntax.jpeg2000Lossless, TransferSyntax.rleLossless,
    ]
    /// That can be decoded, and have lost something or may have.
    private static let lossy: Set<UID> = [
        TransferSyntax.jpegBaseline8Bit, TransferSyntax.jpegExtended12Bit, TransferSyntax.jpegLSNearLossless,
        TransferSyntax.jpeg2000,
    ]

    /// What pixel data stored in `syntax` can be written as, the least work first; `syntax` itself is not among them.
    package static func targets(from syntax: UID) -> [UID] {
        let uncompressed = [TransferSyntax.explicitVRLittleEndian, TransferSyntax.implicitVRLittleEndian]
        let compressed = [
            TransferSyntax.jpegLSLossless, TransferSyntax.jpegLosslessSV1, TransferSyntax.jpeg2000Lossless,
            TransferSyntax.jpeg2000,
        ]
        let targets =
            if native.contains(syntax) || lossless.contains(syntax) {
                uncompressed + compressed
            } else if lossy
                .contains(syntax)
            { uncompressed } else { [UID]() }
        return targets.filter { $0 != syntax }
    }

    /// The syntax for a request that accepts `stored` or others with these qualities, in thousandths: as it is stored
    /// where that is acceptable; else the best that can be made of it, on equal quality with the least work. DICOMweb
    /// has no Implicit VR Little Endian (PS3.18 8.7.3.5.2).
    package static func choice(stored: UID, quality: (UID) -> Int?) -> UID? {
        if quality(stored) != nil { return stored }
        var best: (syntax: UID, quality: Int)?
        for target in targets(from: stored) where target != TransferSyntax.implicitVRLittleEndian {
            guard let found = quality(target), found > best?.quality ?? 0 else { continue }
            best = (target, found)
        }
        return best?.syntax
    }
}
