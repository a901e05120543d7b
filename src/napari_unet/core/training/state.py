"""A training under way: network, optimizer, and what it has reached."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType

import torch
from torch import Tensor

from napari_unet.core.checkpoint import copy_weights
from napari_unet.core.config import ObjectConfig, TrainConfig
from napari_unet.core.device import Compute, place
from napari_unet.core.evaluation.detection import AnyScores, rank
from napari_unet.core.gain import finds_nothing, judge
from napari_unet.core.history import HistoryEntry
from napari_unet.core.network.unet import Network
from napari_unet.core.prediction.room import Room
from napari_unet.core.training.undo import Undo

# Of AdamW. The usual 0.999 looks back over more steps than a minute on a processor has.
_SECOND_BETA = 0.99
# So many objects are enough to change how they are made.
_MANY = 10
# Before the names of weights that are not delivered, but belong to a training: those it
# started from, the best of its validations, and what it came to, where it kept its
# start.
ORIGIN, BEST, LEARNED = "origin", "best", "learned"
# What a training must know of its past to go on as if it had never stopped.
_NUMBERS = ("loss", "top", "without_gain", "on_plateau", "rate_factor", "aside")


@dataclass(frozen=True, slots=True, eq=False)
class Start:
    """The model that a training starts from, as it does on the validation ground.

    Parameters
    ----------
    weights : dict of str to Tensor
        On the CPU.
    own : Scores, DetectionScores or ValueScores
        With its own way of making objects.
    scores : Scores, DetectionScores or ValueScores
        With the way of making objects that suits it best there: what was learned is
        compared with that once it has had the same choice.
    objects : ObjectConfig, optional
        That way, if it needs it, for nothing is found in its own, or if it is clearly
        better by enough objects. Else it keeps its own: a few are no reason to change
        a model that is left as it is.
    is_rival : bool
        Whether it can be better at all: not where it cannot know a class.
    """

    weights: dict[str, Tensor]
    own: AnyScores
    scores: AnyScores
    objects: ObjectConfig | None = None
    is_rival: bool = True

    @classmethod
    def of(
        cls,
        weights: dict[str, Tensor],
        own: AnyScores,
        scores: AnyScores,
        objects: ObjectConfig,
        *,
        is_rival: bool,
    ) -> "Start":
        """Decide whether it keeps its own way of making objects."""
        was, now = own.as_dict(), scores.as_dict()
        needs = finds_nothing(was) and not finds_nothing(now)
        if now.get("objects_true", 0) >= _MANY:
            needs = needs or judge(was, now) == "better"
        return cls(weights, own, scores, objects if needs else None, is_rival)


@dataclass(frozen=True, slots=True, eq=False)
class Reached:
    """What a training came to.

    Parameters
    ----------
    weights : dict of str to Tensor
        On the CPU: the best, or some between them and the start.
    scores : Scores, DetectionScores or ValueScores
        With `objects`.
    objects : ObjectConfig
        The way of making objects that suits them best.
    how : str
        What they are, in a few words.
    """

    weights: dict[str, Tensor]
    scores: AnyScores
    objects: ObjectConfig
    how: str


@dataclass(slots=True, eq=False)
class Training:
    """A training under way: all that must be saved to go on with it later.

    Parameters
    ----------
    network : Network
        Changed in place.
    config : TrainConfig
        How to train.
    compute : Compute
        Where, and in which precision.

    Notes
    -----
    `best_weights` and `best_scores` are of the best validation, `settled` is made of
    them in the end, or at a stop; `weights`, `scores` and `objects` are of what is
    delivered: that, or the start unless that is better.
    """

    network: Network
    config: TrainConfig
    compute: Compute
    iteration: int = 0
    seconds: float = 0.0
    aside: float = 0.0  # of them, those that judged a start, or made use of a stop
    loss: float = math.nan
    best_weights: dict[str, Tensor] | None = None
    best_scores: AnyScores | None = None
    settled: Reached | None = None
    origin: dict[str, Tensor] | None = None  # the weights it started from
    start: Start | None = None  # what they are worth, where it was validated
    top: float = -math.inf  # rank of the highest validation
    without_gain: int = 0  # validations since then
    on_plateau: int = 0  # of them, those at the present learning rate
    rate_factor: float = 1.0  # what plateaus have made of the learning rate
    history: list[HistoryEntry] = field(default_factory=list)
    # How many patches of a batch are computed at a time; None: all.
    at_once: int | None = None
    # What was done about too little memory, in sentences; how many of them are told.
    shortages: list[str] = field(default_factory=list)
    told: int = 0
    optimizer: torch.optim.Optimizer = field(init=False)
    # Keeps small gradients of float16 from becoming 0; with other formats does nothing.
    scaler: torch.amp.GradScaler = field(init=False)
    undo: Undo = field(init=False)
    room: Room = field(init=False)  # of its validations and previews

    def __post_init__(self) -> None:
        """Move the network to the device and make its optimizer."""
        place(self.network, self.compute.device)
        self.optimizer = _make_optimizer(self.network, self.config)
        self.undo = Undo(self.optimizer)
        self.scaler = _make_scaler(self.compute)
        self.room = Room(self.compute)

    def move(self, compute: Compute) -> None:
        """Go on on another device or in another precision; nothing learned is lost."""
        place(self.network, compute.device)
        for values in self.optimizer.state.values():
            for key, value in values.items():
                # How many steps there were is on the processor anyway.
                if isinstance(value, Tensor) and key != "step":
                    values[key] = value.to(compute.device)
        self.compute, self.room = compute, Room(compute)
        self.undo = Undo(self.optimizer)
        self.scaler = _make_scaler(compute)

    def move_weights(self) -> None:
        """Let the optimizer take its step along the gradients, whole or not at all."""
        with self.undo.whole():
            self.scaler.step(self.optimizer)
            self.scaler.update()

    def forget_step(self) -> None:
        """Forget a step that failed half-way; the weights are as they were before."""
        self.optimizer.zero_grad()
        reached = self.scaler.state_dict()
        self.scaler = _make_scaler(self.compute)
        self.scaler.load_state_dict(reached)

    def forget_optimizer(self) -> None:
        """Free all that is needed only to go on: gradients, what is kept of earlier."""
        self.optimizer.zero_grad()
        self.optimizer.state.clear()
        self.undo = Undo(self.optimizer)

    def tell(self, sentence: str) -> None:
        """Note what was done about too little memory, if it is new."""
        if sentence and sentence not in self.shortages:
            self.shortages.append(sentence)

    def news(self) -> str:
        """Return what was noted since the last call; mostly nothing."""
        news = " ".join(self.shortages[self.told :])
        self.told = len(self.shortages)
        return news

    @property
    def weights(self) -> dict[str, Tensor]:
        """Those to use; the last ones, not copied, while nothing was validated."""
        if self.start is not None and self.keeps_start:
            return self.start.weights
        return self.learned or self.network.state_dict()

    @property
    def scores(self) -> AnyScores | None:
        """Those of `weights`, if they were validated."""
        if self.start is not None and self.keeps_start:
            return self.start.scores if self.start.objects else self.start.own
        return self.learned_scores

    @property
    def objects(self) -> ObjectConfig | None:
        """The way of making objects chosen for `weights`, if one was."""
        if self.start is not None and self.keeps_start:
            return self.start.objects
        return None if self.settled is None else self.settled.objects

    @property
    def learned(self) -> dict[str, Tensor] | None:
        """The weights that were learned, if they were validated."""
        return self.best_weights if self.settled is None else self.settled.weights

    @property
    def learned_scores(self) -> AnyScores | None:
        """Those of `learned`."""
        return self.best_scores if self.settled is None else self.settled.scores

    @property
    def keeps_start(self) -> bool:
        """Whether what was learned is no better than what was there, or unknown.

        Both with their own way of making objects, or, at the end, with the best.
        """
        if self.start is None or not self.start.is_rival:
            return False
        scores = self.learned_scores
        if scores is None:
            return True
        before = self.start.own if self.settled is None else self.start.scores
        return judge(before.as_dict(), scores.as_dict()) != "better"

    def note(
        self,
        scores: Mapping[str, float] = MappingProxyType({}),
        validation_loss: float = math.nan,
    ) -> None:
        """Add how things stand to the history, if anything was learned yet."""
        if not math.isfinite(self.loss):
            return
        known = validation_loss if math.isfinite(validation_loss) else None
        entry = HistoryEntry(
            iteration=self.iteration,
            seconds=self.seconds,
            loss=self.loss,
            validation_loss=known,
            scores=dict(scores),
        )
        self.history.append(entry)

    def state(self) -> dict[str, Tensor]:
        """Return network and optimizer as named tensors, not copied, for `restore`.

        With where it started, and with the best of what was learned and what came of
        it, where those are not what is delivered.
        """
        kept = {"network": self.network.state_dict(), ORIGIN: self.origin}
        if self.keeps_start:
            kept[LEARNED] = self.learned
        if self.settled is not None and self.settled.weights is not self.best_weights:
            kept[BEST] = self.best_weights
        state = {
            f"{kind}.{name}": value
            for kind, weights in kept.items()
            for name, value in (weights or {}).items()
        }
        for index, values in self.optimizer.state_dict()["state"].items():
            for key, value in values.items():
                if value is not None:
                    state[f"optimizer.{index}.{key}"] = torch.as_tensor(value)
        state["iteration"] = torch.tensor(self.iteration)
        state["seconds"] = torch.tensor(self.seconds, dtype=torch.float64)
        best = math.nan if self.best_scores is None else rank(self.best_scores)
        state["best_rank"] = torch.tensor(best, dtype=torch.float64)
        for name in _NUMBERS:
            state[name] = torch.tensor(float(getattr(self, name)), dtype=torch.float64)
        return state

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go back to a state that `state` returned."""
        kept: dict[int, dict[str, Tensor]] = {}
        for name, value in (weights_in(state, "optimizer") or {}).items():
            index, _, key = name.partition(".")
            kept.setdefault(int(index), {})[key] = value.clone()
        self.network.load_state_dict(weights_in(state, "network") or {})
        if kept:  # there may have been no memory to save it
            optimizer = self.optimizer.state_dict()
            self.optimizer.load_state_dict(optimizer | {"state": kept})
        self.undo = Undo(self.optimizer)
        self.iteration = int(state["iteration"])
        self.seconds = float(state["seconds"])
        for name in _NUMBERS:
            if name in state:  # not in folders of earlier versions
                kind_of = type(getattr(self, name))
                setattr(self, name, kind_of(state[name].item()))

    def forget_validations(self) -> None:
        """Start anew to count validations without a gain."""
        self.top, self.without_gain, self.on_plateau = -math.inf, 0, 0


