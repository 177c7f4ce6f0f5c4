"""Every operation of the JSON API, and what it refuses."""
import base64
import http.client
import json
import socket
import threading
import time

from clients import ACCESS_ID, ACCESS_SECRET, equal, eventually, expect, main
from rest import HOST, PORT, acknowledge, basic, call, ok, places, problem, queue, receive

UNKNOWN = "0198f3a2-c4d1-7b3e-9a55-1f0e8c2d4b6a"


def queues():
    usual = ok(201, "PUT", "/v1/queues/a.b_c-1")
    equal(usual.headers["Location"], "/v1/queues/a.b_c-1")
    equal(usual["settings"], {
        "leaseSeconds": 30, "delaySeconds": 0, "retentionSeconds": None,
        "retry": {"attempts": 10, "baseSeconds": 0.5, "capSeconds": 60, "jitter": 0.2},
        "limits": {"concurrency": None, "ratePerSecond": None, "burst": None}, "lanes": 8, "priorities": 1, "order": None})
    equal(usual["counts"], {"active": 0, "inactive": 0, "delayed": 0, "retrying": 0, "held": 0, "dead": 0, "outdated": 0, "purged": 0,
                            "oldestWaitingSeconds": None})
    wish = {"leaseSeconds": 1.5, "retry": {"attempts": 3}, "retentionSeconds": 60, "delaySeconds": 1, "limits": {"concurrency": 5}}
    for _ in range(2):
        changed = ok(200, "PUT", "/v1/queues/a.b_c-1", wish)["settings"]
        equal((changed["leaseSeconds"], changed["retry"]["attempts"], changed["retry"]["baseSeconds"]), (1.5, 3, 0.5))
        equal((changed["retentionSeconds"], changed["delaySeconds"], changed["limits"]["concurrency"]), (60, 1, 5))
    back = ok(200, "PUT", "/v1/queues/a.b_c-1", {"retentionSeconds": None, "limits": None})["settings"]
    equal((back["retentionSeconds"], back["limits"]["concurrency"], back["leaseSeconds"]), (None, None, 1.5))
    equal(ok(200, "GET", "/v1/queues/a.b_c-1")["settings"], back)
    kept = ok(201, "PUT", "/v1/queues/kept", {"order": "skip-on-failure", "lanes": 2})["settings"]
    equal((kept["order"], kept["lanes"]), ("skip-on-failure", 2))
    equal(ok(201, "PUT", "/v1/queues/urgent", {"priorities": 16})["settings"]["lanes"], 4)
    ok(201, "PUT", "/v1/queues/narrow", {"priorities": 16, "lanes": 2})
    equal(ok(200, "PUT", "/v1/queues/narrow", {"priorities": 16})["settings"]["lanes"], 2)
    for wish in [{"lanes": 3}, {"priorities": 3}, {"order": None}, {"order": "block-on-failure"}]:
        problem(409, "fixed-setting", "PUT", "/v1/queues/kept", wish)
    ok(200, "PUT", "/v1/queues/kept", {"order": "skip-on-failure", "lanes": 2, "priorities": 1})
    problem(422, "contradiction", "PUT", "/v1/queues/kept", {"retentionSeconds": 5})
    problem(422, "contradiction", "PUT", "/v1/queues/x", {"priorities": 16, "lanes": 5})
    problem(404, "no-such-queue", "GET", "/v1/queues/x")
    wrong = problem(422, "invalid-fields", "PUT", "/v1/queues/x", {
        "leaseSeconds": 0, "lanes": 65, "priorities": 2, "order": "some", "retry": {"attempts": "5", "more": 1}, "limits": [], "lease": 1})
    equal(sorted(places(wrong)), ["/lanes", "/lease", "/leaseSeconds", "/limits", "/order", "/priorities", "/retry/attempts", "/retry/more"])
    for name in ["-a", "a%20b", "a" * 256, "%C3%A4", "a%00b", "%2F"]:
        problem(400, "invalid-request", "PUT", "/v1/queues/" + name)
        problem(404, "no-such-queue", "GET", "/v1/queues/" + name)
    for kind in ["queues", "topics"]:
        ok(201, "PUT", "/v1/%s/%s" % (kind, "a" * 255))
    ok(201, "PUT", "/v1/topics/%s/subscriptions/%s" % ("a" * 255, "s" * 255), {"queue": "a" * 255})
    ok(204, "DELETE", "/v1/queues/kept")
    problem(404, "no-such-queue", "DELETE", "/v1/queues/kept")
    problem(404, "no-such-queue", "POST", "/v1/queues/kept/messages", {"body": 1})


def lists():
    names = ["n-%02d" % number for number in range(25)]
    for name in names:
        queue(name)
    queue("other")
    found, after = [], ""
    while True:
        page = ok(200, "GET", "/v1/queues?prefix=n-&limit=10" + after)
        found += [entry["name"] for entry in page["queues"]]
        if page["next"] is None:
            break
        after = "&after=" + page["next"]
    equal(found, names)
    ok(201, "POST", "/v1/queues/n-03/messages", {"body": 1})
    counted = ok(200, "GET", "/v1/queues?prefix=n-03&counts=true")["queues"]
    equal([entry["counts"]["active"] for entry in counted], [1])
    expect("counts" not in ok(200, "GET", "/v1/queues?limit=1")["queues"][0], "costs what is asked for")
    equal(places(problem(400, "invalid-request", "GET", "/v1/queues?limit=0&counts=yes&page=2")), ["limit", "counts", "page"])


