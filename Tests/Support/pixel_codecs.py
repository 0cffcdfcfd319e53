#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Stores images in every transfer syntax that decoders are for, retrieves them in others, and compares the pixels with
what pydicom's own decoders say, and every other attribute with the file's.

    pixel_codecs.py URL FOLDER            its own images, written into FOLDER
    pixel_codecs.py URL FOLDER SAMPLE...  these files
"""
import io
import pathlib
import random
import subprocess
import sys

import numpy
import pydicom
import requests
from dicomweb_client.api import DICOMwebClient
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels import pixel_array
from pydicom.uid import ExplicitVRLittleEndian, JPEG2000, JPEG2000Lossless, generate_uid

url, folder, samples = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3:]
BASE = "1.2.840.10008.1.2"
NATIVE = BASE + ".1"
LOSSLESS = {BASE, NATIVE, BASE + ".1.99", BASE + ".2", BASE + ".5"} | {BASE + ".4.%d" % n for n in (57, 70, 80, 90)}
LOSSY = {BASE + ".4.%d" % n for n in (50, 51, 81, 91)}
TARGETS = [BASE + ".4.%d" % n for n in (80, 70, 90, 91)]
# What describes the form of the pixel data, and what a decoder is to add (PS3.3 C.7.6.1.1.5).
FORM = {0x7FE00010, 0x00280004, 0x00280006, 0x00282110, 0x7FE00001, 0x7FE00002}
study, series = generate_uid(), generate_uid()


def image(name, pixels, bits, signed=False, frames=1):
    """A native instance of `pixels`, rows x columns [x 3], or frames x rows x columns."""
    data = Dataset()
    data.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7.3" if frames > 1 else "1.2.840.10008.5.1.4.1.1.7"
    data.StudyInstanceUID, data.SeriesInstanceUID, data.SOPInstanceUID = study, series, generate_uid()
    data.SpecificCharacterSet = "ISO_IR 192"
    data.PatientName, data.PatientID, data.Modality = "ESSAI^ZOÉ", "TEST-1", "OT"
    data.add_new(0x00091001, "LO", "private")
    data.add_new(0x00090010, "LO", "DRIMBOX TEST")
    shape = pixels.shape[1:] if frames > 1 else pixels.shape
    data.Rows, data.Columns = shape[0], shape[1]
    data.SamplesPerPixel = 3 if len(shape) == 3 else 1
    data.PhotometricInterpretation = "RGB" if len(shape) == 3 else "MONOCHROME2"
    if len(shape) == 3:
        data.PlanarConfiguration = 0
    if frames > 1:
        data.NumberOfFrames = frames
    data.BitsAllocated = pixels.dtype.itemsize * 8
    data.BitsStored, data.HighBit, data.PixelRepresentation = bits, bits - 1, int(signed)
    data.add_new(0x7FE00010, "OW", pixels.tobytes() + (b"\0" if pixels.nbytes % 2 else b""))
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    path = folder / (name + ".dcm")
    data.save_as(path, enforce_file_format=True)
    return path


def variant(path, name, *command):
    """The image as another program writes it, under a SOP Instance UID of its own."""
    copy = pydicom.dcmread(path)
    copy.SOPInstanceUID = copy.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    source = path.with_suffix(".tmp")
    copy.save_as(source)
    target = path.with_name("%s-%s.dcm" % (path.stem, name))
    subprocess.run([command[0], *command[1:], str(source), str(target)], check=True, capture_output=True)
    source.unlink()
    return target


def make():
    """Noise on a slope, so that no coder has it easy, in the forms of pixel data that images come in."""
    generator = numpy.random.default_rng(7)

    def noisy(shape, top, kind):
        slope = numpy.indices(shape).sum(axis=0) * (top / (2 * sum(shape)))
        return (slope + generator.integers(0, max(2, top // 8), shape)).astype(kind)

    plain = {
        "ct": image("ct", noisy((64, 80), 4000, "<i2") - 1000, 16, signed=True),
        "mr12": image("mr12", noisy((70, 50), 3000, "<u2"), 12),
        "grey8": image("grey8", noisy((13, 11), 200, "u1"), 8),
        "rgb": image("rgb", noisy((40, 32, 3), 200, "u1"), 8),
        "frames": image("frames", noisy((3, 32, 48), 3000, "<u2"), 12, frames=3),
    }
    found = list(plain.values())
    for name, path in plain.items():
        found.append(variant(path, "jpegls", "dcmcjpls"))
        found.append(variant(path, "rle", "dcmcrle"))
        found.append(variant(path, "lossless", "dcmcjpeg", "+e1", "+un"))
        found.append(variant(path, "lossless57", "dcmcjpeg", "+el", "+un"))
        if name == "frames":
            # Several fragments for each frame, and nothing that says which.
            found.append(variant(path, "fragments", "dcmcjpeg", "+e1", "+un", "+fs", "1", "-ot"))
        found.append(variant(path, "deflated", "dcmconv", "+td"))
        found.append(variant(path, "bigendian", "dcmconv", "+tb"))
        found.append(variant(path, "implicit", "dcmconv", "+ti"))
        # pydicom's encoder halves too often for an image as small as grey8.
        for syntax, options in ((JPEG2000Lossless, {}), (JPEG2000, {"j2k_cr": [4]})) if name != "grey8" else ():
            data = pydicom.dcmread(path)
            data.compress(syntax, generate_instance_uid=False, **options)
            data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = generate_uid()
            other = path.with_name("%s-%s.dcm" % (name, syntax.name.replace(" ", "")[-24:]))
            data.save_as(other)
            found.append(other)
        if name in ("grey8", "rgb"):
            found.append(variant(path, "baseline", "dcmcjpeg", "+eb", "+un"))
        if name == "mr12":
            found.append(variant(path, "extended", "dcmcjpeg", "+ee", "+un"))
    return found


def get(path, header, **query):
    return requests.get(url + path, headers={"Accept": header}, params=query, timeout=120)


def place(data):
    return "/studies/%s/series/%s/instances/%s" % (data.StudyInstanceUID, data.SeriesInstanceUID, data.SOPInstanceUID)


def retrieve(data, syntax):
    answer = get(place(data), "application/dicom; transfer-syntax=" + syntax)
    assert answer.status_code == 200, (syntax, answer.status_code, answer.text)
    found = pydicom.dcmread(io.BytesIO(answer.content))
    assert found.file_meta.TransferSyntaxUID == syntax, found.file_meta.TransferSyntaxUID
    assert found.file_meta.MediaStorageSOPInstanceUID == data.SOPInstanceUID
    return found


def attributes(data):
    return {int(e.tag): e for e in data if int(e.tag) not in FORM and e.tag.element != 0}


def transformation(data, number):
    """Where Rescale Slope and Intercept of a frame are: in an enhanced object's functional groups, else in the image."""
    groups = list(getattr(data, "SharedFunctionalGroupsSequence", []))
    groups += list(getattr(data, "PerFrameFunctionalGroupsSequence", []))[number - 1:number]
    found = [item for group in groups for item in getattr(group, "PixelValueTransformationSequence", [])]
    return found[-1] if found else data


