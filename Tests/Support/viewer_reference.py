# SPDX-License-Identifier: Apache-2.0
"""What a frame looks like, by pydicom, numpy and DCMTK: the references of viewer_checks.py."""
import io
import os
import subprocess
import urllib.error
import urllib.request

import numpy
from PIL import Image
from pydicom.pixels import apply_color_lut, apply_modality_lut, apply_voi_lut

DECODERS = ("dcm2pnm", "dcmj2pnm", "dcml2pnm")


def first(value):
    return value[0] if hasattr(value, "__iter__") and not isinstance(value, str) else value


def macro(data, frame, name):
    """A macro of the functional groups of a frame; None where it is absent."""
    for group in (data.get("PerFrameFunctionalGroupsSequence", [None] * frame)[frame - 1],
                  data.get("SharedFunctionalGroupsSequence", [None])[0]):
        if group is not None and name in group:
            return group[name][0]
    return None


def windows(data, frame):
    """The attributes that the frame's window is in."""
    found = macro(data, frame, "FrameVOILUTSequence")
    return data if found is None else found


def by_numpy(data, frame):
    """rows x columns x 3, 8 bit, as PS3.3 C.11 has it and cut off; None where pydicom cannot decode."""
    try:
        pixels = data.pixel_array
    except Exception:  # whatever the decoders have against it, it is no reference
        return None
    if int(data.get("NumberOfFrames") or 1) > 1:
        pixels = pixels[frame - 1]
    interpretation = data.PhotometricInterpretation
    if interpretation == "PALETTE COLOR":
        return (apply_color_lut(pixels, data) >> 8).astype("u1")
    if pixels.ndim == 3:
        return pixels.astype("u1")  # pydicom makes RGB of YBR by itself
    return grey(data, frame, pixels)


def grey(data, frame, pixels):
    transformation = macro(data, frame, "PixelValueTransformationSequence")
    if "ModalityLUTSequence" in data:
        x = apply_modality_lut(pixels, data).astype("f8")
    else:
        source = data if transformation is None else transformation
        x = pixels * float(source.get("RescaleSlope", 1)) + float(source.get("RescaleIntercept", 0))
    voi = windows(data, frame)
    if voi.get("WindowWidth") not in (None, "") and float(first(voi.WindowWidth)) > 0:
        part = windowed(x, float(first(voi.WindowCenter)), float(first(voi.WindowWidth)), voi.get("VOILUTFunction", "LINEAR"))
    elif "VOILUTSequence" in data:
        part = apply_voi_lut(x.astype("i4"), data) / (2 ** data.VOILUTSequence[0].LUTDescriptor[2] - 1)
    else:
        part = windowed(x, (x.min() + x.max() + 1) / 2, max(x.max() - x.min() + 1, 1), "LINEAR")
    part = numpy.clip(part, 0, 1)
    if interpretation_is_inverse(data):
        part = 1 - part
    if "PixelPaddingValue" in data and data.get("LossyImageCompression") != "01":
        ends = sorted((data.PixelPaddingValue, data.get("PixelPaddingRangeLimit", data.PixelPaddingValue)))
        part = numpy.where((pixels >= ends[0]) & (pixels <= ends[1]), 0, part)
    return numpy.repeat(numpy.floor(255 * part + 1e-9).astype("u1")[..., None], 3, -1)


def interpretation_is_inverse(data):
    return data.PhotometricInterpretation == "MONOCHROME1" or data.get("PresentationLUTShape") == "INVERSE"


def windowed(x, center, width, function):
    if function == "SIGMOID":
        return 1 / (1 + numpy.exp(-4 * (x - center) / width))
    if function == "LINEAR_EXACT":
        return numpy.clip((x - center) / width + 0.5, 0, 1)
    if width == 1:
        return (x > center - 0.5).astype("f8")
    return numpy.clip((x - (center - 0.5)) / (width - 1) + 0.5, 0, 1)


def by_dcmtk(file, data, frame, scratch):
    """rows x columns x 3 as DCMTK renders it, by the same window; None where it cannot."""
    voi = windows(data, frame)
    if voi.get("WindowWidth") not in (None, ""):
        window = ["+Ww", str(first(voi.WindowCenter)), str(first(voi.WindowWidth))]
    elif "VOILUTSequence" in data:
        window = ["+Wl", "1"]
    else:
        window = ["+Wm"]
    out = os.path.join(scratch, "reference.png")
    for decoder in DECODERS:
        if os.path.exists(out):
            os.remove(out)
        done = subprocess.run([decoder, "+on", "+F", str(frame), "--no-overlays", *window, str(file), out],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        if done.returncode == 0 and os.path.exists(out):
            return numpy.array(Image.open(out).convert("RGB"))
    return None


def by_box(url, data, frame):
    """rows x columns x 3 as the box renders it itself; None where it cannot."""
    request = urllib.request.Request("%s/studies/%s/series/%s/instances/%s/frames/%d/rendered" % (
        url, data.StudyInstanceUID, data.SeriesInstanceUID, data.SOPInstanceUID, frame), headers={"Accept": "image/png"})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return numpy.array(Image.open(io.BytesIO(answer.read())).convert("RGB"))
    except urllib.error.HTTPError:
        return None


__all__ = ["by_box", "by_dcmtk", "by_numpy"]
