// SPDX-License-Identifier: Apache-2.0
import Admin
import Foundation
import Testing

@testable import TPM

/// What the vendor and the TPM do to each other; one at a time, for a process has one TPM open.
@Suite(
    "The rollback floor, with swtpm",
    .serialized,
    .enabled(if: SoftwareTPM.isInstalled, "needs swtpm, swtpm-tools, tpm2-tools and openssl"),
    .timeLimit(.minutes(2))
)
struct FloorTests {
    let software: SoftwareTPM
    let vendor: Vendor

    init() throws {
        software = try SoftwareTPM(isBare: true)
        vendor = try Vendor(software)
    }

    /// Defines the floor and raises it to each of the values.
    private func define(_ values: UInt64...) throws {
        let first = try vendor.signature("define", 1)
        let signatures = try values.map { try vendor.signature("raise", $0) }
        let tpm = try TPM(tcti: software.tcti)
        #expect(try tpm.defineFloor(at: 1, signature: first, vendorKey: vendor.key).value == 1)
        for (value, signature) in zip(values, signatures) {
            let raise = try tpm.raiseFloor(to: value, signature: signature, vendorKey: vendor.key)
            #expect(raise == FloorRaise(outcome: .raised, floor: value, requested: value))
        }
    }

    private func floor() throws -> RollbackFloor {
        try TPM(tcti: software.tcti).floor(vendorKey: vendor.key)
    }

    // MARK: - Raising

