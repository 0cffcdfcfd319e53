// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Linux
import TUF

/// A client of any TUF repository, for the conformance suite and for looking at a repository by hand. It is not
/// part of the image.
///
/// Exit status 0 when all that was asked for is done, 1 when something is refused or fails.
@main
struct Client: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tuf-client",
        abstract: "Trusts a root, refreshes metadata, downloads targets."
    )

    enum Verb: String, CaseIterable, ExpressibleByArgument {
        case `init`
        case refresh
        case download
    }

    @Option(help: ArgumentHelp("Where the trusted metadata is kept.", valueName: "directory"))
    var metadataDir: String

    @Option(help: ArgumentHelp("The repository's metadata, ending in a slash.", valueName: "URL"))
    var metadataURL: String?

    @Option(
        help: ArgumentHelp("A target to download; may be given several times, in order.", valueName: "path")
    )
    var targetName: [String] = []

    @Option(help: ArgumentHelp("The repository's targets, ending in a slash.", valueName: "URL"))
    var targetBaseURL: String?

    @Option(help: ArgumentHelp("Where downloaded targets are kept.", valueName: "directory"))
    var targetDir: String?

    @Argument(help: "init, refresh or download.")
    var verb: Verb

    @Argument(help: ArgumentHelp("For init: the root metadata to trust.", valueName: "file"))
    var trustedRoot: String?

    func validate() throws {
        let isComplete =
            switch verb {
            case .`init`: trustedRoot != nil
            case .refresh: metadataURL != nil && trustedRoot == nil
            case .download:
                metadataURL != nil && targetBaseURL != nil && targetDir != nil && !targetName.isEmpty
                    && trustedRoot == nil
            }
        if !isComplete {
            throw ValidationError(
                """
                init needs a file; refresh needs --metadata-url; download needs --metadata-url, --target-name, \
                --target-base-url and --target-dir
                """
            )
        }
    }

    func run() async throws {
        do {
            let store = TrustStore(directory: metadataDir)
            let now = UTCTime(seconds: WallClock.milliseconds() / 1000)
            if let trustedRoot {
                try store.begin(with: try readFile(trustedRoot, limit: Limits().root), now: now)
            } else if let metadataURL {
                try await Repository.with { repository in
                    var session = try Session(
                        store: store,
                        repository: repository,
                        metadataURL: metadataURL,
                        now: now
                    )
                    try await session.refresh()
                    guard let targetDir, let targetBaseURL, verb == .download else { return }
                    let targets = TargetStore(directory: targetDir)
                    for path in targetName {
                        try await session.download(path, from: targetBaseURL, to: targets)
                    }
                }
            }
        } catch {
            StandardError.print("tuf-client: \(error)")
            throw ExitCode(1)
        }
    }
}
