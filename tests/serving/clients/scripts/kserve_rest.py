"""kserve's REST client: both protocols, readiness and refusals."""

import asyncio
import sys

import httpx
from kserve import InferenceRESTClient, InferInput, InferRequest
from kserve.inference_client import RESTConfig

ADDRESS, TOKEN = sys.argv[1:]
URL = f"http://{ADDRESS}"
HEADERS = {"authorization": f"Bearer {TOKEN}"}


def column(name, datatype, values):
    return InferInput(name=name, shape=[len(values)], datatype=datatype, data=values)


async def refusal(call):
    """Give the status of a refusal."""
    try:
        await call
    except httpx.HTTPStatusError as problem:
        return problem.response.status_code
    return 200


async def ask_second_protocol():
    client = InferenceRESTClient(RESTConfig(protocol="v2"))
    assert await client.is_server_live(URL, headers=HEADERS)
    assert await client.is_server_ready(URL, headers=HEADERS)
    assert await client.is_model_ready(URL, "fraud", headers=HEADERS)
    request = InferRequest(
        model_name="fraud",
        infer_inputs=[
            column("amount", "FP64", [150.0, 50.0]),
            column("kind", "BYTES", ["a", "b"]),
            column("at", "BYTES", ["2024-01-05", "2024-01-06"]),
        ],
    )
    answer = await client.infer(URL, request, model_name="fraud", headers=HEADERS)
    outputs = {output.name: output for output in answer.outputs}
    assert outputs["prediction"].data == [1, 0]
    assert list(outputs["probabilities"].shape) == [2, 2]
    assert outputs["prediction"].as_numpy().tolist() == [1, 0]
    assert await refusal(client.infer(URL, request, model_name="nothing", headers=HEADERS)) == 404


async def ask_first_protocol():
    client = InferenceRESTClient(RESTConfig(protocol="v1"))
    assert await client.is_model_ready(URL, "fraud", headers=HEADERS)
    rows = [{"amount": 150.0, "kind": "a", "at": None}, {"amount": 50.0, "kind": "b", "at": None}]
    answer = await client.infer(URL, {"instances": rows}, model_name="fraud", headers=HEADERS)
    assert [row["prediction"] for row in answer["predictions"]] == [1, 0]


asyncio.run(ask_second_protocol())
asyncio.run(ask_first_protocol())
print("ok")
