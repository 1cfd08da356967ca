"""Streams of tritonclient that ask for more than the server can do: each message is answered or refused."""

import queue
import sys

import numpy as np
import tritonclient.grpc as triton

ADDRESS, TOKEN = sys.argv[1:]
HEADERS = {"authorization": f"Bearer {TOKEN}"}
STREAMS, MESSAGES, ROWS = 12, 20, 20_000

tensor = triton.InferInput("input", [ROWS, 2], "FP64")
tensor.set_data_from_numpy(np.tile([3.0, 1.0], (ROWS, 1)))
answers = queue.Queue()
clients = [triton.InferenceServerClient(ADDRESS) for _ in range(STREAMS)]
for client in clients:
    client.start_stream(lambda result, error: answers.put((result, error)), headers=HEADERS)
for place in range(MESSAGES):
    for client in clients:
        client.async_stream_infer("matrix", [tensor], request_id=str(place))
found = [answers.get(timeout=60) for _ in range(STREAMS * MESSAGES)]
for client in clients:
    client.stop_stream()
good = [result.as_numpy("probabilities") for result, error in found if error is None]
refused = [error.message() for _, error in found if error is not None]
assert good
assert all(np.allclose(rows, good[0]) for rows in good)
assert refused
assert len(set(refused)) == 1, set(refused)
print("ok")
