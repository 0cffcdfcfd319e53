// SPDX-License-Identifier: Apache-2.0
import Linux
import Synchronization

/// One side of TLS whose files may change while it is in use.
package protocol TLSReloadable: AnyObject, Sendable {
    /// Its name in the journal.
    var section: String { get }
    /// Files that it is made of.
    var paths: [String] { get }
    /// What it shows; `notValidAfter` in seconds since 1970.
    var certificates: [(subject: String, notValidAfter: Int64)] { get }
    /// Reads the files anew; throws and stays as it is when one is not usable.
    func load() throws
}

/// Looks at TLS files now and then, has the changed ones taken up, and tells when certificates come to their end.
package final class TLSWatch: Sendable {
    package static let interval: Duration = .seconds(30)
    /// A certificate that ends within so many days is told of, once a day.
    static let warningDays: Int64 = 30

    private struct Watched {
        let side: any TLSReloadable
        var stamps: [FileStamp?]
        var warnedDay: Int64 = -1
    }

    private let journal: TransferJournal
    private let watched: Mutex<[Watched]>

    package init(_ sides: [any TLSReloadable], journal: TransferJournal) {
        self.journal = journal
        watched = Mutex(sides.map { Watched(side: $0, stamps: $0.paths.map(FileStamp.init)) })
        warnOfEnds()
    }

    /// Looks every `interval` until the task is cancelled.
    package func run() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: Self.interval)
            if !Task.isCancelled { check() }
        }
    }

    /// Takes up what changed since the last look.
    package func check() {
        look(isForced: false)
    }

    /// Takes up everything, as on SIGHUP.
    package func reload() {
        look(isForced: true)
    }

    private func look(isForced: Bool) {
        let changed = watched.withLock { watched in
            watched.indices.compactMap { index -> (any TLSReloadable)? in
                let stamps = watched[index].side.paths.map(FileStamp.init)
                guard isForced || stamps != watched[index].stamps else { return nil }
                // Also when they turn out to be bad: they are told of once, and tried when they change again.
                watched[index].stamps = stamps
                return watched[index].side
            }
        }
        for side in changed {
            do {
                try side.load()
                journal.record(.tlsReloaded(section: side.section))
            } catch {
                journal.record(.tlsReloadFailed(section: side.section, reason: "\(error)"))
            }
        }
        warnOfEnds()
    }

    private func warnOfEnds() {
        let now = WallClock.milliseconds() / 1000
        let sides = watched.withLock { watched in
            watched.indices.compactMap { index -> (any TLSReloadable)? in
                guard watched[index].warnedDay != now / 86_400 else { return nil }
                watched[index].warnedDay = now / 86_400
                return watched[index].side
            }
        }
        for side in sides {
            for certificate in side.certificates {
                let days = (certificate.notValidAfter - now) / 86_400
                guard days < Self.warningDays else { continue }
                journal.record(
                    .tlsCertificateExpires(
                        section: side.section,
                        subject: certificate.subject,
                        days: Int(days)
                    )
                )
            }
        }
    }
}
