#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An archive that misbehaves in one way: Study Root C-FIND and C-MOVE as SCP, with pynetdicom.

    faulty_archive.py MODE PORT BOX_PORT FOLDER

MODE: a702 (answers every C-MOVE so), abort (aborts the first C-MOVE after half of the instances, then behaves),
skip (never sends one instance), silent (sends everything, but no pending response), slow (waits 50 ms before each instance,
and prints the monotonic clock's seconds when its C-STORE is answered; the last one's is not told).
"""
import pathlib
import sys
import time

from pydicom import dcmread
from pydicom.dataset import Dataset
from pynetdicom import AE, StoragePresentationContexts, evt
from pynetdicom.sop_class import (
    StudyRootQueryRetrieveInformationModelFind as FIND,
    StudyRootQueryRetrieveInformationModelMove as MOVE,
    Verification,
)

mode, port, box_port, folder = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), pathlib.Path(sys.argv[4])
instances = [dcmread(path) for path in sorted(folder.rglob("*")) if path.is_file()]
moves = 0


def handle_find(event):
    query = event.identifier
    seen = set()
    for instance in instances:
        if query.StudyInstanceUID != instance.StudyInstanceUID:
            continue
        answer = Dataset()
        answer.QueryRetrieveLevel = query.QueryRetrieveLevel
        answer.StudyInstanceUID = instance.StudyInstanceUID
        answer.SeriesInstanceUID = instance.SeriesInstanceUID
        key = instance.SeriesInstanceUID
        if query.QueryRetrieveLevel == "IMAGE":
            if query.SeriesInstanceUID != instance.SeriesInstanceUID:
                continue
            answer.SOPInstanceUID = key = instance.SOPInstanceUID
            answer.SOPClassUID = instance.SOPClassUID
            answer.InstanceNumber = instance.InstanceNumber
        if key not in seen:
            seen.add(key)
            yield 0xFF00, answer
    yield 0x0000, None


def handle_move(event):
    global moves
    moves += 1
    if mode == "a702":
        yield "127.0.0.1", box_port
        yield 1
        yield 0xA702, Dataset()
        return
    wanted = [
        instance
        for instance in instances
        if instance.SeriesInstanceUID == event.identifier.SeriesInstanceUID
        and ("SOPInstanceUID" not in event.identifier
             or instance.SOPInstanceUID in event.identifier.SOPInstanceUID)
    ]
    if mode == "skip":
        wanted = [instance for instance in wanted if instance is not instances[0]]
    yield "127.0.0.1", box_port
    yield len(wanted)
    for number, instance in enumerate(wanted):
        if mode == "abort" and moves == 1 and number == len(wanted) // 2:
            event.assoc.abort()
            return
        if mode == "slow":
            time.sleep(0.05)
        yield 0xFF00, instance
        if mode == "slow":
            print(time.monotonic(), flush=True)


ae = AE("FAULTY")
ae.add_supported_context(Verification)
ae.add_supported_context(FIND)
ae.add_supported_context(MOVE)
ae.requested_contexts = StoragePresentationContexts[:120]
ae.start_server(("127.0.0.1", port), evt_handlers=[(evt.EVT_C_FIND, handle_find), (evt.EVT_C_MOVE, handle_move)])
