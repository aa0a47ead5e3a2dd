"""Tests the broker from grpcio with stubs of today's proto.

    new.py ADDRESS SCENARIO
"""

import sys

import broker_pb2 as pb
import broker_pb2_grpc
import grpc
from check import PATIENCE, equal, refused
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2
from grpc import StatusCode

YEARS = 3_155_760_000


def messages(broker):
    """Headers, all lifetimes, what a message says of itself, and where a subscription begins."""
    publish = lambda **request: broker.Publish(pb.PublishRequest(subject="py", **request))
    subscribe = lambda **request: broker.Subscribe(
        pb.SubscribeRequest(subject="py", **request), timeout=PATIENCE
    )
    kept = publish(body=b"a", keep=True, headers={"k": "v"})
    equal("kept", kept, pb.PublishResponse(id=1, durability=pb.DISK))
    brief = publish(body=b"b", expiration=Duration(seconds=90, nanos=5))
    equal("kept for a while", brief, pb.PublishResponse(id=2, durability=pb.DISK))

    stream = subscribe()
    first, second = next(stream), next(stream)
    equal("headers", dict(first.headers), {"k": "v"})
    equal("subject", first.subject, "py")
    equal("kept for good", first.HasField("expires_at"), False)
    lifetime = second.expires_at.ToNanoseconds() - second.published_at.ToNanoseconds()
    equal("lifetime", lifetime, 90_000_000_005)
    equal("fetched", broker.Fetch(pb.FetchRequest(subject="py", id=1)), first)

    resumed = subscribe(after_id=1)
    equal("resumed", next(resumed).id, 2)
    fresh = subscribe(start=pb.NEW)
    fresh.initial_metadata()
    equal("delivered only", publish(body=b"c"), pb.PublishResponse())
    equal("new", next(fresh).body, b"c")
    equal("live", next(resumed).body, b"c")


def errors(broker):
    def invalid(what, reason, **request):
        call = lambda: broker.Publish(pb.PublishRequest(subject="errors", **request))
        refused(what, call, StatusCode.INVALID_ARGUMENT, reason)

    def lifetime(what, seconds, nanos):
        # Set by hand: the library's own constructors know what is valid.
        expiration = Duration(seconds=seconds, nanos=nanos)
        invalid(what, "INVALID_EXPIRATION", expiration=expiration)

    lifetime("beyond 100 years", YEARS, 1)
    lifetime("a negative time", 0, -1)
    lifetime("nanos of a second", 0, 10**9)
    invalid("two lifetimes", "INVALID_EXPIRATION", keep=True, expirationSeconds=1)
    invalid("an empty key", "INVALID_HEADER", headers={"": "v"})
    broker.Publish(pb.PublishRequest(subject="errors", expiration=Duration(seconds=YEARS)))
    ahead = broker.Subscribe(pb.SubscribeRequest(subject="errors", after_id=2))
    refused("resumed ahead", lambda: next(ahead), StatusCode.OUT_OF_RANGE, "RESUME_AHEAD")


def stream(broker):
    """PublishStream: a bad message harms only itself, results come in the order sent."""
    good, bad = pb.PublishRequest(subject="stream", keep=True), pb.PublishRequest(keep=True)
    batches = [pb.PublishBatch(messages=[good, bad, good])]
    batches += [pb.PublishBatch(messages=[good] * 100)] * 100
    acks = broker.PublishStream(iter(batches), timeout=PATIENCE)
    results = [result for ack in acks for result in ack.results]
    equal("results", len(results), 3 + 100 * 100)
    error, info = results.pop(1).error, error_details_pb2.ErrorInfo()
    equal("the bad one's code", error.code, StatusCode.INVALID_ARGUMENT.value[0])
    equal("its details", error.details[0].Unpack(info), True)
    equal("its reason", info.reason, "INVALID_SUBJECT")
    equal("ids", [result.id for result in results], list(range(1, 10_003)))

    large = pb.PublishBatch(messages=[pb.PublishRequest(subject="batch", keep=True)] * 65_537)
    acks = broker.PublishStream(iter([large]), timeout=PATIENCE)
    refused("65,537", lambda: next(acks), StatusCode.INVALID_ARGUMENT, "BATCH_TOO_LARGE")
    first = lambda: broker.Fetch(pb.FetchRequest(subject="batch", id=1))
    refused("nothing of it", first, StatusCode.INVALID_ARGUMENT, "MESSAGE_NOT_FOUND")


if __name__ == "__main__":
    address, name = sys.argv[1:]
    with grpc.insecure_channel(address) as channel:
        {"messages": messages, "errors": errors, "stream": stream}[name](
            broker_pb2_grpc.BrokerStub(channel)
        )
