"""What the baselines see of a crop: principal components of its pixels, or descriptors.

The paper does not say what its baselines were given. Two answers stand side by side:

``pca``
    The raw pixels, reduced by a principal component analysis of the training part.
``descriptors``
    Colour, texture and shape of the cell in numbers a haematologist could name,
    :data:`DESCRIPTORS`, brought to mean 0 and variance 1 in the training part.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from edge.crops.preprocess import UInt8Image

COMPONENTS = 64
"""Principal components kept. On C-NMC they hold 84 % of the variance, the first sixteen 70 %: the
tail is long and flat, and a few thousand crops do not pay for more inputs than that."""

FeatureTable = npt.NDArray[np.float32]
Transform = Callable[[UInt8Image], FeatureTable]

_Mask = npt.NDArray[np.uint8]

_BLACK = 8  # up to this level a pixel counts as background: JPEG leaves some grey on black
_LEVELS = 16  # grey levels of a co-occurrence matrix
_DISTANCES = (1, 2, 4)
_DEEP = 1.5  # pixels: what is shallower is the staircase of a digital outline
_BLURS = (1.0, 2.0, 4.0)
_CIRCLE = ((-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1))

_CHANNELS = ("red", "green", "blue", "lab_l", "lab_a", "lab_b")
_STATISTICS = ("mean", "std", "skewness", "p10", "p50", "p90")
_HARALICK = ("contrast", "homogeneity", "energy", "correlation", "entropy")

COLOUR = (
    *(f"{channel}_{statistic}" for channel in _CHANNELS for statistic in _STATISTICS),
    *(f"{channel}_rim" for channel in _CHANNELS),
)
"""Names of the colour descriptors."""

TEXTURE = (
    *(f"glcm{distance}_{name}" for distance in _DISTANCES for name in _HARALICK),
    *(f"lbp_{ones}" for ones in range(9)),
    "lbp_other",
    "gradient_mean",
    "gradient_std",
    "laplacian_std",
    *(f"grain_{blur:.0f}" for blur in _BLURS),
)
"""Names of the texture descriptors."""

SHAPE = (
    "area",
    "perimeter",
    "circularity",
    "solidity",
    "eccentricity",
    "radius_spread",
    "concavity_depth",
    "concavities",
    *(f"hu_{i}" for i in range(1, 8)),
)
"""Names of the shape descriptors."""

DESCRIPTORS = (*COLOUR, *TEXTURE, *SHAPE)
"""Names of all descriptors, in the order of :func:`describe_cells`'s columns."""


def fit_pca(training: UInt8Image, seed: int) -> Transform:
    """Learn principal components of the pixels.

    Pixels are divided by 255 and not scaled one by one: far from the middle they are
    nearly always black, and scaling would raise a few large cells above all the others.
    Components keep their variances, so that distances between crops stay what they are, and
    one number brings them to variance 1 on average. Whitened ones did the same on thousands of
    crops, but from a hundred crops or with more components the noise of the small ones wins.

    Parameters
    ----------
    training : ndarray of uint8, shape (n, side, side, 3)
        Crops of the training part, and of it alone.
    seed : int
        Of the randomised solver.

    Returns
    -------
    callable
        (m, side, side, 3) uint8 -> (m, k) float32, where k is :data:`COMPONENTS` or, with fewer
        crops, one less than there are: that many span what differs between them.
    """
    from sklearn.decomposition import PCA

    components = max(1, min(COMPONENTS, len(training) - 1))
    pca = PCA(components, svd_solver="randomized", random_state=seed)
    spread = _or_one(np.sqrt(np.mean(pca.fit_transform(_pixels(training)) ** 2)))
    return lambda crops: np.asarray(pca.transform(_pixels(crops)) / spread, np.float32)


def fit_descriptors(training: UInt8Image, seed: int) -> Transform:
    """Learn mean and standard deviation of every descriptor, and bring them to 0 and 1.

    Descriptors have units from 0.001 to 1000, and all baselines but the forest measure
    distances. Parameters as for :func:`fit_pca`; nothing is random.

    Returns
    -------
    callable
        (m, side, side, 3) uint8 -> (m, len(DESCRIPTORS)) float32.
    """
    table = describe_cells(training).astype(np.float64)
    mean, std = table.mean(axis=0), _or_one(table.std(axis=0))
    return lambda crops: np.asarray((describe_cells(crops) - mean) / std, np.float32)


