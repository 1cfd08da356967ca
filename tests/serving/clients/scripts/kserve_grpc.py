"""kserve's client over gRPC: typed tensors, readiness, refusals."""

import asyncio
import logging
import sys

import grpc
import numpy as np
from kserve import InferenceGRPCClient, InferInput, InferRequest

ADDRESS, TOKEN = sys.argv[1:]
HEADERS = (("authorization", f"Bearer {TOKEN}"),)
WANTED = 1 / (1 + np.exp(-np.array([[-2.0, 2.0], [2.0, -2.0]])))
logging.disable(logging.CRITICAL)  # the client logs each refusal as an error of its own


def request(name, tensor):
    return InferRequest(name, [tensor], request_id="r-2")


async def code_of(call):
    try:
        await call
    except grpc.RpcError as problem:
        return problem.code()
    return grpc.StatusCode.OK


async def main():
    async with InferenceGRPCClient(ADDRESS) as client:
        assert await client.is_server_live(headers=HEADERS)
        assert await client.is_server_ready(headers=HEADERS)
        assert await client.is_model_ready("matrix", headers=HEADERS)
        tensor = InferInput("input", [2, 2], "FP64", data=[3.0, 1.0, 1.0, 3.0])
        answer = await client.infer(request("matrix", tensor), headers=HEADERS)
        assert (answer.id, answer.model_version) == ("r-2", "4"), answer
        assert np.allclose(answer.outputs[0].as_numpy(), WANTED), answer.outputs[0]
        raw = InferInput("input", [2, 2], "FP32")
        raw.set_data_from_numpy(np.array([[3, 1], [1, 3]], dtype=np.float32), binary_data=True)
        answer = await client.infer(request("matrix", raw), headers=HEADERS)
        assert np.allclose(answer.outputs[0].as_numpy(), WANTED), answer.outputs[0]
        assert await code_of(client.infer(request("matrix", tensor))) is grpc.StatusCode.UNAUTHENTICATED
        assert (
            await code_of(client.infer(request("nobody", tensor), headers=HEADERS))
            is grpc.StatusCode.NOT_FOUND
        )
        assert await code_of(client.is_model_ready("nobody", headers=HEADERS)) is grpc.StatusCode.NOT_FOUND
        wrong = InferInput("input", [1, 3], "FP64", data=[3.0, 1.0, 1.0])
        asked = client.infer(request("matrix", wrong), headers=HEADERS)
        assert await code_of(asked) is grpc.StatusCode.INVALID_ARGUMENT


asyncio.run(main())
print("ok")
