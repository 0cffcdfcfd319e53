#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""oidc-provider-mock of PyPI, an OpenID provider that nobody of this project wrote, with TLS.

    independent_provider.py PORT CERTIFICATE KEY SECONDS USER...

Clients have to register, tokens live so many seconds; a user is a JSON object of claims, `sub` among them. Each request is
written to the standard error.
"""
import datetime
import json
import logging
import sys

import oidc_provider_mock
import uvicorn


def user(text):
    claims = json.loads(text)
    return oidc_provider_mock.User(sub=claims.pop("sub"), claims=claims)


def main():
    port, certificate, key, seconds, *users = sys.argv[1:]
    logging.basicConfig(level=logging.INFO)
    provider = oidc_provider_mock.app(
        require_client_registration=True, require_nonce=True,
        access_token_max_age=datetime.timedelta(seconds=int(seconds)), user_claims=[user(text) for text in users])
    uvicorn.run(provider, interface="wsgi", host="127.0.0.1", port=int(port), ssl_certfile=certificate, ssl_keyfile=key,
                log_config=None)


if __name__ == "__main__":
    main()