FEATURES: dict[str, Callable[[UInt8Image, int], Transform]] = {
    "pca": fit_pca,
    "descriptors": fit_descriptors,
}
"""Name on the command line -> what learns from training crops and a seed how to see crops."""


def describe_cells(crops: UInt8Image) -> FeatureTable:
    """Describe colour, texture and shape of the cell in every crop.

    The cell is the largest spot that is not black, holes filled. Descriptors do not change
    when the crop is turned by a right angle or mirrored; a crop without a cell gives zeros.

    Colour, in the cell less its outermost pixel, which is mixed with the background;
    channels are RGB (0..255) and CIE L*a*b*:
        ``mean``, ``std``, ``skewness``, percentiles ``p10``, ``p50``, ``p90``; ``rim``: mean of
        the outer half (by depth) minus mean of the inner: cytoplasm against nucleus.
    Texture, in the cell less two pixels, on grey levels (ITU-R BT.601):
        ``glcm<d>_*``: Haralick's features (IEEE Trans. SMC 3, 1973) of the symmetric
        co-occurrence matrix p(i, j) at d pixels, four directions added up. Levels are 16 over
        mean +- 3 standard deviations, so lamp and stain do not matter: contrast
        sum p (i-j)^2; homogeneity sum p / (1 + (i-j)^2); energy sqrt(sum p^2); correlation;
        entropy -sum p ln p. ``lbp_*``: shares of the rotation-invariant uniform local binary
        patterns, 8 neighbours (Ojala et al., IEEE Trans. PAMI 24, 2002).
        ``gradient_*``: of the Sobel magnitude; ``laplacian_std``; ``grain_<s>``: standard
        deviation of what a Gaussian of s pixels takes away, after the finer ones.
    Shape:
        ``area`` in pixels; ``perimeter`` in pixels, as Vossepoel and Smeulders (CGIP 20, 1982)
        estimate it; ``circularity`` 4 pi area / perimeter^2, about 1 for a disc; ``solidity``:
        area over that of the convex hull; ``eccentricity`` of the ellipse with the same second
        moments; ``radius_spread``: standard deviation over mean of the outline's
        distance from the centre; ``concavity_depth``: of the deepest bay, in diameters of a
        disc of that area; ``concavities``: how many bays are deeper than 1.5 pixels; ``hu_*``:
        Hu's moments (IRE Trans. IT 8, 1962), each as the signed root of its degree, the seventh
        without its sign.

    Parameters
    ----------
    crops : ndarray of uint8, shape (n, side, side, 3)
        RGB on black.

    Returns
    -------
    ndarray of float32, shape (n, len(DESCRIPTORS))
        Finite.
    """
    table = np.zeros((len(crops), len(DESCRIPTORS)), np.float32)
    for row, crop in zip(table, crops, strict=True):
        cell, outline = _find_cell(crop)
        if outline is not None:
            grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
            row[:] = [
                *_colour(crop, _shrink(cell, 1)),
                *_texture(np.asarray(grey), cell, _shrink(cell, 2)),
                *_shape(cell, outline),
            ]
    return table


