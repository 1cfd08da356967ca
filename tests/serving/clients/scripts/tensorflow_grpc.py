"""The stubs of tensorflow-serving-api: predict, classify, regress, metadata, status, refusals."""

import math
import struct
import sys

import grpc
from tensorflow.core.framework import tensor_pb2, tensor_shape_pb2, types_pb2
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
    regression_pb2,
)

ADDRESS, TOKEN = sys.argv[1:]
METADATA = (("authorization", f"Bearer {TOKEN}"),)
CHANNEL = grpc.insecure_channel(ADDRESS)
PREDICTIONS = prediction_service_pb2_grpc.PredictionServiceStub(CHANNEL)
MODELS = model_service_pb2_grpc.ModelServiceStub(CHANNEL)
HIGH = 1 / (1 + math.exp(-2))


def shape(*sizes):
    return tensor_shape_pb2.TensorShapeProto(
        dim=[tensor_shape_pb2.TensorShapeProto.Dim(size=size) for size in sizes]
    )


def predict(tensor, name="matrix"):
    request = predict_pb2.PredictRequest()
    request.model_spec.name = name
    request.inputs["input"].CopyFrom(tensor)
    return PREDICTIONS.Predict(request, metadata=METADATA, timeout=10)


def code_of(call):
    try:
        call()
    except grpc.RpcError as problem:
        return problem.code()
    return grpc.StatusCode.OK


listed = tensor_pb2.TensorProto(dtype=types_pb2.DT_FLOAT, tensor_shape=shape(2, 2), float_val=[3, 1, 1, 3])
raw = tensor_pb2.TensorProto(
    dtype=types_pb2.DT_FLOAT, tensor_shape=shape(2, 2), tensor_content=struct.pack("<4f", 3, 1, 1, 3)
)
for tensor in (listed, raw):
    answer = predict(tensor)
    assert answer.model_spec.version.value == 4
    found = answer.outputs["probabilities"]
    assert [dim.size for dim in found.tensor_shape.dim] == [2, 2]
    pairs = zip(found.double_val, [1 - HIGH, HIGH, HIGH, 1 - HIGH], strict=True)
    assert all(abs(value - wanted) < 1e-9 for value, wanted in pairs), found

request = classification_pb2.ClassificationRequest()
request.model_spec.name = "fraud"
for amount in (150.0, 50.0):
    feature = request.input.example_list.examples.add().features.feature
    feature["amount"].float_list.value.append(amount)
    feature["kind"].bytes_list.value.append(b"a")
    feature["at"].bytes_list.value.append(b"2024-01-05T10:00:00")
found = PREDICTIONS.Classify(request, metadata=METADATA, timeout=10).result.classifications
assert [max(one.classes, key=lambda item: item.score).label for one in found] == ["1", "0"], found

regress = regression_pb2.RegressionRequest(input=request.input)
regress.model_spec.name = "fraud"
assert (
    code_of(lambda: PREDICTIONS.Regress(regress, metadata=METADATA, timeout=10))
    is grpc.StatusCode.INVALID_ARGUMENT
)

question = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
question.model_spec.name = "matrix"
answer = PREDICTIONS.GetModelMetadata(question, metadata=METADATA, timeout=10)
signatures = get_model_metadata_pb2.SignatureDefMap()
assert answer.metadata["signature_def"].Unpack(signatures)
info = signatures.signature_def["serving_default"].inputs["input"]
assert (info.name, info.dtype) == ("input", types_pb2.DT_DOUBLE)

status = get_model_status_pb2.GetModelStatusRequest()
status.model_spec.name = "matrix"
(version,) = MODELS.GetModelStatus(status, metadata=METADATA, timeout=10).model_version_status
assert (version.version, version.state) == (4, get_model_status_pb2.ModelVersionStatus.AVAILABLE)

assert code_of(lambda: predict(listed, "nobody")) is grpc.StatusCode.NOT_FOUND
wrong = tensor_pb2.TensorProto(dtype=types_pb2.DT_FLOAT, tensor_shape=shape(1, 3), float_val=[1, 2, 3])
assert code_of(lambda: predict(wrong)) is grpc.StatusCode.INVALID_ARGUMENT
assert (
    code_of(lambda: PREDICTIONS.Predict(predict_pb2.PredictRequest(), timeout=10))
    is grpc.StatusCode.UNAUTHENTICATED
)
print("ok")
