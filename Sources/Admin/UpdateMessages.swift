// SPDX-License-Identifier: Apache-2.0

/// What the updates of a box are at: `GET /v1/updates`.
package struct UpdateStatus: Codable, Equatable, Sendable {
    /// UPDATES 4.10.
    package enum Phase: String, Codable, CaseIterable, Sendable {
        case idle
        case checking
        case offered
        case fetching
        case staged
        case armed
        case rebooting
        case trial
        case committing
        case committed
        case floorRaised = "floor-raised"
        case aborted
        case rolledBack = "rolled-back"
    }

    /// What an offered or a staged release waits for.
    package enum Hold: String, Codable, CaseIterable, Sendable {
        case window
        case consent
        case cohort
        case notBefore = "not-before"
        case paused
        case failed
    }

    package struct Running: Codable, Equatable, Sendable {
        package let release: String
        /// `A` or `B`
        package let slot: String
        package let rollbackIndex: UInt64

        package init(release: String, slot: String, rollbackIndex: UInt64) {
            self.release = release
            self.slot = slot
            self.rollbackIndex = rollbackIndex
        }
    }

    /// Of an installation.
    package struct Progress: Codable, Equatable, Sendable {
        package enum Step: String, Codable, CaseIterable, Sendable {
            case surveying
            case copying
            case fetching
            case sealing
            case kernelImage = "kernel-image"
            case done
        }

        package var step: Step
        /// Segments that are in the slot, and all of the release.
        package var segments: Int
        package var ofSegments: Int
        package var bytesFetched: Int
        package var bytesToGo: Int
        package var bytesPerSecond: Int?
        package var secondsLeft: Int?

        package init(step: Step, segments: Int, ofSegments: Int, bytesFetched: Int, bytesToGo: Int) {
            self.step = step
            self.segments = segments
            self.ofSegments = ofSegments
            self.bytesFetched = bytesFetched
            self.bytesToGo = bytesToGo
        }
    }

    package struct Floor: Codable, Equatable, Sendable {
        /// Absent where it cannot be had.
        package var value: UInt64?
        /// `TPM`, or `software`, which keeps off mistakes and no attacker.
        package let keeper: String
        package var problem: String?

        package init(value: UInt64? = nil, keeper: String, problem: String? = nil) {
            self.value = value
            self.keeper = keeper
            self.problem = problem
        }
    }

    /// A release that did not come through.
    package struct Failure: Codable, Equatable, Sendable {
        package let release: String
        package let count: Int

        package init(release: String, count: Int) {
            self.release = release
            self.count = count
        }
    }

    package var running: Running
    package var phase: Phase
    package var hold: Hold?
    /// What `phase` is about.
    package var release: String?
    /// Why it went, or has to.
    package var reason: String?
    /// Why the last check, or the last action, failed.
    package var problem: String?
    package var progress: Progress?
    /// When a trial that is not found good ends, or the older system's last day.
    package var deadline: Timestamp?
    package var consentUntil: Timestamp?
    /// The other slot's system can be gone back to: `POST /v1/updates/rollback`.
    package var canRollBack: Bool
    /// Files of the boot partition's `EFI/Linux`.
    package var entries: [String]
    /// Files there that are not ours.
    package var strangers: [String]
    package var floor: Floor
    package var failures: [Failure]
    /// Copies of the record that could not be read.
    package var damaged: [String]

    package init(
        running: Running,
        phase: Phase,
        hold: Hold? = nil,
        release: String? = nil,
        reason: String? = nil,
        problem: String? = nil,
        canRollBack: Bool = false,
        entries: [String] = [],
        strangers: [String] = [],
        floor: Floor,
        failures: [Failure] = [],
        damaged: [String] = []
    ) {
        self.running = running
        self.phase = phase
        self.hold = hold
        self.release = release
        self.reason = reason
        self.problem = problem
        self.canRollBack = canRollBack
        self.entries = entries
        self.strangers = strangers
        self.floor = floor
        self.failures = failures
        self.damaged = damaged
    }
}

/// A medium with a repository of releases, as the box has mounted it: `GET /v1/updates/media`.
package struct UpdateMediaList: Codable, Equatable, Sendable {
    /// Names, for `POST /v1/updates/install`.
    package var media: [String]

    package init(media: [String]) { self.media = media }
}

/// `POST /v1/updates/install`
package struct UpdateInstallRequest: Codable, Equatable, Sendable {
    /// A release that has failed as often as it may is tried again.
    package var retry: Bool?
    /// From there, and not from the server.
    package var medium: String?

    package init(retry: Bool? = nil, medium: String? = nil) {
        self.retry = retry
        self.medium = medium
    }
}

/// `POST /v1/updates/confirm`
package struct UpdateConsentRequest: Codable, Equatable, Sendable {
    /// How long the consent is good: 1 to 720, else 24.
    package var hours: Int?

    package init(hours: Int? = nil) { self.hours = hours }
}

/// What the supervisor asks of `drimbox-update`: one line of JSON, and one in return.
package enum UpdateOrder: Codable, Equatable, Sendable {
    case status
    case media
    /// Asks the repository.
    case check
    /// Asks the repository, or a medium, and begins.
    case install(UpdateInstallRequest)
    case confirm(hours: Int)
    case abort
    /// Back to the system of the other slot.
    case rollback
}

package enum UpdateAnswer: Codable, Equatable, Sendable {
    case status(UpdateStatus)
    case media(UpdateMediaList)
    /// Not in this state; the sentence says why.
    case refused(String)
    case failed(String)
}
