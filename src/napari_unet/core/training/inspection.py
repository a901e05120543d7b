"""Everything that can be found wrong in annotated images before a training."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from napari_unet.core.annotation.class_findings import (
    ONE_CLASS,
    find_class_faults,
    find_set_faults,
)
from napari_unet.core.annotation.class_values import (
    COLOUR,
    ClassTable,
    count_values,
    settle_classes,
)
from napari_unet.core.annotation.finding import Finding, first_pixel, gather_planes
from napari_unet.core.annotation.findings import look_at_grey_values
from napari_unet.core.annotation.object_findings import (
    NO_OBJECT,
    find_border_faults,
    find_object_faults,
)
from napari_unet.core.annotation.point_findings import (
    find_misplaced_points,
    find_point_set_faults,
)
from napari_unet.core.annotation.summary import (
    AnnotationSummary,
    summarise_annotation,
)
from napari_unet.core.annotation.target import Example, mark_known
from napari_unet.core.annotation.value_findings import find_target_faults
from napari_unet.core.config import AnnotationKind, NetworkConfig, TrainConfig
from napari_unet.core.errors import InputError
from napari_unet.core.image import Image
from napari_unet.core.training.held_back import mark_counted_points
from napari_unet.core.training.size_findings import (
    find_depth_faults,
    find_size_faults,
    measure_objects,
)
from napari_unet.core.training.time_points import split_times

# Objects that cover less of the annotated ground are easily never predicted.
_RARE = 0.01


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found in a set of annotated images, and how much is annotated.

    Parameters
    ----------
    findings : tuple of Finding
        Errors first, else in the order of the images; each names its image.
    counts : AnnotationSummary
        Objects and pixels of all images together; of classes only the known pixels
        mean something, and of points their number.
    classes : ClassTable, optional
        Where the labels are classes.
    """

    findings: tuple[Finding, ...]
    counts: AnnotationSummary
    classes: ClassTable | None = None

    @property
    def errors(self) -> tuple[Finding, ...]:
        """What would refuse or spoil a training."""
        return tuple(f for f in self.findings if f.level == "error")


def inspect_examples(
    examples: Sequence[Example],
    kind: AnnotationKind,
    *,
    network: NetworkConfig,
    training: TrainConfig,
    names: Sequence[str] = (),
    first: int = 0,
) -> Generator[float, None, Inspection]:
    """Look for mistakes in annotated images; one `next` is one image.

    Parameters
    ----------
    examples : sequence of Example
        The whole set; of classes with their values as they were read.
    kind : str
        What the labels mean.
    network, training : NetworkConfig, TrainConfig
        What would learn from them: whether objects reach through planes, how much
        context is seen, how wide the separation border is.
    names : sequence of str
        Of the classes, if they are known.
    first : int
        The number of the background class: 1 where 0 is ignored.

    Yields
    ------
    float
        Which part is done, up to 1.

    Returns
    -------
    Inspection
    """
    findings: list[Finding] = []
    counts = AnnotationSummary()
    sizes: list[np.ndarray] = []
    for done, example in enumerate(examples, start=1):
        name = example.image.name
        parts = _parts(example, network.dimensions)
        found = _look_at_parts(parts, kind, training)
        if example.points is not None:
            found += find_misplaced_points(
                example.points,
                example.image.shape,
                pixel_size_um=example.image.pixel_size_um,
                radius=training.point_radius,
                regions=example.regions,
                ignored=example.annotation != 0,
                volume=network.dimensions == 3,
            )
        found += find_depth_faults(example, network)
        if example.values is not None:
            target = Image(example.values, name=f"{name} target")
            found += find_target_faults(example.image, target)
        else:
            found += look_at_grey_values(example.image)
        if not parts:
            text = "No plane of this stack is annotated: nothing is learned from it."
            found.append(Finding("warning", text, topic=NO_OBJECT))
        findings += [replace(finding, image=name) for finding in found]
        for _, part in parts:
            counts += _summarise(part)
            if kind == "objects":
                sizes.append(measure_objects(part))
        yield done / len(examples)
    table, of_set = _look_at_set(examples, kind, names, first)
    if any(finding.topic == ONE_CLASS for finding in of_set):  # of all: said once
        findings = [finding for finding in findings if finding.topic != ONE_CLASS]
    findings += of_set
    if kind == "objects" and examples:
        findings = _say_nothing_painted(findings, counts, examples)
        findings += _look_at_ground(counts, examples)
        if objects := [each for each in sizes if len(each)]:
            found = find_size_faults(np.concatenate(objects), network, training)
            findings += [replace(f, image=examples[0].image.name) for f in found]
    findings.sort(key=lambda finding: finding.level)
    return Inspection(tuple(findings), counts, table)


