# SPDX-License-Identifier: Apache-2.0
"""Who holds which key, and how it is reached: `ceremony.json`.

A key is addressed by a securesystemslib URI: `file2:` for the lab (a PEM file, relative to ceremony.json), `hsm:` for a
PKCS#11 token, or what else securesystemslib knows. The file holds public keys and addresses, never a private key.

A holder has one key for the repository that boxes reach (`online`) and another for the one that travels on USB media
(`offline`): metadata of one signed by keys of the other would let a bundle's timestamp of 90 days stand in for the
7 days of the network.
"""
import getpass
import os
import re
import stat
import urllib.parse

from cryptography.hazmat.primitives.serialization import load_pem_public_key
from securesystemslib.exceptions import UnsupportedLibraryError
from securesystemslib.signer import CryptoSigner, HSMSigner, Key, Signer, SSlibKey

from common import Refusal, json_bytes, read_file, read_json, write_whole

HOLDER = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
REPOSITORIES = ("online", "offline")
ED25519_HOLDERS = ("root-4", "root-5", "targets-3")


def holders(prefix, count):
    return [f"{prefix}-{index}" for index in range(1, count + 1)]


def lab_roles(repository):
    """UPDATES 4.2: root 3 of 5, targets 2 of 3, the online roles one key each."""
    online = "" if repository == "online" else "offline-"
    roles = {
        "root": {"threshold": 3, "holders": holders("root", 5)},
        "targets": {"threshold": 2, "holders": holders("targets", 3)},
        "snapshot": {"threshold": 1, "holders": holders(f"{online}snapshot", 1)},
        "timestamp": {"threshold": 1, "holders": holders(f"{online}timestamp", 1)},
    }
    if repository == "online":
        roles["rollout"] = {"threshold": 1, "holders": holders("rollout", 1)}
    return roles


class Absent(Exception):
    """A holder who is not here to sign."""


