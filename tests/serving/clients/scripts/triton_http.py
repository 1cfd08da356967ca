"""tritonclient over HTTP: JSON and raw tensors, metadata, configuration, statistics, repository, refusals."""

import sys

import numpy as np
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

ADDRESS, TOKEN, ADMIN_TOKEN = sys.argv[1:]
ADMIN = {"authorization": f"Bearer {ADMIN_TOKEN}"}
COLUMNS = {
    "amount": ("FP64", np.array([150.0, 50.0])),
    "kind": ("BYTES", np.array(["a", "b"], dtype=object)),
    "at": ("BYTES", np.array(["2024-01-05", "2024-01-06"], dtype=object)),
}


def headers():
    """New each time: the client writes the length of its JSON into those that it is given."""
    return {"authorization": f"Bearer {TOKEN}"}


def inputs(*, binary):
    made = []
    for name, (datatype, values) in COLUMNS.items():
        tensor = triton.InferInput(name, values.shape, datatype)
        tensor.set_data_from_numpy(values, binary_data=binary)
        made.append(tensor)
    return made


def refusal(call):
    """Give the status and the text of a refusal."""
    try:
        call()
    except InferenceServerException as problem:
        return problem.status(), problem.message()
    return "200", ""


client = triton.InferenceServerClient(ADDRESS)
assert client.is_server_live(headers=headers())
assert client.is_server_ready(headers=headers())
assert client.is_model_ready("fraud", headers=headers())
assert client.is_model_ready("fraud", "1", headers=headers())
assert not client.is_model_ready("nothing", headers=headers())
assert "binary_tensor_data" in client.get_server_metadata(headers=headers())["extensions"]
metadata = client.get_model_metadata("fraud", headers=headers())
assert {one["name"] for one in metadata["inputs"]} == set(COLUMNS)
config = client.get_model_config("fraud", "1", headers=headers())
assert {one["data_type"] for one in config["input"]} == {"TYPE_FP64", "TYPE_STRING"}

for binary in (True, False):
    for wanted_binary in (True, False):
        wanted = [
            triton.InferRequestedOutput(name, binary_data=wanted_binary)
            for name in ("prediction", "probabilities")
        ]
        answer = client.infer(
            "fraud", inputs(binary=binary), outputs=wanted, request_id="r7", headers=headers()
        )
        assert answer.get_response()["id"] == "r7"
        assert answer.as_numpy("prediction").tolist() == [1, 0]
        probabilities = answer.as_numpy("probabilities")
        assert probabilities.dtype == np.float64
        assert probabilities.shape == (2, 2)
        assert np.allclose(probabilities.sum(axis=1), 1)
        assert answer.as_numpy("score") is None
    everything = client.infer("fraud", inputs(binary=binary), model_version="1", headers=headers())
    assert everything.as_numpy("score").shape == (2,)
waiting = client.async_infer("fraud", inputs(binary=True), headers=headers())
assert waiting.get_result().as_numpy("prediction").tolist() == [1, 0]

missing = inputs(binary=True)
missing[0].set_data_from_numpy(np.array([np.nan, 50.0]))
assert client.infer("fraud", missing, headers=headers()).as_numpy("prediction").tolist() == [0, 0]
missing[0].set_data_from_numpy(np.array([np.inf, 50.0]))
status, text = refusal(lambda: client.infer("fraud", missing, headers=headers()))
assert status == "400", status
assert "amount" in text, text
status, text = refusal(lambda: client.infer("nothing", inputs(binary=True), headers=headers()))
assert "404" in status, status
assert "nothing" in text, text
assert "401" in refusal(lambda: client.infer("fraud", inputs(binary=True)))[0]
gzipped = refusal(
    lambda: client.infer(
        "fraud", inputs(binary=True), headers=headers(), request_compression_algorithm="gzip"
    )
)
assert "415" in gzipped[0], gzipped

statistics = client.get_inference_statistics("production", headers=headers())["model_stats"]
assert statistics[0]["inference_count"] >= 12
assert statistics[0]["inference_stats"]["success"]["count"] == statistics[0]["execution_count"]
assert client.get_inference_statistics(headers=headers())["model_stats"][0]["name"] == "production"
index = client.get_model_repository_index(headers=headers())
assert index == [{"name": "production", "version": "1", "state": "READY", "reason": ""}]
client.load_model("production", headers=ADMIN)
assert "401" in refusal(lambda: client.load_model("production", headers=headers()))[0]
assert "409" in refusal(lambda: client.unload_model("production", headers=ADMIN))[0]
client.close()
print("ok")
