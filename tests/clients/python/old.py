"""Tests the broker from a client of its predecessor: grpcio at its defaults, stubs of the old proto.

    old.py ADDRESS SCENARIO
"""

import sys
import time

import grpc
import old_pb2
import old_pb2_grpc
from check import PATIENCE, equal, fail, judge, pause, refused
from grpc import StatusCode

# What a message of these tests is worth keeping, in seconds.
A_WHILE = 600

# The largest message, in bytes of its encoded request.
LARGEST = 4_193_280

# Without the last one the library pings an idle connection about once a minute.
KEEPALIVE = [
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
]


class Client:
    """Makes calls with a deadline."""

    def __init__(self, channel):
        self.stub = old_pb2_grpc.BrokerStub(channel)

    def request(self, subject, body=b"", seconds=A_WHILE):
        return old_pb2.PublishRequest(subject=subject, body=body, expirationSeconds=seconds)

    def publish(self, *message):
        return self.stub.Publish(self.request(*message), timeout=PATIENCE).id

    def publish_all(self, messages):
        """Publishes with many calls at once; gives the ids in the order of the messages."""
        calls = [self.stub.Publish.future(self.request(*m), timeout=PATIENCE) for m in messages]
        return [call.result().id for call in calls]

    def fetch(self, subject, id):
        return self.stub.Fetch(old_pb2.FetchRequest(subject=subject, id=id), timeout=PATIENCE).body

    def subscribe(self, subject, timeout=PATIENCE * 4):
        """Answers when the subscription stands."""
        stream = self.stub.Subscribe(old_pb2.SubscribeRequest(subject=subject), timeout=timeout)
        stream.initial_metadata()
        return stream


def messages(client):
    """Published with and without a lifetime, subscribed (what is kept and then what is new), fetched."""
    equal("first id", client.publish("py", b"kept 1"), 1)
    equal("delivered only", client.publish("py", b"heard by nobody", 0), 0)
    equal("second id", client.publish("py", b"kept 2"), 2)
    everything = client.subscribe("py")
    equal("history", next(everything).body, b"kept 1")
    equal("history", next(everything).body, b"kept 2")
    for number in range(100):
        client.publish("py", b"live %d" % number, number % 2 * A_WHILE)
    for number in range(100):
        equal("live", next(everything).body, b"live %d" % number)
    equal("fetched", client.fetch("py", 2), b"kept 2")
    equal("fetched", client.fetch("py", 52), b"live 99")
    equal("another subject counts by itself", client.publish("py 2"), 1)
    equal("an empty body", client.fetch("py 2", 1), b"")


def errors(client):
    def invalid(what, call, reason):
        refused(what, call, StatusCode.INVALID_ARGUMENT, reason)

    invalid("an empty subject", lambda: client.publish(""), "INVALID_SUBJECT")
    invalid("a subject of 256 bytes", lambda: client.publish("a" * 256), "INVALID_SUBJECT")
    invalid("a control character", lambda: client.publish("a\x7f"), "INVALID_SUBJECT")
    negative = lambda: client.publish("errors", b"", -1)
    invalid("a negative expiration", negative, "INVALID_EXPIRATION")
    client.publish("errors", b"", 2**31 - 1)
    for id in [2, 0, -1, -(2**31)]:
        invalid(f"id {id}", lambda: client.fetch("errors", id), "MESSAGE_NOT_FOUND")
    invalid("fetch of no subject", lambda: client.fetch("", 1), "INVALID_SUBJECT")
    break_line = lambda: next(client.subscribe("\n"))
    invalid("subscription to a line break", break_line, "INVALID_SUBJECT")

    id = client.publish("errors", b"brief", 1)
    end = time.monotonic() + PATIENCE
    try:
        while time.monotonic() < end:
            client.fetch("errors", id)
        fail("a message of one second never expired")
    except grpc.RpcError as error:
        judge("an expired message", error, StatusCode.INVALID_ARGUMENT, "MESSAGE_EXPIRED")


def limit(client):
    """The largest message gets through everywhere at the library's limits, one byte more nowhere."""
    body = b"a" * LARGEST
    over = client.request("large", body).ByteSize() - LARGEST
    body = body[over:-1] + b"z"
    equal("encoded", client.request("large", body).ByteSize(), LARGEST)
    live = client.subscribe("large")
    id = client.publish("large", body)
    equal("live", next(live).body, body)
    equal("fetched", client.fetch("large", id), body)
    equal("kept", next(client.subscribe("large")).body, body)
    more = lambda: client.publish("large", body + b"x")
    refused("one byte more", more, StatusCode.INVALID_ARGUMENT, "MESSAGE_TOO_LARGE")
    equal("the next id", client.publish("large"), id + 1)


def keepalive(client):
    """The connection lives over many pings, with and without a call under way."""
    idle = client.subscribe("idle", timeout=None)
    pause("subscribed")
    client.publish("idle", b"hello")
    equal("after many pings", next(idle).body, b"hello")
    idle.cancel()
    pause("without a call")
    equal("after more pings", client.fetch("idle", 1), b"hello")


def cancel(client):
    """The broker of this scenario takes 8 subscriptions: those that were cancelled must be gone."""
    client.publish("cancel", b"kept")
    for _ in range(50):
        end = time.monotonic() + PATIENCE
        while not seated(client):
            equal("a seat in time", time.monotonic() < end, True)
    equal("the broker goes on", client.publish("cancel"), 2)


