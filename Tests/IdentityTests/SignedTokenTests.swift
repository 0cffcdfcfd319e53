// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Identity

@Suite("Signed tokens") struct SignedTokenTests {
    private func token(_ header: String, _ claims: String = "{}", signature: String = "AA") -> String {
        "\(Base64URL.encode(header.utf8)).\(Base64URL.encode(claims.utf8)).\(signature)"
    }

    private func failure(_ text: String) -> String? {
        do {
            _ = try SignedToken(reading: text, what: "token")
            return nil
        } catch {
            if case .invalid(let what, _, _) = error { return what }
            return "\(error)"
        }
    }

    @Test("RFC 7515 A.2 is signed, and A.1 with no secret of ours") func vectors() async throws {
        let claims =
            "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
        let hmac = try SignedToken(
            reading:
                "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.\(claims).dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
            what: "token"
        )
        #expect(hmac.algorithm == .HS256 && hmac.claims["iss"]?.text == "joe")
        #expect(hmac.claims["exp"]?.seconds == 1_300_819_380)
        // Another secret, and one that is none.
        #expect(!hmac.isSigned(withSecret: "secret") && !hmac.isSigned(withSecret: ""))
        let modulus =
            "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-"
            + "yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-"
            + "KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_"
            + "h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"
        let signature =
            "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF"
            + "9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383L"
            + "cOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWyw"
            + "lVmtVrBp0igcN_IoypGlUPQGe77Rw"
        let rsa = try SignedToken(reading: "eyJhbGciOiJSUzI1NiJ9.\(claims).\(signature)", what: "token")
        let members: [String: JSONValue] = [
            "kty": .string("RSA"), "n": .string(modulus), "e": .string("AQAB"),
        ]
        let key = try #require(ProviderKeys.Key(.object(members)))
        #expect(await rsa.isSigned(by: key))
        let forPSS = try #require(
            ProviderKeys.Key(.object(members.merging(["alg": .string("PS256")]) { $1 }))
        )
        #expect(!(await rsa.isSigned(by: forPSS)))
        #expect(ProviderKeys.Key(.object(members.merging(["use": .string("enc")]) { $1 })) == nil)
        // Its own modulus as a secret proves nothing.
        #expect(!rsa.isSigned(withSecret: modulus))
    }

    @Test("what is no token is refused before a key is looked for") func malformed() {
        #expect(failure(token(#"{"alg":"RS256"}"#)) == nil)
        for text in [
            "", ".", "..", "a.b.c", "a.b.c.d.e", token("[]"), token(#"{"alg":"RS256"}"#, "[]"),
            token(#"{"alg":"RS256"}"#) + "=.",
            token(#"{"alg":"RS256"}"#, String(repeating: " ", count: 300_000) + "{}"),
        ] { #expect(failure(text) == "token", "\(text.prefix(40))") }
        for name in ["none", "NONE", "RS512", "HS512", "rs256", ""] {
            #expect(failure(token("{\"alg\":\"\(name)\"}")) == "token algorithm", "\(name)")
        }
        #expect(failure(token("{}")) == "token algorithm")
        #expect(failure(token(#"{"alg":"RS256","crit":["exp"],"exp":1}"#)) == "token header")
    }
}
