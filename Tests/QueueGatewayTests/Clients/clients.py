"""What the scripts have in common: where the gateway is, and how a promise is checked."""
import os
import sys
import time
import traceback

ENDPOINT = os.environ["GATEWAY"]
ACCESS_ID = os.environ["ACCESS_ID"]
ACCESS_SECRET = os.environ["ACCESS_SECRET"]


def expect(holds, what):
    if not holds:
        raise AssertionError(what)


def equal(found, expected, what=""):
    if found != expected:
        raise AssertionError("%s: found %r, expected %r" % (what, found, expected))


def refused(kind, code, call, *arguments):
    """The call must be refused with this code."""
    try:
        call(*arguments)
    except kind as error:
        equal(error.type, code, "refused with %s" % error)
        expect(getattr(error, "req_id", None) or getattr(error, "request_id", None), "a request has an id: %s" % error)
        return error
    raise AssertionError("not refused with %s" % code)


def eventually(call, what, seconds=60):
    """Asks again until the answer is not None."""
    deadline = time.time() + seconds
    while time.time() < deadline:
        answer = call()
        if answer is not None:
            return answer
        time.sleep(0.05)
    raise AssertionError("in vain: %s" % what)


class Clock:
    """Stands for the module `time` of a client: its clock, so many minutes off."""
    def __init__(self, minutes):
        self.minutes = minutes

    def gmtime(self):
        return time.gmtime(time.time() + 60 * self.minutes)

    def __getattr__(self, name):
        return getattr(time, name)


def main(scope):
    """Runs the function that the command line names."""
    name = sys.argv[1]
    try:
        scope[name]()
    except BaseException:
        traceback.print_exc()
        sys.exit(1)
    print("ok " + name)
