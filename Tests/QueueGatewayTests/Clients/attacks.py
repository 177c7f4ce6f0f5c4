"""What no client sends: each must get an answer that says why, or be closed, and harm nobody else."""
import email.utils
import time

from clients import equal, expect, main
from rest import basic
from wire import Wire, ask, code, signed


def alive():
    equal(code(ask("GET", "/queues/nobody"))[1], "QueueNotExist")


MESSAGE = b"<Message><MessageBody>x</MessageBody></Message>"
MQ = {"scheme": "MQ"}


def spelling():
    for target, scheme in [("/queues/none", "MNS"), ("/nowhere/at/all/x", "MNS"), ("/nowhere/at/all/x", "MQ"),
                           ("/topics/t/messages?consumer=", "MQ"), ("/topics/t/messages?consumer=G&ns=a.b", "MQ")]:
        status, head, body = ask("GET", target, scheme=scheme)
        expect(status >= 400, head)
        expect("\r\nx-%s-request-id: " % scheme.lower() in head and "\r\nx-%s-version: 2015-06-06" % scheme.lower() in head, head)
        expect("\r\nContent-Type: text/xml;charset=utf-8" in head, head)
        expect(b"http://%s.aliyuncs.com/doc/v1/" % scheme.lower().encode() in body, body)
    status, head, body = ask("POST", "/topics/spelled/messages", MESSAGE, **MQ)
    expect(status == 201 and "\r\nx-mq-request-id: " in head and b"http://mq.aliyuncs.com/doc/v1/" in body, (head, body))
    status, head, _ = ask("PUT", "/queues/made", b"<Queue/>")
    expect(status == 201 and "\r\nLocation: http://127.0.0.1:" in head and "/queues/made" in head, head)
    expect("\r\nx-mns-request-id: " in head, head)


def paths_and_methods():
    for method, target in [("GET", "/"), ("GET", "/x"), ("POST", "/queues"), ("PATCH", "/queues/a"), ("GET", "/queues/a/b"),
                           ("GET", "/queues/a/messages/c"), ("DELETE", "/topics"), ("OPTIONS", "/queues/a"),
                           ("GET", "/%zz"), ("PUT", "/")]:
        status, error = code(ask(method, target))
        expect(error == "InvalidRequestURL" and status == 400, "%s %s: %s %s" % (method, target, status, error))
    equal(code(ask("GET", "/queues/a/messages?waitseconds=%"))[1], "InvalidQueryString")
    for method, target in [("GET", "/"), ("GET", "/x"), ("PUT", "/topics/t/messages"), ("GET", "/topics/t"), ("PUT", "/topics/t"),
                           ("POST", "/queues/q/messages"), ("GET", "/topics/t/subscriptions"), ("OPTIONS", "/topics/t/messages")]:
        equal(code(ask(method, target, **MQ)), (400, "InvalidRequestURL"), "%s %s" % (method, target))
    for method, target in [("GET", "consumer=G&trans=some"), ("DELETE", "consumer=G&trans=some")]:
        equal(code(ask(method, "/topics/t/messages?" + target, **MQ)), (400, "InvalidQueryString"), target)


