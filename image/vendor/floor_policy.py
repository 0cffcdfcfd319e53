#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the vendor signs so that a box's TPM raises its rollback floor, and opens its secrets.

    floor_policy.py sign PURPOSE VALUE --key KEY.pem >SIGNATURE       # ECDSA with SHA-256, DER; needs cryptography
    floor_policy.py message PURPOSE VALUE --public-key KEY.pem >FILE  # for a key that is elsewhere: sign FILE with SHA-256
    floor_policy.py digest PURPOSE VALUE --public-key KEY.pem         # hexadecimal
    floor_policy.py policy floor|seal --public-key KEY.pem            # hexadecimal

PURPOSE is `define` (the first write, for the factory, never to be shipped), `raise` (the floor becomes VALUE; with each
release that raises it) or `open` (software whose rollback index is VALUE opens what is sealed; with each release). Keys are
of P-256.

No TPM is asked: policies are hashes over what a TPM will check (TPM 2.0 Part 1, Enhanced Authorization; each clause below is
one of Part 3), and none of it is of one TPM only.
"""
import argparse
import base64
import hashlib
import struct
import sys

INDEX = 0x01500020
SIZE = 8

# Part 2, 6.3 (TPM_ALG_ID), 6.5.2 (TPM_CC), 6.8 (TPM_EO), 8.3 (TPMA_OBJECT), 13.4 (TPMA_NV), TCG Algorithm Registry.
ALG_SHA256 = 0x000B
ALG_NULL = 0x0010
ALG_ECC = 0x0023
ECC_NIST_P256 = 0x0003
CC_NV_WRITE = 0x00000137
CC_POLICY_NV = 0x00000149
CC_POLICY_CP_HASH = 0x0000016E
CC_POLICY_AUTHORIZE = 0x0000016A
EO_UNSIGNED_LT = 0x0005
EO_UNSIGNED_LE = 0x0009
OBJECT_USER_WITH_AUTH, OBJECT_DECRYPT, OBJECT_SIGN = 1 << 6, 1 << 17, 1 << 18
NV_POLICY_WRITE, NV_OWNER_READ, NV_AUTH_READ, NV_NO_DA, NV_WRITTEN = 1 << 3, 1 << 17, 1 << 18, 1 << 25, 1 << 29

# policyRef of PolicyAuthorize: a signature for one does not do for the other.
REFERENCES = {"floor": b"drimbox floor", "seal": b"drimbox seal"}
PURPOSES = {"define": "floor", "raise": "floor", "open": "seal"}

# SubjectPublicKeyInfo of P-256 up to the uncompressed point's coordinates (RFC 5480, 2).
KEY_HEAD = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")


def sha256(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def sized(content: bytes) -> bytes:
    """A TPM2B (Part 2, 10.4)."""
    return struct.pack(">H", len(content)) + content


def name(public_area: bytes) -> bytes:
    """Part 1, Names: the algorithm, and the hash of the public area."""
    return struct.pack(">H", ALG_SHA256) + sha256(public_area)


def number(value: int) -> bytes:
    if not 0 <= value < 1 << 8 * SIZE:
        raise ValueError(f"value: found {value}, expected 0 to {(1 << 8 * SIZE) - 1}")
    return value.to_bytes(SIZE, "big")


def key_name(public_key_pem: bytes) -> bytes:
    """Name of the key as TPM2_LoadExternal loads it (12.3): TPMT_PUBLIC, Part 2, 12.2.4."""
    lines = [line.strip() for line in public_key_pem.decode("ascii").splitlines() if line.strip()]
    if not lines or lines[0] != "-----BEGIN PUBLIC KEY-----" or lines[-1] != "-----END PUBLIC KEY-----":
        raise ValueError("public key: expected one PEM block of a PUBLIC KEY")
    der = base64.b64decode("".join(lines[1:-1]), validate=True)
    if not der.startswith(KEY_HEAD) or len(der) != len(KEY_HEAD) + 64:
        raise ValueError(f"public key: found {len(der)} bytes, expected a key of P-256, uncompressed")
    x, y = der[-64:-32], der[-32:]
    attributes = OBJECT_USER_WITH_AUTH | OBJECT_DECRYPT | OBJECT_SIGN
    return name(
        struct.pack(">HHIH", ALG_ECC, ALG_SHA256, attributes, 0)
        + struct.pack(">HHHH", ALG_NULL, ALG_NULL, ECC_NIST_P256, ALG_NULL)
        + sized(x)
        + sized(y)
    )


def authorise_policy(public_key_pem: bytes, reference: str = "floor") -> bytes:
    """TPM2_PolicyAuthorize (23.16): whatever the key has signed for this. `floor` is the write policy of the index."""
    first = sha256(bytes(32), struct.pack(">I", CC_POLICY_AUTHORIZE), key_name(public_key_pem))
    return sha256(first, REFERENCES[reference])


def index_name(public_key_pem: bytes, is_written: bool) -> bytes:
    """Name of the index, which is another one after the first write: TPMS_NV_PUBLIC, Part 2, 13.5."""
    attributes = NV_POLICY_WRITE | NV_OWNER_READ | NV_AUTH_READ | NV_NO_DA | (NV_WRITTEN if is_written else 0)
    return name(
        struct.pack(">IHI", INDEX, ALG_SHA256, attributes)
        + sized(authorise_policy(public_key_pem))
        + struct.pack(">H", SIZE)
    )


def policy_nv(digest: bytes, index: bytes, operation: int, value: int) -> bytes:
    """TPM2_PolicyNV (23.9), from the index's first byte."""
    arguments = sha256(number(value), struct.pack(">HH", 0, operation))
    return sha256(digest, struct.pack(">I", CC_POLICY_NV), arguments, index)


