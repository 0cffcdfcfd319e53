# SPDX-License-Identifier: Apache-2.0
"""A stand-in for Pro Sante Connect: OpenID Connect's authorization code flow with PKCE, and introspection (RFC 7662).

Below ISSUER = http(s)://HOST:PORT/auth/realms/esante-wallet:
    GET       /.well-known/openid-configuration, /.well-known/wallet-openid-configuration
    GET, POST /protocol/openid-connect/auth      a page with the professionals; the button signs in
    POST      /protocol/openid-connect/token     authorization_code (once, S256), refresh_token (rotates)
    GET, POST /protocol/openid-connect/userinfo  JSON, or a signed JWT
    GET       /protocol/openid-connect/certs     JWKS
    GET, POST /protocol/openid-connect/logout    with the browser; POST of a refresh_token: without
    POST      /protocol/openid-connect/token/introspect
Clients show a certificate (RFC 8705) or a secret to token, logout's POST and introspect; the rest needs neither.

For tests, to clients without a certificate:
    GET, POST /lab/tokens   {"token": ..., "active": ..., "exp": ..., "SubjectNameID": ..., ...}: what is said of one
    GET       /lab/requests how often each client asked for an introspection
    GET       /lab/counts   how often each resource was asked for
    POST      /lab/rotate   another key signs, and the old one is withdrawn; {"keep": true}: it stays in the JWKS
    GET, POST /lab/faults   {"idToken": NAME}: the next ID token is wrong; a name of identity_tokens.FAULTS, or null
    GET, DELETE /lab/sessions  who is signed in; all are signed out
"""
import base64
import html
import json
import secrets
import time
import urllib.parse

from . import identity_tokens, professionals
from .http_server import Answer, Server

REALM = "/auth/realms/esante-wallet"
PROTOCOL = REALM + "/protocol/openid-connect"
CODE_SECONDS = 60
SESSION_SECONDS = 1800
PAGE = """<!DOCTYPE html>
<html lang="fr"><head><meta charset="utf-8"><title>Pro Santé Connect (laboratoire)</title></head>
<body><h1>Pro Santé Connect (laboratoire)</h1>
%s
</body></html>
"""


class Refused(Exception):
    """An error of RFC 6749 5.2."""

    def __init__(self, error, description="", status=400):
        super().__init__(error)
        self.error, self.description, self.status = error, description, status


class Session:
    def __init__(self, client, professional):
        self.sid, self.client, self.professional = secrets.token_urlsafe(12), client, professional
        self.expires = time.time() + SESSION_SECONDS
        self.refresh_token, self.access_tokens = None, []