def parameters():
    """A misspelt one does not pass in silence: who looks for messages would take them."""
    ask("PUT", "/queues/asked", b"<Queue/>")
    equal(ask("POST", "/queues/asked/messages", MESSAGE)[0], 201)
    messages = "/queues/asked/messages"
    for method, target in [
            ("GET", "/queues?prefix=a"), ("GET", "/queues/asked?metaoverride=true"), ("PUT", "/queues/asked?metaoverwrite=true"),
            ("PUT", "/queues/asked?metaoverride=yes"), ("PUT", "/topics/t?meta=true"), ("DELETE", "/queues/asked?force=true"),
            ("GET", messages + "?peekonly=1"), ("GET", messages + "?peek=true"), ("GET", messages + "?numOfMessage=16"),
            ("GET", messages + "?waitseconds=0&wait=5"), ("POST", messages + "?DelaySeconds=5"), ("DELETE", messages + "?Receipt=x"),
            ("DELETE", messages + "?ReceiptHandle=x&VisibilityTimeout=1"), ("PUT", messages + "?ReceiptHandle=x&Visibility=1"),
            ("POST", "/topics/t/messages?tag=a"), ("GET", "/topics/t/subscriptions?prefix=a"),
            ("PUT", "/topics/t/subscriptions/s?metaoverride"), ("GET", "/?accountmeta=true&a=b"), ("GET", "/?%00%EF%BF%BF")]:
        equal(code(ask(method, target, b"<Queue/>" if method == "PUT" else b"")), (400, "InvalidQueryString"), target)
    group = "/topics/t/messages?consumer=G"
    for method, target in [
            ("POST", "/topics/t/messages?NS=I&consumer=G"), ("GET", group + "&tags=a"), ("GET", group + "&wait=5"),
            ("GET", group + "&trans=pop&tag=a"), ("GET", group + "&instance=I"), ("DELETE", group + "&waitseconds=1"),
            ("DELETE", group + "&trans=commit&x")]:
        equal(code(ask(method, target, MESSAGE if method == "POST" else b"", **MQ)), (400, "InvalidQueryString"), target)
    # Nobody has taken it; and names count without regard to case.
    status, _, body = ask("GET", messages + "?WaitSeconds=0&NUMOFMESSAGES=1&PeekOnly=False")
    expect(status == 200 and b"<DequeueCount>1<" in body, body)


def odd_names():
    """Names that nothing can have, and that no document can show."""
    ask("PUT", "/topics/t", b"<Topic/>")
    calls = [("GET", "/queues/@", b"", {}, "QueueNotExist"), ("DELETE", "/queues/@", b"", {}, "QueueNotExist"),
             ("PUT", "/queues/@?metaoverride=true", b"<Queue/>", {}, "QueueNotExist"),
             ("GET", "/queues/@/messages?waitseconds=0", b"", {}, "QueueNotExist"),
             ("GET", "/queues/@/messages?peekonly=true", b"", {}, "QueueNotExist"),
             ("POST", "/queues/@/messages", MESSAGE, {}, "QueueNotExist"),
             ("DELETE", "/queues/@/messages?ReceiptHandle=x", b"", {}, "QueueNotExist"),
             ("GET", "/topics/@", b"", {}, "TopicNotExist"), ("DELETE", "/topics/@", b"", {}, "TopicNotExist"),
             ("POST", "/topics/@/messages", MESSAGE, {}, "TopicNotExist"),
             ("GET", "/topics/@/subscriptions", b"", {}, "TopicNotExist"),
             ("GET", "/topics/t/subscriptions/@", b"", {}, "SubscriptionNotExist"),
             ("POST", "/topics/@/messages", MESSAGE, MQ, "TopicNotExist"),
             ("GET", "/topics/@/messages?consumer=G&waitseconds=0", b"", MQ, "TopicNotExist")]
    for odd in ["a%01b", "a%EF%BF%BEb", "a%EF%BF%BFb", "a%00b", "%00"]:
        for method, target, body, scheme, expected in calls:
            found = code(ask(method, target.replace("@", odd), body, **scheme))
            equal(found, (404, expected), "%s %s of %s" % (method, target, odd))
        equal(code(ask("PUT", "/queues/" + odd, b"<Queue/>")), (400, "InvalidQueueName"))
        equal(code(ask("PUT", "/topics/" + odd, b"<Topic/>")), (400, "TopicNameInvalid"))
        equal(code(ask("GET", "/topics/t/messages?waitseconds=0&consumer=" + odd, **MQ)), (400, "InvalidArgument"))
    equal(code(ask("GET", "/topics/t/messages?consumer=G&waitseconds=0&tag=a%00b", **MQ)), (400, "InvalidArgument"))
    for marker in ["AA==", "?", "//4="]:
        equal(code(ask("GET", "/queues", extra=[("x-mns-marker", marker)])), (400, "InvalidArgument"), marker)


