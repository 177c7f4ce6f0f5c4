"""Holds the JSON API against its own description: Schemathesis calls each operation with what it allows, and with what it does not."""
import os

from clients import ACCESS_ID, ACCESS_SECRET, ENDPOINT, equal, main
from rest import ok, queue

HERE = os.path.dirname(os.path.abspath(__file__))


def conforms():
    from schemathesis.cli import schemathesis
    # What the examples of the document speak of is there when it is asked for first.
    queue("orders")
    queue("invoices")
    ok(201, "PUT", "/v1/topics/news")
    ok(201, "PUT", "/v1/topics/news/subscriptions/invoices", {"queue": "invoices"})
    call = ["run", ENDPOINT + "/v1/openapi.yaml", "--auth", "%s:%s" % (ACCESS_ID, ACCESS_SECRET)]
    try:
        schemathesis(["--config-file", HERE + "/schemathesis.toml"] + call)
    except SystemExit as end:
        equal(end.code or 0, 0, "it has found something")


main(globals())
