"""A pixel classifier as biologists use it today: a random forest on image features.

Gaussian, Laplacian of Gaussian, gradient magnitude, and the eigenvalues of structure
tensor and Hessian at seven scales, and scikit-learn's forest of 100 trees. Its objects
are made by `find_objects`, from its probability, as those of a network. scikit-learn is
no part of the program: ``pip install scikit-learn``.
"""

import os

import numpy as np
from real_sets import Pair
from scipy import ndimage

import napari_unet as nu
from napari_unet.core.annotation.target import make_target

# The first is a Gaussian only: less is not resolved.
SIGMAS = (0.3, 0.7, 1.0, 1.6, 3.5, 5.0, 10.0)
TREES = 100
# Pixels that are learned of each image: of objects, of edges, of background.
SAMPLED = 4000
# Pixels are near an edge up to this distance, in px.
NEAR = 2
# Objects smaller than this part of the smallest annotated ones (5 %) are specks.
SPECK = 0.3


def measure_features(image: nu.Image) -> np.ndarray:
    """Return the features of each pixel, (Y * X, F) float32."""
    grey = image.array[0].astype(np.float32)
    low, high = np.percentile(grey, (1, 99))
    grey = (grey - low) / max(high - low, 1e-6)
    found = [ndimage.gaussian_filter(grey, SIGMAS[0])]
    for sigma in SIGMAS[1:]:
        smooth = ndimage.gaussian_filter(grey, sigma)
        dy, dx = np.gradient(smooth)
        yy, yx = np.gradient(dy)
        xx = np.gradient(dx, axis=1)
        tensor = (
            ndimage.gaussian_filter(a, sigma) for a in (dy * dy, dy * dx, dx * dx)
        )
        found += [smooth, yy + xx, np.hypot(dy, dx)]
        found += _eigenvalues(*tensor)
        found += _eigenvalues(yy, yx, xx)
    return np.stack([each.ravel() for each in found], axis=1).astype(np.float32)


def _eigenvalues(yy: np.ndarray, yx: np.ndarray, xx: np.ndarray) -> list[np.ndarray]:
    """Return both eigenvalues of symmetric 2×2 matrices."""
    middle, spread = (yy + xx) / 2, np.hypot((yy - xx) / 2, yx)
    return [middle + spread, middle - spread]


class PixelForest:
    """A random forest and how its objects are made.

    Parameters
    ----------
    annotated : list of (Image, ndarray of int)
        What to learn from.
    seed : int
        Of the sample and of the trees.
    """

    def __init__(self, annotated: list[Pair], seed: int) -> None:
        from sklearn.ensemble import RandomForestClassifier

        rng = np.random.default_rng(seed)
        features, classes = [], []
        for image, labels in annotated:
            # As the network learns it: a line between touching objects is background.
            truth = make_target(labels.astype(np.int32), separation_border=2).classes
            chosen = _sample(truth > 0, rng)
            features.append(measure_features(image)[chosen])
            classes.append(truth.ravel()[chosen] > 0)
        self._forest = RandomForestClassifier(
            TREES, n_jobs=os.cpu_count(), min_samples_leaf=2, random_state=seed
        )
        self._forest.fit(np.concatenate(features), np.concatenate(classes))
        areas = np.concatenate([np.bincount(pair[1].ravel())[1:] for pair in annotated])
        smallest = np.percentile(areas[areas > 0], 5)
        self._objects = nu.ObjectConfig(min_size=round(SPECK * smallest))

    def segment(self, image: nu.Image) -> np.ndarray:
        """Return labels (Y, X)."""
        foreground = self._forest.predict_proba(measure_features(image))[:, 1]
        shape = image.array.shape[1:]
        return nu.find_objects(
            foreground.reshape(shape).astype(np.float32), self._objects
        )


def _sample(objects: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return flat indices: as many of objects, of their edges and of background."""
    inside = ndimage.binary_erosion(objects, iterations=NEAR, border_value=1)
    near = ndimage.binary_dilation(objects, iterations=NEAR) & ~inside
    kinds = (inside, near, ~(inside | near))
    chosen = []
    for kind in kinds:
        pixels = np.flatnonzero(kind)
        size = min(SAMPLED, len(pixels))
        chosen.append(rng.choice(pixels, size, replace=False))
    return np.concatenate(chosen)
