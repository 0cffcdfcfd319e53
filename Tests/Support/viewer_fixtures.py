# SPDX-License-Identifier: Apache-2.0
"""Studies for viewer_checks.py, each with what a viewer has to do right: made here, of a fictional patient."""
import numpy
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import MPEG4HP41, ExplicitVRLittleEndian, generate_uid

CT, SC = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.7"
PRESENTATION, VIDEO = "1.2.840.10008.5.1.4.1.1.11.1", "1.2.840.10008.5.1.4.1.1.77.1.4.1"
KEY_OBJECTS, BASIC_TEXT = "1.2.840.10008.5.1.4.1.1.88.59", "1.2.840.10008.5.1.4.1.1.88.11"
MARKUP = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"


def code(value, scheme, meaning):
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return Sequence([item])


def instance(study, series, number, class_uid=SC, modality="OT", description="", name="FICTIF^Zoé"):
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = class_uid, generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data = FileDataset(None, {}, file_meta=meta, preamble=bytes(128))
    data.SpecificCharacterSet = "ISO_IR 192"
    data.SOPClassUID, data.SOPInstanceUID = class_uid, meta.MediaStorageSOPInstanceUID
    data.StudyDate, data.StudyTime, data.AccessionNumber, data.ReferringPhysicianName = "20260115", "101500", "SYN1", ""
    data.Modality, data.PatientName, data.PatientID = modality, name, "FICTIF-1"
    data.PatientBirthDate, data.PatientSex, data.StudyID = "19700101", "O", "1"
    data.StudyInstanceUID, data.SeriesInstanceUID = study, series
    data.SeriesNumber, data.InstanceNumber, data.SeriesDescription = "1", str(number), description
    return data


def put(data, pixels, photometric="MONOCHROME2", stored=None, planar=None):
    """`pixels`: rows x columns, or rows x columns x 3, or with frames before."""
    samples = 3 if pixels.shape[-1] == 3 and photometric not in ("MONOCHROME2", "MONOCHROME1", "PALETTE COLOR") else 1
    size = pixels.shape[-3:-1] if samples == 3 else pixels.shape[-2:]
    data.Rows, data.Columns, data.SamplesPerPixel, data.PhotometricInterpretation = *size, samples, photometric
    bits = pixels.dtype.itemsize * 8
    data.BitsAllocated, data.BitsStored = bits, stored or bits
    data.HighBit, data.PixelRepresentation = data.BitsStored - 1, int(pixels.dtype.kind == "i")
    if samples == 3:
        data.PlanarConfiguration = planar or 0
        if planar:
            pixels = numpy.moveaxis(pixels, -1, -3)
    if pixels.ndim > (3 if samples == 3 else 2):
        data.NumberOfFrames = str(pixels.shape[0])
    raw = pixels.tobytes()
    data.add_new("PixelData", "OW" if bits > 8 else "OB", raw + b"\0" * (len(raw) % 2))
    return data


def lut(first, bits, entries, explanation=""):
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [len(entries), first, bits])
    if explanation:
        item.LUTExplanation = explanation
    item.add_new("LUTData", "OW", numpy.asarray(entries, "<u2").tobytes())
    return Sequence([item])


