"""The JSON API by the standard library alone, as a program without a client would call it."""
import base64
import http.client
import json
from urllib.parse import quote, urlsplit

from clients import ACCESS_ID, ACCESS_SECRET, ENDPOINT, equal, expect

HOST, PORT = urlsplit(ENDPOINT).hostname, urlsplit(ENDPOINT).port


def basic(access_id=ACCESS_ID, secret=ACCESS_SECRET):
    return "Basic " + base64.b64encode(("%s:%s" % (access_id, secret)).encode()).decode()


class Reply:
    def __init__(self, response):
        self.status, self.headers, self.text = response.status, response.headers, response.read()
        kind = self.headers.get("Content-Type")
        self.json = json.loads(self.text) if self.text and kind and "json" in kind else None

    def __getitem__(self, name):
        return self.json[name]

    def __repr__(self):
        return "%d %r" % (self.status, self.text)


def call(method, path, body=None, auth=None, raw=None, timeout=60, **headers):
    """One request on a connection of its own. `auth` of False sends none."""
    connection = http.client.HTTPConnection(HOST, PORT, timeout=timeout)
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    if auth is not False:
        sent["Authorization"] = basic() if auth is None else auth
    if body is not None:
        raw = json.dumps(body).encode()
    if raw is not None:
        sent.setdefault("Content-Type", "application/json")
    connection.request(method, path, raw, sent)
    reply = Reply(connection.getresponse())
    connection.close()
    return reply


def ok(status, method, path, body=None, **options):
    reply = call(method, path, body, **options)
    equal(reply.status, status, "%s %s: %r" % (method, path, reply))
    expect(len(reply.headers["X-Request-Id"]) == 24, "an answer has an id")
    return reply


def problem(status, code, method, path, body=None, **options):
    """The call is refused, in all the words that RFC 9457 has for it."""
    reply = call(method, path, body, **options)
    equal((reply.status, reply.json and reply.json.get("code")), (status, code), "%s %s: %r" % (method, path, reply))
    equal(reply.headers["Content-Type"], "application/problem+json")
    equal(reply["status"], status)
    equal(reply["type"], "/v1/problems#" + code)
    expect(reply["title"] and reply["detail"], "for people: %r" % reply)
    expect(reply.headers["X-Request-Id"], "an answer has an id")
    return reply


def places(reply):
    """The parts of the request that are told to be wrong."""
    return [error.get("pointer", error.get("parameter", error.get("header"))) for error in reply["errors"]]


def queue(name, **settings):
    ok(201, "PUT", "/v1/queues/" + name, settings)
    return "/v1/queues/" + name


def receive(path, count=1, **parameters):
    query = "&".join("%s=%s" % (name, quote(str(value))) for name, value in parameters.items())
    return ok(200, "POST", "%s/messages/receive?max=%d&%s" % (path, count, query) if query
              else "%s/messages/receive?max=%d" % (path, count))["messages"]


def acknowledge(path, *receipts):
    results = ok(200, "POST", path + "/messages/acknowledge", {"receipts": list(receipts)})["results"]
    equal([result["receipt"] for result in results], list(receipts))
    return [result["outcome"] for result in results]
