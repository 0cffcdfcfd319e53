// SPDX-License-Identifier: Apache-2.0

/// What is wrong with a manifest that can be used nevertheless. Its evidence decides what it lists: what only
/// the content names is not listed, what only the evidence names is.
package enum ManifestWarning: Equatable, Sendable {
    /// A MADO manifest lacks it: a keyword, or a content item's meaning.
    case missing(String)
    /// What it says cannot be read: a keyword or a content item's meaning, of a series or instance.
    case invalid(String, UID)
    /// The content names an instance that the evidence does not.
    case notInEvidence(UID)
    /// The evidence names an instance that the content does not.
    case notInContent(UID)
    /// The evidence and the content say another SOP class.
    case otherClass(UID)
    /// A MADO manifest describes a series that the evidence has not, or the other way round.
    case seriesNotInEvidence(UID)
    case seriesNotDescribed(UID)
    /// A series that is listed twice counts once, with the instances of both.
    case duplicateSeries(UID)
    /// An instance that is listed twice counts where it is first.
    case duplicateInstance(UID)
    /// References without a UID, that are left out.
    case withoutUID(Int)
    /// Neither a URL nor a location of its images.
    case noRetrieval(series: UID)
    /// No URL as `https://host[:port][/path]`.
    case invalidURL(series: UID)
    /// The URL's host is none of those that were expected.
    case foreignHost(String, series: UID)
    /// "Number of Study Related Series" or "Number of Series Related Instances" of a series.
    case otherCount(said: Int, found: Int, UID)
    /// So many warnings more.
    case more(Int)
}

extension ManifestWarning: CustomStringConvertible {
    package var description: String {
        switch self {
        case .missing(let name): "\(name): found no value, expected one in a MADO manifest"
        case .invalid(let name, let uid): "\(name) of \(uid): found a value that cannot be read"
        case .notInEvidence(let uid): "\(uid): found in the content only, expected it in the evidence too"
        case .notInContent(let uid): "\(uid): found in the evidence only, expected it in the content too"
        case .otherClass(let uid): "\(uid): found another SOP class in the content than in the evidence"
        case .seriesNotInEvidence(let uid): "series \(uid): found described, expected it in the evidence too"
        case .seriesNotDescribed(let uid): "series \(uid): found no description, expected one"
        case .duplicateSeries(let uid): "series \(uid): found twice, expected it once"
        case .duplicateInstance(let uid): "\(uid): found twice, expected it once"
        case .withoutUID(let count): "references: found \(count) without a UID, expected a UID in each"
        case .noRetrieval(let uid): "series \(uid): found neither a Retrieve URL nor a Retrieve Location UID"
        case .invalidURL(let uid): "series \(uid): found another Retrieve URL, expected https://host/path"
        case .foreignHost(let host, let uid): "series \(uid): found host \(host), expected one of those known"
        case .otherCount(let said, let found, let uid): "\(uid): found \(found) listed, expected \(said)"
        case .more(let count): "found \(count) warnings more"
        }
    }
}

/// A bounded list of warnings.
struct ManifestWarnings {
    private static let limit = 100

    private(set) var list: [ManifestWarning] = []
    private var left = 0

    mutating func append(_ warning: ManifestWarning) {
        if list.count < Self.limit { list.append(warning) } else { left += 1 }
    }

    var all: [ManifestWarning] { left == 0 ? list : list + [.more(left)] }
}

/// Why a document is no manifest that can be used.
package enum ManifestError: Error, Equatable, Sendable, CustomStringConvertible {
    /// No Key Object Selection that can be read: too long, too deep, of too many elements, or without what it
    /// needs.
    case unreadable(KeyObjectError)
    /// No FHIR document that can be read, or one that contradicts itself.
    case malformed(FHIRError)
    /// Its title's code.
    case otherTitle(String)
    /// The evidence's study is not the document's own.
    case otherStudy(UID)
    case noInstance

    package var description: String {
        switch self {
        case .unreadable(let error): error.description
        case .malformed(let error): error.description
        case .otherTitle(let code):
            "ConceptNameCodeSequence: found code \(code), expected a manifest's"
        case .otherStudy(let uid):
            "StudyInstanceUID: found \(uid) in the evidence, expected the document's own"
        case .noInstance: "ReferencedSOPSequence: found no instance, expected one at least"
        }
    }
}
