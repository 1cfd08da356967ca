"""scikit-learn's calibrated classifiers as one graph: their members as kernels add, then the calibration.

A converter that rounds the score of a member to float32 moves rows over the steps of an isotonic calibration.
Here everything is float64, in the order of scikit-learn, and the transforms of all members become one.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from onnx import TensorProto, helper

from mlwright.data import Column
from mlwright.errors import ModelUnsupported
from mlwright.features import OutputEntry, TransformDocument, make_document
from mlwright.features.document import TextEntry
from mlwright.packaging.estimators import ABOVE_HALF
from mlwright.packaging.forest import read_trees
from mlwright.packaging.graph_builder import GraphBuilder
from mlwright.packaging.kernel_content import plain_transform
from mlwright.packaging.kernel_model import KernelModel
from mlwright.packaging.lower_model import lower_model

MATRIX, ANSWER = "matrix", "probabilities"


def is_calibrated(fitted: object) -> bool:
    """Tell whether an estimator is scikit-learn's calibration around others."""
    from sklearn.calibration import CalibratedClassifierCV

    return isinstance(fitted, CalibratedClassifierCV)


def calibrated_model(fitted: Any, members: Sequence[KernelModel]) -> KernelModel:
    """Put the members of a calibrated classifier and their calibrations into one model of raw columns.

    Raises `ModelUnsupported` for temperature scaling, and for a member that has not seen every class.
    """
    _require(fitted)
    columns = _columns(members)
    outputs, places, texts = _shared_outputs(members)
    builder = GraphBuilder([MATRIX, ANSWER])
    answers = [
        _calibrated(builder, part, member, place, outputs)
        for part, member, place in zip(fitted.calibrated_classifiers_, members, places, strict=True)
    ]
    total = answers[0]
    for answer in answers[1:]:
        total = builder.add("Add", total, answer)
    builder.add("Div", total, builder.constant(float(len(answers))), name=ANSWER)
    classes = tuple(fitted.classes_.tolist())
    width = 1 if len(classes) == 2 else len(classes)
    graph = builder.build(
        "calibrated",
        [helper.make_tensor_value_info(MATRIX, TensorProto.DOUBLE, [None, len(outputs)])],
        [helper.make_tensor_value_info(ANSWER, TensorProto.DOUBLE, [None, width])],
    )
    document = make_document(list(columns), outputs)
    if texts:
        document["texts"] = texts
    return _merged(members, columns, classes, graph.SerializeToString(deterministic=True), document)


def _require(fitted: Any) -> None:
    if fitted.method not in ("sigmoid", "isotonic"):
        raise ModelUnsupported(
            f"the calibration is by {fitted.method}", hint='calibrate with method="sigmoid" or "isotonic"'
        )
    for part in fitted.calibrated_classifiers_:
        if list(part.estimator.classes_) != list(fitted.classes_):
            raise ModelUnsupported(
                "a member of the calibrated classifier has not seen every class",
                hint="calibrate on folds that hold every class",
            )


def _columns(members: Sequence[KernelModel]) -> tuple[Column, ...]:
    """Give every column that a member reads; null is allowed where all allow it."""
    found: dict[str, Column] = {}
    for member in members:
        for column in member.columns:
            known = found.get(column.name, column)
            if known.type != column.type:
                raise ModelUnsupported(
                    f"column {column.name!r} is a {known.type} to one member and a {column.type} to another",
                    hint="fit the encoders of the members on the same levels",
                )
            found[column.name] = replace(known, nullable=known.nullable and column.nullable)
    return tuple(found.values())


def _shared_outputs(
    members: Sequence[KernelModel],
) -> tuple[list[OutputEntry], list[list[int]], list[TextEntry]]:
    """Give all numbers that the members read, each once, their places for each member, and their texts."""
    texts: list[TextEntry] = []
    outputs: list[OutputEntry] = []
    known: dict[str, int] = {}
    places: list[list[int]] = []
    for number, member in enumerate(members):
        document = member.transform or plain_transform(member)
        texts += [{**text, "name": f"{number}:{text['name']}"} for text in document.get("texts", [])]
        here = []
        for given in document["outputs"]:
            entry = given.copy()
            if "text" in given:
                entry["text"] = f"{number}:{given['text']}"
            key = json.dumps({name: value for name, value in entry.items() if name != "name"}, sort_keys=True)
            if key not in known:
                known[key] = len(outputs)
                outputs.append({**entry, "name": f"{len(outputs)}|{entry['column']}"})
            here.append(known[key])
        places.append(here)
    return outputs, places, texts