    @Test("it rises to what the vendor signed; tpm2_nvread reads the same; a power cut does not change it")
    func rises() throws {
        #expect(try floor() == RollbackFloor(.absent))
        try define(5, 8, 256, 1 << 63)
        #expect(
            try software.shell("tpm2_nvread 0x1500020 -C o 2>/dev/null | od -An -tx1 | tr -d ' '")
                == "8000000000000000"
        )
        let attributes = try software.shell("tpm2_nvreadpublic 0x1500020 | grep -A1 attributes:")
        #expect(attributes.contains("friendly: policywrite|ownerread|authread|no_da|written"))
        software.cutPower()
        try software.start()
        let found = try floor()
        #expect(found.state == .present)
        #expect(found.value == 1 << 63)
        #expect(try TPM(tcti: software.tcti).report().floor == found)
        #expect(try software.shell("tpm2_getcap handles-loaded-session; tpm2_getcap handles-transient") == "")
    }

    @Test("what is there or lower is not written, and the answer says which") func idempotent() throws {
        try define(5, 8)
        let (three, eight) = (try vendor.signature("raise", 3), try vendor.signature("raise", 8))
        let tpm = try TPM(tcti: software.tcti)
        let lower = try tpm.raiseFloor(to: 3, signature: three, vendorKey: vendor.key)
        #expect(lower == FloorRaise(outcome: .higher, floor: 8, requested: 3))
        #expect("\(lower)" == "the floor is 8, higher than 3, and is never lowered; nothing was written")
        let equal = try tpm.raiseFloor(to: 8, signature: eight, vendorKey: vendor.key)
        #expect(equal == FloorRaise(outcome: .equal, floor: 8, requested: 8))
        #expect("\(equal)" == "the floor is 8 already; nothing was written")
    }

    @Test("asked all the same, the TPM refuses what is there or lower", arguments: [3, 8] as [UInt64])
    func reached(value: UInt64) throws {
        try define(5, 8)
        let numbers = try vendor.numbers("raise", value)
        let tpm = try TPM(tcti: software.tcti)
        let refused = failure { () throws(TPMFailure) in
            try tpm.writeFloor(value, isFirst: false, numbers: numbers, key: vendor.coordinates)
        }
        #expect(refused?.kind == .floorReached)
        #expect(refused?.description == "Esys_PolicyNV: the floor is \(value) already, or higher (0x126)")
        #expect(try tpm.floor(vendorKey: vendor.key).value == 8)
    }

    @Test("a signature for another value, of another vendor, or for something else raises nothing")
    func wrongSignatures() throws {
        try define(5)
        let other = try Vendor(software, name: "other")
        let cases: [(String, [UInt8], TPMFailure.Kind)] = [
            ("for another value", try vendor.signature("raise", 8), .wrongSignature),
            ("of another vendor, of its own policy", try other.signature("raise", 9), .wrongSignature),
            ("of another vendor", try other.signature("raise", 9, policyOf: vendor), .wrongSignature),
            ("for a first write", try vendor.signature("define", 9), .wrongSignature),
            ("for opening", try vendor.signature("open", 9), .wrongSignature),
            ("that is none", [0x30, 2, 5, 0], .invalid),
        ]
        let numbers = try other.numbers("raise", 9, policyOf: vendor)
        let first = try vendor.numbers("define", 9)
        let tpm = try TPM(tcti: software.tcti)
        for (what, signature, kind) in cases {
            let refused = failure { () throws(TPMFailure) in
                try tpm.raiseFloor(to: 9, signature: signature, vendorKey: vendor.key)
            }
            #expect(refused?.kind == kind, "\(what): \(refused?.description ?? "accepted")")
            if kind == .wrongSignature {
                #expect(refused?.words == "this vendor has not signed that the floor may be 9", "\(what)")
            }
        }
        let foreign = failure { () throws(TPMFailure) in
            try tpm.raiseFloor(to: 9, signature: cases[2].1, vendorKey: other.key)
        }
        #expect(foreign?.kind == .floorForeign)
        // Asked all the same, the TPM finds that the policy is not the index's.
        let refused = failure { () throws(TPMFailure) in
            try tpm.writeFloor(9, isFirst: false, numbers: numbers, key: other.coordinates)
        }
        #expect(refused?.kind == .wrongPolicy)
        #expect(refused?.call == "Esys_NV_Write")
        // The signature of a first write is void once there was one.
        let again = failure { () throws(TPMFailure) in
            try tpm.writeFloor(9, isFirst: true, numbers: first, key: vendor.coordinates)
        }
        #expect(again?.kind == .wrongSignature)
        let offCurve = Array(vendor.key.dropLast()) + [vendor.key[90] ^ 1]
        let none = failure { () throws(TPMFailure) in try tpm.floor(vendorKey: offCurve) }
        #expect(none?.kind == .invalid)
        #expect(try tpm.floor(vendorKey: vendor.key).value == 5)
    }

    @Test("one signature is good for every TPM") func everyTPM() throws {
        let second = try SoftwareTPM(isBare: true)
        let (define, raise) = (try vendor.signature("define", 1), try vendor.signature("raise", 5))
        for software in [software, second] {
            let tpm = try TPM(tcti: software.tcti)
            try tpm.defineFloor(at: 1, signature: define, vendorKey: vendor.key)
            let outcome = try tpm.raiseFloor(to: 5, signature: raise, vendorKey: vendor.key)
            #expect(outcome.outcome == .raised)
        }
        #expect(
            try second.shell("tpm2_nvread 0x1500020 -C o 2>/dev/null | od -An -tx1 | tr -d ' '")
                == "0000000000000005"
        )
    }

    // MARK: - The vendor's tool

    /// A policy session of tpm2-tools in `s.ctx`, authorised by the vendor for what the tool signed.
    private func session(_ purpose: String, _ value: UInt64, operation: String) throws -> String {
        try software.write(vendor.signature(purpose, value), to: "signature")
        let reference = purpose == "open" ? "drimbox seal" : "drimbox floor"
        let tool = "/usr/bin/python3 \(Vendor.tool)"
        return """
            printf %016x \(value) | \(Vendor.binary) >value
            printf '\(reference)' >reference
            \(tool) digest \(purpose) \(value) --public-key vendor.pub | \(Vendor.binary) >digest
            \(tool) message \(purpose) \(value) --public-key vendor.pub >message
            tpm2_loadexternal -C o -G ecc -u vendor.pub -c v.ctx -n v.name
            tpm2_verifysignature -c v.ctx -g sha256 -m message -s signature -t ticket -f ecdsa
            tpm2_flushcontext -t
            tpm2_startauthsession --policy-session -S s.ctx
            tpm2_policynv -S s.ctx 0x1500020 -C 0x1500020 \(operation) -i value
            if [ \(purpose) = raise ]; then
                tpm2_nvwrite 0x1500020 -C 0x1500020 -i value --cphash cp
                tpm2_policycphash -S s.ctx --cphash cp
            fi
            tpm2_policyauthorize -S s.ctx -i digest -q reference -n v.name -t ticket

            """
    }

    @Test("tpm2-tools raise the floor with the signature, to 8 and not to 9") func tools() throws {
        try define(5)
        let session = try session("raise", 8, operation: "ult")
        try software.shell(
            """
            \(session)
            printf %016x 9 | \(Vendor.binary) >nine
            if tpm2_nvwrite 0x1500020 -C 0x1500020 -P session:s.ctx -i nine 2>refusal; then exit 1; fi
            tpm2_flushcontext s.ctx
            """
        )
        #expect(try String(decoding: software.read("refusal"), as: UTF8.self).contains("policy check failed"))
        #expect(try floor().value == 5)
        try software.shell(
            """
            \(session)
            tpm2_nvwrite 0x1500020 -C 0x1500020 -P session:s.ctx -i value
            tpm2_flushcontext s.ctx
            """
        )
        #expect(try floor().value == 8)
    }

    @Test("a signature that opens secrets writes no floor") func openDoesNotWrite() throws {
        try define(5)
        try software.shell(
            """
            \(try session("open", 9, operation: "ule"))
            if tpm2_nvwrite 0x1500020 -C 0x1500020 -P session:s.ctx -i value 2>refusal; then exit 1; fi
            tpm2_flushcontext s.ctx
            """
        )
        #expect(try String(decoding: software.read("refusal"), as: UTF8.self).contains("policy check failed"))
        #expect(try floor().value == 5)
    }

    @Test("the tool's policies are those that the TPM computes in trial sessions") func policies() throws {
        let tool = "/usr/bin/python3 \(Vendor.tool)"
        try software.shell(
            """
            printf %016x 7 | \(Vendor.binary) >value
            tpm2_loadexternal -C o -G ecc -u vendor.pub -c v.ctx -n v.name; tpm2_flushcontext -t
            for reference in floor seal; do
                printf "drimbox $reference" >reference
                tpm2_startauthsession -S t.ctx
                tpm2_policyauthorize -S t.ctx -L trial -q reference -n v.name; tpm2_flushcontext t.ctx
                \(tool) policy $reference --public-key vendor.pub | \(Vendor.binary) | cmp - trial
                cp trial policy.$reference
            done
            tpm2_nvdefine 0x1500020 -C o -s 8 -a 'policywrite|authread|ownerread|no_da' -L policy.floor
            tpm2_nvwrite 0x1500020 -C 0x1500020 -i value --cphash cp
            tpm2_startauthsession -S t.ctx
            tpm2_policycphash -S t.ctx -L trial --cphash cp; tpm2_flushcontext t.ctx
            \(tool) digest define 7 --public-key vendor.pub | \(Vendor.binary) | cmp - trial
            """
        )
        // The index has another name once it is written.
        let first = try vendor.signature("define", 1)
        try TPM(tcti: software.tcti).defineFloor(at: 1, signature: first, vendorKey: vendor.key)
        try software.shell(
            """
            tpm2_nvwrite 0x1500020 -C 0x1500020 -i value --cphash cp
            tpm2_startauthsession -S t.ctx
            tpm2_policynv -S t.ctx 0x1500020 -C 0x1500020 ult -i value -L trial
            tpm2_policycphash -S t.ctx -L trial --cphash cp; tpm2_flushcontext t.ctx
            \(tool) digest raise 7 --public-key vendor.pub | \(Vendor.binary) | cmp - trial
            tpm2_startauthsession -S t.ctx
            tpm2_policynv -S t.ctx 0x1500020 -C 0x1500020 ule -i value -L trial; tpm2_flushcontext t.ctx
            \(tool) digest open 7 --public-key vendor.pub | \(Vendor.binary) | cmp - trial
            """
        )
        #expect(try Shim.hexadecimal(software.read("policy.floor")) == floor().writePolicy)
    }

    @Test(
        "what the tool signs itself is accepted",
        .enabled(if: Vendor.signingPython != nil, "needs python3 with cryptography")
    )
    func toolSigns() throws {
        let sign = "\(try #require(Vendor.signingPython)) \(Vendor.tool) sign"
        try software.shell(
            """
            \(sign) define 1 --key vendor.pem >define
            \(sign) raise 5 --key vendor.pem >raise
            \(sign) open 6 --key vendor.pem >open
            """
        )
        let tpm = try TPM(tcti: software.tcti)
        try tpm.defineFloor(at: 1, signature: software.read("define"), vendorKey: vendor.key)
        try tpm.raiseFloor(to: 5, signature: software.read("raise"), vendorKey: vendor.key)
        let sealed = try tpm.sealToFloor([1, 2, 3], vendorKey: vendor.key)
        let signature = try software.read("open")
        #expect(
            try tpm.unseal(sealed, rollbackIndex: 6, signature: signature, vendorKey: vendor.key) == [
                1, 2, 3,
            ]
        )
    }

    @Test("the tool refuses what is no value and no key") func toolRefuses() throws {
        let tool = "/usr/bin/python3 \(Vendor.tool)"
        try software.shell(
            """
            openssl ecparam -name secp384r1 -genkey -noout | openssl pkey -pubout -out p384.pub
            for arguments in 'raise -1 --public-key vendor.pub' 'raise 18446744073709551616 --public-key vendor.pub' \
                'raise 1 --public-key p384.pub' 'raise 1 --public-key vendor.pem' 'raise 1 --public-key none'; do
                if \(tool) digest $arguments >out 2>err; then exit 1; fi
                grep -q . err; if grep -q Traceback err; then exit 1; fi
            done
            \(tool) digest raise 18446744073709551615 --public-key vendor.pub | grep -qE '^[0-9a-f]{64}$'
            """
        )
    }
}