def messages():
    path = queue("orders")
    sent = ok(201, "POST", path + "/messages", {
        "body": {"order": 17}, "key": "order-17", "tag": "paid", "headers": {"city": "Köln", "a.b": ""}, "priority": 3})
    equal(sent["receipt"], None)
    peeked = ok(200, "GET", path + "/messages?max=5")["messages"]
    equal([(m["id"], m["body"], m["attempt"], m["firstReceivedAt"]) for m in peeked], [(sent["id"], {"order": 17}, 1, None)])
    expect("receipt" not in peeked[0], "nobody has taken it")
    got, = receive(path, 10, leaseSeconds=120)
    equal((got["id"], got["body"], got["key"], got["tag"], got["headers"]),
          (sent["id"], {"order": 17}, "order-17", "paid", {"city": "Köln", "a.b": ""}))
    equal((got["attempt"], got["topic"], got["subscription"]), (1, None, None))
    counts = ok(200, "GET", path)["counts"]
    equal((counts["active"], counts["inactive"]), (0, 1))
    equal(receive(path), [])
    equal(acknowledge(path, got["receipt"]), ["acknowledged"])
    equal(acknowledge(path, got["receipt"], "nonsense", got["receipt"]), ["lost", "unreadable", "lost"])
    problem(404, "no-such-queue", "POST", "/v1/queues/none/messages/receive")
    problem(404, "no-such-queue", "POST", "/v1/queues/none/messages/acknowledge", {"receipts": ["x"]})
    for parameters, wrong in [("max=0", ["max"]), ("max=101", ["max"]), ("waitSeconds=31", ["waitSeconds"]), ("wait=5", ["wait"]),
                              ("leaseSeconds=0", ["leaseSeconds"]), ("leaseSeconds=inf&max=x", ["max", "leaseSeconds"])]:
        equal(places(problem(400, "invalid-request", "POST", path + "/messages/receive?" + parameters)), wrong)
    problem(400, "invalid-request", "POST", path + "/messages/receive", {"max": 3})


def bodies():
    """What is sent as JSON comes back as it was written, and bytes as bytes."""
    path = queue("bodies")
    for text in [b"null", b"12345678901234567890123456789", b"1.50e+3", b'{"b": 1,\t"a": [ ]}', '"ü\\u00fc\\ud83d\\ude00"'.encode(), b'""', b"false"]:
        ok(201, "POST", path + "/messages", raw=b'{"body": ' + text + b' , "key": null}')
        got = ok(200, "POST", path + "/messages/receive")
        expect(b'"body":' + text + b"," in got.text, "%r in %r" % (text, got.text))
        acknowledge(path, got["messages"][0]["receipt"])
    for data in [b"\0\xff\x01", b"", b"no json", b'{"a":1,}']:
        ok(201, "POST", path + "/messages", {"bodyBase64": base64.b64encode(data).decode()})
        got, = receive(path)
        equal(base64.b64decode(got["bodyBase64"]), data)
        expect("body" not in got, "one of both")
        acknowledge(path, got["receipt"])


def strict():
    """A text that two parsers may read differently is refused, wherever in it that is."""
    path = queue("strict")
    for text in [b"", b"{", b'{"body":1,}', b'{"body":1,"body":2}', b'{"body":{"a":1,"\\u0061":2}}', b'{"body":01}', b'{"body":NaN}',
                 b"{'body':1}", b'{"body":"\xff"}', b'{"body":"\\ud800"}', b'{"body":1} x', b'{"body":' + b"[" * 40 + b"]" * 40 + b"}",
                 b"[" * 100000, b'{"body":"a\nb"}', b"\xef\xbb\xbf{}"]:
        problem(400, "malformed-json", "POST", path + "/messages", raw=text)
    ok(201, "POST", path + "/messages", raw=b'{"body":' + b"[" * 31 + b"]" * 31 + b"}")
    for body, wrong in [({}, ["/body"]), ({"body": 1, "bodyBase64": ""}, ["/bodyBase64"]), ({"bodyBase64": "?"}, ["/bodyBase64"]), ([], [""]), (1, [""]),
                        ({"body": 1, "key": 5, "tag": "a\0", "priority": 17, "delaySeconds": -1, "headers": {"": "a", "b": 1, "mq.x": "", "c": "\0"}},
                         ["/delaySeconds", "/headers/", "/headers/b", "/headers/c", "/headers/mq.x", "/key", "/priority", "/tag"]),
                        ({"body": 1, "a/b~c": 1}, ["/a~1b~0c"]), ({"body": 1, "key": "k" * 1001}, ["/key"]), ({"body": 1, "priority": 1.5}, ["/priority"])]:
        equal(sorted(places(problem(422, "invalid-fields", "POST", path + "/messages", body))), wrong, "%r" % (body,))
    ok(201, "POST", path + "/messages", raw=b'{"body":1,"priority":2.0}')
    problem(422, "invalid-fields", "POST", path + "/messages", {"body": 1, "headers": {"a": "b" * 70000}})
    for kind in ["text/plain", "application/x-www-form-urlencoded", ""]:
        problem(415, "unsupported-media-type", "POST", path + "/messages", {"body": 1}, Content_Type=kind)
    ok(201, "POST", path + "/messages", {"body": 1}, Content_Type="Application/JSON; charset=utf-8")


