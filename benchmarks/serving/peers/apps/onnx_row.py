"""Time one row per call in ONNX Runtime: `onnx_row.py FOREST IDENTITY ROWS`, µs per row of each round.

The call of a graph that only copies its input is taken off: what Python and the session cost is not charged.
"""

from __future__ import annotations

import sys
import time

import numpy as np
import onnxruntime

ROUNDS = 5


def main() -> None:
    """Time both graphs in turn."""
    forest, identity, path = sys.argv[1:]
    sessions = [_session(model) for model in (forest, identity)]
    columns = sessions[0].get_inputs()[0].shape[1]
    rows = np.fromfile(path, dtype="<f8").astype(np.float32).reshape(-1, 1, columns)
    for _ in range(ROUNDS):
        whole, around = (_time(session, rows) for session in sessions)
        sys.stdout.write(f"{whole - around:.3f} µs\n")


def _session(model: str) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _time(session: onnxruntime.InferenceSession, rows: np.ndarray) -> float:
    names, outputs = session.get_inputs()[0].name, [session.get_outputs()[-1].name]
    started = time.perf_counter()
    for row in rows:
        session.run(outputs, {names: row})
    return (time.perf_counter() - started) * 1e6 / len(rows)


if __name__ == "__main__":
    main()
