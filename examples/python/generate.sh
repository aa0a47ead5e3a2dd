#!/bin/sh
# Generates the stubs broker_pb2.py and broker_pb2_grpc.py. Once before, in a virtual environment:
#
#   python3 -m venv .venv && . .venv/bin/activate && pip install -r requirements.txt
set -eu
cd "$(dirname "$0")"
python -m grpc_tools.protoc -I ../../crates/proto/proto --python_out=. --grpc_python_out=. broker.proto
