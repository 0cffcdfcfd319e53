// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Linux
import TUF
import Updates

/// A client of any TUF repository, for the conformance suite and for looking at a repository by hand: the box's own session,
/// store and HTTP, with the machine's clock. It is not part of the image.
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
            let now = UTCTime(seconds: WallClock.milliseconds() / 1000)
            if let trustedRoot {
                try begin(with: readFile(trustedRoot, limit: Limits().root), now)
            } else if let metadataURL {
                let repository = try HTTPRepository(
                    metadataURL: metadataURL,
                    targetsURL: targetBaseURL ?? metadataURL
                )
                let result = await update(from: repository, now)
                await repository.close()
                try result.get()
            }
        } catch {
            StandardError.print("tuf-client: \(error)")
            throw ExitCode(1)
        }
    }

    /// Trusts a root from now on, and nothing else.
    private func begin(with root: [UInt8], _ now: UTCTime) throws {
        _ = try TrustedMetadataSet(root: root, startTime: now)
        try Directory.create(metadataDir, mode: 0o755)
        for name in try Directory.names(in: metadataDir) where name.hasSuffix(".json") {
            try Directory.remove(file: "\(metadataDir)/\(name)")
        }
        try replaceFile(rootPath, with: root, mode: 0o644)
        try Directory.synchronize(metadataDir)
    }

    private var rootPath: String { "\(metadataDir)/root.json" }

    private func update(from repository: HTTPRepository, _ now: UTCTime) async -> Result<Void, any Error> {
        do {
            let store = try TrustStore(
                directory: metadataDir,
                bootstrap: readFile(rootPath, limit: Limits().root),
                roots: .newest
            )
            var session = try UpdateSession(store: store, repository: repository, now: now)
            try await session.refresh()
            guard let targetDir, verb == .download else { return .success(()) }
            let targets = TargetStore(directory: targetDir)
            for path in targetName {
                let file = try await session.find(path)
                if targets.holds(file) { continue }
                try targets.store(file, try await session.fetch(file))
            }
            return .success(())
        } catch {
            return .failure(error)
        }
    }
}
