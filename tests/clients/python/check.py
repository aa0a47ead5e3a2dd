"""Judges what the broker answered. What is wrong ends the program with a line that says what was
asked, what came and what was wanted."""

import sys

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

# No call of a test takes longer, in seconds.
PATIENCE = 100

# Reasons that come with a time after which to try again, and no others do.
RETRYABLE = {"BROKER_CLOSING", "STANDBY", "STORAGE_UNAVAILABLE", "OVERLOADED"}


def fail(words):
    sys.exit(f"FAILED: {words}")


def equal(what, got, wanted):
    if got != wanted:
        fail(f"{what}: got {got!r:.200}, wanted {wanted!r:.200}")


def refused(what, call, code, reason):
    """Demands an error with this code and reason (None: one without the broker's details) and gives
    what it says beside them."""
    try:
        answer = call()
    except grpc.RpcError as error:
        return judge(what, error, code, reason)
    fail(f"{what}: got {answer!r:.200}, wanted {code}")


def judge(what, error, code, reason):
    """Demands that an error is this one."""
    equal(f"{what}: code", error.code(), code)
    info, retry = details(error)
    equal(f"{what}: reason", info and info.reason, reason)
    if reason is None:
        return {}
    equal(f"{what}: domain", info.domain, "broker")
    asked = retry is not None and retry.retry_delay.ToNanoseconds() > 0
    equal(f"{what}: asks to be tried again", asked, reason in RETRYABLE)
    return info.metadata


def details(error):
    status = rpc_status.from_call(error)
    found = [None, None]
    for detail in status.details if status else []:
        for place, kind in enumerate([error_details_pb2.ErrorInfo, error_details_pb2.RetryInfo]):
            message = kind()
            if detail.Unpack(message):
                found[place] = message
    return found


def pause(reached):
    """Tells the test how far this program is, and waits until the test has done its part."""
    print(reached, flush=True)
    if not sys.stdin.readline():
        fail("the test went away")