def _or_one(std: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Standard deviations to divide by: 1 for what never varies."""
    return np.where(np.asarray(std) > 1e-9, std, 1.0).astype(np.float64)


def _pixels(crops: UInt8Image) -> FeatureTable:
    return crops.reshape(len(crops), -1).astype(np.float32) / np.float32(255)


# ---------------------------------------------------------------- where the cell is


def _find_cell(crop: UInt8Image) -> tuple[_Mask, npt.NDArray[np.int32] | None]:
    """Mask (0 and 1) and outline, shape (k, 2) of x and y, of the largest spot not black."""
    cell: _Mask = np.zeros(crop.shape[:2], np.uint8)
    visible = (crop.max(axis=-1) > _BLACK).astype(np.uint8)
    outlines, _ = cv2.findContours(visible, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not outlines:
        return cell, None
    largest = max(outlines, key=lambda outline: (cv2.contourArea(outline), len(outline)))
    cv2.drawContours(cell, [largest], -1, 1, cv2.FILLED)
    return cell, np.asarray(largest[:, 0], np.int32)


def _shrink(cell: _Mask, pixels: int) -> npt.NDArray[np.bool_]:
    """Take outer pixels off, unless nothing would be left."""
    square = np.ones((3, 3), np.uint8)
    # beyond the crop is background too
    black = {"borderType": cv2.BORDER_CONSTANT, "borderValue": 0}
    smaller = cv2.erode(cell, square, iterations=pixels, **black)  # type: ignore[call-overload]
    return np.asarray(smaller if smaller.any() else cell, np.bool_)


def _depth(mask: _Mask) -> npt.NDArray[np.float32]:
    """Distance of every pixel of a mask from what is outside it and outside the crop."""
    framed = np.pad(mask, 1)
    depth = cv2.distanceTransform(framed, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(depth[1:-1, 1:-1], np.float32)


# ---------------------------------------------------------------- colour


def _colour(crop: UInt8Image, inside: npt.NDArray[np.bool_]) -> list[float]:
    lab = cv2.cvtColor(crop.astype(np.float32) / np.float32(255), cv2.COLOR_RGB2Lab)
    pixels = np.concatenate([crop[inside], lab[inside]], axis=1, dtype=np.float64)
    mean, std = pixels.mean(axis=0), pixels.std(axis=0)
    # a flat channel has no skewness, and 1e-6 of a level is rounding
    cubes = ((pixels - mean) ** 3).mean(axis=0)
    skewness = np.where(std > 1e-3, cubes / np.maximum(std, 1e-3) ** 3, 0)
    percentiles = np.percentile(pixels, [10, 50, 90], axis=0)
    depth = _depth(inside.astype(np.uint8))[inside]
    inner = depth > np.median(depth)
    rim = pixels[~inner].mean(axis=0) - pixels[inner].mean(axis=0) if inner.any() else 0 * mean
    statistics = np.stack([mean, std, skewness, *percentiles], axis=1)
    return [*statistics.ravel().tolist(), *rim.tolist()]


# ---------------------------------------------------------------- texture


def _texture(grey: UInt8Image, cell: _Mask, inside: npt.NDArray[np.bool_]) -> list[float]:
    haralick = [
        value
        for distance in _DISTANCES
        for value in _haralick(_co_occurrence(grey, inside, distance))
    ]
    plane = grey.astype(np.float32)
    slope = np.hypot(cv2.Sobel(plane, -1, 1, 0), cv2.Sobel(plane, -1, 0, 1))[inside]
    bend = cv2.Laplacian(plane, -1)[inside]
    return [
        *haralick,
        *_binary_patterns(grey, inside),
        float(slope.mean()),
        float(slope.std()),
        float(bend.std()),
        *_grain(plane, cell, inside),
    ]


def _co_occurrence(
    grey: UInt8Image, inside: npt.NDArray[np.bool_], distance: int
) -> npt.NDArray[np.float64]:
    """Symmetric co-occurrence matrix, shape (16, 16), sum 1; zeros if no two pixels pair."""
    values = grey[inside].astype(np.float64)
    std = max(float(values.std()), 1e-6)
    scaled = (grey - values.mean()) / (6 * std) + 0.5
    levels = np.clip(np.floor(scaled * _LEVELS), 0, _LEVELS - 1).astype(np.intp)
    levels = np.pad(levels, distance)
    mask = np.pad(inside, distance)  # so that nothing pairs across the crop's edges
    counts = np.zeros(_LEVELS * _LEVELS)
    for dy, dx in ((0, 1), (1, 0), (1, 1), (1, -1)):
        shift = (-dy * distance, -dx * distance)
        both = mask & np.roll(mask, shift, (0, 1))
        pairs = levels[both] * _LEVELS + np.roll(levels, shift, (0, 1))[both]
        counts += np.bincount(pairs, minlength=_LEVELS * _LEVELS)
    matrix = counts.reshape(_LEVELS, _LEVELS)
    matrix = matrix + matrix.T
    return np.asarray(matrix / max(matrix.sum(), 1.0))


def _haralick(matrix: npt.NDArray[np.float64]) -> tuple[float, ...]:
    i = np.arange(_LEVELS)
    squared = (i[:, None] - i) ** 2
    share = matrix.sum(axis=0)
    mean = share @ i
    variance = share @ (i - mean) ** 2
    covariance = (i - mean) @ matrix @ (i - mean)
    seen = matrix[matrix > 0]
    return (
        float((matrix * squared).sum()),
        float((matrix / (1 + squared)).sum()),
        float(np.sqrt((matrix**2).sum())),
        float(covariance / variance) if variance > 1e-9 else 0.0,
        float(-(seen * np.log(seen)).sum()),
    )


def _binary_patterns(grey: UInt8Image, inside: npt.NDArray[np.bool_]) -> list[float]:
    """Shares of the patterns with 0 to 8 ones in a row, and of all others."""
    brighter = np.stack(
        [np.roll(grey, (-dy, -dx), (0, 1))[inside] >= grey[inside] for dy, dx in _CIRCLE]
    )
    changes = (brighter != np.roll(brighter, 1, axis=0)).sum(axis=0)
    pattern = np.where(changes <= 2, brighter.sum(axis=0), 9)
    return [float(share) for share in np.bincount(pattern, minlength=10) / len(pattern)]


def _grain(
    plane: npt.NDArray[np.float32], cell: _Mask, inside: npt.NDArray[np.bool_]
) -> list[float]:
    weight = cell.astype(np.float32)
    before, grain = plane[inside], []
    for blur in _BLURS:
        # divided by the blurred mask: black around the cell must not bleed into it
        amount = cv2.GaussianBlur(weight, (0, 0), blur)[inside]
        blurred = cv2.GaussianBlur(plane * weight, (0, 0), blur)[inside]
        after = np.asarray(blurred / amount, np.float32)
        grain.append(float((before - after).std()))
        before = after
    return grain


# ---------------------------------------------------------------- shape


def _shape(cell: _Mask, outline: npt.NDArray[np.int32]) -> list[float]:
    area = float(cell.sum())
    perimeter = _perimeter(outline)
    hull = cv2.convexHull(outline)
    hull_area = cv2.contourArea(hull)
    moments = cv2.moments(cell, binaryImage=True)
    centre = (moments["m10"] / area, moments["m01"] / area)
    radii = np.linalg.norm(outline - np.array(centre), axis=1)
    depths = np.array([cv2.pointPolygonTest(hull, (float(x), float(y)), True) for x, y in outline])
    deep = depths > _DEEP
    return [
        area,
        perimeter,
        4 * np.pi * area / perimeter**2,
        cv2.contourArea(outline) / hull_area if hull_area > 0 else 1.0,
        _eccentricity(moments),
        float(radii.std() / max(radii.mean(), 1e-6)),
        max(float(depths.max()), 0.0) / (2 * np.sqrt(area / np.pi)),
        float(np.count_nonzero(deep & ~np.roll(deep, 1))),  # how often the outline goes in
        *_hu(moments),
    ]


def _perimeter(outline: npt.NDArray[np.int32]) -> float:
    """0.980 straight steps + 1.406 diagonal ones - 0.091 corners, around the pixels' outside."""
    steps = np.roll(outline, -1, axis=0) - outline
    diagonal = int(np.count_nonzero(steps.all(axis=1)))
    straight = int(np.count_nonzero(steps.any(axis=1))) - diagonal
    corners = int(np.count_nonzero((steps != np.roll(steps, 1, axis=0)).any(axis=1)))
    through_centres = 0.980 * straight + 1.406 * diagonal - 0.091 * corners
    return max(through_centres, 0.0) + np.pi  # half a pixel further out all the way round


def _eccentricity(moments: dict[str, float]) -> float:
    mean = (moments["mu20"] + moments["mu02"]) / 2
    spread = np.hypot((moments["mu20"] - moments["mu02"]) / 2, moments["mu11"])
    if mean <= 0:
        return 0.0
    return float(np.sqrt(1 - max(mean - spread, 0.0) / (mean + spread)))


def _hu(moments: dict[str, float]) -> list[float]:
    """Hu's moments on one scale; logarithms, as often used, blow up where one is near 0."""
    hu = np.asarray(cv2.HuMoments(moments), np.float64).ravel()
    degrees = np.array([1, 2, 2, 2, 4, 3, 4])
    roots = np.sign(hu) * np.abs(hu) ** (1 / degrees)
    roots[6] = abs(roots[6])  # its sign tells a cell from its mirror image: no difference here
    return [float(root) for root in roots]
