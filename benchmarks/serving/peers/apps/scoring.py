"""From the bytes of a request to the bytes of its answer, as fast as Python libraries do it."""

from __future__ import annotations

import os

import numpy as np
import onnxruntime
import orjson

_options = onnxruntime.SessionOptions()
_options.intra_op_num_threads = 1
_options.inter_op_num_threads = 1
_options.log_severity_level = 3
_session = onnxruntime.InferenceSession(
    os.environ["BENCH_MODEL"], _options, providers=["CPUExecutionProvider"]
)
_outputs = ["probabilities"]


def answer(body: bytes) -> bytes:
    """Score `{"instances": [[…]]}` into `{"predictions": [[p0, p1]]}`."""
    rows = np.array(orjson.loads(body)["instances"], dtype=np.float32)
    (found,) = _session.run(_outputs, {"input": rows})
    return orjson.dumps({"predictions": found}, option=orjson.OPT_SERIALIZE_NUMPY)
