# SPDX-License-Identifier: Apache-2.0
"""A stand-in for Pro Sante Connect as a resource server sees it: introspection of access tokens (RFC 7662).

    POST ISSUER/protocol/openid-connect/token/introspect   for clients with a certificate (RFC 8705) or a secret
    GET, POST /lab/tokens   {"token": ..., "active": ..., "exp": ..., "SubjectNameID": ..., ...}: what is said of a token
    GET       /lab/requests how often each client asked
"""
import base64
import json
import secrets
import time
import urllib.parse

from .http_server import Answer, Server

REALM = "/auth/realms/esante-wallet"


class Provider:
    def __init__(self, clients):
        """`clients`: secrets by client id; None for those that show a certificate."""
        self.clients = clients
        self.tokens, self.requests = {}, {}
        self.issuer = ""
        self.server = Server(self._handle)

    async def _handle(self, request):
        if request.path.startswith("/lab/") and request.peer is None:
            return self._lab(request)
        if request.path == REALM + "/protocol/openid-connect/token/introspect" and request.method == "POST":
            return self._introspect(request)
        return Answer(404, "text/plain", b"no such resource")

    def _client(self, request, form):
        """The client's id where it has proved to be it."""
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic":
            name, _, secret = base64.b64decode(value).decode().partition(":")
            name, secret = urllib.parse.unquote(name), urllib.parse.unquote(secret)
            expected = self.clients.get(name)
            return name if expected and secrets.compare_digest(expected, secret) else None
        name = form.get("client_id", [""])[0]
        return name if request.peer and name in self.clients and self.clients[name] is None else None

    def _introspect(self, request):
        form = urllib.parse.parse_qs(request.body.decode())
        client = self._client(request, form)
        if client is None:
            return Answer(401, "application/json", b'{"error":"invalid_client"}')
        self.requests[client] = self.requests.get(client, 0) + 1
        said = self.tokens.get(form.get("token", [""])[0])
        # Of a token that is not active nothing else is told (RFC 7662 2.2).
        if not said or not said.get("active") or said["exp"] <= time.time():
            said = {"active": False}
        return Answer(200, "application/json", json.dumps(said).encode())

    def _lab(self, request):
        if request.path == "/lab/requests":
            return Answer(200, "application/json", json.dumps(self.requests).encode())
        if request.path != "/lab/tokens":
            return Answer(404, "text/plain", b"no such resource")
        if request.method == "POST":
            value = json.loads(request.body)
            token = value.pop("token")
            self.tokens[token] = {"active": True, "exp": int(time.time()) + 300, "iss": self.issuer, "azp": "another-box",
                                  "SubjectNameID": "899700367909", "token_type": "Bearer", **value}
        return Answer(200, "application/json", json.dumps(self.tokens).encode())
