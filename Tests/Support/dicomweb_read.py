#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads a study with dicomweb-client: QIDO-RS search, WADO-RS study, series, instance and metadata.

    dicomweb_read.py URL STUDY OUT

URL is the service root (http://127.0.0.1:8080/dicomweb). Writes OUT/study/*, OUT/series/* (all series,
one after another), OUT/instance/* (the first of each series) and OUT/metadata.json; prints counts as
JSON. Exit code 0 when all three ways agree on the set of instances.
"""
import json
import pathlib
import sys

from dicomweb_client.api import DICOMwebClient

# PS3.18 8.7.3.5.2: any transfer syntax, so the instance comes as it is stored.
AS_STORED = (("application/dicom", "*"),)


def value(item, tag):
    return (item.get(tag, {}).get("Value") or [None])[0]


def write(directory, data_sets):
    directory.mkdir(parents=True, exist_ok=True)
    uids = []
    for data_set in data_sets:
        uids.append(str(data_set.SOPInstanceUID))
        # Elements nobody has touched are written with the bytes they were read with.
        data_set.save_as(directory / ("IM%06d" % len(uids)), enforce_file_format=True)
    return uids


def main():
    if len(sys.argv) != 4:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    url, study, out = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
    client = DICOMwebClient(url)

    studies = client.search_for_studies(search_filters={"StudyInstanceUID": study})
    series = [value(item, "0020000E") for item in client.search_for_series(study)]
    found = {uid: [value(item, "00080018") for item in client.search_for_instances(study, uid)]
             for uid in series}

    whole_study = write(out / "study", client.iter_study(study, media_types=AS_STORED))
    by_series = []
    for number, uid in enumerate(series):
        data_sets = client.iter_series(study, uid, media_types=AS_STORED)
        by_series += write(out / "series" / str(number + 1), data_sets)
    single = [client.retrieve_instance(study, uid, found[uid][0], media_types=AS_STORED)
              for uid in series if found[uid]]
    write(out / "instance", single)

    metadata = client.retrieve_study_metadata(study)
    (out / "metadata.json").write_text(json.dumps(metadata, indent=1))
    described = [value(item, "00080018") for item in metadata]

    searched = [uid for uids in found.values() for uid in uids]
    agree = len(studies) == 1 and bool(searched) and all(
        sorted(uids) == sorted(searched) for uids in (whole_study, by_series, described))
    agree = agree and [str(item.SOPInstanceUID) for item in single] == [found[uid][0] for uid in series]
    print(json.dumps({"studies": len(studies), "series": len(series), "searched": len(searched),
                      "study": len(whole_study), "bySeries": len(by_series), "instances": len(single),
                      "metadata": len(metadata), "agree": agree}))
    return 0 if agree else 1


if __name__ == "__main__":
    sys.exit(main())
