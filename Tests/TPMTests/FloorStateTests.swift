// SPDX-License-Identifier: Apache-2.0
import Admin
import Foundation
import Testing

@testable import TPM

/// Floors that are not there, or another's, and what is sealed to one that is.
@Suite(
    "The rollback floor: definition and secrets, with swtpm",
    .serialized,
    .enabled(if: SoftwareTPM.isInstalled, "needs swtpm, swtpm-tools, tpm2-tools and openssl"),
    .timeLimit(.minutes(2))
)
struct FloorStateTests {
    let software: SoftwareTPM
    let vendor: Vendor

    init() throws {
        software = try SoftwareTPM(isBare: true)
        vendor = try Vendor(software)
    }

    // MARK: - Definition

    @Test("a definition with a wrong signature leaves nothing; a good one is the first and the last")
    func definition() throws {
        let (good, wrong) = (try vendor.signature("define", 1), try vendor.signature("define", 2))
        let tpm = try TPM(tcti: software.tcti)
        let refused = failure { () throws(TPMFailure) in
            try tpm.defineFloor(at: 1, signature: wrong, vendorKey: vendor.key)
        }
        #expect(refused?.kind == .wrongSignature)
        #expect(try tpm.floor() == RollbackFloor(.absent))
        let absent = failure { () throws(TPMFailure) in
            try tpm.raiseFloor(to: 1, signature: good, vendorKey: vendor.key)
        }
        #expect(absent?.kind == .floorAbsent)
        #expect(try tpm.defineFloor(at: 1, signature: good, vendorKey: vendor.key).state == .present)
        let second = failure { () throws(TPMFailure) in
            try tpm.defineFloor(at: 1, signature: good, vendorKey: vendor.key)
        }
        #expect(second?.kind == .floorExists)
        #expect(second?.words == "there is one already: 1")
    }

