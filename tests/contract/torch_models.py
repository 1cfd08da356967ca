"""Models of PyTorch for the tests beside it; runs in an environment that has it."""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from torch import nn

ROWS = torch.export.Dim.DYNAMIC


class Classes(nn.Module):
    """Three classes of twenty numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(20, 32), nn.BatchNorm1d(32), nn.GELU(), nn.Linear(32, 3))

    def forward(self, numbers: torch.Tensor) -> torch.Tensor:
        return torch.softmax(self.layers(numbers), -1)


class Words(nn.Module):
    """Numbers of words and a few numbers beside them; two outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.EmbeddingBag(500, 16, mode="mean")
        self.last = nn.Linear(16 + 4, 2)

    def forward(self, words: torch.Tensor, numbers: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        found = torch.cat([self.words(words % 500), numbers], 1)
        return found.mean(1, keepdim=True), torch.softmax(self.last(found), -1)


class Dice(nn.Module):
    """Never answers twice the same."""

    def forward(self, numbers: torch.Tensor) -> torch.Tensor:
        return numbers.sum(1, keepdim=True) + torch.rand_like(numbers[:, :1])


def save(module: nn.Module, examples: tuple[torch.Tensor, ...], path: Path, shapes: object) -> None:
    program = torch.export.export(module.eval(), examples, dynamic_shapes=shapes)
    torch.export.save(program, path)


def main(folder: Path) -> None:
    torch.manual_seed(3)
    numbers, words = torch.randn(3, 20), torch.randint(0, 500, (3, 12))
    classes = Classes()
    save(classes, (numbers,), folder / "classes.pt2", ({0: ROWS},))
    save(Words(), (words, torch.randn(3, 4)), folder / "words.pt2", ({0: ROWS}, {0: ROWS}))
    save(classes, (numbers,), folder / "fixed.pt2", None)
    save(Dice(), (numbers,), folder / "dice.pt2", ({0: ROWS},))
    torch.save(nn.Sequential(nn.Linear(20, 8), nn.Tanh(), nn.Linear(8, 1)), folder / "module.pt")
    torch.save(classes.state_dict(), folder / "weights.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
