// SPDX-License-Identifier: Apache-2.0
import Admin
import Foundation
import Glibc
import Testing

@testable import TPM

/// Everything with a real TPM; one at a time, for a process has one open.
@Suite(
    "TPM 2.0, with swtpm",
    .serialized,
    .enabled(if: SoftwareTPM.isInstalled, "needs swtpm, swtpm-tools, tpm2-tools and openssl"),
    .timeLimit(.minutes(5))
)
struct TPMTests {
    private func failure<Value>(_ body: () throws(TPMFailure) -> Value) -> TPMFailure? {
        do {
            _ = try body()
            return nil
        } catch {
            return error
        }
    }

    private func report(_ software: SoftwareTPM) throws -> TPMReport {
        try TPM(tcti: software.tcti).report()
    }

    // MARK: - Report

    @Test("a fresh TPM: identity, self-test, counters, PCRs, and the hash of its certificate") func fresh()
        throws
    {
        let software = try SoftwareTPM(hasCertificate: true)
        let report = try report(software)
        #expect(report.manufacturer == "IBM")
        #expect(report.model == "SW   TPM")
        #expect(report.firmwareVersion.split(separator: ".").count == 4)
        #expect(report.selfTest == TPMReport.SelfTest(hasPassed: true))
        #expect(
            report.lockout
                == TPMReport.Lockout(
                    isLocked: false,
                    failedTries: 0,
                    maximumTries: 3,
                    recoverySeconds: 1000,
                    lockoutRecoverySeconds: 1000,
                    hasAuthorization: false
                )
        )
        #expect(report.pcrs.keys.sorted() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 14])
        #expect(report.pcrs.values.allSatisfy { $0 == String(repeating: "0", count: 64) })
        #expect(report.identityKey == .absent)
        #expect(report.floor == RollbackFloor(.absent))
        #expect(report.failures == [])
        #expect(report.endorsementKeySource == .rsaCertificate)
        let digest = try software.shell("tpm2_nvread 0x1c00002 -o ek.der 2>/dev/null && sha256sum < ek.der")
        #expect(report.endorsementKeyHash == String(digest.prefix(64)))
        try software.shell("openssl x509 -inform DER -in ek.der -noout")
        let data = try JSONEncoder().encode(report)
        #expect(try JSONDecoder().decode(TPMReport.self, from: data) == report)
        #expect(String(decoding: data, as: UTF8.self).contains(#""pcrs":{"#))
    }

    @Test("an ECC certificate, padded, and readable by the owner only, is taken without its padding")
    func eccCertificate() throws {
        let software = try SoftwareTPM()
        let digest = try software.shell(
            """
            openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout k.pem -subj /CN=ek \
                -outform DER -out ek.der 2>/dev/null
            cp ek.der padded; head -c 700 /dev/zero | tr '\\0' '\\377' >> padded
            tpm2_nvdefine 0x1c0000a -C o -s $(stat -c %s padded) -a 'ownerwrite|ownerread' >/dev/null
            tpm2_nvwrite 0x1c0000a -C o -i padded
            sha256sum < ek.der
            """
        )
        let report = try report(software)
        #expect(report.endorsementKeySource == .eccCertificate)
        #expect(report.endorsementKeyHash == String(digest.prefix(64)))
    }

    @Test("without certificate the hash is of the key that tpm2_createek makes; another TPM has another")
    func withoutCertificate() throws {
        let software = try SoftwareTPM()
        let first = try report(software)
        #expect(first.endorsementKeySource == .eccKey)
        // A name is the hash's algorithm, two bytes, and the hash of the public area.
        try software.shell("tpm2_createek -G ecc -c ek.ctx && tpm2_readpublic -c ek.ctx -n ek.name")
        #expect(try first.endorsementKeyHash == Shim.hexadecimal(software.read("ek.name").dropFirst(2)))
        try software.shell(
            "tpm2_flushcontext -t; tpm2_createek -G rsa -c rsa.ctx; tpm2_readpublic -c rsa.ctx -n rsa.name"
        )
        try software.shell("tpm2_flushcontext -t")
        do {
            let hash = try TPM(tcti: software.tcti).hashOfKey(isRSA: true)
            #expect(try hash == Shim.hexadecimal(software.read("rsa.name").dropFirst(2)))
        }
        #expect(try report(software).endorsementKeyHash == first.endorsementKeyHash)
        software.cutPower()
        try software.start()
        #expect(try report(software).endorsementKeyHash == first.endorsementKeyHash)
        #expect(try report(SoftwareTPM()).endorsementKeyHash != first.endorsementKeyHash)
    }

    @Test("an extended PCR shows, and only that one") func drift() throws {
        let software = try SoftwareTPM()
        let before = try report(software).pcrs
        try software.shell("tpm2_pcrextend 7:sha256=\(String(repeating: "ab", count: 32))")
        let after = try report(software).pcrs
        #expect(before.keys.filter { before[$0] != after[$0] } == [7])
    }

    // MARK: - Identity

    @Test("the identity key signs, for openssl to verify") func signature() throws {
        let software = try SoftwareTPM()
        try software.write(Array("what is signed".utf8), to: "message")
        let digest = try Shim.sha256(Array("what is signed".utf8))
        do {
            let tpm = try TPM(tcti: software.tcti)
            #expect(failure { () throws(TPMFailure) in try tpm.sign(digest: digest) }?.kind == .noKey)
            let point = try tpm.createIdentityKey()
            #expect(point.count == 65)
            #expect(try tpm.identityPoint() == point)
            #expect(failure { () throws(TPMFailure) in try tpm.createIdentityKey() }?.kind == .keyExists)
            #expect(failure { () throws(TPMFailure) in try tpm.sign(digest: [1]) }?.kind == .invalid)
            try software.write(tpm.identityPublicKey(), to: "key.der")
            // r or s begins with a zero byte, or with a bit that is set, in most of these.
            for number in 0..<24 { try software.write(tpm.sign(digest: digest), to: "signature\(number)") }
        }
        try software.shell(
            """
            for s in signature*; do
                openssl dgst -sha256 -verify key.der -keyform DER -signature $s message
            done
            """
        )
        #expect(try report(software).identityKey == .present)
        let attributes = try software.shell("tpm2_readpublic -c 0x81000100 | grep -A1 ^attributes")
        #expect(attributes.hasSuffix(": fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|sign"))
        #expect(try software.shell("tpm2_getcap handles-transient") == "")
    }

    @Test("replaced, it is another key; an object of somebody else is neither used nor overwritten unasked")
    func replacement() throws {
        let software = try SoftwareTPM()
        do {
            let tpm = try TPM(tcti: software.tcti)
            let first = try tpm.createIdentityKey()
            #expect(try tpm.createIdentityKey(replacing: true) != first)
        }
        try software.shell(
            """
            tpm2_evictcontrol -C o -c 0x81000100
            tpm2_createprimary -C o -G ecc -c primary.ctx
            tpm2_evictcontrol -C o -c primary.ctx 0x81000100
            tpm2_flushcontext -t
            """
        )
        #expect(try report(software).identityKey == .foreign)
        let tpm = try TPM(tcti: software.tcti)
        #expect(failure { () throws(TPMFailure) in try tpm.identityPoint() }?.kind == .foreignKey)
        #expect(failure { () throws(TPMFailure) in try tpm.createIdentityKey() }?.kind == .keyExists)
        try tpm.createIdentityKey(replacing: true)
        #expect(try tpm.report().identityKey == .present)
    }

    @Test("openssl verifies the certificate request and reads its subject") func request() throws {
        let software = try SoftwareTPM()
        let subject = CertificateSubject(
            commonName: "DRIMBOX-0001",
            organization: "Hôpital Édouard Herriot",
            organizationalUnit: "DRIM & Imagerie, \"bât. B\""
        )
        do {
            let tpm = try TPM(tcti: software.tcti)
            #expect(
                failure { () throws(TPMFailure) in try tpm.certificateRequest(for: subject) }?.kind == .noKey
            )
            try tpm.createIdentityKey()
            try software.write(Array(tpm.certificateRequest(for: subject).utf8), to: "box.csr")
            try software.write(
                Array(tpm.certificateRequest(for: CertificateSubject(commonName: "b")).utf8),
                to: "bare.csr"
            )
            try software.write(tpm.identityPublicKey(), to: "key.der")
            for name in ["", "a\nb", String(repeating: "x", count: 65)] {
                let subject = CertificateSubject(commonName: name)
                #expect(
                    failure { () throws(TPMFailure) in try tpm.certificateRequest(for: subject) }?.kind
                        == .invalid
                )
            }
        }
        #expect(try software.shell("openssl req -verify -noout -in box.csr").contains("verify OK"))
        #expect(try software.shell("openssl req -verify -noout -in bare.csr").contains("verify OK"))
        let printed = try software.shell(
            "openssl req -noout -subject -nameopt multiline,-esc_msb,utf8 -in box.csr"
        )
        #expect(printed.contains("organizationName          = Hôpital Édouard Herriot"))
        #expect(printed.contains("commonName                = DRIMBOX-0001"))
        #expect(printed.contains("organizationalUnitName    = DRIM & Imagerie, \"bât. B\""))
        // The key in the request is the TPM's, and an authority takes it.
        try software.shell(
            """
            openssl req -in box.csr -noout -pubkey | openssl pkey -pubin -outform DER | cmp - key.der
            openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -subj /CN=ca -out ca.pem
            openssl x509 -req -in box.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out box.pem
            openssl verify -CAfile ca.pem box.pem
            """
        )
    }

    @Test("power cuts while the key is in use neither count as tries nor end the identity") func powerCuts()
        throws
    {
        let software = try SoftwareTPM()
        let digest = [UInt8](repeating: 7, count: 32)
        var point: [UInt8] = []
        do {
            let tpm = try TPM(tcti: software.tcti)
            point = try tpm.createIdentityKey()
        }
        for _ in 0..<5 {
            do {
                let tpm = try TPM(tcti: software.tcti)
                _ = try tpm.sign(digest: digest)
                software.cutPower()
                #expect(
                    failure { () throws(TPMFailure) in try tpm.sign(digest: digest) }?.kind == .unreachable
                )
            }
            try software.start()
        }
        let tpm = try TPM(tcti: software.tcti)
        _ = try tpm.sign(digest: digest)
        #expect(try tpm.identityPoint() == point)
        let lockout = try #require(try tpm.report().lockout)
        #expect(!lockout.isLocked)
        #expect(lockout.failedTries == 0)
    }

    /// What the test above is worth: the same with a key that does not have noDA.
    @Test("power cuts while an ordinary key is in use do count") func powerCutsCounted() throws {
        let software = try SoftwareTPM()
        try software.shell("tpm2_dictionarylockout --setup-parameters --max-tries=3")
        try makeOrdinaryKey(software)
        for cut in 1...3 {
            try software.shell("\(Self.load); tpm2_sign -c key.ctx -p right -g sha256 -o signature key.pub")
            software.cutPower()
            try software.start()
            let lockout = try #require(try report(software).lockout)
            #expect(lockout.failedTries == cut)
            #expect(lockout.isLocked == (cut == 3))
        }
    }

    // MARK: - Quote

    @Test("tpm2_checkquote and openssl verify a quote; another nonce or PCR does not pass") func quote()
        throws
    {
        let software = try SoftwareTPM()
        let nonce = Array(UInt8(0)..<32)
        let pcrs: Set = [0, 7, 11, 16]
        var quotes: [TPMQuote] = []
        do {
            let tpm = try TPM(tcti: software.tcti)
            for _ in 0..<2 { quotes.append(try tpm.quote(nonce: nonce, pcrs: pcrs)) }
            let long = [UInt8](repeating: 0, count: 33)
            #expect(failure { () throws(TPMFailure) in try tpm.quote(nonce: long) }?.kind == .invalid)
            #expect(
                failure { () throws(TPMFailure) in try tpm.quote(nonce: nonce, pcrs: [24]) }?.kind == .invalid
            )
            #expect(
                failure { () throws(TPMFailure) in try tpm.quote(nonce: nonce, pcrs: []) }?.kind == .invalid
            )
        }
        #expect(quotes[0].publicKey == quotes[1].publicKey)
        #expect(quotes[0].pcrs.keys.sorted() == pcrs.sorted())
        for (name, text) in [
            ("attested", quotes[0].attested), ("signature", quotes[0].signature),
            ("key.der", quotes[0].publicKey),
        ] {
            try software.write(try #require(Data(base64Encoded: text)), to: name)
        }
        let hex = Shim.hexadecimal(nonce)
        try software.shell(
            """
            openssl dgst -sha256 -verify key.der -keyform DER -signature signature attested
            openssl pkey -pubin -inform DER -in key.der -out key.pem
            tpm2_pcrread sha256:0,7,11,16 -o pcrs
            tpm2_checkquote -u key.pem -m attested -s signature -g sha256 -f pcrs -l sha256:0,7,11,16 -q \(hex)
            if tpm2_checkquote -u key.pem -m attested -s signature -g sha256 -q \(hex.dropLast())0; then exit 1; fi
            tpm2_pcrextend 7:sha256=\(hex)
            tpm2_pcrread sha256:0,7,11,16 -o other
            if tpm2_checkquote -u key.pem -m attested -s signature -g sha256 -f other -l sha256:0,7,11,16 -q \(hex)
            then exit 1; fi
            """
        )
        // The digest of the values is in the attested bytes.
        let concatenated = quotes[0].pcrs.keys.sorted().flatMap { _ in [UInt8](repeating: 0, count: 32) }
        #expect(quotes[0].pcrs.values.allSatisfy { $0 == String(repeating: "0", count: 64) })
        let digest = Shim.hexadecimal(try Shim.sha256(concatenated))
        #expect(try Shim.hexadecimal(software.read("attested")).hasSuffix(digest))
        // The attestation key is restricted: it does not sign what a caller says.
        let attributes = try software.shell("tpm2_readpublic -c 0x81000101 | grep -A1 ^attributes")
        #expect(
            attributes.hasSuffix(
                ": fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|restricted|sign"
            )
        )
    }

    // MARK: - Lockout

    /// A key with a password and without noDA.
    private func makeOrdinaryKey(_ software: SoftwareTPM) throws {
        try software.shell(
            """
            tpm2_createprimary -C o -G ecc -c primary.ctx
            tpm2_create -C primary.ctx -G ecc -p right -u key.pub -r key.priv \
                -a 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign'
            tpm2_flushcontext -t
            """
        )
    }

    /// Contexts do not outlive a power cut.
    private static let load = """
        tpm2_createprimary -C o -G ecc -c primary.ctx; tpm2_flushcontext -t
        tpm2_load -C primary.ctx -u key.pub -r key.priv -c key.ctx; tpm2_flushcontext -t
        """

    /// Wrong passwords until the TPM is locked.
    private func lock(_ software: SoftwareTPM) throws {
        try makeOrdinaryKey(software)
        try software.shell(
            """
            \(Self.load)
            for try in 1 2 3 4; do
                if tpm2_sign -c key.ctx -p wrong -g sha256 -o signature key.pub; then exit 1; fi
                tpm2_flushcontext -t
            done
            """
        )
    }

    @Test("wrong passwords lock the TPM; the report says for how long; the identity signs all the same")
    func lockout() throws {
        let software = try SoftwareTPM()
        try software.shell(
            """
            tpm2_dictionarylockout --setup-parameters --max-tries=3 --recovery-time=120 --lockout-recovery-time=77
            """
        )
        do { try TPM(tcti: software.tcti).createIdentityKey() }
        try lock(software)
        do {
            let tpm = try TPM(tcti: software.tcti)
            let report = try tpm.report()
            let locked = TPMReport.Lockout(
                isLocked: true,
                failedTries: 3,
                maximumTries: 3,
                recoverySeconds: 120,
                lockoutRecoverySeconds: 77,
                hasAuthorization: false
            )
            #expect(report.lockout == locked)
            #expect(report.failures == [])
            #expect(report.endorsementKeyHash != nil)
            _ = try tpm.sign(digest: [UInt8](repeating: 1, count: 32))
            try tpm.setLockoutParameters(authorization: [])
            #expect(try tpm.report().lockout?.maximumTries == 31)
            try tpm.resetLockout(authorization: [])
            let reset = TPMReport.Lockout(
                isLocked: false,
                failedTries: 0,
                maximumTries: 31,
                recoverySeconds: 600,
                lockoutRecoverySeconds: 600,
                hasAuthorization: false
            )
            #expect(try tpm.report().lockout == reset)
        }
    }

    @Test("the lockout authorization: set, used, wrong once and then refused", arguments: [0, 1])
    func lockoutAuthorization(zeros: Int) throws {
        let software = try SoftwareTPM()
        let secret = (1...32 - UInt8(zeros)).map { $0 } + [UInt8](repeating: 0, count: zeros)
        do {
            let tpm = try TPM(tcti: software.tcti)
            try tpm.changeLockoutAuthorization(from: [], to: secret)
            #expect(try tpm.report().lockout?.hasAuthorization == true)
            try tpm.setLockoutParameters(authorization: secret)
            try tpm.resetLockout(authorization: secret)
            let long = [UInt8](repeating: 1, count: 33)
            #expect(
                failure { () throws(TPMFailure) in try tpm.resetLockout(authorization: long) }?.kind
                    == .invalid
            )
            let wrong = try #require(
                failure { () throws(TPMFailure) in try tpm.resetLockout(authorization: [9]) }
            )
            #expect(wrong.kind == .wrongAuthorization)
            #expect(wrong.call == "Esys_DictionaryAttackLockReset")
            let refused = try #require(
                failure { () throws(TPMFailure) in try tpm.resetLockout(authorization: secret) }
            )
            #expect(refused.kind == .lockout)
            #expect(refused.code == "0x921")
            #expect(refused.description.contains("lockout"))
        }
        #expect(try software.shell("tpm2_getcap handles-loaded-session; tpm2_getcap handles-transient") == "")
    }

    // MARK: - Faults

    @Test("no device, no TPM behind the address, two at a time") func absent() throws {
        let none = try #require(
            failure { () throws(TPMFailure) in _ = try TPM(tcti: "device:/dev/no-such-tpm") }
        )
        #expect(none.kind == .absent)
        #expect(none.description == "access: there is no TPM device (0x7fff0001)")
        let dead = try #require(
            failure { () throws(TPMFailure) in _ = try TPM(tcti: "swtpm:path=/nowhere/srv") }
        )
        #expect(dead.kind == .unreachable)
        #expect(dead.call == "Tss2_TctiLdr_Initialize")
        #expect(failure { () throws(TPMFailure) in _ = try TPM(tcti: "nonsense") } != nil)
        let long = String(repeating: "x", count: 9000)
        #expect(failure { () throws(TPMFailure) in _ = try TPM(tcti: long) }?.kind == .invalid)
        let software = try SoftwareTPM()
        let tpm = try TPM(tcti: software.tcti)
        #expect(failure { () throws(TPMFailure) in _ = try TPM(tcti: software.tcti) }?.kind == .invalid)
        #expect(try tpm.report().failures == [])
    }

    @Test("a TPM that dies is an error at once") func dead() throws {
        let software = try SoftwareTPM()
        let tpm = try TPM(tcti: software.tcti)
        _ = try tpm.report()
        software.cutPower()
        let start = ContinuousClock.now
        #expect(failure { () throws(TPMFailure) in try tpm.report() }?.kind == .unreachable)
        #expect(ContinuousClock.now - start < .seconds(5))
    }

    @Test("a mute TPM blocks its caller, whom only a signal ends") func mute() async throws {
        let software = try SoftwareTPM()
        // The same child with a TPM that answers.
        await #expect(processExitsWith: .exitCode(7)) { [tcti = software.tcti as String] in
            _ = try TPM(tcti: tcti).report()
            exit(7)
        }
        kill(software.pid, SIGSTOP)
        let start = ContinuousClock.now
        await #expect(processExitsWith: .signal(SIGKILL)) { [tcti = software.tcti as String] in
            let supervisor = Process()
            supervisor.executableURL = URL(filePath: "/bin/sh")
            supervisor.arguments = ["-c", "sleep 3; kill -9 \(getpid())"]
            try supervisor.run()
            _ = try TPM(tcti: tcti).report()
            exit(7)
        }
        #expect(ContinuousClock.now - start < .seconds(10))
        kill(software.pid, SIGCONT)
        #expect(try report(software).selfTest.hasPassed)
    }
}
