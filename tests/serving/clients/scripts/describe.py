"""Print what descriptors say on the wire: fields, enum values and calls, as JSON.

With a file the descriptors are read from it, else from the modules that are named.
"""

import importlib
import json
import sys
from pathlib import Path

from google.protobuf import descriptor_pb2


def fields(prefix, message, found):
    name = f"{prefix}.{message.name}"
    for field in message.field:
        oneof = message.oneof_decl[field.oneof_index].name if field.HasField("oneof_index") else ""
        found[f"{name}.{field.name}"] = [field.number, field.type, field.label, field.type_name, oneof]
    for nested in message.nested_type:
        fields(name, nested, found)
    for enum in message.enum_type:
        values(name, enum, found)


def values(prefix, enum, found):
    for value in enum.value:
        found[f"{prefix}.{enum.name}={value.name}"] = [value.number]


def describe(files):
    found = {}
    for file in files:
        for message in file.message_type:
            fields(file.package, message, found)
        for enum in file.enum_type:
            values(file.package, enum, found)
        for service in file.service:
            for call in service.method:
                kind = [call.input_type, call.output_type, call.client_streaming, call.server_streaming]
                found[f"{file.package}.{service.name}/{call.name}"] = kind
    return found


def of_modules(names):
    seen, pending = {}, [importlib.import_module(name).DESCRIPTOR for name in names]
    while pending:
        file = pending.pop()
        if file.name not in seen:
            seen[file.name] = descriptor_pb2.FileDescriptorProto()
            file.CopyToProto(seen[file.name])
            pending += file.dependencies
    return seen.values()


if sys.argv[1] == "--file":
    described = descriptor_pb2.FileDescriptorSet.FromString(Path(sys.argv[2]).read_bytes()).file
else:
    described = of_modules(sys.argv[1:])
print(json.dumps(describe(described)))
