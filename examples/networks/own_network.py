"""A trainer of one's own in PyTorch: `[training] trainer = "own_network:fit"`."""

import time

import torch
from torch import nn


def fit(problem):
    """Fit two layers for as long as this fit may take, at most 30 times through the rows."""
    torch.manual_seed(problem.seed)
    rows = torch.tensor(problem.scaled, dtype=torch.float64)
    target = torch.tensor(problem.target, dtype=torch.float64)
    network = nn.Sequential(nn.Linear(rows.shape[1], 32), nn.ReLU(), nn.Linear(32, 1), nn.Flatten(0)).double()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    end = time.process_time() + problem.cpu_seconds / 2
    for _ in range(30):
        for batch in torch.randperm(len(rows)).split(128):
            optimizer.zero_grad()
            nn.functional.binary_cross_entropy_with_logits(network(rows[batch]), target[batch]).backward()
            optimizer.step()
        if time.process_time() > end:
            break
    return nn.Sequential(network, nn.Sigmoid()), "scaled"
