// SPDX-License-Identifier: Apache-2.0

/// What a WADO-RS request accepts (PS3.18 8.7.4, 10.4.1.2). The most specific media range that names a
/// representation decides about it; quality 0 excludes it (RFC 9110 12.4.2).
package struct RetrieveAcceptance: Sendable {
    /// How instances are rendered.
    package enum Form: Sendable {
        /// multipart/related; type="application/dicom"
        case multipart
        /// application/dicom: one instance alone.
        case single
    }

    private let ranges: [MediaRange]

    /// Without any media range everything is acceptable (RFC 9110 12.5.1).
    package init(_ accept: AcceptHeader) {
        ranges = accept.ranges
    }

    /// Quality in thousandths, 1 to 1000, of an instance in `transferSyntax`; nil when it is not acceptable. A
    /// media range without transfer-syntax, or with `*`, takes instances as they are stored.
    package func accepts(transferSyntax: UID, as form: Form = .multipart) -> Int? {
        guard !ranges.isEmpty else { return 1000 }
        return quality { range in
            guard let specificity = Self.specificity(range, form) else { return nil }
            let syntaxes = range.values("transfer-syntax").filter { $0 != "*" }
            if syntaxes.isEmpty { return 2 * specificity }
            return syntaxes.contains(transferSyntax.string) ? 2 * specificity + 1 : nil
        }
    }

    /// The form to answer in, whatever the transfer syntax; nil: 406 (Not Acceptable).
    package func form(isSingleInstance: Bool) -> Form? {
        guard !ranges.isEmpty else { return .multipart }
        let multipart = best(.multipart)
        let single = isSingleInstance ? best(.single) : nil
        guard let single, single > multipart ?? 0 else { return multipart.map { _ in .multipart } }
        return .single
    }

    /// Whether this media type is named, and nothing is liked better.
    package func wants(_ type: String) -> Bool {
        let quality = ranges.filter { $0.type == type }.map(\.quality).max() ?? 0
        return quality > 0 && ranges.allSatisfy { $0.quality <= quality }
    }

    /// Quality in thousandths of metadata in DICOM JSON; nil: 406 (Not Acceptable).
    package var acceptsMetadata: Int? {
        guard !ranges.isEmpty else { return 1000 }
        return quality { range in
            switch range.type {
            case "application/dicom+json": 3
            case "application/json": 2
            case "application/*": 1
            case "*/*": 0
            default: nil
            }
        }
    }

    /// The highest quality among the most specific ranges; nil when it is 0 or there is none.
    private func quality(_ specificity: (MediaRange) -> Int?) -> Int? {
        var best: (specificity: Int, quality: Int)?
        for range in ranges {
            guard let found = specificity(range) else { continue }
            if let best, (best.specificity, best.quality) >= (found, range.quality) { continue }
            best = (found, range.quality)
        }
        guard let best, best.quality > 0 else { return nil }
        return best.quality
    }

    private func best(_ form: Form) -> Int? {
        let qualities = ranges.filter { Self.specificity($0, form) != nil }.map(\.quality)
        return qualities.max().flatMap { $0 > 0 ? $0 : nil }
    }

    /// 2: names the form; 1: its type only; 0: anything; nil: something else.
    private static func specificity(_ range: MediaRange, _ form: Form) -> Int? {
        switch (range.type, form) {
        case ("multipart/related", .multipart):
            range.values("type").allSatisfy { isDICOM($0) } ? 2 : nil
        case ("application/dicom", .single): 2
        case ("multipart/*", .multipart), ("application/*", .single): 1
        case ("*/*", _): 0
        default: nil
        }
    }

    private static func isDICOM(_ type: String) -> Bool {
        let type = type.lowercased()
        return type == "application/dicom" || type == "*/*" || type == "application/*"
    }
}
