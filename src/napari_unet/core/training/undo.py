"""A step of the optimizer is taken whole or not at all."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

State = Mapping[str, Any]


class Undo:
    """Puts back what an optimizer has changed, where its step fails half-way.

    Weights moved once and again would be other weights, and what an optimizer keeps for
    each is made in its first step, one after the other: half of it is of no use to the
    next one. So all of it is copied before each step. New memory takes longer than the
    copies: they keep theirs, which `StepMemory` counts.

    Parameters
    ----------
    optimizer : Optimizer
        Any that keeps tensors and numbers for each parameter.
    """

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        self._optimizer = optimizer
        self._copies: dict[tuple[int, str], Tensor] = {}

    @contextmanager
    def whole(self) -> Iterator[None]:
        """Undo what is done within where it fails; whatever fails is raised."""
        weights = [p for g in self._optimizer.param_groups for p in g["params"]]
        states = [dict(self._optimizer.state.get(p, {})) for p in weights]
        # How many steps there were is a number in a tensor, and changed in place.
        numbers = [_numbers(state) for state in states]
        large = {
            (index, name): tensor
            for index, (weight, state) in enumerate(zip(weights, states, strict=True))
            for name, tensor in (("", weight), *_tensors(state))
        }
        for place, tensor in large.items():
            if place not in self._copies:
                self._copies[place] = torch.empty_like(tensor)
        copies = [self._copies[place] for place in large]
        with torch.no_grad():
            torch._foreach_copy_(copies, list(large.values()))
        try:
            yield
        except BaseException:
            with torch.no_grad():
                torch._foreach_copy_(list(large.values()), copies)
            for each in zip(weights, states, numbers, strict=True):
                self._put_back(*each)
            raise

    def _put_back(self, parameter: Tensor, state: State, numbers: State) -> None:
        """Let the optimizer keep for a parameter what it kept before, or nothing."""
        if not state:
            self._optimizer.state.pop(parameter, None)
            return
        for name, number in numbers.items():
            state[name].fill_(number)
        self._optimizer.state[parameter] = state


def _tensors(state: State) -> list[tuple[str, Tensor]]:
    return [
        (name, value)
        for name, value in state.items()
        if isinstance(value, Tensor) and value.ndim > 0
    ]


def _numbers(state: State) -> dict[str, float]:
    return {
        name: value.item()
        for name, value in state.items()
        if isinstance(value, Tensor) and value.ndim == 0
    }


@contextmanager
def put_back_if_it_fails(tensors: Sequence[Tensor]) -> Iterator[None]:
    """Give a few small tensors their values back where what is done within fails."""
    copies = [tensor.clone() for tensor in tensors]
    try:
        yield
    except BaseException:
        with torch.no_grad():
            for tensor, copy in zip(tensors, copies, strict=True):
                tensor.copy_(copy)
        raise