def _summarise(part: Example) -> AnnotationSummary:
    """Count what is annotated; of points, those that are learned from."""
    summary = summarise_annotation(part.annotation, part.regions, part.ignore_label)
    if part.points is None:
        return summary
    counted = mark_counted_points(part, part.regions)
    return replace(summary, objects=int(counted.sum()))


def find_shrunk_objects(
    examples: Sequence[Example], network: NetworkConfig, training: TrainConfig
) -> list[Finding]:
    """Look for objects of which the separation border leaves nearly nothing.

    Parameters
    ----------
    examples : sequence of Example
        Of objects.
    network, training : NetworkConfig, TrainConfig
        Whether objects reach through planes, and how wide the border is.
    """
    width = training.weight_map.separation_border

    def look(part: Example) -> list[Finding]:
        return find_border_faults(part, width)

    return [
        replace(finding, image=example.image.name)
        for example in examples
        for finding in _look_at(_parts(example, network.dimensions), look)
    ]


def _parts(example: Example, dimensions: int) -> list[tuple[int | None, Example]]:
    """Return the images that a network learns from, with their planes."""
    if dimensions == 2 and len(example.image.shape) == 3:
        return [(z, example.plane(z)) for z in example.annotated_planes]
    return [(None, part) for part in split_times(example)]


def _look_at_parts(
    parts: Sequence[tuple[int | None, Example]],
    kind: AnnotationKind,
    training: TrainConfig,
) -> list[Finding]:
    """Look at an image, or at the planes of a stack."""

    def look(part: Example) -> list[Finding]:
        if kind == "objects":
            border = training.weight_map.separation_border
            return [*find_object_faults(part), *find_border_faults(part, border)]
        return find_class_faults(part) if kind == "classes" else []

    return _look_at(parts, look)


def _look_at(
    parts: Sequence[tuple[int | None, Example]],
    look: Callable[[Example], list[Finding]],
) -> list[Finding]:
    """Return what is found in an image, or in the planes of a stack together."""
    whole = [part for z, part in parts if z is None]
    if whole:
        return look(whole[0])
    return gather_planes((z, look(part)) for z, part in parts if z is not None)


def _look_at_set(
    examples: Sequence[Example],
    kind: AnnotationKind,
    names: Sequence[str],
    first: int,
) -> tuple[ClassTable | None, list[Finding]]:
    """Look at all images together; return their classes, too, if they have any."""
    found: list[Finding] = []
    table = None
    if kind == "classes" and examples:
        examples = [_without_unknown(example) for example in examples]
        if strange := _find_strange(examples, names, first):
            return None, [strange]
        try:
            table = settle_classes(count_values(examples), names, first=first)
        except InputError as error:
            topic = ONE_CLASS if len(count_values(examples)) < 2 else ""
            name = examples[0].image.name
            found.append(Finding("error", str(error), name, topic=topic))
    of_set = [*find_set_faults(examples, table), *find_point_set_faults(examples)]
    if kind != "objects" and table is None:  # numbers of objects are not asked for
        of_set = [(n, f) for n, f in of_set if f.topic != "rather classes"]
    found += [replace(finding, image=name) for name, finding in of_set]
    with_regions = [e.image.name for e in examples if e.regions]
    without = [e.image.name for e in examples if not e.regions]
    if with_regions and without:
        text = (
            f"{len(without)} of {len(examples)} images, this one first, have no "
            f"regions, '{with_regions[0]}' has some: all ground of those without "
            "counts as annotated. Draw regions on them, unless that is right."
        )
        found.append(Finding("warning", text, without[0], topic="regions"))
    return table, found


