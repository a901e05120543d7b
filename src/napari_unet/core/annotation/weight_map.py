"""The loss weight of each pixel: class balance plus border-distance term."""

import functools
from collections.abc import Sequence
from dataclasses import replace
from math import ceil, log, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_unet.core.annotation.gap import measure_gap
from napari_unet.core.annotation.target import Target, check_labels
from napari_unet.core.config import WeightMapConfig
from napari_unet.core.errors import InputError

# The border-distance term counts as 0 where it is below this share of its height.
_NEGLIGIBLE = 1e-7

# A weight may be wrong by this much because of what unknown ground hides.
_TOLERANCE = 0.1

_DEFAULT = WeightMapConfig()


def compute_weight_map(
    target: Target,
    config: WeightMapConfig = _DEFAULT,
    *,
    class_weights: Sequence[float] | NDArray[np.floating] | None = None,
    pixel_size: Sequence[float] | None = None,
) -> NDArray[np.float32]:
    r"""Return the loss weight of each pixel, Eq. 2 of the U-Net paper [1]_.

    .. math:: w(x) = w_c(x) + w_0 \exp\left(-\frac{(d_1 + d_2)^2}{2 \sigma^2}\right)

    The form of 2019 [2]_ has instead of the class balance :math:`w_c` the weight 1 for
    objects, and for background, with v the weight far from any object,

    .. math:: v + (1 - v) \exp\left(-\frac{d_1^2}{2 \sigma_b^2}\right).

    Parameters
    ----------
    target : Target
        From `make_target`, which also cuts the separation border.
    config : WeightMapConfig
        w0, σ, and how classes are balanced.
    class_weights : sequence of float, one per class, optional
        The class balance :math:`w_c` of form 2015. By default computed from this
        target; pass that of the whole training set, or of the whole image when `target`
        is a part of it.
    pixel_size : sequence of float, one per axis, optional
        Edge lengths of a pixel, in the unit of σ. By default 1: σ is in pixels.

    Returns
    -------
    ndarray of float32, shape ([Z,] Y, X)
        0 where the target is unknown, and on ground so close to what is not seen that
        objects hidden there could raise the weight by more than 0.1, or cut a
        separation border. What is painted on unknown ground changes nothing.

    Raises
    ------
    InputError
        If `class_weights` or `pixel_size` has the wrong length.

    Notes
    -----
    In contrast to Eq. 2, the second term is added to background only, as the authors
    do in later work [2]_, unless `ridge_on` says everywhere. On the separation border,
    where objects touched, :math:`d_1` is 0 and :math:`d_2` one pixel: distances are
    taken from the objects as painted.
    In form 2015 all objects keep their distance, in form 2019 those of one class.

    References
    ----------
    .. [1] Ronneberger, Fischer & Brox (2015). U-Net: Convolutional Networks for
           Biomedical Image Segmentation. MICCAI. :doi:`10.1007/978-3-319-24574-4_28`
    .. [2] Falk et al. (2019). U-Net: deep learning for cell counting, detection, and
           morphometry. Nature Methods 16. :doi:`10.1038/s41592-018-0261-2`
    """
    if not target.visible.all():
        target = replace(target, labels=np.where(target.visible, target.labels, 0))
    if config.form == "2019":
        weights = _balance_by_distance(target, config, pixel_size)
    else:
        weights = _balance_by_class(target, config, class_weights)
    ridge = target.known
    if config.ridge_on == "background":
        ridge = ridge & (target.classes == 0)
    terms = [
        border_distance_term(
            labels,
            w0=config.w0,
            sigma=config.sigma,
            pixel_size=pixel_size,
            where=ridge,
        )
        for labels in _kept_apart(target, config)
    ]
    term = functools.reduce(np.maximum, terms)
    weights += term
    if not target.visible.all():
        weights[_may_be_wrong(target, config, pixel_size, term)] = 0
    weights[~target.known] = 0
    return weights