def batches():
    path = queue("batches")
    sent = ok(201, "POST", path + "/messages/batch", {"messages": [{"body": n, "key": str(n)} for n in range(1000)]})["messages"]
    equal(len(set(message["id"] for message in sent)), 1000)
    equal(ok(200, "GET", path)["counts"]["active"], 1000)
    found = {}
    while len(found) < 1000:
        some = receive(path, 100)
        expect(some, "%d messages" % len(found))
        found.update((message["id"], message["body"]) for message in some)
        equal(set(acknowledge(path, *[message["receipt"] for message in some])), {"acknowledged"})
    equal([found[message["id"]] for message in sent], list(range(1000)))
    for count in [0, 1001]:
        equal(places(problem(422, "invalid-fields", "POST", path + "/messages/batch", {"messages": [{"body": 1}] * count})), ["/messages"])
    wrong = problem(422, "invalid-fields", "POST", path + "/messages/batch", {"messages": [{"body": 1}, {"key": 1}, 5]})
    equal(sorted(set(places(wrong))), ["/messages/1/body", "/messages/1/key", "/messages/2"])
    equal(ok(200, "GET", path)["counts"]["active"], 0, "all of them or none")


def delays():
    path = queue("delays")
    later = ok(201, "POST", path + "/messages", {"body": 1, "delaySeconds": 600})
    never = ok(201, "POST", path + "/messages/batch", {"messages": [{"body": 2, "delaySeconds": 600}, {"body": 3}]})["messages"]
    expect(later["receipt"] and never[0]["receipt"] and never[1]["receipt"] is None, "what waits can be taken back")
    equal(ok(200, "GET", path)["counts"]["delayed"], 2)
    equal(acknowledge(path, never[0]["receipt"], never[0]["receipt"]), ["cancelled", "lost"])
    moved = ok(200, "POST", path + "/messages/visibility", {"receipt": later["receipt"], "leaseSeconds": 0})
    expect(moved["receipt"] != later["receipt"], "the receipt is used up")
    equal(sorted(message["body"] for message in eventually(lambda: both(path), "both")), [1, 3])
    key = {"Idempotency_Key": "k1"}
    equal(ok(201, "POST", path + "/messages", {"body": 4, "delaySeconds": 600}, **key)["receipt"], None, "it is answered alike each time")
    queue("ordered", order="block-on-failure")
    problem(422, "contradiction", "POST", "/v1/queues/ordered/messages", {"body": 1, "delaySeconds": 5})


def both(path, found=[]):
    found.extend(receive(path, 2, waitSeconds=5))
    return found if len(found) == 2 else None


def visibility():
    path = queue("visibility")
    ok(201, "POST", path + "/messages", {"body": 1})
    first, = receive(path)
    longer = ok(200, "POST", path + "/messages/visibility", {"receipt": first["receipt"], "leaseSeconds": 600})
    expect(longer["leaseEnds"] > first["leaseEnds"], "%r after %r" % (longer["leaseEnds"], first["leaseEnds"]))
    problem(409, "lease-lost", "POST", path + "/messages/visibility", {"receipt": first["receipt"], "leaseSeconds": 1})
    equal(acknowledge(path, first["receipt"]), ["lost"])
    ok(200, "POST", path + "/messages/visibility", {"receipt": longer["receipt"], "leaseSeconds": 0})
    seen = eventually(lambda: (ok(200, "GET", path + "/messages")["messages"] or [None])[0], "it waits again")
    second, = receive(path, waitSeconds=30)
    equal((seen["id"], seen["attempt"], seen["firstReceivedAt"]), (first["id"], 2, second["firstReceivedAt"]))
    expect(seen["firstReceivedAt"], "it was received before")
    equal((second["id"], second["attempt"], second["firstReceivedAt"]), (first["id"], 2, first["firstReceivedAt"] or second["firstReceivedAt"]))
    other = queue("elsewhere")
    problem(409, "lease-lost", "POST", other + "/messages/visibility", {"receipt": second["receipt"], "leaseSeconds": 1})
    equal(acknowledge(other, second["receipt"]), ["unreadable"])
    equal(places(problem(422, "invalid-fields", "POST", path + "/messages/visibility", {})), ["/receipt", "/leaseSeconds"])
    equal(acknowledge(path, second["receipt"]), ["acknowledged"])


