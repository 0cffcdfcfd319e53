# SPDX-License-Identifier: Apache-2.0
"""The stand-in for Pro Sante Connect."""
import asyncio
import base64
import hmac
import json
import pathlib
import re
import ssl
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from lab import identity_tokens, professionals
from lab.http_server import Request
from lab.identity import PROTOCOL, REALM, Provider
from selftest import support

REDIRECT = "https://box.example/redirect"
BYE = "https://box.example/bye"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
RADIOLOGIST = "899700000001"


def decoded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def claims(token):
    return json.loads(decoded(token.split(".")[1]))


def is_signed(token, jwks):
    """By one of these keys, with RS256."""
    content, _, signature = token.rpartition(".")
    header = json.loads(decoded(content.split(".")[0]))
    for key in jwks["keys"]:
        if header["alg"] == "RS256" and header["kid"] == key["kid"]:
            n, e = (int.from_bytes(decoded(key[name]), "big") for name in "ne")
            try:
                rsa.RSAPublicNumbers(e, n).public_key().verify(decoded(signature), content.encode(), padding.PKCS1v15(),
                                                               hashes.SHA256())
                return True
            except InvalidSignature:
                return False
    return False


class Conversation(unittest.TestCase):
    """A provider in this process, and a client that has a certificate."""

    options = {}

    def setUp(self):
        self.provider = Provider({"box": None, "sandbox": "s3cret"}, [REDIRECT], [BYE], **self.options)
        self.provider.issuer = "https://127.0.0.1" + REALM

    def ask(self, method, path, body=b"", peer=None, **headers):
        content = body if isinstance(body, bytes) else urllib.parse.urlencode(body).encode()
        return asyncio.run(self.provider._handle(Request(method, path, headers, content, peer)))

    def post(self, path, body, peer=None, **headers):
        answer = self.ask("POST", path, body, peer, **headers)
        return answer.status, json.loads(answer.body or b"null")

    def get(self, path, **headers):
        return json.loads(self.ask("GET", path, **headers).body)

    def lab(self, name, value):
        return self.post("/lab/" + name, json.dumps(value).encode())

    def authorize(self, chosen=None, **changes):
        """The answer; with `chosen` the page's button is pressed."""
        query = {"response_type": "code", "client_id": "box", "redirect_uri": REDIRECT, "scope": "openid scope_all",
                 "state": "st", "nonce": "no", "acr_values": "eidas1", "code_challenge_method": "S256",
                 "code_challenge": identity_tokens.s256(VERIFIER), **changes}
        query = urllib.parse.urlencode({name: value for name, value in query.items() if value is not None})
        path = PROTOCOL + "/auth?" + query
        return self.ask("GET", path) if chosen is None else self.ask("POST", path, {"professional": chosen})

    def returned(self, answer):
        """What the browser brings back."""
        self.assertEqual(answer.status, 303, answer.body)
        address, _, query = dict(answer.headers)["Location"].partition("?")
        self.assertEqual(address, REDIRECT)
        return dict(urllib.parse.parse_qsl(query))

    def redeem(self, code, peer=b"certificate", headers=None, **changes):
        return self.post(PROTOCOL + "/token", {"grant_type": "authorization_code", "code": code, "client_id": "box",
                                               "redirect_uri": REDIRECT, "code_verifier": VERIFIER, **changes}, peer,
                         **(headers or {}))

    def refresh(self, token, **changes):
        return self.post(PROTOCOL + "/token", {"grant_type": "refresh_token", "refresh_token": token,
                                               "client_id": "box", **changes}, b"certificate")

    def sign_in(self, chosen=RADIOLOGIST):
        status, tokens = self.redeem(self.returned(self.authorize(chosen))["code"])
        self.assertEqual(status, 200, tokens)
        return tokens

    def userinfo(self, token):
        answer = self.ask("GET", PROTOCOL + "/userinfo", authorization="Bearer " + token)
        return answer.status, answer.body.decode()

    def introspect(self, token, peer=b"certificate", client="box", **headers):
        return self.post(PROTOCOL + "/token/introspect", {"token": token, "client_id": client}, peer, **headers)