def _calibrated(
    builder: GraphBuilder,
    part: Any,
    member: KernelModel,
    places: Sequence[int],
    outputs: Sequence[OutputEntry],
) -> str:
    """Add one member, its calibration, and for more than two classes their sum to 1."""
    matrix = builder.add("Gather", MATRIX, builder.constant(list(places), np.int64), axis=1)
    is_raw = hasattr(part.estimator, "decision_function")
    whole = [at for at, place in enumerate(places) if outputs[place]["op"] == "level"]
    kind, data = member.engine, _without_link(member) if is_raw else member.data
    scores, width = lower_model(builder, kind, data, matrix, whole=whole)
    if width != len(part.calibrators):
        raise ModelUnsupported(
            f"a member gives {width} scores for {len(part.calibrators)} calibrations",
            hint="calibrate a classifier of scikit-learn or LightGBM",
        )
    each = []
    for output, calibrator in enumerate(part.calibrators):
        score = builder.add("Gather", scores, builder.constant([output], np.int64), axis=1)
        each.append(_calibration(builder, calibrator, score))
    if width == 1:
        return each[0]
    together = builder.add("Concat", *each, axis=1)
    total = builder.add("ReduceSum", together, builder.constant([1], np.int64), keepdims=1)
    is_nothing = builder.add("Equal", total, builder.constant(0.0))
    divisor = builder.add("Where", is_nothing, builder.constant(1.0), total)
    shares = builder.add("Div", together, divisor)
    return builder.add("Where", is_nothing, builder.constant(1.0 / width), shares)


def _without_link(member: KernelModel) -> bytes:
    """Give the file of a member that answers with its raw sums, as a decision function does."""
    if member.engine == "linear":
        return json.dumps({**json.loads(member.data), "link": "identity"}, sort_keys=True).encode()
    arrays, features, answer = read_trees(member.data)
    return arrays.to_bytes(features, replace(answer, link="identity", slope=1.0))


def _calibration(builder: GraphBuilder, calibrator: Any, score: str) -> str:
    if hasattr(calibrator, "a_"):
        slope, start = float(calibrator.a_), float(calibrator.b_)
        moved = builder.add(
            "Add", builder.add("Mul", score, builder.constant(slope)), builder.constant(start)
        )
        return builder.add(
            "Div", builder.constant(1.0), builder.add("Add", builder.constant(1.0), builder.add("Exp", moved))
        )
    return _steps(builder, calibrator, score)


def _steps(builder: GraphBuilder, calibrator: Any, score: str) -> str:
    """Add an isotonic calibration: a line between two thresholds, level before the first and after the last.

    Each piece adds its share of its own height, so that a row beyond it has that height exactly.
    """
    places = np.asarray(calibrator.X_thresholds_)
    if places.dtype == np.float32:  # the calibration rounds what it is asked, too
        rounded = builder.add("Cast", score, to=TensorProto.FLOAT)
        score = builder.add("Cast", rounded, to=TensorProto.DOUBLE)
    places = places.astype(np.float64)
    heights = np.asarray(calibrator.y_thresholds_, dtype=np.float64)
    if len(places) == 1:
        return builder.add(
            "Add", builder.add("Mul", score, builder.constant(0.0)), builder.constant(heights[0])
        )
    widths, rises = np.diff(places), np.diff(heights)
    share = builder.add(
        "Div", builder.add("Sub", score, builder.constant(places[:-1])), builder.constant(widths)
    )
    inside = builder.add("Min", builder.add("Max", share, builder.constant(0.0)), builder.constant(1.0))
    risen = builder.add("MatMul", inside, builder.constant(rises.reshape(-1, 1)))
    return builder.add("Add", risen, builder.constant(heights[0]))


def _merged(
    members: Sequence[KernelModel],
    columns: tuple[Column, ...],
    classes: tuple[object, ...],
    data: bytes,
    document: TransformDocument,
) -> KernelModel:
    """Give the model of the whole, with everything that a check has to look at for any member."""
    levels: dict[int, tuple[str, ...]] = {}
    values: dict[int, list[float]] = {}
    limits: dict[int, tuple[float, float]] = {}
    categorical: set[int] = set()
    closed: set[int] = set()
    sentences: set[int] = set()
    place_of = {column.name: place for place, column in enumerate(columns)}
    for member in members:
        places = {place: place_of[column.name] for place, column in enumerate(member.columns)}
        for place, texts in member.levels.items():
            levels[places[place]] = tuple(dict.fromkeys([*levels.get(places[place], ()), *texts]))
        for place, numbers in member.near.items():
            values.setdefault(places[place], []).extend(numbers)
        for place, (low, high) in member.limits.items():
            known = limits.get(places[place], (low, high))
            limits[places[place]] = (max(low, known[0]), min(high, known[1]))
        categorical |= {places[place] for place in member.categorical}
        closed |= {places[place] for place in member.closed}
        sentences |= {places[place] for place in member.sentences}
    return KernelModel(
        data=data,
        columns=columns,
        outputs=1 if len(classes) == 2 else len(classes),
        task="binary" if len(classes) == 2 else "multiclass",
        is_named=True,
        levels=levels,
        categorical=frozenset(categorical),
        classes=classes,
        threshold=ABOVE_HALF,
        takes_infinite=all(member.takes_infinite for member in members),
        engine="onnx",
        transform=document,
        values=values,
        limits=limits,
        closed=frozenset(closed),
        sentences=frozenset(sentences),
    )