def check(path):
    data = pydicom.dcmread(path)
    stored = str(data.file_meta.TransferSyntaxUID)
    expected = pixel_array(data).astype("i8")
    # JPEG decoders may round differently (ISO/IEC 10918-1), and fill in the colours between in ways of their own.
    tolerance = 0 if stored in LOSSLESS or stored == BASE + ".4.81" else 4 if data.SamplesPerPixel == 1 else 16

    def compare(found):
        pixels = pixel_array(found).astype("i8")
        assert pixels.shape == expected.shape, (pixels.shape, expected.shape)
        worst = int(abs(pixels - expected).max())
        assert worst <= tolerance, "%s as %s: %d apart" % (path, found.file_meta.TransferSyntaxUID.name, worst)
        one, other = attributes(data), attributes(found)
        assert set(one) == set(other), (path, [hex(t) for t in set(one) ^ set(other)])
        for tag, element in one.items():
            # An empty VR tells nothing: UN in implicit little endian is what explicit syntaxes name.
            assert element.value == other[tag].value or "UN" in (element.VR, other[tag].VR), (path, element)

    if stored != NATIVE:
        compare(retrieve(data, NATIVE))
    for target in TARGETS:
        if target == stored:
            continue
        if stored in LOSSY:
            answer = get(place(data), "application/dicom; transfer-syntax=" + target)
            assert answer.status_code == 406, (path, target, answer.status_code)
        else:
            compare(retrieve(data, target))
    # Frames: the first and the last one alone, as octets; no other one behind them.
    frames = int(getattr(data, "NumberOfFrames", 1))
    kind = ("<i%d" if data.PixelRepresentation else "<u%d") % (data.BitsAllocated // 8)
    for number in {1, frames}:
        answer = get(place(data) + "/frames/%d" % number, "application/octet-stream")
        assert answer.status_code == 200, (path, number, answer.status_code, answer.text)
        frame = expected[number - 1] if frames > 1 else expected
        octets = numpy.frombuffer(answer.content[: frame.size * data.BitsAllocated // 8], kind).astype("i8")
        if data.SamplesPerPixel == 1 or stored in (NATIVE, BASE):
            assert abs(octets - frame.flatten()).max() <= tolerance, (path, "frame", number)
    if frames > 1:
        answer = get(place(data) + "/frames/%d" % (frames + 1), "application/octet-stream")
        assert answer.status_code == 404, (path, answer.status_code, answer.text)
        answer = get(place(data) + "/frames/1,%d" % frames, 'multipart/related; type="application/octet-stream"')
        assert answer.status_code == 200, (path, answer.status_code, answer.text)
        answer = get(place(data) + "/frames/%d/rendered" % frames, "image/png")
        assert answer.status_code == 200, (path, answer.status_code, answer.text)
    # Rendered: within the viewport, in the format asked for.
    for kind, magic in (("image/png", "PNG"), ("image/jpeg", "JPEG")):
        answer = get(place(data) + "/rendered", kind)
        assert answer.status_code == 200, (path, answer.status_code, answer.text)
        assert answer.headers["Content-Type"] == kind
        shown = Image.open(io.BytesIO(answer.content))
        assert shown.format == magic and shown.size == (data.Columns, data.Rows), (path, shown)
    shown = Image.open(io.BytesIO(get(place(data) + "/thumbnail", "image/*").content))
    assert max(shown.size) == 200, shown.size
    shown = Image.open(io.BytesIO(get(place(data) + "/rendered", "image/png", viewport="30,10").content))
    assert shown.size[0] <= 30 and shown.size[1] <= 10 and (shown.size[0] == 30 or shown.size[1] == 10), shown.size
    if data.SamplesPerPixel == 1 and data.BitsAllocated == 16:
        number = frames
        answer = get(place(data) + "/frames/%d/rendered" % number, "image/png", window="1000,2000,linear")
        shown = numpy.asarray(Image.open(io.BytesIO(answer.content))).astype("i8")
        # PS3.3 C.11.2.1.2.1
        values = expected[number - 1] if frames > 1 else expected
        rescale = transformation(data, number)
        values = values * float(getattr(rescale, "RescaleSlope", 1)) + float(getattr(rescale, "RescaleIntercept", 0))
        wanted = numpy.clip((values - 999.5) / 1999 + 0.5, 0, 1) * 255
        assert abs(shown - wanted).max() <= 1 + tolerance, (path, "window", abs(shown - wanted).max())


def check_answers(first):
    """What is asked for wrongly, or is not there."""
    data = pydicom.dcmread(first)
    assert get(place(data) + "/rendered", "image/png", window="1,0").status_code == 400
    assert get(place(data) + "/rendered", "image/png", viewport="0,10").status_code == 400
    assert get(place(data) + "/rendered", "image/png", quality="101").status_code == 400
    assert get(place(data) + "/rendered", "image/gif").status_code == 406
    assert get(place(data) + "/frames/9/rendered", "image/png").status_code == 404
    answer = get(place(data) + "/rendered", "image/gif", accept="image/png")
    assert answer.headers["Content-Type"] == "image/png"
    # More frames than there are bytes: the sizes' product is beyond 64 bits.
    data.Rows = data.Columns = 65535
    data.NumberOfFrames = 2147483647
    data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    whole, data.StudyInstanceUID = data.StudyInstanceUID, generate_uid()
    DICOMwebClient(url=url).store_instances([data])
    for target in TARGETS:
        answer = get(place(data), "application/dicom; transfer-syntax=" + target)
        assert answer.status_code in (406, 500), (target, answer.status_code)
    data.StudyInstanceUID = whole
    # Every instance of the series, each as it will be: the stored ones beside those brought into another syntax.
    client = DICOMwebClient(url=url)
    syntax = [("application/dicom", NATIVE)]
    found = client.retrieve_series(data.StudyInstanceUID, data.SeriesInstanceUID, media_types=tuple(syntax))
    assert {str(d.file_meta.TransferSyntaxUID) for d in found} == {NATIVE}
    answer = get("/studies/%s/rendered" % data.StudyInstanceUID, 'multipart/related; type="image/jpeg"')
    assert answer.content.count(b"Content-Type: image/jpeg") == len(found)
    return len(found)


def check_damage(path):
    """Damaged pixel data is an error for its own request, or some picture; the next request is answered."""
    generator, client = random.Random(3), DICOMwebClient(url=url)
    whole = path.read_bytes()
    start = whole.rindex(b"\xe0\x7f\x10\x00") + 40
    for turn in range(8):
        data = bytearray(whole)
        if turn == 0:
            end = start + (len(data) - start) // 2
            for position in range(end, len(data) - 8):
                data[position] = 0
        for _ in range(turn * 4):
            data[generator.randrange(start, len(data) - 8)] ^= 1 << generator.randrange(8)
        damaged = pydicom.dcmread(io.BytesIO(bytes(data)))
        damaged.SOPInstanceUID = damaged.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        # A study of its own: the others are counted.
        damaged.StudyInstanceUID = generate_uid()
        client.store_instances([damaged])
        answer = get(place(damaged), "application/dicom; transfer-syntax=" + NATIVE)
        assert answer.status_code in (200, 406, 500), answer.status_code
        answer = get(place(damaged) + "/rendered", "image/png")
        assert answer.status_code in (200, 406, 500), answer.status_code


own = not samples
files = make() if own else [pathlib.Path(s) for s in samples]
store = DICOMwebClient(url=url)
for file in files:
    store.store_instances([pydicom.dcmread(file)])
for file in files:
    check(file)
if own:
    count = check_answers(files[0])
    assert count == len(files), (count, len(files))
    for file in files:
        if pydicom.dcmread(file).file_meta.TransferSyntaxUID.is_encapsulated and file.name.startswith(("ct", "rgb")):
            check_damage(file)
    check(files[0])
print("%d images: pixels and attributes as they should be" % len(files))