def _without_unknown(example: Example) -> Example:
    """Return an example in which all ground outside its regions is ignored."""
    if not example.regions:
        return example
    known = mark_known(example.annotation.shape, example.regions)
    ignored = example.ignore_label
    if ignored is None:
        ignored = int(example.annotation.max()) + 1
    painted = np.where(known, example.annotation, ignored)
    return replace(example, annotation=painted, ignore_label=ignored, regions=())


def _find_strange(
    examples: Sequence[Example], names: Sequence[str], first: int
) -> Finding | None:
    """Look for a number beyond those of the named classes."""
    for example in examples:
        painted = example.annotation
        values = set(np.unique(painted).tolist()) - {example.ignore_label}
        beyond = sorted(v for v in values if v >= first + len(names))
        if not names or not beyond or len(beyond) == len(values) or max(values) > 255:
            continue
        if max(values) >= COLOUR or len(values) <= len(names):
            continue
        text = (
            f"The labels hold {beyond[0]}, but {len(names)} classes are named "
            f"({', '.join(names)}), numbered from {first} to {first + len(names) - 1}. "
            "Correct it if it is a slip; else name one class more, or ignore it."
        )
        place = first_pixel(painted == beyond[0])
        return Finding("error", text, example.image.name, place, "strange class")
    return None


def _say_nothing_painted(
    findings: list[Finding], counts: AnnotationSummary, examples: Sequence[Example]
) -> list[Finding]:
    """Make one error of many warnings where no image has any object."""
    if counts.objects:
        return findings
    where = " inside the regions" if any(e.regions for e in examples) else ""
    text = f"No object is painted{where}, in no image of the set. Paint a few objects."
    if len(examples) == 1:
        text = f"No object is painted{where}. Paint a few objects."
    nothing = Finding("error", text, examples[0].image.name, topic=NO_OBJECT)
    return [nothing, *(f for f in findings if f.topic != NO_OBJECT)]


def _look_at_ground(
    counts: AnnotationSummary, examples: Sequence[Example]
) -> list[Finding]:
    """Look for known background: without, or with too much, nothing is learned."""
    objects, known = counts.object_px, counts.known_px
    name = examples[0].image.name
    if objects and objects == known:
        text = (
            "No background is known: all annotated ground is objects, so that the "
            "network would take everything for one. Mark less as ignored, or draw the "
            "regions larger than the objects."
        )
        for example in examples:
            painted = example.annotation
            objects_here = mark_known(painted.shape, example.regions) & (painted != 0)
            if example.ignore_label is not None:
                objects_here &= painted != example.ignore_label
            if objects_here.any():
                place = first_pixel(objects_here)
                return [Finding("error", text, example.image.name, place)]
    if 0 < objects < _RARE * known:
        ratio = (known - objects) / objects
        text = (
            f"Objects cover {objects / known:.2%} of the annotated ground, 1 pixel to "
            f"{ratio:,.0f} of background; the network may find none. Draw regions that "
            "hold more of them, or weigh them more (on the command "
            "line: --set weight_map.class_balance=inverse-frequency; in the dock: "
            "under Weight map). Class weights and the density of patches act twice: "
            "together no "
            f"more than {ratio**0.5:.0f}, the root of the ratio."
        )
        return [Finding("warning", text, name, topic="few object pixels")]
    return []
