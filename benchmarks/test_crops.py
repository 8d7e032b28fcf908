"""Photos to aligned crops beside a loop of facenet-pytorch's detector, and where the time goes."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from torchvision.ops import box_iou

from benchmarks.others import LIKELY, SMALLEST, detected
from deid.data import dataset
from deid.photo import alignment, images
from deid.photo.alignment import DCGAN_FRAME
from deid.photo.detection import detect_many
from deid.photo.mtcnn_networks import networks

SAME, NEAR = 0.9, 0.02  # overlap of boxes, and eye distances between landmarks, of one face found twice
NETWORKS = "first network", "second network", "third network"


@pytest.mark.parametrize("way", ["deid", "plain"])
def test_dataset_creation(benchmark, way, portraits, tmp_path):
    """All of it, with alignment, crops and index, beside a loop that only detects."""
    own = lambda: [*dataset.create(portraits, tmp_path / "dataset")]  # noqa: E731
    benchmark.pedantic(own if way == "deid" else lambda: detected(portraits), rounds=1)
    benchmark.extra_info["photos"] = len(portraits)
    if way == "deid":
        same, count = matched(portraits)
        benchmark.extra_info |= {"boxes of the plain loop": count, "found as well": round(same / count, 4)}


def matched(portraits: Sequence[Path]) -> tuple[int, int]:
    """Of the plain loop's faces, how many are found in the same place, and how many there are."""
    pixels = [images.load(path).pixels for path in portraits]
    own = detect_many(pixels, LIKELY, SMALLEST)
    same = count = 0
    # Ours looks for somewhat smaller faces, and leaves those out: the same sizes of a photo are looked at.
    theirs = detected(portraits, int(0.8 * SMALLEST))
    for (boxes, points), faces in zip(theirs, own, strict=True):
        large = [k for k, (x1, y1, x2, y2) in enumerate(boxes.tolist()) if max(x2 - x1, y2 - y1) >= SMALLEST]
        boxes, points = boxes[large], points[large]
        count += len(boxes)
        if not len(boxes) or not faces:
            continue
        overlap, at = box_iou(boxes, torch.tensor([face.box for face in faces])).max(1)
        away = (points - torch.stack([faces[k].points() for k in at.tolist()])).norm(dim=2).mean(1)
        eyes = (points[:, 1] - points[:, 0]).norm(dim=1)
        same += int(((overlap >= SAME) & (away <= NEAR * eyes)).sum())
    return same, count


@contextmanager
def watched(spent: Counter[str]) -> Iterator[None]:
    """Count the seconds that each of the detector's networks computes."""
    handles = []
    for name, network in zip(
        ("first network", "second network", "third network"), networks("cpu"), strict=True
    ):
        begun = []
        handles += [
            network.register_forward_pre_hook(lambda *_, begun=begun: begun.append(time.process_time())),
            network.register_forward_hook(
                lambda *_, begun=begun, name=name: spent.update({name: time.process_time() - begun.pop()})
            ),
        ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@pytest.mark.parametrize("way", ["decode", "find", "align", "write"])
def test_parts_of_dataset_creation(benchmark, way, portraits, tmp_path):
    """Each part by itself; of the search also the networks, without which there is no such detector."""
    photos = [images.load(path) for path in portraits]
    pixels = [photo.pixels for photo in photos]
    firsts = [faces[0] for faces in detect_many(pixels, 0.0, SMALLEST) if faces]
    frame, spent = DCGAN_FRAME.resized(64), Counter[str]()
    crops = [alignment.crop(part, frame.matrix(face), 64) for part, face in zip(pixels, firsts, strict=False)]
    parts = {
        "decode": lambda: [images.load(path) for path in portraits],
        "find": lambda: detect_many(pixels, LIKELY, SMALLEST),
        "align": lambda: [
            alignment.crop(part, frame.matrix(face), 64) for part, face in zip(pixels, firsts, strict=False)
        ],
        "write": lambda: [
            images.save(images.Photo(crop), tmp_path / f"{k}.png") for k, crop in enumerate(crops)
        ],
    }
    with watched(spent):
        benchmark.pedantic(parts[way], rounds=1)
    benchmark.extra_info["photos"] = len(portraits)
    benchmark.extra_info |= {name: round(seconds, 3) for name, seconds in spent.items()}
