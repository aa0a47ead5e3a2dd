"""Prints one kept message.

    ./generate.sh
    python fetch.py orders 1
"""

import os
import sys

import broker_pb2
import broker_pb2_grpc
import grpc
from google.rpc.error_details_pb2 import ErrorInfo
from grpc_status import rpc_status


def reason(error):
    """The broker's own word for what went wrong; the code alone does not tell them apart."""
    status = rpc_status.from_call(error)
    for detail in status.details if status else []:
        info = ErrorInfo()
        if detail.Unpack(info):
            return info.reason
    return None


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: fetch.py SUBJECT ID")
    request = broker_pb2.FetchRequest(subject=sys.argv[1], id=int(sys.argv[2]))
    with grpc.insecure_channel(os.environ.get("BROKER", "127.0.0.1:8080")) as channel:
        try:
            # A fetch may be made again after any error.
            message = broker_pb2_grpc.BrokerStub(channel).Fetch(
                request, timeout=10, wait_for_ready=True
            )
            print(message.body.decode())
        except grpc.RpcError as error:
            match reason(error):
                case "MESSAGE_EXPIRED":
                    print("it has expired")
                case "MESSAGE_NOT_FOUND":
                    print("it was never published")
                case _:
                    raise