def _may_be_wrong(
    target: Target,
    config: WeightMapConfig,
    pixel_size: Sequence[float] | None,
    term: NDArray[np.float32],
) -> NDArray[np.bool_]:
    """Tell where objects that unseen ground may hide would change the weight.

    The nearest unseen pixel is u away. Two hidden objects there, or one and the
    nearest object, would make d1 + d2 as small as u + min(d1, u). An object that
    touches unseen ground may have to make room for a separation border.
    """
    objects = target.classes > 0
    outside = target.labels == 0
    unseen = ndimage.distance_transform_edt(target.visible, sampling=pixel_size)
    nearest = np.full(outside.shape, np.inf)
    if not outside.all():
        nearest = ndimage.distance_transform_edt(outside, sampling=pixel_size)
    pair = unseen + np.minimum(nearest, unseen)
    highest = config.w0 * np.exp(-np.square(pair) / (2 * config.sigma**2))
    wrong: NDArray[np.bool_] = highest > term + _TOLERANCE
    if config.form == "2019":
        distances = np.stack([nearest, np.minimum(nearest, unseen)])
        near = np.exp(-np.square(distances) / (2 * config.background_sigma**2))
        wrong |= (1 - config.background) * (near[1] - near[0]) > _TOLERANCE
    if config.ridge_on == "background":
        wrong &= ~objects
    if target.border > 0:
        neighbours = ndimage.generate_binary_structure(outside.ndim, outside.ndim)
        beside = ndimage.binary_dilation(~target.visible, neighbours)
        wrong |= beside & objects
    return wrong


def _balance_by_class(
    target: Target,
    config: WeightMapConfig,
    class_weights: Sequence[float] | NDArray[np.floating] | None,
) -> NDArray[np.float32]:
    """Return the class balance of each pixel, as in 2015."""
    classes = int(target.classes.max()) + 1
    if class_weights is None:
        class_weights = weigh_classes(config, count_classes(target, classes))
    if len(class_weights) < classes:
        raise InputError(
            f"The labels hold {classes} classes, background included, but there are "
            f"{len(class_weights)} class weights; give one for each class."
        )
    weights: NDArray[np.float32] = np.asarray(class_weights, np.float32)[target.classes]
    return weights


def _balance_by_distance(
    target: Target, config: WeightMapConfig, pixel_size: Sequence[float] | None
) -> NDArray[np.float32]:
    """Return 1 on objects and less the further away from them, as in 2019."""
    outside = target.labels == 0
    weights = np.full(outside.shape, config.background, np.float32)
    if not outside.all():
        distances = ndimage.distance_transform_edt(outside, sampling=pixel_size)
        near = np.exp(-np.square(distances) / (2 * config.background_sigma**2))
        weights += ((1 - config.background) * near).astype(np.float32)
    weights[target.classes > 0] = 1
    return weights


def _kept_apart(target: Target, config: WeightMapConfig) -> list[NDArray[np.integer]]:
    """Return the sets of objects that are kept apart among each other."""
    highest = int(target.classes.max())
    if config.form == "2015" or highest < 2:
        return [target.labels]
    return [
        np.where(target.classes == number, target.labels, 0)
        for number in range(1, highest + 1)
    ]


def border_distance_term(
    labels: NDArray[np.integer],
    *,
    w0: float = 10.0,
    sigma: float = 5.0,
    pixel_size: Sequence[float] | None = None,
    where: NDArray[np.bool_] | None = None,
) -> NDArray[np.float32]:
    r"""Return the extra weight of background pixels between close objects.

    .. math:: w_0 \exp\left(-\frac{(d_1 + d_2)^2}{2 \sigma^2}\right),

    where :math:`d_1` and :math:`d_2` are the distances from a pixel to the nearest and
    to the second-nearest object, between pixel centres: 1 to an adjacent pixel.

    Parameters
    ----------
    labels : ndarray of int, shape ([Z,] Y, X)
        One number per object; 0 is background.
    w0 : float
        Height.
    sigma : float
        Width, in the unit of `pixel_size`.
    pixel_size : sequence of float, one per axis, optional
        Edge lengths of a pixel. By default 1: `sigma` is in pixels.
    where : ndarray of bool, shape of `labels`, optional
        The pixels that get the term, by default the background.

    Returns
    -------
    ndarray of float32, shape of `labels`
        Values in [0, `w0`], exact but for rounding; 0 below 1e-7 `w0`, elsewhere than
        `where`, and everywhere if there are fewer than two objects. The time grows with
        the image and, slowly, with `sigma`, not with the number of objects.

    Raises
    ------
    InputError
        If `labels` does not hold labels, `sigma` or `pixel_size` is not positive, or
        `pixel_size` has the wrong length.

    Examples
    --------
    >>> border_distance_term(np.array([[1, 0, 0, 2]]), w0=1, sigma=3).round(2)
    array([[0.  , 0.61, 0.61, 0.  ]], dtype=float32)
    """
    labels = check_labels(labels)
    sizes = (1.0,) * labels.ndim if pixel_size is None else tuple(pixel_size)
    if len(sizes) != labels.ndim or not all(0 < size < np.inf for size in sizes):
        raise InputError(
            f"The pixel size is {sizes}, but the labels have {labels.ndim} axes; give "
            "one positive number for each."
        )
    if not 0 < sigma < np.inf:
        raise InputError(f"σ is {sigma}; the ridge needs a width above 0.")
    if w0 == 0:
        return np.zeros(labels.shape, np.float32)
    term = measure_gap(
        labels,
        _reach(sigma),
        pixel_size=sizes,
        where=labels == 0 if where is None else where,
    )
    np.square(term, out=term)
    term *= -1 / (2 * sigma**2)
    np.exp(term, out=term)  # where the gap is infinite, 0
    term *= w0
    return term