class Ceremony:
    def __init__(self, path, value):
        self.path = os.path.abspath(path)
        self.directory = os.path.dirname(self.path)
        self.repositories = value["repositories"]
        self.entries = value["keys"]
        self.pins = {}
        self.absent = {}

    @classmethod
    def load(cls, path):
        value = read_json(path, "ceremony")
        expected = {"format": 1, "repositories": dict, "keys": list}
        for key, wanted in expected.items():
            found = value.get(key) if isinstance(value, dict) else None
            if not (found == wanted if key == "format" else isinstance(found, wanted)):
                raise Refusal(f"{path}: {key}", repr(found)[:60], "1" if key == "format" else wanted.__name__)
        for index, entry in enumerate(value["keys"]):
            for key in ("holder", "repository", "uri", "keyid", "public"):
                if not isinstance(entry, dict) or key not in entry:
                    raise Refusal(f"{path}: keys[{index}].{key}", "nothing", "a value")
        return cls(path, value)

    @classmethod
    def create(cls, directory, uris):
        """The keys of a lab, in new files but for those whose URIs are given."""
        path = os.path.join(directory, "ceremony.json")
        if os.path.exists(directory) and os.listdir(directory):
            raise Refusal("keys", f"{directory}, which is not empty", "a new or empty directory: keys are never overwritten")
        repositories = {name: lab_roles(name) for name in REPOSITORIES}
        ceremony = cls(path, {"repositories": repositories, "keys": []})
        wanted = [(holder, name) for name in REPOSITORIES for role in repositories[name].values()
                  for holder in role["holders"]]
        for holder, repository in uris:
            if (holder, repository) not in wanted:
                raise Refusal("--uri", f"{holder}.{repository}", "a holder of the ceremony")
        for holder, repository in wanted:
            kind = "ed25519" if holder in ED25519_HOLDERS else "ecdsa"
            ceremony.add(holder, repository, kind, *uris.get((holder, repository), (None, None)))
        ceremony.save()
        return ceremony

    def save(self):
        value = {"format": 1, "repositories": self.repositories, "keys": self.entries}
        write_whole(self.path, json_bytes(value))

    def add(self, holder, repository, kind, uri=None, public=None):
        """A new key: in a file of its own, or the one that the URI addresses."""
        if uri is None:
            uri, key = self.generate(holder, repository, kind)
        else:
            uri, key = import_key(uri, public)
        if any(entry["keyid"] == key.keyid for entry in self.entries):
            raise Refusal(f"key of {holder}", f"{uri}, whose key has a holder already", "a key of its own")
        entry = {"holder": holder, "repository": repository, "uri": uri, "keyid": key.keyid, "public": key.to_dict()}
        self.entries.append(entry)
        return key

    def generate(self, holder, repository, kind):
        signer = CryptoSigner.generate_ed25519() if kind == "ed25519" else CryptoSigner.generate_ecdsa()
        relative = os.path.join("holders", holder, f"{repository}-{signer.public_key.keyid[:8]}.pem")
        path = os.path.join(self.directory, relative)
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(signer.private_bytes)
            file.flush()
            os.fsync(file.fileno())
        return f"file2:{relative}", signer.public_key

    def entry(self, keyid):
        return next((entry for entry in self.entries if entry["keyid"] == keyid), None)

    def holder(self, keyid):
        entry = self.entry(keyid)
        return entry["holder"] if entry else f"key {keyid[:8]}"

    def keys(self, repository, role):
        """The threshold and the newest key of each holder of a role."""
        try:
            role = self.repositories[repository][role]
            names, threshold = role["holders"], role["threshold"]
        except (KeyError, TypeError):
            raise Refusal(f"{self.path}: {repository}.{role}", "nothing", "a threshold and holders") from None
        found = []
        for name in names:
            entries = [entry for entry in self.entries if (entry["holder"], entry["repository"]) == (name, repository)]
            if not entries:
                raise Refusal(f"{self.path}: {repository} {name}", "no key", "a key")
            found.append(public_key(entries[-1]))
        return threshold, found

    def sign(self, metadata, keyid):
        """Adds one signature; `Absent` when the key cannot be reached here and now. A token is asked no second time after
        it refused: three wrong PINs lock it."""
        if keyid in self.absent:
            raise Absent(self.absent[keyid])
        try:
            self.sign_once(metadata, keyid)
        except Absent as reason:
            self.absent[keyid] = str(reason)
            raise

    def sign_once(self, metadata, keyid):
        entry = self.entry(keyid)
        if entry is None:
            raise Absent(f"key {keyid[:8]}: not in {self.path}")
        scheme, _, rest = entry["uri"].partition(":")
        if scheme == CryptoSigner.SCHEME:
            self.check_key_file(entry, os.path.join(self.directory, rest))
        os.environ[CryptoSigner.PREFIX_ENV_VAR] = self.directory
        try:
            signer = Signer.from_priv_key_uri(entry["uri"], public_key(entry), lambda secret: self.secret(entry, secret))
            metadata.sign(signer, append=True)
        except (Absent, Refusal):
            raise
        except Exception as error:
            # Each kind of token has errors of its own; what counts is that this holder does not sign.
            reason = " ".join(str(error.__cause__ or error).split()) or type(error).__name__
            raise Absent(f"{entry['holder']}: {reason}") from None

    def check_key_file(self, entry, path):
        try:
            mode = stat.S_IMODE(os.stat(path).st_mode)
        except OSError as error:
            raise Absent(f"{entry['holder']}: {path}: {error.strerror}") from None
        if mode & 0o077:
            raise Refusal(path, f"mode {mode:04o}", "0600: nobody else reads a private key")

    def secret(self, entry, secret):
        """A token's PIN: from the environment variable that `pin_env` names, or from who sits at the terminal."""
        holder = entry["holder"]
        if holder not in self.pins:
            variable = entry.get("pin_env")
            if variable is not None:
                self.pins[holder] = os.environ.get(variable)
            elif os.isatty(0):
                self.pins[holder] = getpass.getpass(f"{secret} of {holder} (empty: not here): ")
        if not self.pins.get(holder):
            raise Absent(f"{holder}: no {secret}")
        return self.pins[holder]


def public_key(entry):
    return Key.from_dict(entry["keyid"], dict(entry["public"]))


def import_key(uri, public):
    """The public half of a key that lives elsewhere: asked of the token, or read from a PEM file."""
    parts = urllib.parse.urlparse(uri)
    if public is not None:
        try:
            return uri, SSlibKey.from_crypto(load_pem_public_key(read_file(public, "public key")))
        except ValueError as error:
            raise Refusal("public key", f"{public}: {error}", "a PEM file with a public key") from None
    if parts.scheme != HSMSigner.SCHEME:
        raise Refusal("key URI", uri, "hsm:..., or another URI with --public")
    filters = dict(urllib.parse.parse_qsl(parts.query))
    try:
        _, key = HSMSigner.import_(int(parts.path) if parts.path else None, filters or None)
    except UnsupportedLibraryError as error:
        raise Refusal("key URI", f"{uri}: {error}", "PyKCS11 and asn1crypto") from None
    except Exception as error:
        raise Refusal("key URI", f"{uri}: {' '.join(str(error).split())}", "one token with that key") from None
    return uri, key
