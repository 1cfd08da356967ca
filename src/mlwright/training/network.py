"""A small dense network that is exported exactly: weighted sums, cut off at zero between layers.

Trained by AdamW (Loshchilov and Hutter 2019) in float32 for a fixed number of passes, with a rate that rises
and falls once (Smith 2018): no rows are held back to stop by, and all rows take as many passes as the folds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from mlwright.store import canonical_json
from mlwright.training.boosted import standard_target
from mlwright.training.learner import Candidate, FitTask, Floats, ModelDump
from mlwright.training.pieces import LIMIT, Pieces

Singles = npt.NDArray[np.float32]

BATCH = 256
FEWEST_STEPS = 500  # so few rows take more passes
MOMENTUM, SQUARES, TINY = 0.9, 0.99, 1e-8
RISING = 0.25  # share of the steps in which the rate rises


@dataclass(frozen=True)
class NetworkModel:
    """Layers as weights `[inputs, outputs]` and bias; margins are `scale` times its sums plus `shift`."""

    layers: tuple[tuple[Floats, Floats], ...]
    scale: float = 1.0
    shift: float = 0.0
    rounds: int = 1
    grown: int = 1

    def margins(self, values: Floats) -> Floats:
        """Give sums before the link."""
        with threadpool_limits(1):
            sums = np.clip(values, -LIMIT, LIMIT)
            for number, (weights, bias) in enumerate(self.layers):
                sums = (np.maximum(sums, 0.0) if number else sums) @ weights + bias
        sums = self.scale * sums + self.shift
        return np.asarray(sums[:, 0] if sums.shape[1] == 1 else sums, dtype=np.float64)

    def dump(self) -> ModelDump:
        """Give the layers as JSON."""
        layers = [{"weights": weights.tolist(), "bias": bias.tolist()} for weights, bias in self.layers]
        return ModelDump("network-json", canonical_json({"layers": layers}), self.scale, self.shift)


def read_network(text: str) -> NetworkModel:
    """Read what `NetworkModel.dump` gave."""
    found = []
    for layer in json.loads(text)["layers"]:
        bias = np.array(layer["bias"], dtype=np.float64)
        found.append((np.array(layer["weights"], dtype=np.float64).reshape(-1, len(bias)), bias))
    return NetworkModel(tuple(found))


class NetworkLearner:
    """Fits a network; implements `Learner`."""

    def fit(self, candidate: Candidate, task: FitTask) -> NetworkModel:
        """Fit for the passes of the candidate, or until time is up."""
        shift, scale = standard_target(task)
        pieces = Pieces.of(task.train.values, int(candidate.settings["pieces"]))
        rows, target = pieces.apply(task.train.values), _targets(task, shift, scale)
        with threadpool_limits(1):
            training = _Training(candidate, task, rows.shape[1], target)
            done = training.run(rows, target)
        layers = [(w.astype(np.float64), b.astype(np.float64)) for w, b in training.layers]
        return NetworkModel(tuple(pieces.before(layers)), scale, shift, done, done)


def _targets(task: FitTask, shift: float, scale: float) -> Singles:
    """Give a column for each output: the standardised number, 0 or 1, or which class it is."""
    target = task.train.target
    if task.task == "multiclass":
        return np.asarray(target[:, None] == np.arange(task.classes), dtype=np.float32)
    return np.asarray(((target - shift) / scale)[:, None], dtype=np.float32)


def _start(task: FitTask, target: Singles) -> Singles:
    """Give the sums that fit all rows alike."""
    shares = np.average(target, axis=0, weights=task.train.weight)
    if task.task == "regression":
        return np.asarray(shares, dtype=np.float32)
    shares = np.clip(shares, 1e-6, 1 - 1e-6)
    odds = np.log(shares) if task.task == "multiclass" else np.log(shares / (1 - shares))
    return np.asarray(odds, dtype=np.float32)


class _Training:
    """All weights in one vector, of which the layers are views, so that a step is a few operations."""

    def __init__(self, candidate: Candidate, task: FitTask, width: int, target: Singles) -> None:
        self.settings, self.task = candidate.settings, task
        self.random = np.random.default_rng(task.seed)
        hidden = [int(self.settings["hidden"]), int(self.settings["second"])]
        self.sizes = [width, *hidden, target.shape[1]]
        count = sum((one + 1) * two for one, two in self._pairs())
        self.vector, self.slopes = np.zeros(count, np.float32), np.zeros(count, np.float32)
        self.layers, self.steps = self._views(self.vector), self._views(self.slopes)
        self.decays = np.zeros(count, np.float32)
        for (weights, _), (decay, _) in zip(self.layers, self._views(self.decays), strict=True):
            spread = np.sqrt(2.0 / max(weights.shape[0], 1))
            weights[:] = spread * self.random.standard_normal(weights.shape)
            decay[:] = float(self.settings["decay"])
        self.layers[-1][0][:] *= 0.1
        self.layers[-1][1][:] = _start(task, target)
        self.mean, self.square = np.zeros(count, np.float32), np.zeros(count, np.float32)
        self.count = 0

    def run(self, rows: Singles, target: Singles) -> int:
        """Train, and give how many passes were made."""
        batches = -(-len(rows) // BATCH)
        passes = max(int(self.settings["epochs"]), -(-FEWEST_STEPS // batches))
        weight = (self.task.train.weight / self.task.train.weight.mean()).astype(np.float32)[:, None]
        total = passes * batches
        for number in range(passes):
            for chosen in self._batches(len(rows)):
                if self.task.tick(self.count + 1):
                    return max(number, 1)
                self._step(rows[chosen], target[chosen], weight[chosen], self.count / max(total - 1, 1))
        return passes

    def _pairs(self) -> list[tuple[int, int]]:
        return list(zip(self.sizes[:-1], self.sizes[1:], strict=True))

    def _views(self, vector: Singles) -> list[tuple[Singles, Singles]]:
        found, at = [], 0
        for one, two in self._pairs():
            weights = vector[at : at + one * two].reshape(one, two)
            found.append((weights, vector[at + one * two : at + (one + 1) * two]))
            at += (one + 1) * two
        return found

    def _batches(self, rows: int) -> Iterator[npt.NDArray[np.int64]]:
        order = self.random.permutation(rows)
        return (order[start : start + BATCH] for start in range(0, rows, BATCH))

    def _step(self, rows: Singles, target: Singles, weight: Singles, share: float) -> None:
        inputs = [rows]
        for number, (weights, bias) in enumerate(self.layers):
            sums = inputs[-1] @ weights + bias
            if number + 1 < len(self.layers):
                inputs.append(self._dropped(np.maximum(sums, 0.0)))
        slope = weight * (self._predicted(sums) - target) / np.float32(len(rows))
        for number in range(len(self.layers) - 1, -1, -1):
            to_weights, to_bias = self.steps[number]
            to_weights[:] = inputs[number].T @ slope
            to_bias[:] = slope.sum(axis=0)
            if number:
                slope = (slope @ self.layers[number][0].T) * (inputs[number] > 0) * self.kept
        self._move(share)

    def _dropped(self, values: Singles) -> Singles:
        """Leave out hidden sums at random, so that none relies on another."""
        self.kept = np.float32(1.0 / (1.0 - float(self.settings["dropout"])))
        return values * (self.random.random(values.shape, np.float32) * self.kept <= 1.0) * self.kept

    def _predicted(self, sums: Singles) -> Singles:
        match self.task.task:
            case "regression":
                return sums
            case "binary":
                return np.asarray(0.5 + 0.5 * np.tanh(0.5 * sums), dtype=np.float32)
            case "multiclass":
                powers = np.exp(sums - sums.max(axis=1, keepdims=True))
                return np.asarray(powers / powers.sum(axis=1, keepdims=True), dtype=np.float32)

    def _move(self, share: float) -> None:
        """Make a step of AdamW."""
        self.count += 1
        self.mean += (1 - MOMENTUM) * (self.slopes - self.mean)
        self.square += (1 - SQUARES) * (self.slopes**2 - self.square)
        mean = self.mean / np.float32(1 - MOMENTUM**self.count)
        square = self.square / np.float32(1 - SQUARES**self.count)
        rate = np.float32(float(self.settings["learning_rate"]) * _height(share))
        self.vector -= rate * (mean / (np.sqrt(square) + np.float32(TINY)) + self.decays * self.vector)


def _height(share: float) -> float:
    """Give how high the rate is after a share of the steps, 0..1: up in a line, down in half a wave."""
    if share < RISING:
        return max(share / RISING, 0.02)
    return 0.5 * float(1 + np.cos(np.pi * (share - RISING) / (1 - RISING)))