def codes():
    """Those of the service's list that no client makes it tell."""
    ask("PUT", "/queues/coded", b"<Queue/>")
    queue, topic = "/queues/coded/messages", "/topics/coded/messages"
    group, wrong = topic + "?consumer=G", [("Content-MD5", "AAAA")]
    for method, target, body, options, expected in [
            ("DELETE", queue, b"", {}, "MissingReceiptHandle"), ("PUT", queue + "?VisibilityTimeout=1", b"", {}, "MissingReceiptHandle"),
            ("PUT", queue + "?ReceiptHandle=x", b"", {}, "MissingVisibilityTimeout"),
            ("DELETE", group, b"", MQ, "MissingReceiptHandle"), ("DELETE", group, b"<ReceiptHandles/>", MQ, "MissingReceiptHandle"),
            ("DELETE", group + "&trans=commit", b"", MQ, "MissingReceiptHandle"),
            ("POST", queue, MESSAGE, {"extra": wrong}, "InvalidDegist"),
            ("POST", topic, MESSAGE, {"extra": wrong, "scheme": "MQ"}, "InvalidDigest"),
            ("GET", queue, b"", {"without": ["x-mns-version"]}, "MissingVersionHeader"),
            ("GET", queue, b"", {"version": "2014-07-08"}, "InvalidVersionHeader"),
            ("GET", group, b"", {"without": ["x-mq-version"], "scheme": "MQ"}, "MissingVersionHeader"),
            ("GET", group, b"", {"version": "2014-07-08", "scheme": "MQ"}, "InvalidVersionHeader"),
            ("GET", queue, b"", {"without": ["date"]}, "MissingDateHeader"),
            ("GET", group, b"", {"without": ["date"], "scheme": "MQ"}, "MissingDateHeader")]:
        equal(code(ask(method, target, body, **options)), (400, expected), "%s %s %s" % (method, target, options))
    # Another header can stand for the date, and goes before it.
    now = email.utils.formatdate(usegmt=True)
    for options in [{"without": ["date"]}, {"date": "Sun, 06 Nov 1994 08:49:37 GMT"}]:
        found = ask("GET", "/queues/coded", extra=[("x-mns-date", now)], **options)
        equal(found[0], 200, options)
    late = ask("GET", "/queues/coded", extra=[("x-mns-date", "Sun, 06 Nov 1994 08:49:37 GMT")])
    equal(code(late), (408, "TimeExpired"))


def in_its_own_words():
    """What is refused before a call is read is refused in the words of who speaks."""
    def json(extra=""):
        return ("GET /v1/queues HTTP/1.1\r\nHost: a\r\nAuthorization: %s\r\n%s\r\n" % (basic(), extra)).encode()
    miracle = [("Expect", "a-miracle")]
    topic = "/topics/t/messages?consumer="
    for good, wish, mark in [
            (signed("GET", "/queues"), signed("GET", "/queues", extra=miracle), b"http://mns.aliyuncs.com/doc/v1/"),
            (signed("GET", topic, **MQ), signed("GET", topic, extra=miracle, **MQ), b"http://mq.aliyuncs.com/doc/v1/"),
            (json(), json("Expect: a-miracle\r\n"), b'"code":"invalid-request"')]:
        wire = Wire()
        wire.send(wish)
        status, head, body = wire.answer()
        expect(status == 400 and mark in body, (head, body))
        expect(wire.answer() is None, "the connection is closed")
        wire = Wire()
        wire.send(good)
        expect(wire.answer(), "what is well is answered")
        wire.send(b"no request\r\n\r\n")
        status, head, body = wire.answer()
        expect(status == 400 and mark in body, (head, body))
        expect(wire.answer() is None, "the connection is closed")


