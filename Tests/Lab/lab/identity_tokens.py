# SPDX-License-Identifier: Apache-2.0
"""JSON Web Tokens (RFC 7515): RS256, HS256 with a client's secret, and wrong ones on purpose."""
import base64
import hashlib
import hmac
import json
import secrets

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

ALGORITHMS = ("RS256", "HS256", "HS256-realm")
FAULTS = ("nonce", "aud", "iss", "sub", "at_hash", "signature", "expired", "alg-none")


def base64url(content):
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def half_hash(token):
    """`at_hash` with SHA-256 (OpenID Connect Core 3.1.3.6)."""
    return base64url(hashlib.sha256(token.encode()).digest()[:16])


def s256(verifier):
    """`code_challenge` (RFC 7636 4.2)."""
    return base64url(hashlib.sha256(verifier.encode()).digest())


class Key:
    def __init__(self):
        self.private = rsa.generate_private_key(65537, 2048)
        self.kid = secrets.token_urlsafe(16)

    def jwk(self):
        numbers = self.private.public_key().public_numbers()
        n, e = (base64url(value.to_bytes((value.bit_length() + 7) // 8, "big")) for value in (numbers.n, numbers.e))
        return {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.kid, "n": n, "e": e}

    def sign(self, content):
        return self.private.sign(content, padding.PKCS1v15(), hashes.SHA256())


class Keys:
    """The key that signs, those that are published, and the realm's own for HS256, which Keycloak tells nobody."""

    def __init__(self):
        self.current = Key()
        self.published = [self.current]
        self._realm = secrets.token_bytes(32)

    def rotate(self, keep=False):
        self.current = Key()
        self.published = (self.published if keep else []) + [self.current]

    def jwks(self):
        return {"keys": [key.jwk() for key in self.published]}

    def token(self, claims, algorithm="RS256", secret=None, fault=None):
        """A signed token. `algorithm` is one of ALGORITHMS, `fault` one of FAULTS or None."""
        claims = dict(claims)
        if fault in ("nonce", "aud", "iss", "sub", "at_hash"):
            claims[fault] = "https://wrong.example" if fault == "iss" else "wrong"
            if fault == "aud":
                claims["azp"] = "wrong"
        if fault == "expired":
            claims["iat"], claims["exp"] = claims["iat"] - 7200, claims["iat"] - 3600
        if fault == "alg-none":
            return self._compact({"alg": "none", "typ": "JWT"}, claims, lambda content: b"")
        if algorithm == "RS256":
            header = {"alg": "RS256", "typ": "JWT", "kid": self.current.kid}
            sign = (Key() if fault == "signature" else self.current).sign
        else:
            key = self._realm if algorithm == "HS256-realm" or secret is None else secret.encode()
            header = {"alg": "HS256", "typ": "JWT"}
            sign = (lambda content: hmac.digest(b"wrong" if fault == "signature" else key, content, "sha256"))
        return self._compact(header, claims, sign)

    @staticmethod
    def _compact(header, claims, sign):
        content = ".".join(base64url(json.dumps(part).encode()) for part in (header, claims))
        return content + "." + base64url(sign(content.encode()))