class Provider:
    def __init__(self, clients, redirect_uris=(), logout_uris=(), people=None, token_lifetime=300, auto=None,
                 userinfo_jwt=False, algorithm="RS256"):
        """`clients`: secrets by client id; None for those that show a certificate. `auto`: who signs in unasked."""
        self.clients, self.redirect_uris, self.logout_uris = clients, list(redirect_uris), list(logout_uris)
        self.people = {professionals.name(one): one for one in (professionals.LAB if people is None else people)}
        if auto is not None and auto not in self.people:
            raise ValueError("no professional %s; known: %s" % (auto, ", ".join(self.people)))
        self.token_lifetime, self.auto = token_lifetime, auto
        self.userinfo_jwt, self.algorithm = userinfo_jwt, algorithm
        self.keys = identity_tokens.Keys()
        self.tokens, self.requests, self.counts = {}, {}, {}
        self.codes, self.sessions, self.refresh_tokens, self.id_tokens = {}, {}, {}, {}
        self.faults = {"idToken": None}
        self.issuer = ""
        self.server = Server(self._handle)
        self._resources = {
            REALM + "/.well-known/openid-configuration": (self._discovery, "GET"),
            REALM + "/.well-known/wallet-openid-configuration": (self._discovery, "GET"),
            PROTOCOL + "/auth": (self._authorize, "GET POST"),
            PROTOCOL + "/token": (self._token, "POST"),
            PROTOCOL + "/userinfo": (self._userinfo, "GET POST"),
            PROTOCOL + "/certs": (self._certs, "GET"),
            PROTOCOL + "/logout": (self._logout, "GET POST"),
            PROTOCOL + "/token/introspect": (self._introspect, "POST"),
        }

    async def _handle(self, request):
        if request.path.startswith("/lab/") and request.peer is None:
            try:
                return self._lab(request)
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                return Answer(400, "text/plain", str(error).encode())
        serve, methods = self._resources.get(request.path, (None, ""))
        if serve is None or request.method not in methods.split():
            return Answer(404 if serve is None else 405, "text/plain", b"no such resource")
        name = request.path[len(REALM):].rpartition("/")[2]
        self.counts[name] = self.counts.get(name, 0) + 1
        try:
            return serve(request)
        except Refused as refused:
            said = {"error": refused.error, "error_description": refused.description}
            return _json(said, refused.status)

    # MARK: clients

    def _client(self, request, form):
        """The client's id where it has proved to be it."""
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        name, secret = form.get("client_id", ""), form.get("client_secret")
        if scheme.lower() == "basic":
            try:
                name, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
            except ValueError:
                return None
            name, secret = urllib.parse.unquote_plus(name), urllib.parse.unquote_plus(secret)
        if secret is not None:
            expected = self.clients.get(name)
            return name if expected and secrets.compare_digest(expected.encode(), secret.encode()) else None
        return name if request.peer and name in self.clients and self.clients[name] is None else None

    def _known_client(self, request, form):
        client = self._client(request, form)
        if client is None:
            raise Refused("invalid_client", "Invalid client or Invalid client credentials", 401)
        return client

    # MARK: discovery

    def _discovery(self, request):
        base = self.issuer + "/protocol/openid-connect"
        return _json({
            "issuer": self.issuer, "authorization_endpoint": base + "/auth", "token_endpoint": base + "/token",
            "userinfo_endpoint": base + "/userinfo", "jwks_uri": base + "/certs",
            "end_session_endpoint": base + "/logout", "introspection_endpoint": base + "/token/introspect",
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code", "refresh_token"], "subject_types_supported": ["public"],
            "scopes_supported": ["openid", "scope_all"], "code_challenge_methods_supported": ["S256"],
            "id_token_signing_alg_values_supported": [self.algorithm.partition("-")[0]],
            "userinfo_signing_alg_values_supported": ["RS256"], "acr_values_supported": ["eidas1"],
            "token_endpoint_auth_methods_supported": ["tls_client_auth", "client_secret_basic", "client_secret_post"],
            "authorization_response_iss_parameter_supported": True})

    def _certs(self, request):
        return _json(self.keys.jwks())

    # MARK: authorization

    def _authorize(self, request):
        query = _fields(request.query)
        client, redirect = query.get("client_id"), query.get("redirect_uri")
        # To an address that is not known nobody is sent (RFC 6749 4.1.2.1).
        if client not in self.clients:
            return _page("<p>Client inconnu.</p>", 400)
        if redirect not in self.redirect_uris:
            return _page("<p>Adresse de retour non enregistrée (redirect_uri).</p>", 400)
        error = self._authorization_error(query)
        if error:
            return self._return(query, {"error": error[0], "error_description": error[1]})
        form = _fields(request.body.decode()) if request.method == "POST" else {}
        chosen = self.auto or form.get("professional")
        if chosen == "":
            return self._return(query, {"error": "access_denied", "error_description": "User denied access"})
        if chosen in self.people:
            code = secrets.token_urlsafe(24)
            self.codes[code] = {"client": client, "redirect": redirect, "challenge": query["code_challenge"],
                                "nonce": query["nonce"], "professional": chosen, "until": time.time() + CODE_SECONDS,
                                "acr": (query.get("acr_values") or "eidas1").split()[0], "session": None}
            return self._return(query, {"code": code})
        if query.get("prompt") == "none":
            return self._return(query, {"error": "login_required"})
        buttons = ["<p><button name=\"professional\" value=\"%s\">%s</button></p>"
                   % (html.escape(name), html.escape(professionals.label(one))) for name, one in self.people.items()]
        return _page("<p>Choisissez un professionnel :</p>\n<form method=\"post\" action=\"?%s\">\n%s\n"
                     "<p><button name=\"professional\" value=\"\">Refuser</button></p>\n</form>"
                     % (html.escape(request.query), "\n".join(buttons)))

    @staticmethod
    def _authorization_error(query):
        if query.get("response_type") != "code":
            return "unsupported_response_type", "response_type: expected code"
        if "openid" not in query.get("scope", "").split():
            return "invalid_scope", "scope: expected openid"
        for name in ("state", "nonce", "code_challenge"):
            if not query.get(name):
                return "invalid_request", "Missing parameter: " + name
        if query.get("code_challenge_method") != "S256" or len(query["code_challenge"]) != 43:
            return "invalid_request", "code_challenge_method: expected S256"
        acr = (query.get("acr_values") or "eidas1").split()[0]
        return None if acr == "eidas1" else ("invalid_request", "acr_values: expected eidas1")

    def _return(self, query, said):
        """The browser goes back; it learns who sends it (RFC 9207)."""
        said["iss"] = self.issuer
        if query.get("state"):
            said["state"] = query["state"]
        return _redirect(query["redirect_uri"], said)

    # MARK: tokens

    def _token(self, request):
        form = _fields(request.body.decode())
        client = self._known_client(request, form)
        if form.get("grant_type") == "authorization_code":
            return self._redeem(client, form)
        if form.get("grant_type") == "refresh_token":
            return self._refresh(client, form)
        raise Refused("unsupported_grant_type")

    def _redeem(self, client, form):
        code = self.codes.get(form.get("code", ""))
        if code is None or code["client"] != client or code["until"] < time.time():
            raise Refused("invalid_grant", "Code not valid")
        if code["session"] is not None:
            # Who has it a second time may have stolen it (RFC 6749 4.1.2).
            self._end(code["session"])
            raise Refused("invalid_grant", "Code already used")
        if form.get("redirect_uri") != code["redirect"]:
            raise Refused("invalid_grant", "Incorrect redirect_uri")
        if identity_tokens.s256(form.get("code_verifier", "")) != code["challenge"]:
            raise Refused("invalid_grant", "PKCE verification failed")
        session = code["session"] = Session(client, code["professional"])
        self.sessions[session.sid] = session
        return self._issue(session, code["acr"], code["nonce"])

    def _refresh(self, client, form):
        token = form.get("refresh_token", "")
        session = self.refresh_tokens.get(token)
        if session is None or session.client != client or session.sid not in self.sessions:
            raise Refused("invalid_grant", "Token is not active")
        if session.refresh_token != token or session.expires < time.time():
            self._end(session)
            raise Refused("invalid_grant", "Stale token")
        return self._issue(session, "eidas1", None)

    def _issue(self, session, acr, nonce):
        now, person = int(time.time()), self.people[session.professional]
        access, session.refresh_token = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        session.expires = now + SESSION_SECONDS
        session.access_tokens.append(access)
        self.refresh_tokens[session.refresh_token] = session
        self.tokens[access] = {
            "active": True, "iat": now, "exp": now + self.token_lifetime, "iss": self.issuer, "azp": session.client,
            "client_id": session.client, "sub": person["sub"], "SubjectNameID": professionals.name(person),
            "preferred_username": professionals.name(person), "scope": "openid scope_all", "token_type": "Bearer",
            "acr": acr, "sid": session.sid}
        claims = {"iss": self.issuer, "sub": person["sub"], "aud": session.client, "azp": session.client, "iat": now,
                  "exp": now + self.token_lifetime, "auth_time": now, "acr": acr, "sid": session.sid, "typ": "ID",
                  "at_hash": identity_tokens.half_hash(access), "preferred_username": professionals.name(person)}
        if nonce is not None:
            claims["nonce"] = nonce
        fault, self.faults["idToken"] = self.faults["idToken"], None
        id_token = self.keys.token(claims, self.algorithm, self.clients[session.client], fault)
        self.id_tokens[id_token] = session
        return _json({"access_token": access, "expires_in": self.token_lifetime, "refresh_expires_in": SESSION_SECONDS,
                      "refresh_token": session.refresh_token, "token_type": "Bearer", "id_token": id_token,
                      "not-before-policy": 0, "session_state": session.sid, "scope": "openid scope_all"})

    def _end(self, session):
        self.sessions.pop(session.sid, None)
        for token in session.access_tokens:
            self.tokens[token]["active"] = False

    # MARK: userinfo

    def _userinfo(self, request):
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        said = self._active(token.strip()) if scheme.lower() == "bearer" else None
        person = next((one for one in self.people.values() if said and one["sub"] == said.get("sub")), None)
        if person is None:
            return Answer(401, "application/json", b'{"error":"invalid_token"}', [("WWW-Authenticate", "Bearer")])
        if self.userinfo_jwt:
            token = self.keys.token({**person, "iss": self.issuer, "aud": said["azp"]})
            return Answer(200, "application/jwt", token.encode())
        return _json(person)

    def _active(self, token):
        said = self.tokens.get(token)
        return said if said and said.get("active") and said["exp"] > time.time() else None

    def _introspect(self, request):
        form = _fields(request.body.decode())
        client = self._client(request, form)
        if client is None:
            return Answer(401, "application/json", b'{"error":"invalid_client"}')
        self.requests[client] = self.requests.get(client, 0) + 1
        # Of a token that is not active nothing else is told (RFC 7662 2.2).
        return _json(self._active(form.get("token", "")) or {"active": False})

    # MARK: logout

    def _logout(self, request):
        form = _fields(request.query if request.method == "GET" else request.body.decode())
        if request.method == "POST" and "refresh_token" in form:
            client = self._known_client(request, form)
            session = self.refresh_tokens.get(form["refresh_token"])
            if session is None or session.client != client:
                raise Refused("invalid_grant", "Invalid refresh token")
            self._end(session)
            return Answer(204, "")
        session, target = self.id_tokens.get(form.get("id_token_hint", "")), form.get("post_logout_redirect_uri")
        if session:
            self._end(session)
        if target is None:
            return _page("<p>Vous êtes déconnecté.</p>")
        if session is None or target not in self.logout_uris:
            return _page("<p>Adresse de retour non enregistrée (post_logout_redirect_uri).</p>", 400)
        return _redirect(target, {"state": form["state"]} if form.get("state") else {})

    # MARK: resources for tests

    def _lab(self, request):
        value = json.loads(request.body or b"{}") if request.method == "POST" else None
        if request.path == "/lab/requests":
            return _json(self.requests)
        if request.path == "/lab/counts":
            return _json(self.counts)
        if request.path == "/lab/rotate" and request.method == "POST":
            self.keys.rotate(value.get("keep", False))
            return _json(self.keys.jwks())
        if request.path == "/lab/faults":
            if value is not None:
                self._set_faults(value)
            return _json(self.faults)
        if request.path == "/lab/sessions":
            if request.method == "DELETE":
                for session in list(self.sessions.values()):
                    self._end(session)
            return _json([{"sid": one.sid, "client": one.client, "professional": one.professional}
                          for one in self.sessions.values()])
        if request.path != "/lab/tokens":
            return Answer(404, "text/plain", b"no such resource")
        if request.method == "POST":
            token = value.pop("token")
            self.tokens[token] = {"active": True, "exp": int(time.time()) + 300, "iss": self.issuer,
                                  "azp": "another-box", "SubjectNameID": "899700367909",
                                  "token_type": "Bearer", **value}
        return _json(self.tokens)

    def _set_faults(self, value):
        fault = value.get("idToken")
        if fault is not None and fault not in identity_tokens.FAULTS or set(value) - {"idToken"}:
            raise ValueError('faults: expected {"idToken": null or one of %s}' % ", ".join(identity_tokens.FAULTS))
        self.faults["idToken"] = fault


def _fields(text):
    """The first value of each name."""
    return {name: values[0] for name, values in urllib.parse.parse_qs(text, keep_blank_values=True).items()}


def _json(value, status=200):
    return Answer(status, "application/json", json.dumps(value).encode(), [("Cache-Control", "no-store")])


def _page(body, status=200):
    return Answer(status, "text/html; charset=utf-8", (PAGE % body).encode(), [("Cache-Control", "no-store")])


def _redirect(address, fields):
    query = urllib.parse.urlencode(fields)
    return Answer(303, "", b"", [("Location", address + (("&" if "?" in address else "?") + query if query else "")),
                                 ("Cache-Control", "no-store")])