def bodies():
    ask("PUT", "/queues/bodies", b"<Queue/>")
    bomb = b'<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">' + b"".join(
        b'<!ENTITY %c "%s">' % (letter, b"&%c;" % (letter - 1) * 10) for letter in range(ord("b"), ord("m"))
    ) + b"]><Message><MessageBody>&l;</MessageBody></Message>"
    external = b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><Message><MessageBody>&x;</MessageBody></Message>'
    deep = b"<Message>" * 100000
    for body in [b"", b"x", b"<Message>", deep, bomb, external, b"\xff\xfe<\0M\0", b"<Message><MessageBody>&x;</MessageBody></Message>",
                 b'{"MessageBody": "x"}']:
        status, error = code(ask("POST", "/queues/bodies/messages", body))
        equal((status, error), (400, "MalformedXML"), repr(body[:60]))
    for body in [b"<Queue/>", b"<Message/>", b"<Message><MessageBody/></Message>", b"<Messages/>"]:
        equal(code(ask("POST", "/queues/bodies/messages", body)), (400, "InvalidArgument"), repr(body))
    for body in [b"", b"x", b"<Message>", deep, bomb, external]:
        equal(code(ask("POST", "/topics/bodies/messages", body, **MQ)), (400, "MalformedXML"), repr(body[:60]))
    for body in [b"<Queue/>", b"<Message/>", b"<Message><MessageBody/></Message>"]:
        equal(code(ask("POST", "/topics/bodies/messages", body, **MQ)), (400, "InvalidArgument"), repr(body))
    # Of any content type, or none.
    for kind in ["application/json", "application/x-www-form-urlencoded", "", "a/b; c=d", None]:
        found = ask("POST", "/queues/bodies/messages", b"<Message><MessageBody>x</MessageBody></Message>", content_type=kind)
        equal(found[0], 201, kind)


def too_large():
    ask("PUT", "/queues/large", b"<Queue/>")
    status, error = code(ask("POST", "/queues/large/messages", b"x" * (3 << 20)))
    equal((status, error), (413, "InvalidArgument"))
    wire = Wire()
    wire.send(signed("POST", "/queues/large/messages", b"", length=1 << 40))
    equal(code(wire.answer())[0], 413)
    expect(wire.answer() is None, "what follows is not read")
    equal(code(ask("POST", "/topics/large/messages", b"x" * (3 << 20), **MQ)), (413, "InvalidArgument"))
    for size, expected in [(1 << 20, 201), ((1 << 20) + 1, 400)]:
        body = b"<Message><MessageBody>" + b"x" * size + b"</MessageBody></Message>"
        found = ask("POST", "/topics/large/messages", body, **MQ)
        equal(found[0], expected)
        if expected == 400:
            equal(code(found)[1], "InvalidArgument")
    # In pieces, without a length.
    wire = Wire()
    head = signed("POST", "/queues/large/messages").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    wire.send(head)
    try:
        for _ in range(64):
            wire.send(b"10000\r\n" + b"x" * 65536 + b"\r\n")
    except OSError:
        pass
    found = wire.answer()
    expect(found is None or code(found)[0] == 413, "too much is not taken in: %r" % (found,))
    alive()


