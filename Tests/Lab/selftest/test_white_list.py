# SPDX-License-Identifier: Apache-2.0
"""The signer of white lists."""
import pathlib
import subprocess
import tempfile
import unittest

from lab import authority, white_list

ID = "http://uri.etsi.org/01903/v1.3.2#:SignedProperties"


class WhiteListTests(unittest.TestCase):
    def test_xmlsec1_verifies_it(self):
        with tempfile.TemporaryDirectory() as directory:
            authority.make(directory, [("1750803447", "A")], ("127.0.0.1",))
            content = white_list.make(directory, [("db1.example", "vi1.example", "CN=DRIMbox,OU=1750803447,C=FR")])
            path = pathlib.Path(directory) / "list.xml"
            for changed, status in ((content, 0), (content.replace(b"db1.", b"db2."), 1)):
                path.write_bytes(changed)
                done = subprocess.run(["xmlsec1", "--verify", "--id-attr:Id", ID, "--trusted-pem",
                                       pathlib.Path(directory) / "authority/root.pem", "--untrusted-pem",
                                       pathlib.Path(directory) / "authority/issuing.pem", path], capture_output=True)
                self.assertEqual(done.returncode, status, done.stderr)


if __name__ == "__main__":
    unittest.main()
