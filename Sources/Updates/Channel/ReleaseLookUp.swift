// SPDX-License-Identifier: Apache-2.0
import TUF

/// What a channel has for this box: refresh, the channel's rollout, the release's manifest.
package struct ReleaseLookUp: Sendable {
    package enum Answer: Sendable {
        case found(UpdateAgent.Found, waiting: Rollout.Reason?)
        /// Nothing that this box could have, now or later.
        case nothing(Rollout.Reason)
    }

    package struct NoRelease: Error, CustomStringConvertible {
        package let description: String
    }

    /// Nil for a medium: who brings one has chosen its release.
    private let channel: String?
    private let box: Rollout.Box

    package init(channel: String?, box: Rollout.Box) {
        self.channel = channel
        self.box = box
    }

    /// `session` is new; its time is that of all checks.
    package func look(in session: inout UpdateSession) async throws -> Answer {
        try await session.refresh()
        let rollout = try await rollout(in: &session)
        if rollout.release <= box.installed {
            return .nothing(.notNewer(release: rollout.release, installed: box.installed))
        }
        let name = "\(ReleaseManifest.directory(of: rollout.release))/\(ReleaseManifest.fileName)"
        let (file, bytes) = try await session.target(name, limit: ReleaseManifest.maximumLength)
        let manifest = try ReleaseManifest(parsing: bytes)
        guard manifest.release == rollout.release else {
            throw NoRelease(
                description: "\(name): found release \(manifest.release), expected \(rollout.release)"
            )
        }
        let custom = try ReleaseCustom(file.custom)
        func found(_ hold: Hold, _ waiting: Rollout.Reason?) -> Answer {
            .found(
                UpdateAgent.Found(
                    manifest: manifest,
                    document: bytes,
                    rollbackIndex: custom.rollbackIndex,
                    isUrgent: rollout.isUrgent,
                    hold: hold
                ),
                waiting: waiting
            )
        }
        switch rollout.offer(custom, to: box, at: session.startTime) {
        case .offered: return found(.nothing, nil)
        case .withheld(let reason):
            switch reason {
            case .paused: return found(.paused, reason)
            case .notBefore: return found(.notBefore, reason)
            case .cohort: return found(.cohort, reason)
            case .notNewer, .blocked, .hardware, .belowFloor, .minimumFrom: return .nothing(reason)
            }
        }
    }

    private func rollout(in session: inout UpdateSession) async throws -> Rollout {
        guard let channel else {
            let prefix = "releases/"
            let releases = session.targetPaths.compactMap { path -> ReleaseVersion? in
                guard path.hasPrefix(prefix), path.hasSuffix("/" + ReleaseManifest.fileName) else {
                    return nil
                }
                return ReleaseVersion(
                    String(path.dropFirst(prefix.count).dropLast(1 + ReleaseManifest.fileName.count))
                )
            }
            guard let newest = releases.max() else {
                throw NoRelease(description: "targets: found no release, expected one on the medium")
            }
            return Rollout(ofMedium: newest)
        }
        let path = "rollout/\(channel).json"
        return try Rollout(parsing: try await session.target(path, limit: Rollout.maximumLength).bytes)
    }
}
