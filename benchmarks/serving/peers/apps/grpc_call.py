"""Send one message through the gRPC library: `grpc_call.py ADDRESS METHOD < request > response`."""

from __future__ import annotations

import sys

import grpc


def main() -> None:
    """Pass the bytes on as they are."""
    address, method = sys.argv[1:]
    with grpc.insecure_channel(address) as channel:
        call = channel.unary_unary(method, request_serializer=bytes, response_deserializer=bytes)
        sys.stdout.buffer.write(call(sys.stdin.buffer.read(), timeout=10))


if __name__ == "__main__":
    main()
