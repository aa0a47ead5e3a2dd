"""Publishes one message that is worth keeping for an hour.

    ./generate.sh
    python publish.py orders "one tea"
"""

import os
import sys
import time

import broker_pb2
import broker_pb2_grpc
import grpc
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo
from grpc_status import rpc_status


def publish(broker, request, attempts=10):
    """Sends a message again only while the broker says that it is surely not stored."""
    for attempt in range(1, attempts + 1):
        try:
            # Longer than the 10 s after which the broker itself says that it does not know.
            # Waits for the connection instead of failing while there is none.
            return broker.Publish(request, timeout=15, wait_for_ready=True)
        except grpc.RpcError as error:
            delay = retry_delay(error)
            if delay is None or attempt == attempts:
                raise
            print(f"trying again in {delay} s: {error.details()}", file=sys.stderr, flush=True)
            time.sleep(delay)


def retry_delay(error):
    """How many seconds the broker asks to wait before the same call. It says so with UNAVAILABLE and
    RESOURCE_EXHAUSTED, where nothing was stored. All else is None, do not send again:
    DEADLINE_EXCEEDED and a connection lost in the middle mean that the message may be stored, and
    INVALID_ARGUMENT that it will never be."""
    status = rpc_status.from_call(error)
    for detail in status.details if status else []:
        retry = RetryInfo()
        if detail.Unpack(retry):
            return retry.retry_delay.ToNanoseconds() / 1e9
    return None


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: publish.py SUBJECT TEXT")
    subject, text = sys.argv[1:]
    with grpc.insecure_channel(os.environ.get("BROKER", "127.0.0.1:8080")) as channel:
        request = broker_pb2.PublishRequest(
            subject=subject,
            body=text.encode(),
            # Instead: keep=True for good, or nothing at all for who listens now.
            expiration=Duration(seconds=3600),
        )
        answer = publish(broker_pb2_grpc.BrokerStub(channel), request)
        print(answer.id, broker_pb2.Durability.Name(answer.durability))
