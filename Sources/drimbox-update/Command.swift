// SPDX-License-Identifier: Apache-2.0
import Admin
import ArgumentParser
import Linux
import Updates

/// The program, as it is started by its name.
package func run() async { await Command.main() }

/// Looks for releases, installs them into the slot that does not run, and watches over their trial. In a process of its
/// own: it may write to the slots and to the boot partition, and hears nothing from the network but a repository's files.
///
/// Exit status: 0 done, or nothing to do; 90 a release is there; 99 it is held, or was not installed; 100 it is installed
/// and starts with the next boot; 1 an error.
struct Command: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drimbox-update",
        abstract:
            "Signed releases: from the repository into the other slot, tried, committed or gone back from.",
        version: Software.version,
        subcommands: [Check.self, Install.self, Status.self, Confirm.self, Abort.self, Run.self]
    )

    struct Options: ParsableArguments {
        @Option(help: ArgumentHelp("Where releases come from, and where they go.", valueName: "file"))
        var config = "/etc/drimbox/update.json"

        @Option(
            help: ArgumentHelp("A medium with a repository, instead of the server.", valueName: "directory")
        )
        var media: String?

        @Option(help: ArgumentHelp("Goes before the paths of the running system.", valueName: "directory"))
        var systemRoot = ""

        private static let longest = 64 << 10

        /// What the image says, and the site where it may. What the site says wrongly counts for nothing.
        ///
        /// - Throws: `ExitCode`, after one line on standard error.
        func configuration() throws -> (UpdateConfiguration, site: SiteSettings?) {
            let (document, own): ([UInt8], UpdateConfiguration)
            do {
                document = try readFile(config, limit: Self.longest)
                own = try UpdateConfiguration(json: document)
            } catch {
                StandardError.print("drimbox-update: \(error)")
                throw ExitCode(1)
            }
            guard let path = own.site else { return (own, nil) }
            let site = SiteSettings(path: path)
            guard let said = site.content else { return (own, site) }
            do throws(ConfigurationError) {
                return (try UpdateConfiguration(json: document, said: said), site)
            } catch {
                StandardError.print("drimbox-update: \(path) counts for nothing: \(error)")
                return (own, site)
            }
        }

        /// Lends the box to `body`; connections are closed whatever becomes of it.
        ///
        /// - Throws: `ExitCode`, after one line on standard error.
        func with<Value>(
            _ known: UpdateConfiguration? = nil,
            isReader: Bool = false,
            _ body: (UpdateBox) async throws -> Value
        ) async throws -> Value {
            let configuration = try known ?? configuration().0
            do {
                let box = try UpdateBox(
                    configuration,
                    media: media,
                    systemRoot: systemRoot,
                    isReader: isReader
                )
                let result: Result<Value, any Error>
                do { result = .success(try await body(box)) } catch { result = .failure(error) }
                await box.shutdown()
                return try result.get()
            } catch {
                StandardError.print("drimbox-update: \(error)")
                throw ExitCode(1)
            }
        }
    }

    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Asks the repository; installs nothing.")

        @OptionGroup var options: Options

        func run() async throws {
            let answer = try await options.with { try await $0.look() }
            switch answer {
            case .nothing(let reason):
                print("nothing to install: \(reason)")
            case .found(let found, let waiting):
                let size = found.manifest.root.size
                print(
                    "release \(found.manifest.release), \(size) bytes, rollback index \(found.rollbackIndex)"
                )
                if let waiting {
                    print("not yet: \(waiting)")
                    throw ExitCode(99)
                }
                throw ExitCode(90)
            }
        }
    }

    struct Install: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Installs the release that is offered, so that the next boot tries it."
        )

        @OptionGroup var options: Options

        @Flag(help: "Try also a release that has failed as often as it may.")
        var retry = false

        func run() async throws {
            let status = try await options.with { try await $0.install(retry: retry) }
            print(status.words)
            throw ExitCode(status.exitCode)
        }
    }

    struct Status: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "What runs, what is under way, what failed."
        )

        @OptionGroup var options: Options

        func run() async throws {
            let status = try await options.with(isReader: true) { try await $0.statusOnDisk() }
            for line in status.lines { print(line) }
        }
    }

    struct Confirm: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Agrees to the reboot into the release that is installed, or waits to be."
        )

        @OptionGroup var options: Options

        @Option(help: "How many hours the consent is good for.")
        var hours = 24

        func validate() throws {
            guard (1...720).contains(hours) else {
                throw ValidationError("--hours: found \(hours), expected 1 to 720")
            }
        }

        func run() async throws {
            let status = try await options.with { try await $0.consent(hours: hours) }
            print(status.words)
            throw ExitCode(status.exitCode)
        }
    }

    struct Abort: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Drops the release that is under way.")

        @OptionGroup var options: Options

        func run() async throws {
            let status = try await options.with { try await $0.abort() }
            print(status.words)
        }
    }

    struct Run: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract:
                "Runs at every boot: judges a trial, commits or goes back, looks for releases, takes orders."
        )

        @OptionGroup var options: Options

        @Option(help: ArgumentHelp("Between two looks at health.", valueName: "seconds"))
        var interval = 3

        @Option(help: ArgumentHelp("Between two looks at the repository.", valueName: "seconds"))
        var checkInterval = 6 * 3600

        @Flag(help: "End once nothing is on trial.")
        var once = false

        func validate() throws {
            guard (1...50).contains(interval), checkInterval >= interval else {
                throw ValidationError(
                    "--interval: found \(interval), expected 1 to 50, and fewer than between checks"
                )
            }
        }

        func run() async throws {
            let (configuration, site) = try options.configuration()
            let watch = Task { [once] in if !once { try await site?.endWithNews() } }
            defer { watch.cancel() }
            try await options.with(configuration) {
                try await $0.run(interval: interval, checkInterval: checkInterval, once: once)
            }
        }
    }
}

/// What the site says, as it was read.
struct SiteSettings: Sendable {
    private static let pause: Duration = .seconds(5)

    let path: String
    let content: [UInt8]?

    init(path: String) {
        self.path = path
        content = Self.read(path, tells: true)
    }

    /// Nil where the site says nothing; where it cannot be heard, `tells` says why.
    private static func read(_ path: String, tells: Bool = false) -> [UInt8]? {
        do {
            return try readFile(path, limit: 64 << 10)
        } catch {
            if tells, !error.isMissingFile {
                StandardError.print("drimbox-update: \(path) counts for nothing: \(error)")
            }
            return nil
        }
    }

    /// Ends the process when something else stands there, and systemd starts it anew: wherever it is interrupted, it goes on.
    func endWithNews() async throws {
        while Self.read(path) == content { try await Task.sleep(for: Self.pause) }
        StandardError.print("drimbox-update: \(path) has changed: it starts anew")
        OwnProcess.end(status: 0)
    }
}

extension UpdateAgent.Status {
    var words: String {
        let release = record.release.isEmpty ? "" : " \(record.release)"
        let reason = problem ?? (record.reason.isEmpty ? nil : record.reason)
        return "\(state.words)\(release)" + (reason.map { ": \($0)" } ?? "")
    }

    var exitCode: Int32 {
        switch state {
        case .armed, .rebooting: 100
        case .idle, .checking, .committed, .floorRaised: problem == nil ? 0 : 1
        case .offered, .fetching, .staged, .trial, .committing, .aborted, .rolledBack: 99
        }
    }
}
