// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Identity

@Suite("Discovery documents") struct OpenIDProviderTests {
    @Test("https, or http to this very machine") func urls() {
        for url in [
            "https://auth.example/x", "https://auth.example:8443", "http://127.0.0.1:8080/x",
            "http://[::1]:1/",
            "http://localhost", "https://a?x=1",
        ] { #expect(OpenIDProvider.isAcceptable(url), "\(url)") }
        for url in [
            "http://auth.example/x", "http://127.0.0.1.evil.example/", "http://localhost@evil.example/",
            "https://",
            "https:///x", "https://a/#b", "https://a b", "https://a\\b", "ftp://a", "HTTPS", "//a",
            "https://é/",
            "http://localhost.evil.example/",
        ] { #expect(!OpenIDProvider.isAcceptable(url), "\(url)") }
    }

    @Test("every endpoint is read, and what is optional may be absent") func reading() throws {
        let required =
            #""issuer":"https://i","authorization_endpoint":"https://a","token_endpoint":"https://t","#
            + #""userinfo_endpoint":"https://u","jwks_uri":"https://j""#
        let least = try OpenIDProvider(reading: Array("{\(required)}".utf8), expecting: "https://i")
        #expect(least.endSessionEndpoint == nil && least.introspectionEndpoint == nil && !least.namesIssuer)
        let more = try OpenIDProvider(
            reading: Array(
                (#"{\#(required),"end_session_endpoint":"https://e","introspection_endpoint":"https://n","#
                    + #""mtls_endpoint_aliases":{"token_endpoint":"https://m"}}"#).utf8
            ),
            expecting: "https://i"
        )
        #expect(more.authorizationEndpoint == "https://a" && more.tokenEndpoint == "https://t")
        #expect(more.userinfoEndpoint == "https://u" && more.jwksURI == "https://j")
        #expect(more.endSessionEndpoint == "https://e" && more.introspectionEndpoint == "https://n")
        #expect(more.mutualTLSEndpoints == ["token_endpoint": "https://m"])
        #expect(throws: SignInError.self) {
            try OpenIDProvider(reading: Array("{\(required)}".utf8), expecting: "https://i/")
        }
    }
}
