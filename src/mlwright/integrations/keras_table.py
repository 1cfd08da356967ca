"""A trainer for tables in Keras: a small network over scaled columns (`[training] trainer = "keras"`)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

if TYPE_CHECKING:
    from mlwright.training.own_problem import OwnProblem

WIDTH, LAYERS, DROPOUT = 96, 2, 0.1
RATE, DECAY = 2e-3, 1e-3
EPOCHS, PATIENCE = 80, 8
BATCHES = 40  # of an epoch, about; never fewer rows than FEWEST nor more than MOST in one
FEWEST, MOST = 32, 1_024
STOPPING = 0.15  # share of the rows on which an epoch is judged
FAR = 8.0  # standard deviations beyond which a number counts no further
EXACT = "float64"  # in float32 sums of another order differ by more than the parity gate allows
SHARE = 0.7  # of the seconds of a fit; converting takes some of the rest


def fit(problem: OwnProblem) -> tuple[Any, str]:
    """Fit a network on `problem.scaled`; the best epoch by the loss of held-back rows is kept."""
    return fit_network(problem, problem.scaled), "scaled"


def fit_text(problem: OwnProblem) -> tuple[Any, str]:
    """Fit a network on `problem.terms`: words and pairs of words of sentences, beside all other columns."""
    return fit_network(problem, problem.terms), "terms"


def fit_network(problem: OwnProblem, matrix: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> Any:
    """Fit a network on a matrix of the problem."""
    keras.utils.set_random_seed(problem.seed % 2**31)
    model = _model(problem, matrix.shape[1])
    order = np.random.default_rng(problem.seed).permutation(len(matrix))
    held = max(1, round(STOPPING * len(matrix)))
    stop, train = order[:held], order[held:]
    rows, weight = matrix, problem.weight / problem.weight.mean()
    target = np.asarray(problem.target)
    model.fit(
        rows[train],
        target[train],
        sample_weight=weight[train],
        validation_data=(rows[stop], target[stop], weight[stop]),
        batch_size=min(max(len(train) // BATCHES, FEWEST), MOST),
        epochs=EPOCHS,
        verbose=0,
        callbacks=[
            keras.callbacks.EarlyStopping(patience=PATIENCE, restore_best_weights=True),
            _Deadline(SHARE * problem.cpu_seconds),
        ],
    )
    return model


class _Deadline(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Ends a fit after its CPU seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._end = time.process_time() + seconds

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:
        """Look at the clock."""
        del epoch, logs
        if time.process_time() > self._end:
            self.model.stop_training = True


def _model(problem: OwnProblem, width: int) -> Any:
    layers = keras.layers
    numbers = keras.Input((width,), name="numbers", dtype="float64")
    near = keras.ops.clip(numbers, -FAR, FAR)
    outputs = problem.classes if problem.task == "multiclass" else 1
    hidden = near
    for _ in range(LAYERS):
        hidden = layers.Dense(WIDTH, activation="relu", dtype=EXACT)(hidden)
        hidden = layers.Dropout(DROPOUT, dtype=EXACT)(hidden)
    deep, line = (layers.Dense(outputs, dtype=EXACT)(part) for part in (hidden, near))
    found = layers.Add(dtype=EXACT)([deep, line])
    loss = "mean_squared_error"
    match problem.task:
        case "binary":
            found, loss = layers.Activation("sigmoid", dtype=EXACT)(found), "binary_crossentropy"
        case "multiclass":
            found, loss = layers.Activation("softmax", dtype=EXACT)(found), "sparse_categorical_crossentropy"
        case "regression":
            values = np.asarray(problem.target, dtype=np.float64)
            spread = float(values.std()) or 1.0
            found = layers.Rescaling(spread, float(values.mean()), dtype=EXACT)(found)
            loss = keras.losses.Huber(delta=3.0 * spread)
    model = keras.Model(numbers, found)
    optimizer = keras.optimizers.AdamW(learning_rate=RATE, weight_decay=DECAY)
    # weighted_metrics: without any, Keras warns that weights of rows are not in its metrics
    model.compile(optimizer=optimizer, loss=loss, weighted_metrics=[])
    return model