class IntrospectionTests(Conversation):
    def test_tokens(self):
        self.lab("tokens", {"token": "good"})
        self.lab("tokens", {"token": "old", "exp": 1})
        status, said = self.introspect("good")
        self.assertEqual((status, said["active"], said["iss"]), (200, True, self.provider.issuer))
        self.assertEqual(self.introspect("old"), (200, {"active": False}))
        self.assertEqual(self.introspect("unknown"), (200, {"active": False}))

    def test_clients(self):
        self.assertEqual(self.introspect("good", peer=None)[0], 401)
        self.assertEqual(self.introspect("good", client="sandbox")[0], 401)
        for pair, status in (("sandbox:s3cret", 200), ("sandbox:other", 401), ("box:", 401), ("sandbox", 401)):
            basic = "Basic " + base64.b64encode(pair.encode()).decode()
            self.assertEqual(self.introspect("good", peer=None, authorization=basic)[0], status, pair)
        self.assertEqual(self.introspect("good", peer=None, authorization="Basic ?")[0], 401)

    def test_it_knows_what_was_issued(self):
        said = self.introspect(self.sign_in()["access_token"])[1]
        self.assertEqual((said["active"], said["azp"], said["SubjectNameID"]), (True, "box", RADIOLOGIST))


class SignInTests(Conversation):
    def test_discovery(self):
        for name in ("openid-configuration", "wallet-openid-configuration"):
            found = self.get(REALM + "/.well-known/" + name)
            self.assertEqual(found["issuer"], self.provider.issuer)
            self.assertEqual(found["authorization_endpoint"], "https://127.0.0.1" + PROTOCOL + "/auth")

    def test_page(self):
        answer = self.authorize()
        self.assertEqual((answer.status, answer.content_type), (200, "text/html; charset=utf-8"))
        page = answer.body.decode()
        self.assertEqual(re.findall(r'value="(\d+)"', page), [professionals.name(one) for one in professionals.LAB])
        self.assertIn("Léa GENERALISTE (899700000002) - Cabinet du Port - Hôpital de la Colline", page)
        self.assertEqual(self.returned(self.authorize(""))["error"], "access_denied")
        self.assertEqual(self.authorize("nobody").status, 200)

    def test_tokens_and_userinfo(self):
        back = self.returned(self.authorize(RADIOLOGIST))
        self.assertEqual((back["state"], back["iss"]), ("st", self.provider.issuer))
        status, tokens = self.redeem(back["code"])
        self.assertEqual((status, tokens["expires_in"], tokens["token_type"]), (200, 300, "Bearer"))
        said = claims(tokens["id_token"])
        self.assertTrue(is_signed(tokens["id_token"], self.get(PROTOCOL + "/certs")))
        self.assertEqual((said["iss"], said["aud"], said["nonce"], said["acr"]),
                         (self.provider.issuer, "box", "no", "eidas1"))
        self.assertEqual(said["at_hash"], identity_tokens.half_hash(tokens["access_token"]))
        status, body = self.userinfo(tokens["access_token"])
        self.assertEqual((status, json.loads(body)["sub"]), (200, said["sub"]))
        self.assertEqual(self.userinfo("other")[0], 401)

    def test_requests_that_are_sent_back(self):
        for changes, error in (({"response_type": "token"}, "unsupported_response_type"),
                               ({"nonce": None}, "invalid_request"), ({"state": None}, "invalid_request"),
                               ({"scope": "profile"}, "invalid_scope"), ({"code_challenge": None}, "invalid_request"),
                               ({"code_challenge_method": "plain"}, "invalid_request"),
                               ({"acr_values": "eidas3"}, "invalid_request"), ({"prompt": "none"}, "login_required")):
            self.assertEqual(self.returned(self.authorize(**changes))["error"], error, changes)

    def test_requests_that_are_sent_nowhere(self):
        for changes in ({"client_id": "nobody"}, {"redirect_uri": REDIRECT + "/"}, {"redirect_uri": None}):
            answer = self.authorize(RADIOLOGIST, **changes)
            self.assertEqual((answer.status, dict(answer.headers).get("Location")), (400, None), changes)

    def test_codes(self):
        for changes, error in (({"code_verifier": "other"}, "invalid_grant"), ({"redirect_uri": BYE}, "invalid_grant"),
                               ({"client_id": "nobody"}, "invalid_client"), ({"code": "other"}, "invalid_grant"),
                               ({"grant_type": "password"}, "unsupported_grant_type")):
            code = self.returned(self.authorize(RADIOLOGIST))["code"]
            self.assertEqual(self.redeem(**{"code": code, **changes})[1]["error"], error, changes)
            if error == "invalid_client":
                self.assertEqual(self.redeem(code, peer=None)[0], 401)
        basic = {"authorization": "Basic " + base64.b64encode(b"sandbox:s3cret").decode()}
        self.assertEqual(self.redeem(code, None, basic)[1]["error"], "invalid_grant", "the code of another client")
        code = self.returned(self.authorize(RADIOLOGIST, client_id="sandbox"))["code"]
        status, tokens = self.redeem(code, None, basic, client_id="sandbox")
        self.assertEqual((status, claims(tokens["id_token"])["aud"]), (200, "sandbox"))

    def test_a_code_that_comes_twice_ends_the_session(self):
        code = self.returned(self.authorize(RADIOLOGIST))["code"]
        tokens = self.redeem(code)[1]
        self.assertEqual(self.userinfo(tokens["access_token"])[0], 200)
        self.assertEqual(self.redeem(code)[1]["error"], "invalid_grant")
        self.assertEqual(self.userinfo(tokens["access_token"])[0], 401)
        self.assertEqual(self.refresh(tokens["refresh_token"])[1]["error"], "invalid_grant")

    def test_refresh_rotates(self):
        first = self.sign_in()
        status, second = self.refresh(first["refresh_token"])
        self.assertEqual((status, claims(second["id_token"])["sub"]), (200, claims(first["id_token"])["sub"]))
        self.assertNotIn("nonce", claims(second["id_token"]))
        self.assertEqual(self.refresh(second["refresh_token"], client_id="nobody")[0], 401)
        self.assertEqual(self.refresh(first["refresh_token"])[1]["error"], "invalid_grant")
        self.assertEqual(self.refresh(second["refresh_token"])[1]["error"], "invalid_grant", "the session is over")

    def test_logout(self):
        tokens = self.sign_in()
        query = {"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": BYE, "state": "a b"}
        answer = self.ask("GET", PROTOCOL + "/logout?" + urllib.parse.urlencode(query))
        self.assertEqual((answer.status, dict(answer.headers)["Location"]), (303, BYE + "?state=a+b"))
        self.assertFalse(self.introspect(tokens["access_token"])[1]["active"])
        query["post_logout_redirect_uri"] = "https://evil.example"
        self.assertEqual(self.ask("GET", PROTOCOL + "/logout?" + urllib.parse.urlencode(query)).status, 400)
        tokens = self.sign_in()
        form = {"refresh_token": tokens["refresh_token"], "client_id": "box"}
        self.assertEqual(self.post(PROTOCOL + "/logout", form)[0], 401)
        self.assertEqual(self.post(PROTOCOL + "/logout", form, b"certificate")[0], 204)
        self.assertFalse(self.introspect(tokens["access_token"])[1]["active"])

    def test_methods(self):
        self.assertEqual(self.ask("GET", PROTOCOL + "/token").status, 405)
        self.assertEqual(self.ask("GET", REALM + "/other").status, 404)


