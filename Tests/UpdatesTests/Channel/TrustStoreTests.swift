// SPDX-License-Identifier: Apache-2.0
import Foundation
import Linux
import TUF
import Testing

@testable import Updates

@Suite("Where the trusted metadata is kept") struct TrustStoreTests {
    private func names(_ directory: String) throws -> Set<String> { Set(try Directory.names(in: directory)) }

    @Test("all roots are kept by their numbers, or the newest by its name") func roots() throws {
        try TemporaryDirectory.with { directory in
            let all = try TrustStore(directory: "\(directory)/all", bootstrap: [1])
            let newest = try TrustStore(directory: "\(directory)/newest", bootstrap: [1], roots: .newest)
            for store in [all, newest] {
                try store.store(.root(version: 4), [4])
                try store.store(.root(version: 5), [5])
                try store.store(.role("a/../b"), [6])
                #expect(store.load(.role("a/../b")) == [6])
                #expect(store.load(.role("c")) == nil)
            }
            #expect(try names(all.directory) == ["4.root.json", "5.root.json", "a%2F%2E%2E%2Fb.json"])
            #expect(all.load(.root(version: 4)) == [4])
            #expect(all.load(.root(version: 6)) == nil)
            #expect(try names(newest.directory) == ["root.json", "a%2F%2E%2E%2Fb.json"])
            // The workflow asks for the image's root by its number, and finds out about any other.
            #expect(newest.load(.root(version: 4)) == [5])
        }
    }

    @Test("what no update reads again goes: nothing grows with the years") func prune() throws {
        try TemporaryDirectory.with { directory in
            let store = try TrustStore(directory: directory, bootstrap: [])
            // Of an image with root 20, when 23 is trusted; somebody's 24 was never valid.
            for version in 1...24 { try store.store(.root(version: version), [UInt8(version)]) }
            for role in ["timestamp", "snapshot", "targets", "rollout", "given-up"] {
                try store.store(.role(role), [1])
            }
            for name in ["23.root.json.new", "timestamp.json.new", "note.txt"] {
                try Data([1]).write(to: URL(filePath: "\(directory)/\(name)"))
            }
            let roles: Set = ["timestamp", "snapshot", "targets", "rollout"]
            try store.prune(bootstrap: 20, newest: 23, roles: roles)
            let kept = (12...23).map { "\($0).root.json" } + roles.map { "\($0).json" } + ["note.txt"]
            #expect(try names(directory) == Set(kept))
            // A second time there is nothing to do.
            try store.prune(bootstrap: 20, newest: 23, roles: roles)
            #expect(try names(directory) == Set(kept))
        }
    }
}
