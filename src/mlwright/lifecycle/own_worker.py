"""The process that calls a training function of one's own: it fits, converts, and answers rows.

Started as `python -m mlwright.lifecycle.own_worker REQUEST`, it reads one order a line and answers each with
a line of JSON; arrays go through files of its folder. What the function prints goes to standard error, which
is the log; so does the traceback of what it raises, without the frames of this package.
"""

from __future__ import annotations

import importlib
import inspect
import json
import os
import resource
import sys
import time
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import polars as pl

from mlwright.data import Column, Folds
from mlwright.data.arrival import KnownLabels
from mlwright.errors import MlwrightError
from mlwright.lifecycle.own_gate import gate_rows
from mlwright.lifecycle.own_model import OwnModel, read_returned
from mlwright.lifecycle.own_scores import require_every_class, require_task, scores_of
from mlwright.project import TrainingConfig
from mlwright.training.own_problem import OwnProblem
from mlwright.training.problem import Problem

JsonObject = dict[str, Any]


class _OwnFault(Exception):
    """What the function did wrong, in words: not found, not callable so, or raised."""

    def __init__(self, kind: str, message: str, hint: str) -> None:
        super().__init__(message)
        self.kind, self.hint = kind, hint


def main() -> None:
    """Answer the orders of standard input until it ends."""
    request: JsonObject = json.loads(sys.argv[1])
    answers = os.dup(1)
    os.dup2(2, 1)
    sys.path.insert(0, request["root"])
    with os.fdopen(answers, "w", encoding="utf-8") as out:
        _serve(request, out)


def _serve(request: JsonObject, out: TextIO) -> None:
    folder = Path(request["folder"])
    frame = pl.read_ipc((folder / "frame.arrow").read_bytes())
    for line in sys.stdin:
        answer = _tried(partial(_fit, request, json.loads(line), frame))
        out.write(json.dumps({**answer, "cpu_s": _used()}) + "\n")
        out.flush()


def _fit(request: JsonObject, order: JsonObject, frame: pl.DataFrame) -> JsonObject:
    """Call the function for one fold, or for all rows; keep scores, and of all rows the model.

    An order without a number only imports the function, which is no cost of a fold.
    """
    function = _function(request)
    if order["number"] is None:
        return {}
    folder, number = Path(request["folder"]), order["number"]
    with np.load(folder / f"rows-{number}.npz") as arrays:
        rows, target, weight, ask = (arrays[name] for name in ("rows", "target", "weight", "ask"))
    problem = _problem(request, order, frame[rows], (target, weight))
    model = read_returned(_call(function, problem, request), problem)
    require_task(model, problem)
    said: JsonObject = {"library": model.library, "kind": model.kind, "reads": model.reads}
    if order["fold"] is not None:
        scores = scores_of(model.ask(frame[ask]), model, problem, len(ask))
        np.save(folder / f"scores-{number}.npy", scores)
        return said
    return {**said, **_keep(folder, model, problem, frame)}


def _keep(folder: Path, model: OwnModel, problem: OwnProblem, frame: pl.DataFrame) -> JsonObject:
    """Write the model, its transform, and rows with the library's answers for the parity gate."""
    require_every_class(model, problem)
    rows, edges = gate_rows(model, problem, frame)
    np.save(folder / "answers.npy", scores_of(model.ask(rows), model, problem, rows.height))
    rows.write_ipc(folder / "gate.arrow", compression="lz4")
    (folder / "model").write_bytes(model.data)
    (folder / "transform.json").write_text(json.dumps(model.transform), encoding="utf-8")
    return {
        "engine": model.engine,
        "refuses_null": sorted(model.refuses_null),
        "closed": {name: list(levels) for name, levels in (model.closed or {}).items()},
        "edge_rows": edges,
    }


def _problem(
    request: JsonObject, order: JsonObject, frame: pl.DataFrame, known: tuple[Any, Any]
) -> OwnProblem:
    target, weight = known
    labels = KnownLabels(target, weight)
    problem = Problem(
        frame=frame,
        target=target,
        weight=weight,
        inputs=tuple(Column(**column) for column in request["columns"]),
        task=request["task"],
        classes=request["classes"],
        metric=request["metric"],
        folds=Folds((), "random", ""),
        labels=lambda _: labels,
        known_at=None,
        blocks=None,
        settings=TrainingConfig(metric=request["metric"]),
        seed=order["seed"],
        time=request["time"],
    )
    seconds = float("inf") if order["cpu_seconds"] is None else order["cpu_seconds"]
    return OwnProblem(problem, fold=order["fold"], cpu_seconds=seconds)


def _function(request: JsonObject) -> Callable[[OwnProblem], object]:
    module, name = request["module"], request["function"]
    try:
        found = getattr(importlib.import_module(module), name, None)
    except Exception as problem:
        raise _raised(problem, f"importing {module!r}", request) from problem
    if not callable(found):
        raise _OwnFault(
            "unknown",
            f"the module {module!r} has no function {name!r}",
            "write `def " + name + "(problem): …` that returns a fitted model",
        )
    try:
        inspect.signature(found).bind(None)
    except TypeError as problem:
        raise _OwnFault(
            "unknown",
            f"{module}:{name} cannot be called with one argument: {problem}",
            f"write `def {name}(problem): …`; everything that it needs is in `problem`",
        ) from problem
    except ValueError:
        pass  # a function without a signature: the call tells
    function: Callable[[OwnProblem], object] = found
    return function


def _call(function: Callable[[OwnProblem], object], problem: OwnProblem, request: JsonObject) -> object:
    try:
        return function(problem)
    except MlwrightError:
        raise
    except Exception as fault:
        where = "all rows" if problem.fold is None else f"fold {problem.fold + 1}"
        raise _raised(fault, f"{request['module']}:{request['function']} on {where}", request) from fault


def _raised(fault: Exception, doing: str, request: JsonObject) -> _OwnFault:
    """Write the traceback of a fault to the log, from the first frame not of ours, and name its place."""
    trace = fault.__traceback__
    while trace is not None and trace.tb_next is not None and _is_ours(trace.tb_frame.f_code.co_filename):
        trace = trace.tb_next
    traceback.print_exception(type(fault), fault, trace)
    root = request["root"]
    frames = [entry for entry in traceback.extract_tb(trace) if entry.filename.startswith(root)]
    place = f" at {Path(frames[-1].filename).relative_to(root)} line {frames[-1].lineno}" if frames else ""
    words = str(fault).strip().splitlines()
    said = f": {words[0][:300]}" if words else ""
    return _OwnFault("raised", f"{doing} raised {type(fault).__name__}{said}{place}", "")


def _is_ours(file: str) -> bool:
    return file.endswith("own_worker.py") or file.startswith("<frozen importlib") or "/importlib/" in file


def _tried(fit: Callable[[], JsonObject]) -> JsonObject:
    """Give what a fit gives, or what was wrong with it."""
    try:
        return fit()
    except _OwnFault as fault:
        return {"failed": fault.kind, "message": str(fault), "hint": fault.hint}
    except MlwrightError as refusal:
        return {"failed": "refused", "message": refusal.message, "hint": refusal.hint, "code": refusal.code}
    except Exception as problem:  # noqa: BLE001 - a library may raise anything when it is asked
        traceback.print_exc()
        words = str(problem).strip().splitlines()
        return {
            "failed": "raised",
            "message": f"the model raised {type(problem).__name__} when it was converted or asked: "
            f"{words[0][:300] if words else ''}",
            "hint": "",
        }


def _used() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


if __name__ == "__main__":
    main()
