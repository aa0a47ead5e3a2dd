#!/bin/sh
# Generates the stubs of both protos beside this file.
set -eu
cd "$(dirname "$0")"
protoc() {
    python -m grpc_tools.protoc --python_out=. --grpc_python_out=. "$@"
}
protoc -I .. old.proto
protoc -I ../../../crates/proto/proto broker.proto