def photometry():
    """One study; each instance in a series of its own, named by what it tries."""
    study, made = generate_uid(), []

    def new(name, **settings):
        data = instance(study, generate_uid(), 1, description=name, **settings)
        data.SeriesNumber = str(len(made) + 1)
        made.append(data)
        return data

    ramp = numpy.arange(4096, dtype="<u2").reshape(64, 64)
    signed = (numpy.arange(65536) - 32768).astype("<i2").reshape(256, 256)
    chart = new("chart 16 bit")
    put(chart, numpy.arange(65536, dtype="<u2").reshape(256, 256))
    chart.WindowCenter, chart.WindowWidth = "32768", "65536"
    data = put(new("signed linear"), signed)
    data.WindowCenter, data.WindowWidth, data.RescaleSlope, data.RescaleIntercept = "40", "400", "0.5", "-24"
    data = put(new("sigmoid"), ramp, stored=12)
    data.WindowCenter, data.WindowWidth, data.VOILUTFunction = "2000", "900", "SIGMOID"
    data = put(new("linear exact"), ramp, stored=12)
    data.WindowCenter, data.WindowWidth, data.VOILUTFunction = "2000", "900.5", "LINEAR_EXACT"
    data = put(new("voi table"), ramp, stored=12)
    data.VOILUTSequence = lut(500, 12, [4095 - (i * 4095 // 1999) for i in range(2000)], "upside down")
    data = put(new("voi table bulk"), ramp, stored=12)
    data.VOILUTSequence = lut(0, 16, [min(i * i // 256, 65535) for i in range(4096)])
    data = put(new("modality table"), ramp, stored=12)
    data.ModalityLUTSequence = lut(0, 16, [(i * 7) % 3000 for i in range(4096)])
    data.ModalityLUTSequence[0].ModalityLUTType = "US"
    data.WindowCenter, data.WindowWidth = "1500", "3000"
    data = put(new("monochrome1"), ramp, "MONOCHROME1", stored=12)
    data.WindowCenter, data.WindowWidth = "2048", "4096"
    data = put(new("32 bit"), (numpy.arange(4096, dtype="<u4") * 1048576).reshape(64, 64))
    colours = numpy.stack([ramp >> 4, 255 - (ramp >> 4), (ramp & 15) << 4], -1).astype("u1")
    put(new("rgb"), colours, "RGB")
    put(new("rgb planar"), colours, "RGB", planar=1)
    put(new("ybr full"), colours, "YBR_FULL")
    half = put(new("ybr 422"), colours, "YBR_FULL_422")
    pairs = colours.reshape(-1, 2, 3)
    half.PixelData = numpy.stack([pairs[:, 0, 0], pairs[:, 1, 0], pairs[:, 0, 1], pairs[:, 0, 2]], -1).tobytes()
    data = put(new("palette 16"), (ramp >> 4).astype("u1"), "PALETTE COLOR")
    for channel, entries in (("Red", range(256)), ("Green", range(255, -1, -1)), ("Blue", [i * 5 % 256 for i in range(256)])):
        data.add_new("%sPaletteColorLookupTableDescriptor" % channel, "US", [256, 0, 16])
        data.add_new("%sPaletteColorLookupTableData" % channel, "OW",
                     numpy.asarray([i << 8 for i in entries], "<u2").tobytes())
    data = put(new("palette segmented"), (ramp >> 4).astype("u1"), "PALETTE COLOR")
    for channel in ("Red", "Green", "Blue"):
        data.add_new("%sPaletteColorLookupTableDescriptor" % channel, "US", [256, 0, 16])
        segments = [0, 2, 0, 0x4000, 1, 254, 0xFE00]  # two entries, then a line to the end
        data.add_new("Segmented%sPaletteColorLookupTableData" % channel, "OW", numpy.asarray(segments, "<u2").tobytes())
    put(new("frames"), numpy.stack([ramp, ramp[::-1]]), stored=12).FrameTime = "50"
    return study, made


def overlaid():
    """Overlay planes in an element of their own and in the high bits, a shutter, and pixels twice as high as wide."""
    study, series = generate_uid(), generate_uid()
    data = instance(study, series, 1, description="overlaid")
    ramp = (numpy.arange(4096, dtype="<u2") % 1000).reshape(64, 64)
    ramp[10:20, 10:20] |= 0x8000
    put(data, ramp, stored=12)
    data.PixelAspectRatio = ["2", "1"]
    data.add_new(0x60000010, "US", 64), data.add_new(0x60000011, "US", 64), data.add_new(0x60000040, "CS", "G")
    data.add_new(0x60000050, "SS", [1, 1]), data.add_new(0x60000100, "US", 1), data.add_new(0x60000102, "US", 0)
    bits = numpy.zeros((64, 64), "u1")
    bits[40:50, 30:60] = 1
    data.add_new(0x60003000, "OW", numpy.packbits(bits, bitorder="little").tobytes())
    data.add_new(0x60020010, "US", 64), data.add_new(0x60020011, "US", 64), data.add_new(0x60020040, "CS", "G")
    data.add_new(0x60020050, "SS", [1, 1]), data.add_new(0x60020100, "US", 16), data.add_new(0x60020102, "US", 15)
    data.ShutterShape = "RECTANGULAR"
    data.ShutterLeftVerticalEdge, data.ShutterRightVerticalEdge = "2", "62"
    data.ShutterUpperHorizontalEdge, data.ShutterLowerHorizontalEdge = "2", "62"
    return study, [data]


def stack(frame, count, step, start, rows=64, spacing=(0.8, 0.6), study=None, orientation=(1, 0, 0, 0, 1, 0)):
    """CT slices; the value of a pixel is its place: column + 100 * slice number, in HU."""
    study, series, made = study or generate_uid(), generate_uid(), []
    normal = numpy.cross(orientation[:3], orientation[3:])
    for index in range(count):
        data = instance(study, series, index + 1, CT, "CT", "every %g mm" % step)
        data.FrameOfReferenceUID = frame
        data.ImageOrientationPatient = [str(one) for one in orientation]
        data.ImagePositionPatient = ["%.4f" % one for one in numpy.array([-10.0, -20.0, 0.0]) + normal * (start + index * step)]
        data.PixelSpacing = ["%g" % one for one in spacing]
        data.RescaleSlope, data.RescaleIntercept = "2", "-1024"
        values = numpy.tile(numpy.arange(rows, dtype="<u2"), (rows, 1)) + 100 * index
        made.append(put(data, values.astype("<u2"), stored=16))
        data.WindowCenter, data.WindowWidth = "0", "4000"
    return study, made


def documents():
    """Markup in every text that is shown, a key object selection of one image, and a report that points at it."""
    study, series = generate_uid(), generate_uid()
    image = put(instance(study, series, 1, description=MARKUP, name=MARKUP[:60] + "^x"),
                numpy.arange(4096, dtype="<u2").reshape(64, 64), stored=12)
    image.StudyDescription = MARKUP[:64]
    image.WindowCenter, image.WindowWidth, image.WindowCenterWidthExplanation = "2000", "4000", "<b>window</b>"
    image.SeriesDescription = MARKUP[:64]
    second = put(instance(study, series, 2, description=MARKUP[:64]), numpy.zeros((64, 64), "<u2"), stored=12)
    reference = Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = SC, second.SOPInstanceUID
    pointer, words = Dataset(), Dataset()
    pointer.RelationshipType, pointer.ValueType, pointer.ReferencedSOPSequence = "CONTAINS", "IMAGE", Sequence([reference])
    words.RelationshipType, words.ValueType, words.TextValue = "CONTAINS", "TEXT", MARKUP
    words.ConceptNameCodeSequence = code("121071", "DCM", "<b>Finding</b>")
    made = [image, second]
    for class_uid, modality, title, number in (
            (KEY_OBJECTS, "KO", code("113000", "DCM", "Of Interest"), 2), (BASIC_TEXT, "SR", code("18748-4", "LN", "<i>CR</i>"), 3)):
        data = instance(study, generate_uid(), 1, class_uid, modality, modality)
        data.SeriesNumber, data.ValueType, data.ContinuityOfContent = str(number), "CONTAINER", "SEPARATE"
        data.ContentDate, data.ContentTime, data.CompletionFlag, data.VerificationFlag = "20260115", "1015", "COMPLETE", "UNVERIFIED"
        data.ConceptNameCodeSequence, data.ContentSequence = title, Sequence([pointer, words])
        made.append(data)
    return study, made


def _graphic(kind, points, units="PIXEL", is_filled=False):
    shape = Dataset()
    shape.GraphicAnnotationUnits, shape.GraphicDimensions, shape.NumberOfGraphicPoints = units, 2, len(points)
    shape.GraphicData = [float(one) for point in points for one in point]
    shape.GraphicType, shape.GraphicFilled = kind, "Y" if is_filled else "N"
    return shape


def _overlay(data, group, bits, kind="G", layer=None):
    rows, columns = bits.shape
    data.add_new((group, 0x0010), "US", rows)
    data.add_new((group, 0x0011), "US", columns)
    data.add_new((group, 0x0040), "CS", kind)
    data.add_new((group, 0x0050), "SS", [1, 1])
    data.add_new((group, 0x0100), "US", 1)
    data.add_new((group, 0x0102), "US", 0)
    if layer:
        data.add_new((group, 0x1001), "CS", layer)
    data.add_new((group, 0x3000), "OW", numpy.packbits(bits.astype("u1").ravel(), bitorder="little").tobytes())


def presented():
    """An image with an overlay that is not to be seen, and two presentation states of it: one that DCMTK renders (window, turned,
    mirrored, inverted, shutter, overlay), one with a displayed area, a bitmap shutter, drawings and words."""
    study, series = generate_uid(), generate_uid()
    image = put(instance(study, series, 1, description="image"), numpy.arange(48 * 64, dtype="<u2").reshape(48, 64), stored=12)
    image.WindowCenter, image.WindowWidth = "2048", "4096"
    _overlay(image, 0x6000, numpy.ones((48, 64), "u1"))
    reference, group = Dataset(), Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = SC, image.SOPInstanceUID
    group.SeriesInstanceUID, group.ReferencedImageSequence = series, Sequence([reference])

    def state(number, label, first, second, mode):
        made = instance(study, generate_uid(), number, PRESENTATION, "PR", label)
        made.ContentLabel, made.ContentDescription, made.InstanceNumber = label, label, str(number)
        made.PresentationCreationDate, made.PresentationCreationTime, made.ContentCreatorName = "20260115", "101500", "A"
        made.ReferencedSeriesSequence, area = Sequence([group]), Dataset()
        area.DisplayedAreaTopLeftHandCorner, area.DisplayedAreaBottomRightHandCorner = first, second
        area.PresentationSizeMode, area.PresentationPixelAspectRatio = mode, ["1", "1"]
        made.DisplayedAreaSelectionSequence = Sequence([area])
        layer = Dataset()
        layer.GraphicLayer, layer.GraphicLayerOrder = "LAYER", "1"
        layer.GraphicLayerRecommendedDisplayGrayscaleValue = 0xFFFF
        made.GraphicLayerSequence = Sequence([layer])
        made.PresentationLUTShape = "IDENTITY"
        return made

    plain = state(1, "PLAIN", [1, 1], [64, 48], "SCALE TO FIT")
    window = Dataset()
    window.WindowCenter, window.WindowWidth = "1500", "2000"
    plain.SoftcopyVOILUTSequence = Sequence([window])
    plain.ImageRotation, plain.ImageHorizontalFlip, plain.PresentationLUTShape = 90, "Y", "INVERSE"
    plain.ShutterShape, plain.ShutterPresentationValue = "RECTANGULAR", 0x4000
    plain.ShutterLeftVerticalEdge, plain.ShutterRightVerticalEdge = "8", "58"
    plain.ShutterUpperHorizontalEdge, plain.ShutterLowerHorizontalEdge = "6", "44"
    bits = numpy.zeros((48, 64), "u1")
    bits[20:24, 30:50] = 1
    _overlay(plain, 0x6002, bits, layer="LAYER")
    drawn = state(2, "DRAWN", [9, 5], [40, 36], "SCALE TO FIT")
    hidden = numpy.zeros((48, 64), "u1")
    hidden[30:36, 9:20] = 1
    _overlay(drawn, 0x6004, hidden)
    drawn.ShutterShape, drawn.ShutterOverlayGroup, drawn.ShutterPresentationValue = "BITMAP", 0x6004, 0x8000
    note, words, more = Dataset(), Dataset(), Dataset()
    words.BoundingBoxAnnotationUnits, words.UnformattedTextValue = "DISPLAY", "Lésion <b>\r\n12 mm"
    words.BoundingBoxTopLeftHandCorner, words.BoundingBoxBottomRightHandCorner = [0.5, 0.5], [0.9, 0.7]
    words.BoundingBoxTextHorizontalJustification = "LEFT"
    note.GraphicLayer, note.TextObjectSequence = "LAYER", Sequence([words])
    note.GraphicObjectSequence = Sequence([
        _graphic("POLYLINE", [(12, 10.5), (30, 10.5)]), _graphic("CIRCLE", [(20, 20), (24, 20)], is_filled=True),
        _graphic("POLYLINE", [(0.25, 0.9), (0.75, 0.9)], "DISPLAY")])
    more.GraphicLayer, more.CompoundGraphicSequence = "LAYER", Sequence([Dataset()])
    drawn.GraphicAnnotationSequence = Sequence([note, more])
    return study, [image, plain, drawn]


def states():
    """An image, a presentation state of it, and an MPEG-4 that is none."""
    study, series = generate_uid(), generate_uid()
    image = put(instance(study, series, 1, description="image"), numpy.arange(4096, dtype="<u2").reshape(64, 64), stored=12)
    image.WindowCenter, image.WindowWidth = "2048", "4096"
    state = instance(study, generate_uid(), 1, PRESENTATION, "PR", "state")
    reference, group, window = Dataset(), Dataset(), Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = SC, image.SOPInstanceUID
    group.SeriesInstanceUID, group.ReferencedImageSequence = series, Sequence([reference])
    window.WindowCenter, window.WindowWidth = "1000", "500"
    state.ReferencedSeriesSequence, state.SoftcopyVOILUTSequence = Sequence([group]), Sequence([window])
    state.ImageRotation, state.ImageHorizontalFlip, state.PresentationLUTShape = 90, "Y", "INVERSE"
    state.ContentLabel, state.ContentDescription = "STATE", "seen otherwise"
    video = instance(study, generate_uid(), 1, VIDEO, "XC", "video")
    video.file_meta.TransferSyntaxUID = MPEG4HP41
    video.Rows, video.Columns, video.SamplesPerPixel, video.PhotometricInterpretation = 64, 64, 3, "YBR_PARTIAL_420"
    video.BitsAllocated, video.BitsStored, video.HighBit, video.PixelRepresentation = 8, 8, 7, 0
    video.NumberOfFrames, video.PlanarConfiguration, video.FrameTime = "25", 0, "40"
    video.add_new("PixelData", "OB", encapsulate([bytes(range(256)) * 8]))
    video["PixelData"].is_undefined_length = True
    return study, [image, state, video]
