"""Prints what is kept of a subject and then what is new, and goes on after the last message when the
connection or the broker is gone.

    ./generate.sh
    python subscribe.py orders
"""

import os
import sys
import time

import broker_pb2
import broker_pb2_grpc
import grpc

# Notices a broker that vanished without a word.
KEEPALIVE = [("grpc.keepalive_time_ms", 30_000)]

# INTERNAL: a proxy between lost the broker.
GOES_ON = [
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.INTERNAL,
]


def subscribe(broker, subject, last_id=0):
    """The messages of a subject above an id, without end. Keep the id of the last one with your
    results if you want to go on after a restart of your program."""
    while True:
        request = broker_pb2.SubscribeRequest(subject=subject, after_id=last_id)
        try:
            # A subscription has no end, so it has no timeout.
            for message in broker.Subscribe(request, wait_for_ready=True):
                # A delivered-only message has the id 0 and can't be resumed after.
                last_id = message.id or last_id
                yield message
        except grpc.RpcError as error:
            # Reading again does no harm, so this is right however the stream ended. Not so with
            # OUT_OF_RANGE: this broker's store has not come as far as last_id, it is another store.
            if error.code() not in GOES_ON:
                raise
            print(f"going on after message {last_id}: {error.details()}", file=sys.stderr)
            time.sleep(1)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: subscribe.py SUBJECT")
    with grpc.insecure_channel(os.environ.get("BROKER", "127.0.0.1:8080"), KEEPALIVE) as channel:
        for message in subscribe(broker_pb2_grpc.BrokerStub(channel), sys.argv[1]):
            print(message.id, message.body.decode(), flush=True)