def policy_write(digest: bytes, index: bytes, value: int) -> bytes:
    """TPM2_PolicyCpHash (23.13) of TPM2_NV_Write (31.7) of the value, by the index's own authority."""
    parameters = sized(number(value)) + struct.pack(">H", 0)
    command = sha256(struct.pack(">I", CC_NV_WRITE), index, index, parameters)
    return sha256(digest, struct.pack(">I", CC_POLICY_CP_HASH), command)


def policy_digest(value: int, public_key_pem: bytes, purpose: str = "raise") -> bytes:
    """The policy that the vendor authorises. The key is in it because it is in the index's name."""
    written = index_name(public_key_pem, True)
    if purpose == "define":
        return policy_write(bytes(32), index_name(public_key_pem, False), value)
    if purpose == "raise":
        return policy_write(policy_nv(bytes(32), written, EO_UNSIGNED_LT, value), written, value)
    if purpose == "open":
        return policy_nv(bytes(32), written, EO_UNSIGNED_LE, value)
    raise ValueError(f"purpose: found {purpose}, expected one of {', '.join(PURPOSES)}")


def message(value: int, public_key_pem: bytes, purpose: str = "raise") -> bytes:
    """What is signed, with ECDSA and SHA-256, for TPM2_PolicyAuthorize (23.16): the policy, and what it is for."""
    return policy_digest(value, public_key_pem, purpose) + REFERENCES[PURPOSES[purpose]]


def sign(value: int, key_pem: bytes, purpose: str = "raise") -> bytes:
    """The vendor's signature, ECDSA-Sig-Value in DER (RFC 3279, 2.2.3)."""
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = serialization.load_pem_private_key(key_pem, password=None)
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return key.sign(message(value, public, purpose), ec.ECDSA(hashes.SHA256()))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb in ("sign", "message", "digest"):
        command = verbs.add_parser(verb)
        command.add_argument("purpose", choices=PURPOSES)
        command.add_argument("value", type=int)
        command.add_argument("--key" if verb == "sign" else "--public-key", dest="key", required=True)
    command = verbs.add_parser("policy")
    command.add_argument("reference", choices=REFERENCES)
    command.add_argument("--public-key", dest="key", required=True)
    arguments = parser.parse_args()
    try:
        with open(arguments.key, "rb") as file:
            pem = file.read()
        if arguments.verb == "policy":
            print(authorise_policy(pem, arguments.reference).hex())
        elif arguments.verb == "digest":
            print(policy_digest(arguments.value, pem, arguments.purpose).hex())
        else:
            make = sign if arguments.verb == "sign" else message
            sys.stdout.buffer.write(make(arguments.value, pem, arguments.purpose))
    except (OSError, ValueError) as error:
        print(f"floor_policy.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
