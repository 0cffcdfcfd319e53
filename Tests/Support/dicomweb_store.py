#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Stores Part 10 files with dicomweb-client (STOW-RS) and prints what the server says, as JSON.

    dicomweb_store.py URL FILE...
"""
import json
import sys

from dicomweb_client.api import DICOMwebClient
from pydicom import dcmread

url, files = sys.argv[1], sys.argv[2:]
client = DICOMwebClient(url=url)
answer = client.store_instances([dcmread(file) for file in files])
print(
    json.dumps(
        {
            "stored": [item.ReferencedSOPInstanceUID for item in answer.get("ReferencedSOPSequence", [])],
            "failed": [
                [item.ReferencedSOPInstanceUID, item.FailureReason]
                for item in answer.get("FailedSOPSequence", [])
            ],
        }
    )
)