class LabTests(Conversation):
    def test_rotation(self):
        old = self.sign_in()["id_token"]
        jwks = self.lab("rotate", {"keep": True})[1]
        self.assertEqual((len(jwks["keys"]), is_signed(old, jwks)), (2, True))
        jwks = self.lab("rotate", {})[1]
        self.assertEqual((len(jwks["keys"]), is_signed(old, jwks)), (1, False))
        self.assertTrue(is_signed(self.sign_in()["id_token"], jwks))

    def test_wrong_id_tokens(self):
        jwks = self.get(PROTOCOL + "/certs")
        for fault in identity_tokens.FAULTS:
            self.assertEqual(self.lab("faults", {"idToken": fault}), (200, {"idToken": fault}))
            token = self.sign_in()["id_token"]
            said, right = claims(token), claims(self.sign_in()["id_token"])
            for name in ("nonce", "aud", "iss", "sub"):
                self.assertEqual(said[name] != right[name], fault == name, (fault, name))
            self.assertEqual(said["exp"] < time.time(), fault == "expired")
            self.assertEqual(is_signed(token, jwks), fault not in ("signature", "alg-none"), fault)
        self.assertEqual(self.ask("POST", "/lab/faults", b'{"idToken": "other"}').status, 400)
        self.assertEqual(self.ask("POST", "/lab/faults", b"[]").status, 400)

    def test_counts_and_sessions(self):
        tokens = self.sign_in()
        self.assertEqual(self.get("/lab/counts"), {"auth": 1, "token": 1})
        self.assertEqual(self.get("/lab/sessions")[0]["professional"], RADIOLOGIST)
        self.assertEqual(json.loads(self.ask("DELETE", "/lab/sessions").body), [])
        self.assertEqual(self.refresh(tokens["refresh_token"])[1]["error"], "invalid_grant")
        self.assertEqual(self.ask("GET", "/lab/counts", peer=b"certificate").status, 404)