def seated(client):
    taken = client.subscribe("cancel")
    try:
        equal("kept", next(taken).body, b"kept")
    except grpc.RpcError as error:
        judge("no seat yet", error, StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED")
        return False
    taken.cancel()
    refused("cancelled", lambda: next(taken), StatusCode.CANCELLED, None)
    return True


def deadline(client):
    start = time.monotonic()
    brief = client.subscribe("deadline", timeout=0.5)
    refused("past its deadline", lambda: next(brief), StatusCode.DEADLINE_EXCEEDED, None)
    equal("it ended at its deadline", time.monotonic() - start >= 0.5, True)
    equal("a call within its deadline", client.publish("deadline"), 1)


def slow(client):
    """A subscriber that does not read slows no publisher and misses nothing."""
    count, size = 2_000, 8 * 1024
    sleepy = client.subscribe("slow")
    for number in range(count):
        equal("id", client.publish("slow", (b"%d " % number).ljust(size)), number + 1)
    for number in range(count):
        equal("in order", int(next(sleepy).body), number)


def many(client):
    """Many small messages from many calls at once, kept and delivered only."""
    rounds, at_once = 20, 250
    live = client.subscribe("many")
    for round in range(rounds):
        bodies = [b"%d %d" % (round, number) for number in range(at_once)]
        ids = client.publish_all(
            ("many", body, number % 2 * A_WHILE) for number, body in enumerate(bodies)
        )
        got = [next(live).body for _ in bodies]
        equal("all arrive once", sorted(got), sorted(bodies))
        id_of = dict(zip(bodies, ids))
        stored = [id_of[body] for body in got if id_of[body] > 0]
        equal("in the order of ids", stored, sorted(stored))
        equal("half are stored", len(stored), at_once // 2)


def closing(client):
    """The broker leaves: subscriptions end, and new calls hear it."""
    client.publish("closing", b"kept")
    live = client.subscribe("closing")
    equal("kept", next(live).body, b"kept")
    pause("subscribed")
    for what, call in {
        "the subscription": lambda: next(live),
        "a publish": lambda: client.publish("closing"),
        "a fetch": lambda: client.fetch("closing", 1),
        "a new subscription": lambda: next(client.subscribe("closing")),
    }.items():
        refused(what, call, StatusCode.UNAVAILABLE, "BROKER_CLOSING")


def overloaded(client):
    """The store of this broker is small."""
    body, stored = b"x" * 65_536, 0
    try:
        while stored < 1_000:
            stored = client.publish("full", body)
        fail("a small store took 1,000 messages")
    except grpc.RpcError as error:
        judge("a full store", error, StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED")
    equal("what is stored stays", client.fetch("full", stored), body)
    equal("what is not stored goes on", client.publish("full", body, 0), 0)


def unavailable(client):
    """The disk of this broker fails when told so."""
    client.publish("disk", b"kept")
    pause("published")
    first, second = lambda: client.publish("disk"), lambda: client.publish("disk 2")
    refused("at the failure", first, StatusCode.DEADLINE_EXCEEDED, "OUTCOME_UNKNOWN")
    refused("after it", second, StatusCode.UNAVAILABLE, "STORAGE_UNAVAILABLE")
    equal("delivered only", client.publish("disk 2", b"", 0), 0)
    equal("what was kept", client.fetch("disk", 1), b"kept")


def damaged(client):
    """Message 2 of 3 was damaged on the broker's disk."""
    second = lambda: client.fetch("damaged", 2)
    metadata = refused("fetch", second, StatusCode.DATA_LOSS, "MESSAGE_DAMAGED")
    equal("its id", metadata["id"], "2")
    client.fetch("damaged", 3)
    history = client.subscribe("damaged")
    equal("the one before it", next(history).body, client.fetch("damaged", 1))
    rest = lambda: next(history)
    metadata = refused("a subscription", rest, StatusCode.DATA_LOSS, "MESSAGE_DAMAGED")
    equal("its id", metadata["id"], "2")


def standby(client):
    """This broker stands by, until the owner leaves."""
    for what, call in {
        "a publish": lambda: client.publish("owners"),
        "delivered only": lambda: client.publish("owners", b"", 0),
        "a fetch": lambda: client.fetch("owners", 1),
        "a subscription": lambda: next(client.subscribe("owners")),
    }.items():
        refused(what, call, StatusCode.UNAVAILABLE, "STANDBY")
    pause("stands by")
    equal("the next id", retried(client, "owners"), 2)
    equal("what the owner stored", client.fetch("owners", 1), b"first")


def takeover(client):
    """The owner is killed, and its address leads to the broker that stood by."""
    equal("at the first owner", client.publish("owners", b"first"), 1)
    live = client.subscribe("owners")
    equal("at the first owner", next(live).body, b"first")
    pause("subscribed")
    try:
        fail(f"a message of a killed broker: {next(live).body}")
    except grpc.RpcError as error:
        equal("its end", error.code(), StatusCode.UNAVAILABLE)
    equal("at the next owner", retried(client, "owners") > 1, True)
    everything = client.subscribe("owners")
    equal("at the next owner", next(everything).body, b"first")
    equal("at the next owner", next(everything).body, b"again")


def retried(client, subject):
    """Publishes until it is told an id, for as long as it hears that it may be tried again."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return client.publish(subject, b"again")
        except grpc.RpcError as error:
            equal("while nobody serves", error.code(), StatusCode.UNAVAILABLE)
        equal("an owner in time", time.monotonic() < end, True)
        time.sleep(0.1)


SCENARIOS = [messages, errors, limit, keepalive, cancel, deadline, slow, many]
SCENARIOS += [closing, overloaded, unavailable, damaged, standby, takeover]

if __name__ == "__main__":
    address, name = sys.argv[1:]
    scenario = {scenario.__name__: scenario for scenario in SCENARIOS}[name]
    with grpc.insecure_channel(address, KEEPALIVE if name == "keepalive" else None) as channel:
        scenario(Client(channel))
