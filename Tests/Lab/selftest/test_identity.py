# SPDX-License-Identifier: Apache-2.0
"""The stand-in for Pro Sante Connect."""
import asyncio
import base64
import json
import unittest
import urllib.parse

from lab.http_server import Request
from lab.identity import REALM, Provider


class IdentityTests(unittest.TestCase):
    def setUp(self):
        self.provider = Provider({"box": None, "sandbox": "s3cret"})
        self.provider.issuer = "https://127.0.0.1" + REALM

    def post(self, path, body, peer=None, **headers):
        content = body if isinstance(body, bytes) else urllib.parse.urlencode(body).encode()
        answer = asyncio.run(self.provider._handle(Request("POST", path, headers, content, peer)))
        return answer.status, json.loads(answer.body)

    def introspect(self, token, peer=b"certificate", client="box", **headers):
        path = REALM + "/protocol/openid-connect/token/introspect"
        return self.post(path, {"token": token, "client_id": client}, peer, **headers)

    def test_tokens(self):
        self.post("/lab/tokens", json.dumps({"token": "good"}).encode())
        self.post("/lab/tokens", json.dumps({"token": "old", "exp": 1}).encode())
        status, said = self.introspect("good")
        self.assertEqual((status, said["active"], said["iss"]), (200, True, self.provider.issuer))
        self.assertEqual(self.introspect("old"), (200, {"active": False}))
        self.assertEqual(self.introspect("unknown"), (200, {"active": False}))

    def test_clients(self):
        self.assertEqual(self.introspect("good", peer=None)[0], 401)
        self.assertEqual(self.introspect("good", client="sandbox")[0], 401)
        for pair, status in (("sandbox:s3cret", 200), ("sandbox:other", 401), ("box:", 401)):
            basic = "Basic " + base64.b64encode(pair.encode()).decode()
            self.assertEqual(self.introspect("good", peer=None, authorization=basic)[0], status)


if __name__ == "__main__":
    unittest.main()