class OptionTests(Conversation):
    options = {"auto": RADIOLOGIST, "userinfo_jwt": True, "token_lifetime": 0, "algorithm": "HS256"}

    def test_options(self):
        tokens = self.redeem(self.returned(self.authorize())["code"])[1]
        self.assertEqual(self.userinfo(tokens["access_token"])[0], 401, "it lives no second")
        self.provider.token_lifetime = 60
        tokens = self.redeem(self.returned(self.authorize())["code"])[1]
        body = self.userinfo(tokens["access_token"])[1]
        self.assertTrue(is_signed(body, self.get(PROTOCOL + "/certs")))
        self.assertEqual((claims(body)["aud"], claims(body)["SubjectNameID"]), ("box", RADIOLOGIST))

    def test_hs256(self):
        basic = {"authorization": "Basic " + base64.b64encode(b"sandbox:s3cret").decode()}
        for algorithm, is_secret in (("HS256", True), ("HS256-realm", False)):
            self.provider.algorithm = algorithm
            code = self.returned(self.authorize(client_id="sandbox"))["code"]
            content, _, signature = self.redeem(code, None, basic)[1]["id_token"].rpartition(".")
            self.assertEqual(decoded(signature) == hmac.digest(b"s3cret", content.encode(), "sha256"), is_secret)

    def test_unknown_professional(self):
        with self.assertRaises(ValueError):
            Provider({}, auto="nobody")


class ServerTests(unittest.TestCase):
    def test_certificates_are_asked_for_and_not_required(self):
        directory = support.certificates()
        with tempfile.TemporaryDirectory() as scratch:
            people, ports = pathlib.Path(scratch) / "people.json", pathlib.Path(scratch) / "ports"
            people.write_text(json.dumps([professionals.professional(
                "1", "A", "B", "SM54", [professionals.activity("SA07", "S", "1")])]))
            arguments = ["psc", "--client", "box", "--redirect-uri", REDIRECT, "--auto", "1", "--professionals", people,
                         "--control", "127.0.0.1:0", "--port-file", ports, "--client-ca", directory / "ca.pem",
                         "--tls-certificate", directory / "server.pem", "--tls-key", directory / "server.key"]
            with subprocess.Popen([*support.PROGRAM, *arguments], stdout=subprocess.DEVNULL) as process:
                try:
                    self.converse(directory, ports)
                finally:
                    process.terminate()

    def converse(self, directory, ports):
        end = time.monotonic() + 60
        while not ports.exists() and time.monotonic() < end:
            time.sleep(0.05)
        base = "https://127.0.0.1:%s%s" % (ports.read_text().split()[0], REALM)
        anonymous = ssl.create_default_context(cafile=str(directory / "ca.pem"))
        with urllib.request.urlopen(base + "/.well-known/openid-configuration", context=anonymous) as answer:
            found = json.load(answer)
        self.assertEqual(found["issuer"], base)
        form = urllib.parse.urlencode({"client_id": "box", "token": "t"}).encode()
        with self.assertRaises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(found["introspection_endpoint"], form, context=anonymous)
        self.assertEqual(refused.exception.code, 401)
        refused.exception.close()
        known = ssl.create_default_context(cafile=str(directory / "ca.pem"))
        known.load_cert_chain(directory / "auth-cli.pem", directory / "auth-cli.key")
        with urllib.request.urlopen(found["introspection_endpoint"], form, context=known) as answer:
            self.assertEqual(json.load(answer), {"active": False})


if __name__ == "__main__":
    unittest.main()
