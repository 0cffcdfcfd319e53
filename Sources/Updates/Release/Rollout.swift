// SPDX-License-Identifier: Apache-2.0
import Crypto
package import TUF

/// Which release a channel's boxes are to have, and which of them by now: `rollout/<channel>.json`.
package struct Rollout: Equatable, Sendable {
    /// Bytes of the file.
    package static let maximumLength = 64 << 10
    private static let maximumBlocked = 1024

    package let release: ReleaseVersion
    /// Of a thousand boxes, how many have their turn.
    package let cohortsPerMille: Int
    package let notBefore: UTCTime?
    package let isPaused: Bool
    /// Not to wait for a maintenance window.
    package let isUrgent: Bool
    /// Releases that nobody is to install.
    package let blocked: [ReleaseVersion]

    /// For every box that the medium is put into.
    init(ofMedium release: ReleaseVersion) {
        self.release = release
        cohortsPerMille = 1000
        notBefore = nil
        isPaused = false
        isUrgent = false
        blocked = []
    }

    package init(parsing bytes: [UInt8]) throws(FormatError) {
        if bytes.count > Self.maximumLength {
            throw FormatError(
                place: "rollout",
                found: "\(bytes.count) bytes",
                expected: "at most \(Self.maximumLength)"
            )
        }
        let fields = try Fields(try JSON(parsing: bytes), "rollout")
        release = try fields.version("release")
        cohortsPerMille = try fields.integer("cohorts_permille", in: 0...1000)
        if fields.members["not_before"] != nil {
            let text = try fields.string("not_before")
            guard let time = UTCTime(text) else {
                throw FormatError(
                    place: fields.place("not_before"),
                    found: "\"\(text.shown)\"",
                    expected: "a time as 2026-11-28T22:00:00Z"
                )
            }
            notBefore = time
        } else {
            notBefore = nil
        }
        isPaused = try fields.bool("paused")
        isUrgent = try fields.bool("urgent")
        let names = try fields.strings("blocked")
        if names.count > Self.maximumBlocked {
            throw FormatError(
                place: fields.place("blocked"),
                found: "\(names.count) releases",
                expected: "at most \(Self.maximumBlocked)"
            )
        }
        var blocked: [ReleaseVersion] = []
        for (index, name) in names.enumerated() {
            guard let version = ReleaseVersion(name) else {
                throw Fields.notVersion(name, "\(fields.place("blocked"))[\(index)]")
            }
            blocked.append(version)
        }
        self.blocked = blocked
    }
}

extension Rollout {
    /// The box that asks.
    package struct Box: Sendable {
        /// Never changes, and tells the box from all others.
        package let identifier: String
        package let hardware: String
        package let installed: ReleaseVersion
        /// The rollback index below which nothing is installed.
        package let floor: Int

        package init(identifier: String, hardware: String, installed: ReleaseVersion, floor: Int) {
            self.identifier = identifier
            self.hardware = hardware
            self.installed = installed
            self.floor = floor
        }
    }

    package enum Offer: Equatable, Sendable {
        case offered(ReleaseVersion, isUrgent: Bool)
        case withheld(Reason)
    }

    /// Why a box is not offered the channel's release.
    package enum Reason: Equatable, Sendable, CustomStringConvertible {
        case notNewer(release: ReleaseVersion, installed: ReleaseVersion)
        case blocked(ReleaseVersion)
        case hardware(found: String, expected: [String])
        case belowFloor(rollbackIndex: Int, floor: Int)
        case minimumFrom(installed: ReleaseVersion, required: ReleaseVersion)
        case paused
        case notBefore(UTCTime)
        /// Of a thousand boxes this is number `cohort`, counted from 0; those below `limit` have their turn.
        case cohort(Int, limit: Int)

        package var description: String {
            switch self {
            case .notNewer(let release, let installed):
                "release: found \(release), expected one newer than \(installed)"
            case .blocked(let release): "release \(release) is blocked"
            case .hardware(let found, let expected):
                "hardware: found \(found), expected \(expected.joined(separator: " or "))"
            case .belowFloor(let index, let floor):
                "rollback index: found \(index), expected at least \(floor)"
            case .minimumFrom(let installed, let required):
                "installed release: found \(installed), expected at least \(required)"
            case .paused: "the rollout is paused"
            case .notBefore(let time): "the rollout begins at \(time)"
            case .cohort(let cohort, let limit): "cohort: found \(cohort), expected less than \(limit)"
            }
        }
    }

    /// What can never be comes before what is not yet: the reason tells whether waiting helps.
    ///
    /// `custom` is the release's own; `now` is the time that metadata is checked with.
    package func offer(_ custom: ReleaseCustom, to box: Box, at now: UTCTime) -> Offer {
        if release <= box.installed {
            return .withheld(.notNewer(release: release, installed: box.installed))
        }
        if blocked.contains(release) { return .withheld(.blocked(release)) }
        if !custom.hardware.contains(box.hardware) {
            return .withheld(.hardware(found: box.hardware, expected: custom.hardware))
        }
        if custom.rollbackIndex < box.floor {
            return .withheld(.belowFloor(rollbackIndex: custom.rollbackIndex, floor: box.floor))
        }
        if let required = custom.minimumFrom, box.installed < required {
            return .withheld(.minimumFrom(installed: box.installed, required: required))
        }
        if isPaused { return .withheld(.paused) }
        if let notBefore, now < notBefore { return .withheld(.notBefore(notBefore)) }
        let cohort = Self.cohort(of: box.identifier, release)
        if cohort >= cohortsPerMille { return .withheld(.cohort(cohort, limit: cohortsPerMille)) }
        return .offered(release, isUrgent: isUrgent)
    }

    /// 0 to 999, another for every release: nobody is always the first.
    package static func cohort(of identifier: String, _ release: ReleaseVersion) -> Int {
        let digest = SHA256.hash(data: Array("\(identifier)\0\(release)".utf8))
        return Int(digest.prefix(8).reduce(0 as UInt64) { $0 << 8 | UInt64($1) } % 1000)
    }
}
