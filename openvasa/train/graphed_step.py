"""Training steps replayed on a GPU as CUDA graphs.

A step of a small network is a thousand kernels of a few microseconds, and launching them takes the
processor longer than running them takes the GPU. A graph records a whole step (loss, gradient,
optimiser, running average) once for each shape of a batch and launches it at once
(`torch.cuda.CUDAGraph`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

Tensors = Mapping[str, Tensor]
Figures = dict[str, Tensor | float]
WARM_STEPS = 3
"""Steps of each shape that are taken one kernel at a time: libraries get ready in them."""


@dataclass
class _Recording:
    """A recorded step: what it reads, and what it writes."""

    graph: torch.cuda.CUDAGraph
    batch: dict[str, Tensor]
    figures: Figures


@dataclass
class GraphedStep:
    """Takes a step, from a recording where there is one.

    Attributes:
        take: batch on the GPU → figures of one whole step. It depends on the batch, on torch's
            generator and on tensors that stay where they are, and never waits for the GPU.
    """

    take: Callable[[Tensors], Figures]
    _taken: dict[tuple, int] = field(default_factory=dict)
    _recordings: dict[tuple, _Recording] = field(default_factory=dict)

    def __call__(self, batch: Tensors) -> Figures:
        """Take the step of a batch of tensors on the CPU; the figures hold until the next one."""
        shape = tuple((name, tuple(part.shape)) for name, part in batch.items())
        taken = self._taken.get(shape, 0)
        self._taken[shape] = taken + 1
        if taken < WARM_STEPS:
            return self._take_aside(batch)
        if shape not in self._recordings:
            self._recordings[shape] = self._record(batch)
        recording = self._recordings[shape]
        for name, part in batch.items():
            recording.batch[name].copy_(part, non_blocking=True)
        recording.graph.replay()
        return recording.figures

    def _take_aside(self, batch: Tensors) -> Figures:
        """Take a step on another stream than the default, as recordings are made on."""
        here, aside = torch.cuda.current_stream(), torch.cuda.Stream()
        aside.wait_stream(here)
        with torch.cuda.stream(aside):
            figures = self.take({name: part.cuda() for name, part in batch.items()})
        here.wait_stream(aside)
        return figures

    def _record(self, batch: Tensors) -> _Recording:
        kept = {name: part.cuda() for name, part in batch.items()}
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):
            figures = self.take(kept)
        return _Recording(graph, kept, figures)