    @Test("a definition that a power cut ended goes on") func interrupted() throws {
        let (define, raise) = (try vendor.signature("define", 1), try vendor.signature("raise", 5))
        let open = try vendor.signature("open", 5)
        try software.shell(
            """
            /usr/bin/python3 \(Vendor.tool) policy floor --public-key vendor.pub | \(Vendor.binary) >policy
            tpm2_nvdefine 0x1500020 -C o -s 8 -a 'policywrite|authread|ownerread|no_da' -L policy
            """
        )
        software.cutPower()
        try software.start()
        let tpm = try TPM(tcti: software.tcti)
        #expect(try tpm.floor(vendorKey: vendor.key).state == .unwritten)
        #expect(
            failure { () throws(TPMFailure) in
                try tpm.raiseFloor(to: 5, signature: raise, vendorKey: vendor.key)
            }?.kind == .floorAbsent
        )
        let sealed = try tpm.sealToFloor([1], vendorKey: vendor.key)
        #expect(
            failure { () throws(TPMFailure) in
                try tpm.unseal(sealed, rollbackIndex: 5, signature: open, vendorKey: vendor.key)
            }?.kind == .floorAbsent
        )
        #expect(try tpm.defineFloor(at: 1, signature: define, vendorKey: vendor.key).value == 1)
    }

    @Test(
        "an index of another shape is neither read nor written nor removed",
        arguments: [
            "-s 8 -a 'ownerwrite|policywrite|authread|ownerread|no_da' -L policy",
            "-s 8 -a 'policywrite|authread|ownerread' -L policy",
            "-s 16 -a 'policywrite|authread|ownerread|no_da' -L policy",
        ]
    )
    func foreignAttributes(definition: String) throws {
        try expectForeign(.foreignAttributes, definition: definition, policyOf: vendor)
    }

    @Test("an index that another vendor may write is foreign") func foreignPolicy() throws {
        try expectForeign(
            .foreignPolicy,
            definition: "-s 8 -a 'policywrite|authread|ownerread|no_da' -L policy",
            policyOf: Vendor(software, name: "other")
        )
    }

    private func expectForeign(_ state: RollbackFloor.State, definition: String, policyOf owner: Vendor)
        throws
    {
        let (define, raise) = (try vendor.signature("define", 1), try vendor.signature("raise", 5))
        try software.shell(
            """
            /usr/bin/python3 \(Vendor.tool) policy floor --public-key \(owner.name).pub | \(Vendor.binary) >policy
            tpm2_nvdefine 0x1500020 -C o \(definition)
            """
        )
        let policy = Shim.hexadecimal(try software.read("policy"))
        do {
            let tpm = try TPM(tcti: software.tcti)
            let found = RollbackFloor(state, writePolicy: policy)
            #expect(try tpm.floor(vendorKey: vendor.key) == found)
            let raised = failure { () throws(TPMFailure) in
                try tpm.raiseFloor(to: 5, signature: raise, vendorKey: vendor.key)
            }
            #expect(raised?.kind == .floorForeign)
            let defined = failure { () throws(TPMFailure) in
                try tpm.defineFloor(at: 1, signature: define, vendorKey: vendor.key)
            }
            #expect(defined?.kind == .floorForeign)
            #expect(defined == raised)
            #expect(defined?.words.contains(policy) == (state == .foreignPolicy))
        }
        let attributes = try software.shell("tpm2_nvreadpublic 0x1500020 | grep -A1 attributes:")
        #expect(!attributes.contains("written"))
    }

    // MARK: - Secrets

    @Test("a secret opens for software that the floor has not passed, and not for older") func secrets()
        throws
    {
        let define = try vendor.signature("define", 1)
        let (eight, ten) = (try vendor.signature("raise", 8), try vendor.signature("raise", 10))
        let (openEight, openTwelve) = (try vendor.signature("open", 8), try vendor.signature("open", 12))
        let other = try Vendor(software, name: "other")
        let intruder = try other.signature("open", 12, policyOf: vendor)
        let secret = (0..<128).map { UInt8($0) }
        do {
            let tpm = try TPM(tcti: software.tcti)
            try tpm.defineFloor(at: 1, signature: define, vendorKey: vendor.key)
            try tpm.raiseFloor(to: 8, signature: eight, vendorKey: vendor.key)
            let sealed = try tpm.sealToFloor(secret, vendorKey: vendor.key)
            func open(_ index: UInt64, _ signature: [UInt8], by vendor: Vendor) throws(TPMFailure) -> [UInt8]
            {
                try tpm.unseal(sealed, rollbackIndex: index, signature: signature, vendorKey: vendor.key)
            }
            #expect(try open(8, openEight, by: vendor) == secret)
            #expect(try open(12, openTwelve, by: vendor) == secret)
            try tpm.raiseFloor(to: 10, signature: ten, vendorKey: vendor.key)
            let passed = failure { () throws(TPMFailure) in try open(8, openEight, by: vendor) }
            #expect(passed?.kind == .floorPassed)
            #expect(passed?.words == "the floor is above 8, the rollback index of this software")
            #expect(try open(12, openTwelve, by: vendor) == secret)
            // An index that the vendor has not given this software.
            let lie = failure { () throws(TPMFailure) in try open(12, openEight, by: vendor) }
            #expect(lie?.kind == .wrongSignature)
            #expect(lie?.words == "this vendor has not signed that software of index 12 opens it")
            let foreign = failure { () throws(TPMFailure) in try open(12, intruder, by: other) }
            #expect(foreign?.kind == .wrongPolicy)
            #expect(foreign?.call == "Esys_Unseal")
        }
        #expect(try software.shell("tpm2_getcap handles-loaded-session; tpm2_getcap handles-transient") == "")
    }

    @Test("what is no secret is not sealed, and what is not sealed is not opened") func damaged() throws {
        let (define, signature) = (try vendor.signature("define", 1), try vendor.signature("open", 1))
        let tpm = try TPM(tcti: software.tcti)
        try tpm.defineFloor(at: 1, signature: define, vendorKey: vendor.key)
        for count in [0, 129] {
            let secret = [UInt8](repeating: 1, count: count)
            let refused = failure { () throws(TPMFailure) in
                try tpm.sealToFloor(secret, vendorKey: vendor.key)
            }
            #expect(refused?.kind == .invalid, "\(count) bytes")
        }
        let sealed = try tpm.sealToFloor([7], vendorKey: vendor.key)
        var changed = sealed
        changed[changed.count - 1] ^= 1
        for (bytes, kind) in [
            (changed, TPMFailure.Kind.foreignSeal), (sealed.dropLast(), .invalid), (sealed + [0], .invalid),
            ([], .invalid),
        ] {
            let refused = failure { () throws(TPMFailure) in
                try tpm.unseal(bytes, rollbackIndex: 1, signature: signature, vendorKey: vendor.key)
            }
            #expect(refused?.kind == kind)
        }
        #expect(
            try tpm.unseal(sealed, rollbackIndex: 1, signature: signature, vendorKey: vendor.key) == [7]
        )
    }

    @Test("a secret does not cross the bus in the clear") func bus() throws {
        let (define, signature) = (try vendor.signature("define", 1), try vendor.signature("open", 1))
        let secret = Array("what a listener must not hear".utf8)
        software.cutPower()
        try software.start(log: "traffic.log")
        do {
            let tpm = try TPM(tcti: software.tcti)
            try tpm.defineFloor(at: 1, signature: define, vendorKey: vendor.key)
            let sealed = try tpm.sealToFloor(secret, vendorKey: vendor.key)
            let opened = try tpm.unseal(sealed, rollbackIndex: 1, signature: signature, vendorKey: vendor.key)
            #expect(opened == secret)
        }
        let heard = String(decoding: try software.read("traffic.log"), as: UTF8.self)
            .filter { $0.isHexDigit }.uppercased()
        // The policy is there to be heard, so this is the traffic.
        let policy = try software.shell("/usr/bin/python3 \(Vendor.tool) policy seal --public-key vendor.pub")
        let hears = { (digits: String) in heard.contains(digits.uppercased()) }
        let (policyIsHeard, beginningIsHeard) = (hears(policy), hears(Shim.hexadecimal(secret.prefix(8))))
        #expect(policyIsHeard)
        #expect(!beginningIsHeard)
    }

    @Test("cleared, the TPM has no floor and opens nothing, not even with a new floor") func cleared() throws
    {
        let (define, signature) = (try vendor.signature("define", 1), try vendor.signature("open", 5))
        var sealed: [UInt8] = []
        do {
            let tpm = try TPM(tcti: software.tcti)
            try tpm.defineFloor(at: 1, signature: define, vendorKey: vendor.key)
            sealed = try tpm.sealToFloor([1, 2, 3], vendorKey: vendor.key)
        }
        try software.shell("tpm2_clear")
        let tpm = try TPM(tcti: software.tcti)
        #expect(try tpm.floor(vendorKey: vendor.key) == RollbackFloor(.absent))
        #expect(try tpm.report().floor == RollbackFloor(.absent))
        let absent = failure { () throws(TPMFailure) in
            try tpm.unseal(sealed, rollbackIndex: 5, signature: signature, vendorKey: vendor.key)
        }
        #expect(absent?.kind == .floorAbsent)
        try tpm.defineFloor(at: 1, signature: define, vendorKey: vendor.key)
        let refused = failure { () throws(TPMFailure) in
            try tpm.unseal(sealed, rollbackIndex: 5, signature: signature, vendorKey: vendor.key)
        }
        #expect(refused?.kind == .foreignSeal)
    }
}
