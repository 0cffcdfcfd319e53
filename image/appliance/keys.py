# SPDX-License-Identifier: Apache-2.0
"""The lab's keys: Secure Boot, and the policy of PCR 11. Made once into the output directory, mode 0600, and kept."""
import os

from steps import digest_file, run


class Keys:
    def __init__(self, directory):
        os.makedirs(directory, mode=0o700, exist_ok=True)
        self.boot_key, self.boot_certificate = os.path.join(directory, "boot.key"), os.path.join(directory, "boot.pem")
        self.policy_key, self.policy_public = os.path.join(directory, "pcr.key"), os.path.join(directory, "pcr.pem")
        mask = os.umask(0o077)
        try:
            if not os.path.exists(self.boot_certificate):
                # UEFI firmware knows RSA 2048 with SHA-256, and not all of it more.
                run(["openssl", "req", "-new", "-x509", "-newkey", "rsa:2048", "-sha256", "-nodes", "-days", "7300",
                     "-subj", "/CN=DRIMbox lab Secure Boot", "-keyout", self.boot_key, "-out", self.boot_certificate], "Secure Boot key")
            if not os.path.exists(self.policy_public):
                run(["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", self.policy_key], "PCR key")
                run(["openssl", "pkey", "-in", self.policy_key, "-pubout", "-out", self.policy_public], "PCR key")
        finally:
            os.umask(mask)

    def certificate(self, path):
        """Writes the certificate of Secure Boot in DER, as the set-up of a firmware reads it."""
        run(["openssl", "x509", "-in", self.boot_certificate, "-outform", "DER", "-out", path], "Secure Boot certificate")

    def digests(self):
        return [digest_file(self.boot_certificate), digest_file(self.policy_public)]
