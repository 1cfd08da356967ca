"""boto3's `sagemaker-runtime`: JSON and CSV, a named variant, refusals."""

import json
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

ADDRESS, TOKEN = sys.argv[1:]
ROWS = [{"amount": 150.0, "kind": "a", "at": None}, {"amount": 50.0, "kind": "b", "at": None}]


def make_client(token):
    client = boto3.client(
        "sagemaker-runtime",
        endpoint_url=f"http://{ADDRESS}",
        region_name="eu-west-1",
        aws_access_key_id="key",
        aws_secret_access_key="secret",
        config=Config(retries={"max_attempts": 0}),
    )

    def add_token(request, **_):
        request.headers["X-Mlwright-Token"] = token

    client.meta.events.register("before-sign.sagemaker-runtime.InvokeEndpoint", add_token)
    return client


def refusal(client, **arguments):
    try:
        client.invoke_endpoint(**arguments)
    except ClientError as problem:
        return problem.response["ResponseMetadata"]["HTTPStatusCode"], problem.response["Error"]
    return 200, {}


runtime = make_client(TOKEN)
instances = json.dumps({"instances": ROWS})
answer = runtime.invoke_endpoint(
    EndpointName="production",
    Body=instances,
    ContentType="application/json",
    TargetVariant="champion",
    InferenceId="order-7",
    CustomAttributes="trace=abc",
)
assert answer["InvokedProductionVariant"] == "champion"
assert answer["CustomAttributes"] == "trace=abc"
assert answer["ContentType"] == "application/json"
assert [row["prediction"] for row in json.load(answer["Body"])["predictions"]] == [1, 0]

answer = runtime.invoke_endpoint(
    EndpointName="production", Body="150,a,\n50,b,\n", ContentType="text/csv", Accept="text/csv"
)
assert answer["ContentType"].startswith("text/csv")
lines = answer["Body"].read().decode().splitlines()
assert [line.split(",")[0] for line in lines] == ["1", "0"]

status, error = refusal(runtime, EndpointName="nothing", Body=instances, ContentType="application/json")
assert (status, error["Code"]) == (404, "model.unknown"), (status, error)
status, error = refusal(
    runtime, EndpointName="production", Body=instances, ContentType="application/json", TargetVariant="nobody"
)
assert status == 404, (status, error)
status, error = refusal(runtime, EndpointName="production", Body="150,z,\n", ContentType="text/csv")
assert (status, error["Code"]) == (422, "contract.level"), (status, error)
assert "kind" in error["Message"], error
stranger = make_client("token-of-somebody-else")
status, error = refusal(stranger, EndpointName="production", Body=instances, ContentType="application/json")
assert status == 401, (status, error)
print("ok")
