// SPDX-License-Identifier: Apache-2.0

/// Media types of pixel data in its transfer syntax (PS3.18 Table 8.7.3-5 and 8.7.3.3.2).
package enum PixelMediaType {
    package static let octetStream = "application/octet-stream"

    /// Of compressed frames; nil for a syntax with native pixel data, and for one the table has not.
    package static func of(transferSyntax: UID) -> String? {
        let prefix = "1.2.840.10008.1.2."
        guard transferSyntax.string.hasPrefix(prefix) else { return nil }
        switch transferSyntax.string.dropFirst(prefix.utf8.count) {
        case "4.50", "4.51", "4.57", "4.70": return "image/jpeg"
        case "4.80", "4.81": return "image/jls"
        case "4.90", "4.91": return "image/jp2"
        case "4.92", "4.93": return "image/jpx"
        case "4.201", "4.202", "4.203": return "image/jphc"
        case "4.110", "4.111", "4.112": return "image/jxl"
        case "5": return "image/dicom-rle"
        case "4.100", "4.101": return "video/mpeg2"
        case "4.102", "4.103", "4.104", "4.105", "4.106", "4.107", "4.108": return "video/mp4"
        default: return nil
        }
    }
}

/// What a request for frames or bulk data accepts (PS3.18 8.7.4, 10.4.1.2).
package struct PixelAcceptance: Sendable {
    package enum Form: Equatable, Sendable {
        /// multipart/related with parts of this media type.
        case multipart(String)
        /// This media type alone: one frame, one value.
        case single(String)
        /// multipart/related; type="application/dicom": the whole instance, which holds the frames.
        case instance
    }

    private let ranges: [MediaRange]

    package init(_ accept: AcceptHeader) {
        ranges = accept.ranges
    }

    /// The form to answer in; nil: 406 (Not Acceptable). Bytes are stored in `transferSyntax`: those of
    /// `isCompressed` pixel data have its media type, others are application/octet-stream. `allowsInstance`: for
    /// frames, the instance is an answer too; on equal quality the frames are preferred.
    package func form(
        transferSyntax: UID,
        isCompressed: Bool,
        isSingle: Bool,
        allowsInstance: Bool
    ) -> Form? {
        guard !ranges.isEmpty else {
            return .multipart(Self.storedType(transferSyntax, isCompressed))
        }
        var best: (form: Form, quality: Int, rank: Int)?
        for range in ranges where range.quality > 0 {
            guard let (form, rank) = form(range, transferSyntax, isCompressed, isSingle, allowsInstance)
            else {
                continue
            }
            if let best, (best.quality, best.rank) >= (range.quality, rank) { continue }
            best = (form, range.quality, rank)
        }
        return best?.form
    }

    private static func storedType(_ transferSyntax: UID, _ isCompressed: Bool) -> String {
        isCompressed
            ? PixelMediaType.of(transferSyntax: transferSyntax) ?? PixelMediaType.octetStream
            : PixelMediaType.octetStream
    }

    /// What this range takes; a higher rank is preferred on equal quality.
    private func form(
        _ range: MediaRange,
        _ syntax: UID,
        _ isCompressed: Bool,
        _ isSingle: Bool,
        _ allowsInstance: Bool
    ) -> (Form, rank: Int)? {
        let stored = Self.storedType(syntax, isCompressed)
        switch range.type {
        case "multipart/related":
            let types = range.values("type").map { $0.lowercased() }
            if types.isEmpty {
                return Self.takes(range, syntax, isCompressed) ? (.multipart(stored), 2) : nil
            }
            for type in types {
                if type == "application/dicom" {
                    return allowsInstance ? (.instance, 1) : nil
                }
                guard let media = Self.media(type, stored), Self.takes(range, syntax, isCompressed, media)
                else { continue }
                return (.multipart(media), 2)
            }
            return nil
        case "multipart/*", "*/*": return (.multipart(stored), 0)
        case "application/dicom": return allowsInstance ? (.instance, 1) : nil
        default:
            guard isSingle, let media = Self.media(range.type, stored),
                Self.takes(range, syntax, isCompressed, media)
            else { return nil }
            return (.single(media), 1)
        }
    }

    /// The media type of the answer for one that is asked for.
    private static func media(_ type: String, _ stored: String) -> String? {
        if type == stored || type == "*/*" { return stored }
        if type == PixelMediaType.octetStream { return PixelMediaType.octetStream }
        let isRange = type.hasSuffix("/*") && stored.hasPrefix(type.dropLast())
        return isRange ? stored : nil
    }

    /// Whether the range's transfer syntaxes have the stored one among them. Without any, octets are in Explicit VR
    /// Little Endian (PS3.18 8.7.3.3.2), and a compressed media type is taken as it is.
    private static func takes(
        _ range: MediaRange,
        _ syntax: UID,
        _ isCompressed: Bool,
        _ media: String? = nil
    ) -> Bool {
        let syntaxes = range.values("transfer-syntax")
        if syntaxes.contains("*") || syntaxes.contains(syntax.string) { return true }
        // The bytes of native pixel data are the same in all syntaxes but big endian.
        let isLittleEndian = !isCompressed && syntax != TransferSyntax.explicitVRBigEndian
        if isLittleEndian, syntaxes.contains(TransferSyntax.explicitVRLittleEndian.string) { return true }
        guard syntaxes.isEmpty else { return false }
        return isLittleEndian || isCompressed && media != PixelMediaType.octetStream
    }
}