def weights_in(state: Mapping[str, Tensor], kind: str) -> dict[str, Tensor] | None:
    """Return those tensors of a saved state that are of one kind, if there are any."""
    found = {
        name.removeprefix(f"{kind}."): value
        for name, value in state.items()
        if name.startswith(f"{kind}.")
    }
    return found or None


@contextmanager
def lent(network: Network, weights: Mapping[str, Tensor]) -> Iterator[None]:
    """Give a network other weights for a while."""
    own = copy_weights(network)
    network.load_state_dict(weights)
    try:
        yield
    finally:
        network.load_state_dict(own)


def _make_scaler(compute: Compute) -> torch.amp.GradScaler:
    """Return what scales the loss, where the precision asks for it."""
    return torch.amp.GradScaler(
        compute.device.type, enabled=compute.precision == "float16"
    )


def _make_optimizer(network: Network, config: TrainConfig) -> torch.optim.Optimizer:
    """Return AdamW, Adagrad, or RMSprop or gradient descent with momentum."""
    rate, decay = config.learning_rate, config.weight_decay
    if config.optimizer == "adamw":
        betas = (config.momentum, _SECOND_BETA)
        return torch.optim.AdamW(
            network.parameters(), lr=rate, betas=betas, weight_decay=decay
        )
    if config.optimizer == "adagrad":
        return torch.optim.Adagrad(network.parameters(), lr=rate, weight_decay=decay)
    kind = torch.optim.SGD if config.optimizer == "sgd" else torch.optim.RMSprop
    return kind(
        network.parameters(), lr=rate, momentum=config.momentum, weight_decay=decay
    )
