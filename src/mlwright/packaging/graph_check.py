"""Hold a packaged ONNX graph to the file that it came from, on generated rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from mlwright.errors import ModelUnsupported, ParityFailed
from mlwright.packaging.conversion import Tensors
from mlwright.packaging.graph_run import NUMPY_TYPES, Floats, Tensor, main_output, numbers_of, run_outputs
from mlwright.packaging.onnx_graph import Graph
from mlwright.packaging.package import JsonObject
from mlwright.packaging.parity import ParityReport, check_parity
from mlwright.packaging.predictor import PackagePredictor

SEED = 7
MATRIX_ROWS = 10_000
TENSOR_ROWS = 2_000
MOST_VALUES = 20_000_000
OPEN_SIZES = (
    1,
    4,
    32,
    224,
)  # tried for a dimension that the graph leaves open: one, words, a thumbnail, an image
WIDE, NARROW = (-1, 300), (0, 2)  # integers: codes of all kinds, or places in the smallest of tables


def check_graph(
    folder: Path,
    answers: Callable[[Tensors], Sequence[Tensor]],
    graph: Graph,
    name: str,
    rows: Tensors | None = None,
) -> ParityReport:
    """Compare every output of the package with what its source answers, output by output.

    On generated rows, and on real ones where they are given. Raises `ParityFailed` when they differ,
    `ModelUnsupported` when no generated rows can be run.
    """
    tensors, trained = _answered(answers, graph)
    report = _check_rows(folder, tensors, trained, name)
    if rows is None:
        return report
    real = _check_rows(folder, rows, answers(rows), name)
    return ParityReport(
        report.rows + real.rows, 0, max(report.largest_difference, real.largest_difference), 0
    )


def _check_rows(folder: Path, tensors: Tensors, trained: Sequence[Tensor], name: str) -> ParityReport:
    predictor = PackagePredictor(folder)
    packaged = run_outputs((folder / "model.onnx").read_bytes(), tensors)
    if len(trained) != len(packaged):
        raise ParityFailed(
            f"{name}: the package gives {len(packaged)} outputs, the library {len(trained)}",
            hint="the version is not registered; export the model with the outputs that it gives",
        )
    by_name = dict(zip(packaged, (output.reshape(len(output), -1) for output in trained), strict=True))
    reports = [
        _check_output(by_name[output], found, f"{name}, output {output!r}")
        for output, found in packaged.items()
    ]
    if predictor.matrix_width is not None:
        values = np.asarray(next(iter(tensors.values())), dtype=np.float64)
        main = numbers_of(by_name[main_output(packaged)])
        reports.append(_compare(predictor.narrow(main), predictor.predict_matrix(values), name))
    return max(reports, key=lambda report: report.largest_difference)


def _check_output(trained: Tensor, packaged: Tensor, what: str) -> ParityReport:
    if trained.dtype.kind in "fiub":
        return _compare(numbers_of(trained), numbers_of(packaged), what)
    return _check_texts(trained, packaged, what)


def _compare(trained: Floats, packaged: Floats, what: str) -> ParityReport:
    return check_parity(trained, packaged, edge_rows=0, threshold=None, what=what)


def generate_tensors(graph: Graph, *, size: int, integers: tuple[int, int]) -> dict[str, Tensor]:
    """Make a tensor for each input; dimensions that the graph leaves open get `size`, the first one rows."""
    generator = np.random.default_rng(SEED)
    shapes = {str(entry["name"]): _inner_shape(entry, size) for entry in graph.inputs}
    is_matrix = len(graph.inputs) == 1 and len(fixed := _shape(graph.inputs[0])) == 2 and fixed[1] > 0
    values = max(sum(int(np.prod(shape)) for shape in shapes.values()), 1)
    rows = max(1, min(MATRIX_ROWS if is_matrix else TENSOR_ROWS, MOST_VALUES // values))
    made: dict[str, Tensor] = {}
    for entry in graph.inputs:
        name, datatype = str(entry["name"]), str(entry["datatype"])
        first = _shape(entry)[0]
        shape = (rows if first < 0 else first, *shapes[name])
        match datatype:
            case "BYTES":
                texts = np.array([*graph.texts, "", "\u2603 never seen"], dtype=object)
                made[name] = texts[generator.integers(0, len(texts), shape)]
            case "INT64" | "INT32":
                known = np.array([*graph.codes, *range(*integers)])
                made[name] = known[generator.integers(0, len(known), shape)].astype(NUMPY_TYPES[datatype])
            case "BOOL":
                made[name] = generator.random(shape) < 0.5
            case _:
                made[name] = generator.normal(size=shape).astype(NUMPY_TYPES[datatype])
    return made


def _answered(
    answers: Callable[[Tensors], Sequence[Tensor]], graph: Graph
) -> tuple[dict[str, Tensor], Sequence[Tensor]]:
    """Find rows that the source answers."""
    has_open = any(size < 0 for entry in graph.inputs for size in _shape(entry)[1:])
    has_codes = any(entry["datatype"] in ("INT64", "INT32") for entry in graph.inputs)
    refusal = ModelUnsupported("the graph has no input", hint="export it with its inputs")
    for integers in (WIDE, NARROW) if has_codes else (WIDE,):
        for size in OPEN_SIZES if has_open else (1,):
            tensors = generate_tensors(graph, size=size, integers=integers)
            try:
                return tensors, answers(tensors)
            except ModelUnsupported as problem:
                refusal = problem
    raise refusal


def _check_texts(trained: Tensor, packaged: Tensor, name: str) -> ParityReport:
    differing = int((trained != packaged).sum())
    if trained.shape != packaged.shape or differing:
        raise ParityFailed(
            f"{name}: the package gives {differing} texts that differ from the library's",
            hint="the version is not registered; report this with the model file",
        )
    return ParityReport(len(trained), 0, 0.0, 0)


def _inner_shape(entry: JsonObject, size: int) -> tuple[int, ...]:
    return tuple(size if found < 0 else found for found in _shape(entry)[1:])


def _shape(entry: JsonObject) -> list[int]:
    shape = entry["shape"]
    assert isinstance(shape, list)
    return shape