def reach_px(config: WeightMapConfig, pixel_size: Sequence[float] | None = None) -> int:
    """Return how far, in pixels, a change of the annotation can change the weight map.

    To bring a map up to date after a brush stroke: grow the stroke's box by this on
    each side (what is recomputed), then once more (what is looked at); make the target
    and the map of the outer box, with the whole image's class weights; copy the inner
    one. The result is that of the whole image.

    Parameters
    ----------
    config : WeightMapConfig
        σ counts.
    pixel_size : sequence of float, one per axis, optional
        As for `compute_weight_map`.

    Returns
    -------
    int
        Pixels, along each axis.
    """
    shortest = 1.0 if pixel_size is None else min(pixel_size)
    reach = _reach(config.sigma)
    if config.form == "2019":
        reach = max(reach, _reach(config.background_sigma))
    # One more for the separation border, which depends on the neighbouring pixels.
    return ceil(reach / shortest) + 1


def _reach(sigma: float) -> float:
    """Return from which d1 + d2 on the border-distance term is negligible."""
    return sigma * sqrt(-2 * log(_NEGLIGIBLE))


def count_classes(target: Target, classes: int) -> NDArray[np.int64]:
    """Count the known pixels of each class; add the counts of several targets.

    Parameters
    ----------
    target : Target
        Its classes are below `classes`.
    classes : int
        K, background included.

    Returns
    -------
    ndarray of int64, shape (K,)
    """
    return np.bincount(target.classes[target.known], minlength=classes)


def weigh_classes(
    config: WeightMapConfig, counts: NDArray[np.integer]
) -> NDArray[np.float64]:
    """Return the weight of each class in form 2015, as the settings ask for it.

    Parameters
    ----------
    config : WeightMapConfig
        Its class balance counts.
    counts : ndarray of int, shape (K,)
        Known pixels of each class, background first.

    Returns
    -------
    ndarray of float64, shape (K,)
        By inverse frequency with mean 1 over the pixels; else as given, whatever the
        counts are.

    Examples
    --------
    >>> config = WeightMapConfig(class_balance="weights", class_weights=(0.2, 1))
    >>> weigh_classes(config, np.array([90, 5, 5]))
    array([0.2, 1. , 1. ])
    """
    given = {
        "none": (1.0,),
        "v_bal": (config.background, 1.0),
        "weights": config.class_weights,
    }.get(config.class_balance)
    if given is None:
        return balance_classes(counts)
    last = len(given) - 1
    return np.array([given[min(number, last)] for number in range(len(counts))])


def balance_classes(counts: NDArray[np.integer]) -> NDArray[np.float64]:
    """Return class weights by which each class that occurs counts alike.

    Parameters
    ----------
    counts : ndarray of int, shape (K,)
        Pixels of each class, for example from `count_classes`.

    Returns
    -------
    ndarray of float64, shape (K,)
        Proportional to one over the count, with mean 1 over the pixels. A class
        without pixels gets 0: it takes no part.

    Examples
    --------
    >>> balance_classes(np.array([90, 10])).round(3)
    array([0.556, 5.   ])
    """
    present = counts > 0
    share = counts.sum() / max(np.count_nonzero(present), 1)
    weights = np.zeros(counts.shape)
    weights[present] = share / counts[present]
    return weights
