// SPDX-License-Identifier: Apache-2.0
import Linux

/// Where the files of a release come from: a server, a USB stick. Names are below the repository's targets.
package protocol ReleaseSource: Sendable {
    /// Exactly the bytes of `range`. It ends soon when its task is cancelled.
    func read(_ file: String, _ range: Range<Int>) async throws(SourceFailure) -> [UInt8]
}

/// A source that did not give what was asked for.
package struct SourceFailure: Error, Equatable, CustomStringConvertible {
    package enum Kind: String, Sendable {
        /// The file is not there, or has changed: no use asking again before the metadata is fresh.
        case gone
        /// It may go better later: a broken connection, an overloaded server.
        case transient
        /// Somebody on the way says no; a person has to change something.
        case refused
    }

    package let kind: Kind
    package let file: String
    package let reason: String

    package init(_ kind: Kind, _ file: String, _ reason: String) {
        self.kind = kind
        self.file = file
        self.reason = reason
    }

    package var description: String { "\(file): \(kind.rawValue): \(reason)" }
}

/// A repository's targets as a directory, on a medium that somebody brought: what is read lies in it, and no symbolic
/// link is followed.
package struct DirectorySource: ReleaseSource {
    private let tree: FileTree

    package init(_ path: String) throws(SourceFailure) {
        do throws(SystemCallError) {
            tree = try FileTree(path)
        } catch {
            throw SourceFailure(error, path)
        }
    }

    package func read(_ file: String, _ range: Range<Int>) async throws(SourceFailure) -> [UInt8] {
        let bytes = try await read(file, upTo: range)
        if bytes.count != range.count {
            let end = range.lowerBound + bytes.count
            throw SourceFailure(
                .gone,
                file,
                "found the end at or before byte \(end), expected byte \(range.upperBound)"
            )
        }
        return bytes
    }

    /// The bytes of `range`; fewer where the file ends before.
    func read(_ file: String, upTo range: Range<Int>) async throws(SourceFailure) -> [UInt8] {
        let tree = tree
        let result = await DetachedThread.value { () -> Result<[UInt8], SystemCallError> in
            do throws(SystemCallError) {
                return .success(try tree.read(file, range))
            } catch {
                return .failure(error)
            }
        }
        switch result {
        case .success(let bytes): return bytes
        case .failure(let error): throw SourceFailure(error, file)
        }
    }
}

extension SourceFailure {
    fileprivate init(_ error: SystemCallError, _ file: String) {
        let kind: Kind = error.isMissingFile ? .gone : error.isDeviceFailure ? .transient : .refused
        self.init(kind, file, "\(error)")
    }
}
