"""tritonclient over gRPC: raw tensors, streams, metadata, statistics, repository, refusals."""

import queue
import sys

import numpy as np
import tritonclient.grpc as triton
from tritonclient.utils import InferenceServerException

ADDRESS, TOKEN = sys.argv[1:]
HEADERS = {"authorization": f"Bearer {TOKEN}"}
WANTED = 1 / (1 + np.exp(-np.array([[-2.0, 2.0], [2.0, -2.0]])))


def matrix(datatype, values):
    rows = np.array(values, dtype={"FP32": np.float32, "FP64": np.float64}[datatype])
    tensor = triton.InferInput("input", rows.shape, datatype)
    tensor.set_data_from_numpy(rows)
    return [tensor]


def texts(name, values):
    tensor = triton.InferInput(name, [len(values)], "BYTES")
    tensor.set_data_from_numpy(np.array(values, dtype=object))
    return tensor


def numbers(name, values):
    tensor = triton.InferInput(name, [len(values)], "FP64")
    tensor.set_data_from_numpy(np.array(values))
    return tensor


def refusal(call):
    """Give the code and the text of a refusal."""
    try:
        call()
    except InferenceServerException as problem:
        return problem.status().removeprefix("StatusCode."), problem.message()
    return "OK", ""


client = triton.InferenceServerClient(ADDRESS)
assert client.is_server_live(HEADERS)
assert client.is_server_ready(HEADERS)
assert client.is_model_ready("matrix", headers=HEADERS)
assert client.get_server_metadata(HEADERS).name == "mlwright"
metadata = client.get_model_metadata("matrix", "4", headers=HEADERS)
assert (metadata.inputs[0].name, list(metadata.inputs[0].shape)) == ("input", [-1, 2])
config = client.get_model_config("matrix", headers=HEADERS).config
assert (config.max_batch_size > 0, list(config.input[0].dims)) == (True, [2])

for datatype in ("FP32", "FP64"):
    answer = client.infer(
        "matrix",
        matrix(datatype, [[3, 1], [1, 3]]),
        request_id="r-1",
        headers=HEADERS,
        outputs=[triton.InferRequestedOutput("probabilities")],
    )
    assert np.allclose(answer.as_numpy("probabilities"), WANTED), answer.as_numpy("probabilities")
    assert answer.get_response().id == "r-1"

columns = [
    numbers("amount", [150.0, 50.0]),
    texts("kind", ["a", "b"]),
    texts("at", ["2024-01-05T10:00:00"] * 2),
]
answer = client.infer("fraud", columns, headers=HEADERS)
assert answer.as_numpy("prediction").tolist() == [1, 0]
assert answer.as_numpy("score").shape == (2,)

answers = queue.Queue()
client.start_stream(lambda result, error: answers.put((result, error)), headers=HEADERS)
for place in range(20):
    client.async_stream_infer("matrix", matrix("FP64", [[3, 1], [1, 3]]), request_id=str(place))
for place in range(20):
    result, error = answers.get(timeout=10)
    assert error is None
    assert result.get_response().id == str(place)
    assert np.allclose(result.as_numpy("probabilities"), WANTED)
client.stop_stream()

assert client.get_inference_statistics("matrix", headers=HEADERS).model_stats[0].inference_count == 44
names = {model.name for model in client.get_model_repository_index(headers=HEADERS).models}
assert names == {"fraud", "matrix"}
client.load_model("matrix", headers=HEADERS)

assert refusal(lambda: client.infer("matrix", matrix("FP64", [[3, 1]])))[0] == "UNAUTHENTICATED"
assert refusal(lambda: client.infer("nobody", matrix("FP64", [[3, 1]]), headers=HEADERS))[0] == "NOT_FOUND"
code, text = refusal(lambda: client.infer("matrix", matrix("FP64", [[3, 1, 2]]), headers=HEADERS))
assert code == "INVALID_ARGUMENT", code
assert "shape" in text, text
assert refusal(lambda: client.unload_model("matrix", headers=HEADERS))[0] == "FAILED_PRECONDITION"
zipped = {"headers": HEADERS, "compression_algorithm": "gzip"}
assert (
    refusal(lambda: client.infer("matrix", matrix("FP64", [[3, 1]] * 1000), **zipped))[0] == "UNIMPLEMENTED"
)
assert refusal(lambda: client.get_system_shared_memory_status(headers=HEADERS))[0] == "UNIMPLEMENTED"
print("ok")
