"""Count what the search for near-duplicates misses and invents, on a folder of real crops.

``python benchmarks/near_duplicates.py FOLDER``. Copies of 300 crops are made on purpose and
looked for; pairs of two people among all crops are false alarms (or one cell that is published
as two people's). Takes a minute or two for some 4,000 crops.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from calibration.cells.crop_set import CropSet, load_crops
from calibration.cells.labelled_crops import find_labelled_crops
from edge.crops.preprocess import UInt8Image, to_crop
from edge.decoding.decode import decode
from edge.files import read_bytes
from edge.models import cnmc
from train.data.near_duplicates import LIKE, like_pairs

COPIED = 300
_CUT = 30  # a thirtieth of the side: 15 of 450 pixels


def main() -> None:
    """Print the counts."""
    data = load_crops(find_labelled_crops(Path(sys.argv[1])), cnmc.SIDE)
    start = time.perf_counter()
    pairs = like_pairs(data.crops)
    seconds = time.perf_counter() - start
    two = [
        f"{data.names[i]} {data.names[j]} {likeness:.2f}"
        for i, j, likeness in pairs
        if data.subjects[i] != data.subjects[j]
    ]
    among = len(data) * (len(data) - 1) // 2
    print(f"{len(data)} crops, {among} pairs, {seconds:.1f} s: {len(pairs)} at {LIKE} or more")
    print(f"of two people: {len(two)}", *two[:20], sep="\n  ")
    chosen = np.random.default_rng(0).permutation(len(data))[:COPIED]
    images = [decode(read_bytes(Path(sys.argv[1]) / data.names[i])) for i in chosen]
    for name, copy in COPIES.items():
        print(f"{name}: {_found(data, chosen, [copy(image) for image in images])} of {len(chosen)}")


def _found(data: CropSet, chosen: np.ndarray, copies: list[UInt8Image]) -> int:
    crops = [to_crop(np.ascontiguousarray(copy), cnmc.SIDE) for copy in copies]
    pairs = {(i, j) for i, j, _ in like_pairs(np.stack([*data.crops[chosen], *crops]))}
    return sum((i, i + len(chosen)) in pairs for i in range(len(chosen)))


def _coded(image: UInt8Image, suffix: str, flag: int, quality: int) -> UInt8Image:
    encoded = cv2.imencode(suffix, image, [flag, quality])[1]
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)


def _jpeg(image: UInt8Image, quality: int) -> UInt8Image:
    return _coded(np.ascontiguousarray(image), ".jpg", cv2.IMWRITE_JPEG_QUALITY, quality)


def _resized(image: UInt8Image, side: int) -> UInt8Image:
    shrinks = side < image.shape[0]
    how = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, (side, side), interpolation=how), np.uint8)


def _cut(image: UInt8Image, top: int, bottom: int, sides: int) -> UInt8Image:
    by = image.shape[0] // _CUT
    height, width = image.shape[:2]
    return image[top * by : height - bottom * by, sides * by : width - sides * by]


COPIES: dict[str, Callable[[UInt8Image], UInt8Image]] = {
    "turned by 90": lambda image: np.rot90(image),
    "turned by 180": lambda image: np.rot90(image, 2),
    "mirrored": lambda image: image[:, ::-1],
    "mirrored and turned by 90": lambda image: image.transpose(1, 0, 2),
    "JPEG of quality 90": lambda image: _jpeg(image, 90),
    "JPEG of quality 50": lambda image: _jpeg(image, 50),
    "WebP of quality 60": lambda image: _coded(image, ".webp", cv2.IMWRITE_WEBP_QUALITY, 60),
    "resized to half": lambda image: _resized(image, image.shape[0] // 2),
    "resized to 140": lambda image: _resized(image, 140),
    "half as large again": lambda image: _resized(image, image.shape[0] * 3 // 2),
    "cut by 3 % on every side": lambda image: _cut(image, 1, 1, 1),
    "cut by 7 % above, 3 % left and right": lambda image: _cut(image, 2, 0, 1),
    "turned by 270, 224, JPEG 70": lambda image: _jpeg(np.rot90(_resized(image, 224), 3), 70),
}


if __name__ == "__main__":
    main()