def heads():
    flood = [("x-mns-a%d" % n, "b") for n in range(500)]
    for extra in [flood, [("x-mns-a", "b" * 60000)]]:
        wire = Wire()
        try:
            wire.send(signed("GET", "/queues/a", extra=extra))
        except OSError:
            pass
        found = wire.answer()
        expect(found is None or found[0] in (400, 431), "a head that is too large: %r" % (found,))
        if found:
            code(found)
        wire.close()
    for noise in [b"\r\n\r\n\r\n", b"GET\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00", b"GET / HTTP/9.9\r\n\r\n", b"\0" * 1000 + b"\r\n\r\n",
                  b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n"]:
        wire = Wire(10)
        wire.send(noise)
        try:
            found = wire.answer()
            expect(found is None or found[0] >= 400, "%r: %r" % (noise, found))
        except OSError:
            pass
        wire.close()
    alive()


def authorizations():
    good = signed("GET", "/queues/a").decode()
    line = [line for line in good.split("\r\n") if line.startswith("Authorization")][0]
    cases = [("", "MissingAuthorizationHeader"), ("Authorization: MNS", "InvalidAuthorizationHeader"),
             ("Authorization: MNS a", "InvalidAuthorizationHeader"), ("Authorization: MNS a:b:c", "InvalidAuthorizationHeader"),
             ("Authorization: Basic eDp5", "InvalidAuthorizationHeader"),
             ("Authorization: MNS " + "a" * 5000 + ":AAAA", "InvalidAccessKeyId"), (line[:-6] + "AAAAA=", "SignatureDoesNotMatch")]
    for other, expected in cases:
        wire = Wire()
        wire.send(good.replace(line + "\r\n", other + "\r\n" if other else "").encode())
        equal(code(wire.answer())[1], expected, other[:60])
        wire.close()
    equal(code(ask("GET", "/queues/a", date="Sun, 06 Nov 1994 08:49:37 GMT")), (408, "TimeExpired"))
    equal(code(ask("GET", "/queues/a", date="tomorrow"))[1], "InvalidDateHeader")
    equal(code(ask("GET", "/queues/a", secret="wrong"))[1], "SignatureDoesNotMatch")
    equal(code(ask("PUT", "/queues/a", b"<Queue/>", extra=[("Content-MD5", "AAAA")]))[1], "InvalidDegist")
    wire = Wire()
    wire.send(signed("GET", "/queues/a").replace(b"x-mns-version: 2015-06-06\r\n", b""))
    equal(code(wire.answer())[1], "SignatureDoesNotMatch")


def slow_clients():
    """Bodies that never come hold up nobody."""
    ask("PUT", "/queues/slow", b"<Queue/>")
    wires = []
    for _ in range(200):
        wire = Wire()
        wire.send(signed("POST", "/queues/slow/messages", b"<", length=1000))
        wires.append(wire)
    start = time.time()
    found = ask("POST", "/queues/slow/messages", b"<Message><MessageBody>x</MessageBody></Message>")
    equal(found[0], 201)
    expect(time.time() - start < 20, "others are served meanwhile")
    for wire in wires:
        wire.close()
    alive()


def keep_alive():
    """Several on one connection, head and body apart, and two at once."""
    ask("PUT", "/queues/kept", b"<Queue/>")
    wire = Wire()
    body = b"<Message><MessageBody>x</MessageBody></Message>"
    for _ in range(3):
        request = signed("POST", "/queues/kept/messages", body)
        wire.send(request[:-len(body)])
        time.sleep(0.05)
        wire.send(body)
        equal(wire.answer()[0], 201)
    wire.send(2 * signed("GET", "/queues/kept/messages?waitseconds=0"))
    equal([wire.answer()[0], wire.answer()[0]], [200, 200])
    # An error leaves the connection as it is.
    wire.send(signed("GET", "/queues/nowhere"))
    equal(wire.answer()[0], 404)
    wire.send(signed("GET", "/queues/kept/messages"))
    equal(wire.answer()[0], 200)


def polls_on_one_connection():
    """A long poll is a call like others: what stands behind it is answered after it, and its connection stays."""
    ask("PUT", "/queues/polled", b"<Queue/>")
    body = b"<Message><MessageBody>x</MessageBody></Message>"
    wire = Wire()
    wire.send(signed("GET", "/queues/polled/messages?waitseconds=1") + signed("GET", "/queues/polled"))
    status, head, _ = wire.answer()
    equal(status, 404)
    expect("connection: close" not in head.lower(), head)
    equal(wire.answer()[0], 200)
    wire.send(signed("GET", "/queues/polled/messages?waitseconds=30"))
    equal(ask("POST", "/queues/polled/messages", body)[0], 201)
    equal(wire.answer()[0], 200)
    wire.send(signed("GET", "/queues/polled/messages?waitseconds=0"))
    equal(code(wire.answer()), (404, "MessageNotExist"))
    # Who goes is given nothing, whatever stands behind the poll.
    for behind in [b"", signed("GET", "/queues/polled"), 3 * signed("GET", "/queues/polled")]:
        gone = Wire()
        gone.send(signed("GET", "/queues/polled/messages?waitseconds=30") + behind)
        time.sleep(0.2)
        gone.close()
        time.sleep(0.2)
        equal(ask("POST", "/queues/polled/messages", body)[0], 201)
        found = ask("GET", "/queues/polled/messages?waitseconds=20")
        expect(found[0] == 200 and b"<DequeueCount>1</DequeueCount>" in found[2], found)


def slow_body():
    ask("PUT", "/queues/slow", b"<Queue/>")
    wire = Wire()
    wire.send(signed("POST", "/queues/slow/messages", b"<", length=1000))
    equal(code(wire.answer()), (408, "RequestTimeout"))
    expect(wire.answer() is None, "the connection is closed")


main(globals())