def idempotency():
    path = queue("once")
    body, answers = {"messages": [{"body": n} for n in range(3)]}, []

    def send():
        answers.append(call("POST", path + "/messages/batch", body, Idempotency_Key="k1"))
    threads = [threading.Thread(target=send) for _ in range(20)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    equal({answer.status for answer in answers}, {201})
    equal(len({answer.text for answer in answers}), 1, "all are told the same")
    found = receive(path, 100)
    equal({message["id"] for message in found}, {message["id"] for message in answers[0]["messages"]})
    equal(len(found), 3)
    equal(acknowledge(path, *[message["receipt"] for message in found]), ["acknowledged"] * 3)
    equal(call("POST", path + "/messages/batch", body, Idempotency_Key="k1").text, answers[0].text, "also when it is done")
    problem(422, "idempotency-key-reused", "POST", path + "/messages/batch", {"messages": [{"body": 5}]}, Idempotency_Key="k1")
    problem(422, "idempotency-key-reused", "POST", path + "/messages", {"body": 5}, Idempotency_Key="k1")
    one = ok(201, "POST", path + "/messages", {"body": 5}, Idempotency_Key="k2")
    equal(ok(201, "POST", path + "/messages", {"body": 5}, Idempotency_Key="k2")["id"], one["id"])
    again = ok(201, "POST", queue("twice") + "/messages", {"body": 5}, Idempotency_Key="k2")
    expect(again["id"] != one["id"], "each queue counts by itself")
    equal([message["id"] for message in receive(path, 10)], [one["id"]])
    for key in ["", "a b", "ä".encode("utf-8").decode("latin-1"), "k" * 201]:
        equal(places(problem(400, "invalid-request", "POST", path + "/messages", {"body": 5}, Idempotency_Key=key)), ["Idempotency-Key"])


def publishing_once():
    path, topic = queue("hears"), "/v1/topics/t"
    ok(201, "PUT", topic)
    ok(201, "PUT", topic + "/subscriptions/hears", {"queue": "hears"})
    body, answers = {"messages": [{"body": n} for n in range(3)]}, []

    def publish():
        answers.append(call("POST", topic + "/messages/batch", body, Idempotency_Key="k1"))
    threads = [threading.Thread(target=publish) for _ in range(20)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    equal({answer.status for answer in answers}, {201})
    equal(len({answer.text for answer in answers}), 1, "all are told the same")
    equal(sorted(message["id"] for message in receive(path, 100)), sorted(message["id"] for message in answers[0]["messages"]))
    problem(422, "idempotency-key-reused", "POST", topic + "/messages", {"body": 5}, Idempotency_Key="k1")
    equal(places(problem(400, "invalid-request", "POST", topic + "/messages", {"body": 5}, Idempotency_Key="a b")), ["Idempotency-Key"])
    one = ok(201, "POST", topic + "/messages", {"body": 5}, Idempotency_Key="k2")
    equal(ok(201, "POST", topic + "/messages", {"body": 5}, Idempotency_Key="k2")["id"], one["id"])
    expect(ok(201, "POST", path + "/messages", {"body": 5}, Idempotency_Key="k2")["id"] != one["id"], "a queue counts by itself")
    equal(len(receive(path, 100)), 2)
    problem(404, "no-such-topic", "POST", "/v1/topics/none/messages", {"body": 5}, Idempotency_Key="k2")


def publishing_later():
    """Who hears the topic now is given the message in its time, once under its key."""
    path, topic = queue("later"), "/v1/topics/t"
    ok(201, "PUT", topic)
    ok(201, "PUT", topic + "/subscriptions/later", {"queue": "later"})
    late = ok(201, "POST", topic + "/messages", {"body": 1, "key": "k", "delaySeconds": 600})
    soon = ok(201, "POST", topic + "/messages", {"body": 2, "delaySeconds": 3})
    equal(receive(path, 10), [])
    equal([(m["id"], m["body"], m["topic"]) for m in receive(path, 10, waitSeconds=30)], [(soon["id"], 2, "t")])
    told = [ok(201, "POST", topic + "/messages", {"body": 3, "delaySeconds": 600}, Idempotency_Key="k1")["id"] for _ in range(2)]
    equal(told[0], told[1])
    equal(ok(200, "GET", path)["counts"]["delayed"], 2)
    equal({entry["message"] for entry in ok(200, "GET", "/v1/messages?key=k")["attempts"]}, {late["id"]})
    problem(404, "no-such-topic", "POST", "/v1/topics/none/messages", {"body": 1, "delaySeconds": 5})
    equal(places(problem(422, "invalid-fields", "POST", topic + "/messages", {"body": 1, "delaySeconds": -1})), ["/delaySeconds"])


def long_polls():
    path = queue("polls")
    start = time.time()
    equal(receive(path, waitSeconds=0), [])
    equal(receive(path, waitSeconds=1.5), [])
    expect(1.4 <= time.time() - start, "waited for what it was asked to")
    found = []

    def wait():
        found.append(receive(path, 5, waitSeconds=30))
        woken.append(time.time())
    woken = []
    thread = threading.Thread(target=wait)
    thread.start()
    # Long enough that it waits, and much less than it would wait without being woken.
    time.sleep(1)
    ok(201, "POST", path + "/messages", {"body": "now"})
    sent = time.time()
    thread.join()
    equal([message["body"] for message in found[0]], ["now"])
    expect(woken[0] - sent < 8, "woken %f s after the send" % (woken[0] - sent))


def gone_clients():
    """Who hangs up while it waits is given nothing."""
    path = queue("gone")
    for _ in range(10):
        connection = socket.create_connection((HOST, PORT))
        connection.sendall(("POST %s/messages/receive?waitSeconds=30 HTTP/1.1\r\nHost: a\r\nAuthorization: %s\r\nContent-Length: 0\r\n\r\n"
                            % (path, basic())).encode())
        time.sleep(0.05)
        connection.close()
    ok(201, "POST", path + "/messages", {"body": 1})
    equal([message["attempt"] for message in receive(path, waitSeconds=30)], [1])


def whole_queues():
    path = queue("whole")
    ok(204, "POST", path + "/pause")
    ok(204, "POST", path + "/pause")
    ok(201, "POST", path + "/messages/batch", {"messages": [{"body": n} for n in range(5)]})
    equal(receive(path, 10), [])
    equal(ok(200, "GET", path)["paused"], True)
    ok(204, "POST", path + "/resume")
    equal(len(receive(path, 1, waitSeconds=30)), 1)
    equal(ok(200, "POST", path + "/purge")["deleted"], 4)
    counts = ok(200, "GET", path)["counts"]
    equal((counts["active"], counts["inactive"], counts["purged"], counts["outdated"]), (0, 1, 4, 0))
    short = queue("short", retentionSeconds=0.001)
    ok(201, "POST", short + "/messages", {"body": 1})
    eventually(lambda: receive(short) == [] and ok(200, "GET", short)["counts"]["outdated"] == 1 or None, "it is dropped, and counted")
    for deed in ["pause", "resume", "purge"]:
        problem(404, "no-such-queue", "POST", "/v1/queues/none/" + deed)
        problem(422, "invalid-fields", "POST", path + "/" + deed, {"a": 1})
        ok(200 if deed == "purge" else 204, "POST", path + "/" + deed, {})


def topics():
    fresh = ok(201, "PUT", "/v1/topics/news")
    equal((fresh.headers["Location"], fresh["droppedHalfMessages"]), ("/v1/topics/news", 0))
    equal(ok(200, "PUT", "/v1/topics/news")["name"], "news")
    ok(201, "PUT", "/v1/topics/other")
    equal([topic["name"] for topic in ok(200, "GET", "/v1/topics")["topics"]], ["news", "other"])
    page = ok(200, "GET", "/v1/topics?limit=1")
    equal((page["next"], [topic["name"] for topic in ok(200, "GET", "/v1/topics?after=news")["topics"]]), ("news", ["other"]))
    everything, some = queue("all"), queue("some")
    where = "/v1/topics/news/subscriptions/"
    made = ok(201, "PUT", where + "all", {"queue": "all"})
    equal((made["queue"], made["tags"], made["format"], made["endpoint"], made["waiting"]), ("all", None, None, None, False))
    ok(201, "PUT", where + "s1", {"queue": "some", "tags": ["a"], "format": "JSON"})
    equal(ok(200, "PUT", where + "s1", {"queue": "some", "tags": ["a", "b"], "format": "XML"})["tags"], ["a", "b"])
    equal([entry["name"] for entry in ok(200, "GET", where[:-1])["subscriptions"]], ["all", "s1"])
    published = ok(201, "POST", "/v1/topics/news/messages", {"body": {"x": 1}, "tag": "b", "key": "k", "headers": {"h": "1"}})
    batch = ok(201, "POST", "/v1/topics/news/messages/batch", {"messages": [{"body": n, "tag": "c"} for n in range(999)] + [{"body": 9, "tag": "a"}]})
    equal(len(batch["messages"]), 1000)
    equal(ok(200, "GET", everything)["counts"]["active"], 1001)
    got = sorted(receive(some, 10) + receive(some, 10), key=lambda message: message["tag"])
    equal([(m["id"], m["topic"], m["subscription"], m["format"]) for m in got],
          [(batch["messages"][999]["id"], "news", "s1", "XML"), (published["id"], "news", "s1", "XML")])
    equal((got[1]["headers"], got[1]["key"]), ({"h": "1"}, "k"))
    equal(places(problem(422, "invalid-fields", "POST", "/v1/topics/news/messages/batch", {"messages": [{"body": 1, "delaySeconds": 5}]})),
          ["/messages/0/delaySeconds"])
    problem(404, "no-such-queue", "PUT", where + "x", {"queue": "nobody"})
    problem(422, "invalid-fields", "PUT", where + "x", {"queue": "all", "format": "YAML"})
    problem(422, "invalid-fields", "PUT", where + "x", {})
    problem(404, "no-such-topic", "PUT", "/v1/topics/none/subscriptions/x", {"queue": "all"})
    problem(404, "no-such-topic", "GET", "/v1/topics/none/subscriptions")
    problem(404, "no-such-subscription", "GET", where + "x")
    ok(204, "DELETE", where + "s1")
    problem(404, "no-such-subscription", "DELETE", where + "s1")
    ok(204, "DELETE", "/v1/topics/news")
    for method in ["GET", "DELETE"]:
        problem(404, "no-such-topic", method, "/v1/topics/news")
    problem(404, "no-such-topic", "POST", "/v1/topics/news/messages", {"body": 1})


def ended(deed, *receipts):
    results = ok(200, "POST", "/v1/topics/deals/half-messages/" + deed, {"receipts": list(receipts)})["results"]
    equal([result["receipt"] for result in results], list(receipts))
    return [result["outcome"] for result in results]


def half_messages():
    """Nobody hears one before it is committed; producers of its own group are asked about what nobody has ended in time."""
    path, halves = queue("hears"), "/v1/topics/deals/half-messages"
    for topic in ["deals", "other"]:
        ok(201, "PUT", "/v1/topics/" + topic)
    ok(201, "PUT", "/v1/topics/deals/subscriptions/hears", {"queue": "hears"})

    def prepare(body, check=600, group="shop", **more):
        return ok(201, "POST", halves, dict(more, body=body, group=group, checkSeconds=check))

    def check(**parameters):
        query = "&".join("%s=%s" % pair for pair in dict({"group": "shop", "max": 10}, **parameters).items())
        return ok(200, "POST", halves + "/check?" + query)["messages"]
    first, gone = prepare({"x": 1}, key="k", tag="a", headers={"city": "Köln"}), prepare("never")
    equal(receive(path), [])
    equal(check(), [], "it is not time yet")
    equal(ended("rollback", gone["receipt"], gone["receipt"], "nonsense"), ["rolled-back", "lost", "unreadable"])
    equal(ended("commit", first["receipt"], gone["receipt"]), ["committed", "lost"])
    got, = receive(path, 10)
    equal((got["id"], got["body"], got["key"], got["tag"], got["headers"], got["topic"]),
          (first["id"], {"x": 1}, "k", "a", {"city": "Köln"}, "deals"))
    equal(acknowledge(path, got["receipt"]), ["acknowledged"])
    # What nobody ends in time its own group is asked about, once at a time, by another receipt.
    late = prepare("late", check=1)
    ok(201, "POST", halves, {"body": "theirs", "group": "rocketmq", "checkSeconds": 1})
    asked, = check(waitSeconds=30, answerSeconds=600)
    equal((asked["id"], asked["body"], asked["checks"], asked["topic"]), (late["id"], "late", 1, "deals"))
    expect(asked["receipt"] != late["receipt"] and asked["receiptEnds"] > asked["sentAt"], "another receipt, for a time")
    equal(check(), [], "nobody else is asked meanwhile")
    equal(ended("commit", late["receipt"]), ["lost"])
    theirs, = check(group="rocketmq", waitSeconds=30)
    equal(theirs["body"], "theirs")
    # A receipt is its topic's, and of a half message.
    other = ok(200, "POST", "/v1/topics/other/half-messages/commit", {"receipts": [asked["receipt"]]})["results"]
    equal([result["outcome"] for result in other], ["unreadable"])
    equal(acknowledge(path, asked["receipt"]), ["unreadable"])
    equal(ended("commit", asked["receipt"]), ["committed"])
    equal([m["body"] for m in receive(path, 10, waitSeconds=30)], ["late"])
    # Who hangs up while it waits is asked about nothing.
    connection = socket.create_connection((HOST, PORT))
    connection.sendall(("POST %s/check?group=gone&waitSeconds=30 HTTP/1.1\r\nHost: a\r\nAuthorization: %s\r\nContent-Length: 0\r\n\r\n"
                        % (halves, basic())).encode())
    time.sleep(0.5)
    connection.close()
    prepare("kept", check=1, group="gone")
    equal([m["checks"] for m in check(group="gone", waitSeconds=30)], [1])
    for body, wrong in [({}, ["/body", "/checkSeconds", "/group"]), ({"body": 1, "group": "", "checkSeconds": 0}, ["/checkSeconds", "/group"]),
                        ({"body": 1, "group": "g" * 201, "checkSeconds": 86401}, ["/checkSeconds", "/group"]),
                        ({"body": 1, "group": "g", "checkSeconds": 5, "delaySeconds": 5}, ["/delaySeconds"])]:
        equal(sorted(places(problem(422, "invalid-fields", "POST", halves, body))), wrong, "%r" % (body,))
    for deed in ["commit", "rollback"]:
        for receipts in [[], ["x"] * 101]:
            equal(places(problem(422, "invalid-fields", "POST", "%s/%s" % (halves, deed), {"receipts": receipts})), ["/receipts"])
        problem(404, "no-such-topic", "POST", "/v1/topics/none/half-messages/" + deed, {"receipts": ["x"]})
    equal(places(problem(400, "invalid-request", "POST", halves + "/check?max=0&answerSeconds=0.5")), ["max", "answerSeconds", "group"])
    problem(404, "no-such-topic", "POST", "/v1/topics/none/half-messages/check?group=shop")
    problem(404, "no-such-topic", "POST", "/v1/topics/none/half-messages", {"body": 1, "group": "g", "checkSeconds": 5})


def web_servers():
    """A subscription to one, which clients of MNS make, is told as what it is, and does not turn into another."""
    from mns.account import Account
    from mns.subscription import SubscriptionMeta
    ok(201, "PUT", "/v1/topics/news")
    queue("orders")
    address, where = "http://127.0.0.1:9/hook?a=b", "/v1/topics/news/subscriptions"
    theirs = Account("http://%s:%d" % (HOST, PORT), ACCESS_ID, ACCESS_SECRET).get_topic("news").get_subscription("hook")
    theirs.subscribe(SubscriptionMeta(address))
    problem(409, "fixed-setting", "PUT", where + "/hook", {"queue": "orders"})
    for hook in [ok(200, "GET", where + "/hook"), ok(200, "GET", where)["subscriptions"][0]]:
        equal((hook["name"], hook["endpoint"], hook["queue"], hook["waiting"]), ("hook", address, None, True))
    equal(theirs.get_attributes().endpoint, address)
    ok(204, "DELETE", where + "/hook")
    equal(ok(201, "PUT", where + "/hook", {"queue": "orders"})["queue"], "orders")


def search():
    path = queue("find")
    ok(201, "PUT", "/v1/topics/found")
    ok(201, "PUT", "/v1/topics/found/subscriptions/find", {"queue": "find"})
    sent = ok(201, "POST", path + "/messages", {"body": [1], "key": "k1", "tag": "a"})
    published = ok(201, "POST", "/v1/topics/found/messages", {"body": [2], "key": "k1", "tag": "b"})
    late = ok(201, "POST", path + "/messages", {"body": [3], "key": "k2", "delaySeconds": 600})
    taken = {message["id"]: message for message in receive(path, 10) + receive(path, 10)}
    equal(acknowledge(path, taken[sent["id"]]["receipt"]), ["acknowledged"])

    def outcomes(query):
        return {(entry["message"], entry["outcome"]) for entry in ok(200, "GET", "/v1/messages?" + query)["attempts"]}
    done, flying = (sent["id"], "done"), (published["id"], "in-flight")
    equal(outcomes("key=k1"), {done, flying})
    equal(outcomes("key=k2"), {(late["id"], "scheduled")})
    equal(outcomes("queue=find"), {done, flying})
    equal(outcomes("topic=found"), {flying})
    equal(outcomes("queue=find&outcome=done"), {done})
    equal(outcomes("queue=find&tag=b"), {flying})
    equal(outcomes("queue=find&since=2020-01-01T00:00:00Z&until=2020-01-02T00:00:00Z"), set())
    equal(outcomes("queue=find&since=2020-01-01T00:00:00%2B02:00"), {done, flying})
    equal(outcomes("key=nobody"), set())
    equal(outcomes("key=" + sent["id"]), set(), "an id is no key")
    page = ok(200, "GET", "/v1/messages?queue=find&limit=1")
    found = {(entry["message"], entry["outcome"]) for entry in page["attempts"]}
    while page["next"]:
        page = ok(200, "GET", "/v1/messages?queue=find&limit=1&from=" + page["next"])
        found |= {(entry["message"], entry["outcome"]) for entry in page["attempts"]}
    equal(found, {done, flying})
    record = ok(200, "GET", "/v1/messages/" + sent["id"])
    equal((record["body"], [entry["outcome"] for entry in record["attempts"]], len(record["related"])), ([1], ["done"], 2))
    equal(ok(200, "GET", "/v1/messages/" + sent["id"].replace("-", "").upper())["id"], sent["id"])
    for other in [UNKNOWN, "x", "%00"]:
        problem(404, "no-such-message", "GET", "/v1/messages/" + other)
    for query, wrong in [("queue=find&since=yesterday", ["since"]), ("queue=find&outcome=scheduled", ["outcome"]), ("key=k1&Tag=a&size=1", ["size"])]:
        equal(places(problem(400, "invalid-request", "GET", "/v1/messages?" + query)), wrong, query)
    for query in ["", "tag=a", "queue=find&topic=found", "key=k1&queue=find", "key=k1&tag=a", "queue=find&from=%24"]:
        problem(422, "contradiction", "GET", "/v1/messages?" + query)
    problem(404, "no-such-queue", "GET", "/v1/messages?queue=none")
    problem(404, "no-such-topic", "GET", "/v1/messages?topic=none")


def bury(path, count):
    """Lets leases end until the messages are given up."""
    ok(201, "POST", path + "/messages/batch", {"messages": [{"body": n, "key": "k%d" % (n % 2)} for n in range(count)]})

    def dead():
        for message in receive(path, 100, leaseSeconds=0.001):
            pass
        return ok(200, "GET", path)["counts"]["dead"] == count or None
    eventually(dead, "%d dead letters" % count)


def dead_letters():
    path = queue("dead", retry={"attempts": 1})
    bury(path, 6)
    letters = ok(200, "GET", path + "/dead-letters")
    equal((len(letters["deadLetters"]), letters["next"]), (6, None))
    letter = letters["deadLetters"][0]
    equal((letter["attempts"], letter["history"][-1]["attempt"]), (1, 1))
    group, = ok(200, "GET", "/v1/dead-letter-groups?queue=dead")["groups"]
    equal((group["queue"], group["count"], group["reason"]), ("dead", 6, letter["reason"]))
    equal(len(ok(200, "GET", "/v1/dead-letter-groups")["groups"]), 1)
    page = ok(200, "GET", path + "/dead-letters?limit=4")
    equal(len(ok(200, "GET", path + "/dead-letters?after=%d" % page["next"])["deadLetters"]), 2)
    for query, count in [("key=k1", 3), ("reason=nobody", 0), ("message=" + letter["id"], 1), ("olderThanSeconds=600", 0)]:
        equal(len(ok(200, "GET", path + "/dead-letters?" + query)["deadLetters"]), count, query)
    equal(places(problem(400, "invalid-request", "GET", path + "/dead-letters?message=x&limit=101")), ["message", "limit"])
    # More than are read at once, in pages that end before, at and behind such a portion.
    long = queue("long-dead", retry={"attempts": 1})
    bury(long, 20)
    for limit in [1, 7, 8, 9, 16, 17, 19, 20, 21, 100]:
        tickets, after = [], 0
        while after is not None:
            page = ok(200, "GET", long + "/dead-letters?limit=%d&after=%d" % (limit, after))
            tickets += [letter["ticket"] for letter in page["deadLetters"]]
            expect(page["next"] is None or len(page["deadLetters"]) == limit, "a page of %d is full" % limit)
            after = page["next"]
        equal((len(tickets), tickets), (20, sorted(set(tickets))), limit)
    equal(ok(200, "POST", path + "/dead-letters/redrive", {"filter": {"key": "nobody"}}).json, {"action": None})
    begun = ok(202, "POST", path + "/dead-letters/redrive", {"filter": {"key": "k1"}})
    action = begun.headers["Location"]
    ended = eventually(lambda: standing(action, "ended"), "the redrive ends")
    equal((ended["verb"], ended["queue"], ended["matched"], ended["messages"]), ("redrive", "dead", 3, 3))
    equal(ok(200, "GET", path)["counts"]["active"], 3)
    for deed in ["pause", "resume", "stop"]:
        problem(409, "action-ended", "POST", action + "/" + deed)
    # So slowly that it can be steered.
    action = ok(202, "POST", path + "/dead-letters/redrive", {"ratePerSecond": 0.02}).headers["Location"]
    ok(200, "POST", action + "/pause")
    eventually(lambda: standing(action, "paused"), "it is paused")
    ok(200, "POST", action + "/resume")
    eventually(lambda: standing(action, "under-way"), "it goes on")
    ok(200, "POST", action + "/stop")
    eventually(lambda: standing(action, "ended"), "it is stopped")
    left = ok(200, "GET", path)["counts"]["dead"]
    expect(1 <= left <= 2, "%d are left" % left)
    tickets = [letter["ticket"] for letter in ok(200, "GET", path + "/dead-letters")["deadLetters"]]
    action = ok(202, "POST", path + "/dead-letters/purge", {"filter": {"tickets": tickets}}).headers["Location"]
    eventually(lambda: standing(action, "ended"), "the purge ends")
    equal(ok(200, "GET", path)["counts"]["dead"], 0)
    for target in ["/v1/actions/0", "/v1/actions/x", "/v1/actions/999999", "/v1/actions/9223372036854775807"]:
        problem(404, "no-such-action", "GET", target)
    equal(places(problem(422, "invalid-fields", "POST", path + "/dead-letters/purge", {"filter": {"tickets": ["a"], "x": 1}, "rate": 1})),
          ["/filter/tickets", "/filter/x", "/rate"])
    problem(404, "no-such-queue", "POST", "/v1/queues/none/dead-letters/redrive")
    problem(404, "no-such-queue", "GET", "/v1/queues/none/dead-letters")


def standing(action, wanted):
    found = ok(200, "GET", action)
    return found.json if found["standing"] == wanted else None


def access():
    queue("mine")
    for auth in ["Bearer %s:%s" % (ACCESS_ID, ACCESS_SECRET), "basic " + basic().split(" ")[1], "BEARER %s:%s" % (ACCESS_ID, ACCESS_SECRET)]:
        ok(200, "GET", "/v1/queues/mine", auth=auth)
    for auth in [False, "", "Basic", "Basic ?", "Bearer x", "Bearer :x", "Digest a", "Basic " + base64.b64encode(b"\xff:a").decode(),
                 basic(secret="wrong"), basic(secret=""), basic("nobody"), "Bearer %s:%s " % (ACCESS_ID, ACCESS_SECRET[:-1]),
                 "MNS %s:%s" % (ACCESS_ID, ACCESS_SECRET)]:
        for path in ["/v1/queues/mine", "/v1/nowhere"]:
            reply = problem(401, "unauthenticated", "GET", path, auth=auth)
            equal(reply.headers["WWW-Authenticate"], 'Basic realm="queues", charset="UTF-8"')
    # A secret is told in the same words whether the id is right or not.
    equal(problem(401, "unauthenticated", "GET", "/v1/queues", auth=basic("nobody"))["detail"],
          problem(401, "unauthenticated", "GET", "/v1/queues", auth=basic(secret="wrong"))["detail"])


def paths_and_methods():
    path = queue("paths")
    for target in ["/v1", "/v1/", "/v1/x", "/v1/queues/a/b", "/v1/queues/a/messages/b", "/v1/queues//messages/x/y"]:
        problem(404, "no-such-path", "GET", target)
    for method, target, allowed in [
            ("POST", "/v1/queues", "GET, HEAD"), ("PATCH", path, "PUT, GET, HEAD, DELETE"), ("DELETE", path + "/messages", "POST, GET, HEAD"),
            ("GET", path + "/messages/receive", "POST"), ("OPTIONS", path + "/purge", "POST"), ("PUT", "/v1/openapi.yaml", "GET, HEAD")]:
        equal(problem(405, "method-not-allowed", method, target).headers["Allow"], allowed)
    problem(400, "invalid-request", "GET", "/v1/queues?limit=%")
    problem(404, "no-such-path", "GET", "/v1/queues/%zz")
    problem(413, "body-too-large", "POST", path + "/messages", raw=b" " * (3 << 20))
    # The answer to HEAD has no body that would be taken for the next answer.
    connection = http.client.HTTPConnection(HOST, PORT, timeout=60)
    for target, status in [(path, 200), ("/v1/queues/none", 404), ("/v1/openapi.yaml", 200), (path, 200)]:
        connection.request("HEAD", target, headers={"Authorization": basic()})
        response = connection.getresponse()
        equal((response.status, response.read()), (status, b""))
    connection.close()
    # A long poll is a call like others: its connection stays.
    connection = http.client.HTTPConnection(HOST, PORT, timeout=60)
    for target in ["?waitSeconds=0.1", "?waitSeconds=0", "?waitSeconds=0.1"]:
        connection.request("POST", path + "/messages/receive" + target, headers={"Authorization": basic()})
        response = connection.getresponse()
        equal((response.status, response.headers["Connection"]), (200, None))
        response.read()
    connection.close()


def descriptions():
    for auth in [None, False]:
        document = call("GET", "/v1/openapi.yaml", auth=auth)
        equal((document.status, document.headers["Content-Type"]), (200, "application/yaml"))
        expect(document.text.startswith(b"openapi: 3.1.0\n"), "the description")
        codes = call("GET", "/v1/problems", auth=auth)["problems"]
        expect({"code": "no-such-queue", "status": 404, "title": "There is no such queue."} in codes, "%r" % codes)


def mns():
    """What is sent in one dialect is received in the other one, with all that both know."""
    from mns.account import Account
    from mns.queue import Message, QueueMeta
    theirs = Account("http://%s:%d" % (HOST, PORT), ACCESS_ID, ACCESS_SECRET).get_queue("shared")
    path = queue("shared")
    sent = ok(201, "POST", path + "/messages", {"body": {"size": 42}, "headers": {"city": "Leipzig"}, "tag": "a"})
    theirs.set_encoding(False)
    got = theirs.receive_message()
    equal((got.message_id, json.loads(got.message_body)), (sent["id"].replace("-", "").upper(), {"size": 42}))
    theirs.delete_message(got.receipt_handle)
    for text, member, value in [('{"size":7}', "body", {"size": 7}), ("no json", "bodyBase64", base64.b64encode(b"no json").decode())]:
        back = theirs.send_message(Message(text))
        mine, = receive(path)
        equal((mine["id"].replace("-", "").upper(), mine[member]), (back.message_id, value))
        # A receipt that stands there twice is good once.
        equal(acknowledge(path, mine["receipt"], mine["receipt"]), ["acknowledged", "lost"])
    # How large a message of a queue may be, whoever made it in MNS has said.
    small = Account("http://%s:%d" % (HOST, PORT), ACCESS_ID, ACCESS_SECRET).get_queue("small")
    small.create(QueueMeta(max_msg_size=1024))
    ok(201, "POST", "/v1/queues/small/messages", {"body": "x" * 1022})
    for target, body, wrong in [("messages", {"body": "x" * 1023}, ""),
                                ("messages/batch", {"messages": [{"body": 1}, {"body": "x" * 1023}]}, "/messages/1")]:
        equal(places(problem(422, "invalid-fields", "POST", "/v1/queues/small/" + target, body)), [wrong])
    equal(ok(200, "GET", "/v1/queues/small")["counts"]["active"], 1)


main(globals())
