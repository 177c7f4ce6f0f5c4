"""Holds the JSON API against its own description: Schemathesis calls each operation with what it allows, and with what it does not."""
import os
import sys
import urllib.request

from clients import ACCESS_ID, ACCESS_SECRET, ENDPOINT, main
from rest import ok, queue

HERE = os.path.dirname(os.path.abspath(__file__))


def conforms():
    from schemathesis.cli import schemathesis
    # What the examples of the document speak of is there when it is asked for first.
    queue("orders")
    queue("invoices")
    ok(201, "PUT", "/v1/topics/news")
    ok(201, "PUT", "/v1/topics/news/subscriptions/invoices", {"queue": "invoices"})
    schemathesis([
        "--config-file", HERE + "/schemathesis.toml", "run", ENDPOINT + "/v1/openapi.yaml", "--auth", "%s:%s" % (ACCESS_ID, ACCESS_SECRET)])


main(globals())
