#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Retrieves frames and bulk data of Part 10 files with dicomweb-client and compares them with the files' pixel data.

    dicomweb_frames.py URL FILE...
"""
import sys

import requests
from dicomweb_client.api import DICOMwebClient
from pydicom import dcmread
from pydicom.encaps import generate_pixel_data_frame

url, files = sys.argv[1], sys.argv[2:]
client = DICOMwebClient(url=url)
for file in files:
    data = dcmread(file)
    names = (data.StudyInstanceUID, data.SeriesInstanceUID, data.SOPInstanceUID)
    count = int(getattr(data, "NumberOfFrames", 1))
    if data.file_meta.TransferSyntaxUID.is_encapsulated:
        expected = list(generate_pixel_data_frame(data.PixelData, count))
    else:
        size = len(data.PixelData) // count if count > 1 else data.Rows * data.Columns * data.SamplesPerPixel * (
            data.BitsAllocated // 8)
        expected = [data.PixelData[i * size:(i + 1) * size] for i in range(count)]
    numbers = list(range(1, count + 1))
    found = client.retrieve_instance_frames(*names, frame_numbers=numbers)
    assert len(found) == count, (file, len(found), count)
    for number, (one, other) in enumerate(zip(expected, found)):
        assert one.rstrip(b"\0") == bytes(other).rstrip(b"\0"), "%s: frame %d differs" % (file, number + 1)
    print("%d frames of %s" % (count, data.file_meta.TransferSyntaxUID.name))
    if not data.file_meta.TransferSyntaxUID.is_encapsulated:
        uri = client.retrieve_instance_metadata(*names)["7FE00010"]["BulkDataURI"]
        # dicomweb-client's Host header has no port, and the URI is made of that.
        place = url + uri[uri.index("/studies/"):]
        answer = requests.get(place, headers={"Accept": "application/octet-stream"}, timeout=60)
        answer.raise_for_status()
        bulk = answer.content
        assert bulk == data.PixelData, "%s: bulk data differs" % file
