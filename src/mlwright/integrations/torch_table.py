"""A trainer for tables in PyTorch: a small network over scaled columns (`[training] trainer = "torch"`).

Reference: Gorishniy et al., "Revisiting Deep Learning Models for Tabular Data" (2021): a plain network that
is regularised and stopped early is the baseline to beat.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

if TYPE_CHECKING:
    from mlwright.training.own_problem import OwnProblem

WIDTH, LAYERS, DROPOUT = 96, 2, 0.1
RATE, DECAY = 2e-3, 1e-3
EPOCHS, PATIENCE = 80, 8
BATCHES = 40  # of an epoch, about; never fewer rows than FEWEST nor more than MOST in one
FEWEST, MOST = 32, 1_024
STOPPING = 0.15  # share of the rows on which an epoch is judged
FAR = 8.0  # standard deviations beyond which a number counts no further
SHARE = 0.75  # of the seconds of a fit; converting takes some of the rest


def fit(problem: OwnProblem) -> tuple[nn.Module, str]:
    """Fit a network on `problem.scaled`; the best epoch by the loss of held-back rows is kept."""
    return fit_network(problem, problem.scaled), "scaled"


def fit_text(problem: OwnProblem) -> tuple[nn.Module, str]:
    """Fit a network on `problem.terms`: words and pairs of words of sentences, beside all other columns."""
    return fit_network(problem, problem.terms), "terms"


def fit_network(problem: OwnProblem, matrix: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> nn.Module:
    """Fit a network on a matrix of the problem."""
    began = time.process_time()
    torch.set_num_threads(1)
    torch.manual_seed(problem.seed)
    rows = torch.from_numpy(matrix.astype(np.float32))
    network = _Network(rows.shape[1], max(problem.classes, 1) if problem.task == "multiclass" else 1)
    target, scale = _target(problem)
    weight = torch.from_numpy((problem.weight / problem.weight.mean()).astype(np.float32))
    order = torch.randperm(len(rows))
    held = max(1, round(STOPPING * len(rows)))
    stop, train = order[:held], order[held:]
    best, best_loss, idle = _state(network), math.inf, 0
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=DECAY)
    size = min(max(len(train) // BATCHES, FEWEST), MOST)
    for _ in range(EPOCHS):
        network.train()
        for batch in train[torch.randperm(len(train))].split(size):
            optimizer.zero_grad()
            loss = _loss(problem, network(rows[batch]), target[batch], weight[batch])
            loss.backward()
            optimizer.step()
        network.eval()
        with torch.no_grad():
            value = float(_loss(problem, network(rows[stop]), target[stop], weight[stop]))
        if value < best_loss:
            best, best_loss, idle = _state(network), value, 0
        else:
            idle += 1
        if idle >= PATIENCE or time.process_time() - began > SHARE * problem.cpu_seconds:
            break
    network.load_state_dict(best)
    # float64: sums of another order differ in float32 by more than the parity gate allows, near 0 above all
    return _Answering(network, problem.task, *scale).double().eval()


class _Network(nn.Module):  # type: ignore[misc]  # PyTorch is not there when types are checked
    """Layers, with a linear path beside them: what is linear needs no layer."""

    def __init__(self, width: int, outputs: int) -> None:
        super().__init__()
        parts: list[nn.Module] = []
        for layer in range(LAYERS):
            parts += [nn.Linear(WIDTH if layer else width, WIDTH), nn.ReLU(), nn.Dropout(DROPOUT)]
        self.layers = nn.Sequential(*parts, nn.Linear(WIDTH, outputs))
        self.line = nn.Linear(width, outputs)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        near = rows.clamp(-FAR, FAR)
        found: torch.Tensor = self.layers(near) + self.line(near)
        return found


class _Answering(nn.Module):  # type: ignore[misc]  # PyTorch is not there when types are checked
    """A network with what makes its sums answers: probabilities, or the target's own unit."""

    def __init__(self, network: nn.Module, task: str, mean: float, spread: float) -> None:
        super().__init__()
        self.network, self.task, self.mean, self.spread = network, task, mean, spread

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.network(rows)
        if self.task == "multiclass":
            return torch.softmax(found, -1)
        return torch.sigmoid(found) if self.task == "binary" else found * self.spread + self.mean


def _target(problem: OwnProblem) -> tuple[torch.Tensor, tuple[float, float]]:
    if problem.task == "multiclass":
        return torch.from_numpy(np.asarray(problem.target, dtype=np.int64)), (0.0, 1.0)
    values = np.asarray(problem.target, dtype=np.float64)
    mean, spread = (0.0, 1.0)
    if problem.task == "regression":
        mean, spread = float(values.mean()), float(values.std()) or 1.0
    return torch.from_numpy(((values - mean) / spread).astype(np.float32)), (mean, spread)


def _loss(
    problem: OwnProblem, found: torch.Tensor, target: torch.Tensor, weight: torch.Tensor
) -> torch.Tensor:
    match problem.task:
        case "multiclass":
            each = nn.functional.cross_entropy(found, target, reduction="none")
        case "binary":
            each = nn.functional.binary_cross_entropy_with_logits(found[:, 0], target, reduction="none")
        case "regression":
            each = nn.functional.huber_loss(found[:, 0], target, reduction="none", delta=3.0)
    return (each * weight).sum() / weight.sum()


def _state(network: nn.Module) -> dict[str, torch.Tensor]:
    return {name: values.clone() for name, values in network.state_dict().items()}
