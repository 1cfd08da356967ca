"""Rows that steps hand on, with their target, inputs and split."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl

from mlwright.data import (
    Column,
    DataContract,
    Folds,
    encode_target,
    labels_known_at,
    make_folds,
    newest_moment,
    number_lists,
    read_contract,
)
from mlwright.features import TransformDocument
from mlwright.lifecycle.lowering import library_answers
from mlwright.pipeline import Context, Value, Values
from mlwright.project import DataConfig, Task, TrainingConfig
from mlwright.training.own_source import PORTFOLIO
from mlwright.training.problem import Floats, Problem

if TYPE_CHECKING:
    from mlwright.pipeline.step import JSON


class Rows:
    """Clean rows with their target, inputs and split."""

    def __init__(
        self,
        frame: pl.DataFrame,
        contract: DataContract,
        data: DataConfig,
        split: Mapping[str, npt.NDArray[np.int64]],
    ):
        self.frame = frame
        self.data = data
        self.contract = contract
        self.inputs: list[Column] = contract.inputs(ignore=data.unread, group=data.group)
        assert contract.label is not None
        self.classes = list(contract.label.values or ())
        self.target = encode_target(frame[contract.label.name], self.classes)
        self.train = split["train"]
        self.test = split["test"]

    @classmethod
    def read(cls, context: Context, inputs: Values, data: DataConfig) -> Rows:
        """Read them from the values of earlier steps."""
        with np.load(context.path(inputs["split"])) as arrays:
            split = {name: arrays[name] for name in ("train", "test")}
        return cls(read_frame(context, inputs["clean"]), contract_of(inputs), data, split)

    @property
    def everything(self) -> npt.NDArray[np.int64]:
        """Give the training and the held-out rows, in the order of the table."""
        return np.sort(np.concatenate([self.train, self.test]))

    @classmethod
    def read_by_model(cls, context: Context, inputs: Values, data: DataConfig) -> Rows:
        """Read them with the inputs that the trained model reads."""
        rows = cls.read(context, inputs, data)
        fitted = inputs["fitted"]
        assert isinstance(fitted, dict)
        rows.inputs = read_inputs(rows.inputs, fitted)
        return rows

    def problem(self, config: TrainingConfig, *, task: Task, seed: int) -> Problem:
        """Give what a trainer is asked about the training rows."""
        frame, target = self.frame[self.train], self.target[self.train]
        folds = make_folds(frame, target, self.data, task=task, seed=seed)
        full = 0.0
        if config.refit_full and config.trainer == PORTFOLIO and folds.kind != "forward":
            full = len(self.everything) / len(self.train)
        return replace(self._problem(self.train, config, folds, task=task, seed=seed), full_share=full)

    def full_problem(self, config: TrainingConfig, *, task: Task, seed: int) -> Problem:
        """Give all rows, held-out ones too, without folds; every input is read: they were chosen before."""
        folds = Folds((), "random", "nothing is left to choose")
        problem = self._problem(self.everything, config, folds, task=task, seed=seed)
        return replace(problem, most_columns=len(self.inputs))

    def _problem(
        self, rows: npt.NDArray[np.int64], config: TrainingConfig, folds: Folds, *, task: Task, seed: int
    ) -> Problem:
        frame, target = self.frame[rows], self.target[rows]
        known_at = None
        if self.data.label_time is not None and self.data.time is not None and len(self.test):
            known_at = newest_moment(frame[self.data.time])
        return Problem(
            frame=frame.select([column.name for column in self.inputs]),
            target=target,
            weight=labels_known_at(frame, target, self.data, None).weight,
            inputs=tuple(self.inputs),
            task=task,
            classes=len(self.classes),
            metric=config.metric,
            folds=folds,
            labels=lambda moment: labels_known_at(frame, target, self.data, moment),
            known_at=known_at,
            blocks=self.blocks(rows),
            settings=config,
            seed=seed,
            time=self.data.time,
            lists=self.lists(rows),
        )

    def lists(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64] | None:
        """Number the list in which each row is ranked, -1 for none; None without such a column."""
        return number_lists(self.frame[rows], self.data.query)

    def blocks(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64] | None:
        """Give the list, day or group of rows, which stand and fall together."""
        if self.data.query is not None:
            return self.lists(rows)
        name = self.data.group if self.data.split.by == self.data.group else self.data.time
        if name is None or name not in self.frame.columns:
            return None
        values = self.frame[name][rows]
        keys = values.dt.date() if values.dtype.is_temporal() else values
        return keys.cast(pl.String).fill_null("").rank("dense").cast(pl.Int64).to_numpy()


def read_inputs(columns: list[Column], fitted: Mapping[str, JSON]) -> list[Column]:
    """Give the columns that a model reads: all but those that the trainer says no member does."""
    unread = fitted.get("unread") or []
    assert isinstance(unread, list)
    left_out = set(map(str, unread))
    return [column for column in columns if column.name not in left_out]


def contract_of(inputs: Values) -> DataContract:
    """Read the contract."""
    return read_contract(str(inputs["contract"]))


def read_frame(context: Context, value: Value) -> pl.DataFrame:
    """Read rows that an earlier step kept."""
    return pl.read_ipc(context.path(value))


def keep_frame(context: Context, frame: pl.DataFrame) -> Value:
    """Keep rows for later steps, which read them as they lie: to unpack them in every step costs more."""
    return context.keep_written(lambda path: frame.write_ipc(path, compression="uncompressed"))


def transform_of(context: Context, value: Value) -> TransformDocument:
    """Read a transform document."""
    document: TransformDocument = json.loads(context.path(value).read_bytes())
    return document


def members_answers(
    context: Context, members: Value, frame: pl.DataFrame, columns: list[Column], task: Task
) -> Floats:
    """Score rows with the libraries that trained the members."""
    return library_answers(context.path(members).read_bytes(), frame, columns, task)
