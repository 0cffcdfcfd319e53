// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Updates

@Suite("What systemd-boot makes of names") struct BootLoaderTests {
    @Test(
        "counters are read as systemd-boot reads them",
        arguments: [
            ("B+3.efi", "B", BootCounter(left: 3)),
            ("B+2-1.efi", "B", BootCounter(left: 2, done: 1)),
            ("B+0-3.efi", "B", BootCounter(left: 0, done: 3)),
            ("B+4-0.efi", "B", BootCounter(left: 4)),
            ("B+003-010.efi", "B", BootCounter(left: 3, done: 10)),
            ("x+1+2.efi", "x+1", BootCounter(left: 2)),
            ("B+2147483647.efi", "B", BootCounter(left: 2_147_483_647)),
            ("B.efi", "B", nil), ("B.EFI", "B", nil),
            // No counter to the boot loader, so started for ever.
            ("B+3.EFI", "B+3", nil), ("B+.efi", "B+", nil), ("B+x.efi", "B+x", nil),
            ("B+3-.efi", "B+3-", nil), ("B+3-1-2.efi", "B+3-1-2", nil), ("B+-1.efi", "B+-1", nil),
            ("B+2147483648.efi", "B+2147483648", nil), ("B+1-9999999999999999999999.efi", nil, nil),
            ("B+3 .efi", "B+3 ", nil),
        ] as [(String, String?, BootCounter?)]
    )
    func counters(name: String, stem: String?, counter: BootCounter?) throws {
        let loadable = try #require(LoadableName(name))
        #expect(loadable.counter == counter)
        if let stem { #expect(loadable.stem == stem) }
    }

    @Test(
        "what systemd-boot does not start",
        arguments: ["B", "B.efi.bak", ".B.efi", "auto-B.efi", "", ".efi", "Bxefi"]
    )
    func notLoadable(name: String) { #expect(LoadableName(name) == nil) }

    @Test("only A and B are entries of slots, in letters of any case") func slots() {
        #expect(BootEntry(name: "a.efi")?.slot == .a && BootEntry(name: "B+3.efi")?.slot == .b)
        for name in ["AB.efi", "C.efi", "B+x.efi", "B+3+1.efi"] { #expect(BootEntry(name: name) == nil) }
        for entry in [BootEntry(slot: .a, counter: nil), BootEntry(slot: .b, counter: BootCounter(left: 3))] {
            #expect(BootEntry(name: entry.name) == entry)
        }
    }

    @Test("a counter goes down to nothing and stays there") func countsDown() throws {
        var names = ["B+3.efi"]
        for _ in 0..<4 {
            names.append(BootLoader.nameAfterStart(of: try #require(LoadableName(names[names.count - 1]))))
        }
        #expect(names == ["B+3.efi", "B+2-1.efi", "B+1-2.efi", "B+0-3.efi", "B+0-4.efi"])
        #expect(BootLoader.nameAfterStart(of: try #require(LoadableName("A.efi"))) == "A.efi")
    }

    @Test(
        "the newest version goes first, and one whose tries are spent last",
        arguments: [
            (["A.efi": "1", "B+3.efi": "2"], "B+3.efi"),
            (["A.efi": "1", "B+0-3.efi": "2"], "A.efi"),
            (["A.efi": "2026.10.0", "B.efi": "2026.9.0"], "A.efi"),
            (["A+0-3.efi": "1", "B+0-3.efi": "2"], "B+0-3.efi"),
            // systemd#33504: the counted one of two of the same version.
            (["B.efi": "2", "B+2-1.efi": "2"], "B+2-1.efi"),
            (["B.efi": "2", "B+0-3.efi": "2"], "B.efi"),
        ] as [([String: String], String)]
    )
    func order(files: [String: String], first: String) {
        let candidates = files.compactMap { BootLoader.Candidate(name: $0.key, version: $0.value) }
        #expect(BootLoader.next(in: candidates)?.file.name == first)
        #expect(BootLoader.next(in: candidates.reversed())?.file.name == first)
    }

    @Test("nothing to start") func none() { #expect(BootLoader.next(in: []) == nil) }

    /// Examples of the UAPI Version Format Specification, each older than the next.
    @Test(
        "versions in their order",
        arguments: [
            ["~1", "", "1~rc1", "1", "1.0", "1.1", "1.2", "1.10", "2", "11"],
            ["1_", "1.1"],
            ["122.1", "123~rc1-1", "123", "123-a", "123-a.1", "123-1", "123-1.1", "123^post1"],
            ["123.a-1", "123.1-1", "123a-1"], ["2026.9.0", "2026.10.0", "2026.10.0.1"], ["a", "b", "ba"],
        ]
    )
    func versions(ordered: [String]) {
        for (low, one) in ordered.enumerated() {
            #expect(VersionOrder.compare(one, one) == 0)
            for other in ordered[(low + 1)...] {
                #expect(VersionOrder.compare(one, other) < 0, "\(one) \(other)")
                #expect(VersionOrder.compare(other, one) > 0, "\(other) \(one)")
            }
        }
        #expect(VersionOrder.compare("0.0", "00.00") == 0)
    }
}
