# SPDX-License-Identifier: Apache-2.0
"""What the lab's own box publishes for tests of those who read it."""
import io
import json
import subprocess
import tempfile
import unittest
import urllib.request

import pydicom

from lab import cda, source
from selftest.support import OTHER_PATIENT, PATIENT, PROGRAM, Stand, certificates


class SourceTests(unittest.TestCase):
    def test_a_manifest_says_where_and_whose_its_images_are(self):
        _, _, content = source.new_manifest(OTHER_PATIENT, base="https://db9.lab.test/x")
        data = pydicom.dcmread(io.BytesIO(content))
        series = data.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence[0]
        self.assertTrue(series.RetrieveURL.startswith("https://db9.lab.test/x/studies/"))
        self.assertEqual(data.PatientID, OTHER_PATIENT.split("^")[0])

    def test_the_command_publishes_both(self):
        with tempfile.TemporaryDirectory() as directory, tempfile.NamedTemporaryFile(suffix=".xml") as report:
            report.write(cda.document(cda.Report(accession="ACN7", acts=[cda.Act("1.2.9.1")])))
            report.flush()
            stand = Stand(directory)
            self.addCleanup(stand.stop)
            command = PROGRAM + ["source", "publish", "--to", stand.url, "--certificates", str(certificates())]
            for more in (["--cda", report.name], ["--base", "https://db9.lab.test", "--kos-patient", OTHER_PATIENT]):
                done = subprocess.run(command + more, capture_output=True, text=True)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                self.assertEqual(json.loads(done.stdout)["status"], "Success")
            found = {d["id"]: d for d in stand.lab("documents") if not d["signature"]}
            self.assertEqual({d["patientId"] for d in found.values()}, {PATIENT})
            self.assertEqual(found["DocumentCDA"]["typeCode"], ["18748-4", "2.16.840.1.113883.6.1"])
            self.assertTrue(found["DocumentCDA"]["referenceIds"][0].startswith("ACN7^"))
            address = "http://127.0.0.1:%d/lab/documents/%s/content" % (stand.control, found["DocumentKOS"]["uniqueId"])
            with urllib.request.urlopen(address) as answer:
                self.assertEqual(pydicom.dcmread(io.BytesIO(answer.read())).PatientID, OTHER_PATIENT.split("^")[0])


if __name__ == "__main__":
    unittest.main()
