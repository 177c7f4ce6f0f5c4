"""Queues and messages, by aliyun-mns-sdk."""
import hashlib
import threading
import time

from mns import mns_client
from mns.account import Account, AccountMeta
from mns.message_property import (
    MessagePropertyValue, MessageSystemPropertyValue, PropertyType, SystemPropertyName, SystemPropertyType)
from mns.mns_client import MNSClient
from mns.mns_common import RequestInfo
from mns.mns_exception import MNSClientException, MNSServerException
from mns.mns_request import ListQueueRequest, ListQueueResponse, ListTopicRequest, ListTopicResponse
from mns.queue import Message, QueueMeta
from mns.topic import TopicMessage, TopicMeta

from clients import ACCESS_ID, ACCESS_SECRET, ENDPOINT, Clock, equal, eventually, expect, main, refused
from rest import ok
from wire import ask, code

account = Account(ENDPOINT, ACCESS_ID, ACCESS_SECRET)


def no(code, call, *arguments):
    return refused(MNSServerException, code, call, *arguments)


def made(name, **attributes):
    queue = account.get_queue(name)
    queue.create(QueueMeta(**attributes))
    return queue


def create_and_attributes():
    queue = account.get_queue("orders")
    url = queue.create(QueueMeta(60, 2048, 3600, 0, 5, True))
    equal(url, ENDPOINT + "/queues/orders", "location")
    found = queue.get_attributes()
    equal(found.queue_name, "orders")
    equal(found.visibility_timeout, 60)
    equal(found.maximum_message_size, 2048)
    equal(found.message_retention_period, 3600)
    equal(found.delay_seconds, 0)
    equal(found.polling_wait_seconds, 5)
    equal(str(found.logging_enabled), "True")
    equal((found.active_messages, found.inactive_messages, found.delay_messages), (0, 0, 0))
    expect(abs(found.create_time - time.time()) < 300, "created in seconds since 1970")
    equal(found.create_time, found.last_modify_time)
    # The same again, and less than the same, is no conflict; something else is.
    equal(queue.create(QueueMeta(60, 2048, 3600, 0, 5, True)), url)
    equal(queue.create(QueueMeta()), url)
    equal(queue.create(QueueMeta(vis_timeout=60)), url)
    no("QueueAlreadyExist", queue.create, QueueMeta(vis_timeout=61))
    no("QueueAlreadyExist", queue.create, QueueMeta(logging_enabled=False))
    # Only what is told changes.
    queue.set_attributes(QueueMeta(vis_timeout=45, polling_wait_sec=0))
    found = queue.get_attributes()
    equal((found.visibility_timeout, found.polling_wait_seconds, found.maximum_message_size), (45, 0, 2048))
    queue.set_attributes(QueueMeta())
    equal(queue.get_attributes().visibility_timeout, 45)
    # What nobody says is as the service has it.
    plain = made("plain").get_attributes()
    equal((plain.visibility_timeout, plain.maximum_message_size, plain.message_retention_period), (30, 65536, 345600))
    equal((plain.delay_seconds, plain.polling_wait_seconds), (0, 0))
    queue.delete()
    no("QueueNotExist", queue.get_attributes)
    no("QueueNotExist", queue.set_attributes, QueueMeta(vis_timeout=45))
    queue.delete()


def attribute_ranges():
    queue = account.get_queue("ranges")
    for bad in [QueueMeta(vis_timeout=43201), QueueMeta(max_msg_size=1023), QueueMeta(max_msg_size=65537),
                QueueMeta(msg_ttl=59), QueueMeta(msg_ttl=604801), QueueMeta(delay_sec=604801),
                QueueMeta(polling_wait_sec=31)]:
        no("InvalidArgument", queue.create, bad)
    queue.create(QueueMeta(43200, 65536, 604800, 604800, 30))
    queue.set_attributes(QueueMeta(1, 1024, 60, 0, 0))
    found = queue.get_attributes()
    equal((found.visibility_timeout, found.maximum_message_size, found.message_retention_period), (1, 1024, 60))
    for bad in [QueueMeta(vis_timeout=43201), QueueMeta(msg_ttl=59)]:
        no("InvalidArgument", queue.set_attributes, bad)
    equal(queue.get_attributes().visibility_timeout, 1)


def names():
    for name in ["-a", "a_b", "a.b", "a%20b", "a%2Fb"]:
        no("InvalidQueueName", account.get_queue(name).create, QueueMeta())
    no("QueueNameLengthError", account.get_queue("a" * 121).create, QueueMeta())
    account.get_queue("A" * 120).create(QueueMeta())
    account.get_queue("7").create(QueueMeta())
    # What others have named, and clients of the service could not.
    ok(201, "PUT", "/v1/queues/a_b." + "c" * 251)
    queue = account.get_queue("a_b." + "c" * 251)
    queue.send_message(Message("x"))
    equal(queue.receive_message(0).message_body, b"x")


def lists():
    for name in ["b-%02d" % n for n in range(7)] + ["a", "c"]:
        made(name)
    urls, marker = account.list_queue()
    equal([url.rsplit("/", 1)[1] for url in urls], ["a"] + ["b-%02d" % n for n in range(7)] + ["c"])
    equal(marker, "")
    found, marker = [], ""
    while True:
        urls, marker = account.list_queue(prefix="b-", ret_number=3, marker=marker)
        expect(len(urls) <= 3, "a page has three at the most")
        found += [url.rsplit("/", 1)[1] for url in urls]
        if not marker:
            break
    equal(found, ["b-%02d" % n for n in range(7)])
    equal(account.list_queue(prefix="nothing"), ([], ""))
    # With attributes, which only the client beneath asks for.
    request, response = ListQueueRequest("a", 10, "", True), ListQueueResponse()
    account.get_client().list_queue(request, response)
    equal(len(response.queueurl_list), 1)
    no("InvalidArgument", account.list_queue, "", 1001)


def queue_meta():
    """ListQueue tells the attributes of each queue, as GetQueueAttributes does, if it is asked to."""
    made("full", vis_timeout=45, max_msg_size=2048, msg_ttl=3600, delay_sec=5, polling_wait_sec=7, logging_enabled=True)
    queue = made("fuller")
    for delay in [0, 0, 0, 600]:
        queue.send_message(Message("x", delay_seconds=delay))
    queue.receive_message(0)

    def listed(with_meta):
        response = ListQueueResponse()
        account.get_client().list_queue(ListQueueRequest("full", 10, "", with_meta), response)
        equal(response.queueurl_list, [ENDPOINT + "/queues/full", ENDPOINT + "/queues/fuller"])
        return response.queuemeta_list
    equal(listed(False), [])
    full, fuller = listed(True)
    for meta in [full, fuller]:
        for name in ["CreateTime", "LastModifyTime"]:
            expect(abs(int(meta.pop(name)) - time.time()) < 300, "%s in seconds since 1970" % name)
    equal(full, {
        "QueueURL": ENDPOINT + "/queues/full", "QueueName": "full", "DelaySeconds": "5", "MaximumMessageSize": "2048",
        "MessageRetentionPeriod": "3600", "VisibilityTimeout": "45", "PollingWaitSeconds": "7", "ActiveMessages": "0",
        "InactiveMessages": "0", "DelayMessages": "0", "LoggingEnabled": "True"})
    equal(fuller, {
        "QueueURL": ENDPOINT + "/queues/fuller", "QueueName": "fuller", "DelaySeconds": "0", "MaximumMessageSize": "65536",
        "MessageRetentionPeriod": "345600", "VisibilityTimeout": "30", "PollingWaitSeconds": "0", "ActiveMessages": "2",
        "InactiveMessages": "1", "DelayMessages": "1", "LoggingEnabled": "False"})


def topic_meta():
    """ListTopic likewise."""
    account.get_topic("news").create(TopicMeta(2048, True))
    account.get_topic("newer").create(TopicMeta())

    def listed(with_meta):
        response = ListTopicResponse()
        account.get_client().list_topic(ListTopicRequest("new", 10, "", with_meta), response)
        equal(response.topicurl_list, [ENDPOINT + "/topics/newer", ENDPOINT + "/topics/news"])
        return response.topicmeta_list
    equal(listed(False), [])
    newer, news = listed(True)
    for meta in [newer, news]:
        for name in ["CreateTime", "LastModifyTime"]:
            expect(abs(int(meta.pop(name)) - time.time()) < 300, "%s in seconds since 1970" % name)
        equal((meta["MessageCount"], meta["MessageRetentionPeriod"]), ("0", "86400"))
    equal((newer["TopicName"], newer["MaximumMessageSize"], newer["LoggingEnabled"]), ("newer", "65536", "False"))
    equal((news["TopicName"], news["MaximumMessageSize"], news["LoggingEnabled"]), ("news", "2048", "True"))


def send_and_receive():
    queue = made("orders")
    body = u"hello 你好 <&> \"'\r\n\t]]>"
    sent = queue.send_message(Message(body), RequestInfo("req-0001"))
    expect(len(sent.message_id) == 32, "an id has 32 digits")
    peeked = queue.peek_message()
    equal(peeked.message_id, sent.message_id)
    equal((peeked.dequeue_count, peeked.priority), (0, 8))
    equal(peeked.first_dequeue_time, peeked.enqueue_time, "before any receive")
    equal(queue.get_attributes().active_messages, 1)
    before = time.time()
    got = queue.receive_message(0)
    equal(got.message_body.decode("utf-8"), body)
    equal(got.message_id, sent.message_id)
    equal(got.message_body_md5, sent.message_body_md5)
    equal((got.dequeue_count, got.priority), (1, 8))
    expect(abs(got.enqueue_time / 1000 - time.time()) < 300, "enqueued in milliseconds")
    expect(got.first_dequeue_time >= got.enqueue_time, "received after it was sent")
    expect(25 < got.next_visible_time / 1000 - before < 35, "hidden for half a minute")
    no("MessageNotExist", queue.receive_message, 0)
    no("MessageNotExist", queue.peek_message)
    found = queue.get_attributes()
    equal((found.active_messages, found.inactive_messages), (0, 1))
    queue.delete_message(got.receipt_handle)
    no("MessageNotExist", queue.delete_message, got.receipt_handle)
    equal(queue.get_attributes().inactive_messages, 0)


def plain_bodies():
    queue = made("plain")
    queue.set_encoding(False)
    for body in [u"raw <&> \"你好\" 😀", u" blank ", u"a\nb\tc\n", u"<\u0301x>", u"<![CDATA[x]]>", u"%s" % ("x" * 65536)]:
        sent = queue.send_message(Message(body))
        equal(sent.message_body_md5, hashlib.md5(body.encode("utf-8")).hexdigest().upper())
        got = queue.receive_message_with_str_body(0)
        equal(got.message_body, body)
        queue.delete_message(got.receipt_handle)


def empty_bodies():
    """Of what was sent elsewhere without a body the client reads one blank, or nothing where it decodes; and all that comes along."""
    digest = hashlib.md5(b" ").hexdigest().upper()
    for name, decodes, empty in [("decoded", True, b""), ("plain", False, " ")]:
        queue = made(name)
        queue.set_encoding(decodes)
        queue.send_message(Message("a"))
        ok(201, "POST", "/v1/queues/%s/messages" % name, {"bodyBase64": ""})
        queue.send_message(Message("b"))
        for found in [queue.batch_peek_message(3), queue.batch_receive_message(3)]:
            expected = [empty, b"a", b"b"] if decodes else [empty, "a", "b"]
            equal(sorted(message.message_body for message in found), expected)
            equal([m.message_body_md5 for m in found if m.message_body == empty], [digest])
        queue.batch_delete_message([message.receipt_handle for message in found])
        ok(201, "POST", "/v1/queues/%s/messages" % name, {"bodyBase64": ""})
        equal(queue.peek_message().message_body, empty)
        equal(queue.receive_message(0).message_body, empty)


def binary_bodies():
    """Bytes that others have sent are read as such by a client that decodes, and in Base64 by one that does not; a text it can't decode."""
    queue = made("binary")
    for decodes, expected in [(True, b"\0\xff\1"), (False, "AP8B")]:
        queue.set_encoding(decodes)
        ok(201, "POST", "/v1/queues/binary/messages", {"bodyBase64": "AP8B"})
        queue.delete_message(queue.batch_receive_message(1)[0].receipt_handle)
        ok(201, "POST", "/v1/queues/binary/messages", {"bodyBase64": "AP8B"})
        got = queue.receive_message(0)
        equal(got.message_body, expected)
        queue.delete_message(got.receipt_handle)
    ok(201, "POST", "/v1/queues/binary/messages", {"body": {"order": 17}})
    queue.set_encoding(True)
    try:
        queue.batch_peek_message(1)
        expect(False, "a text that is no Base64")
    except MNSClientException as failure:
        equal(failure.type, "RespDataDamaged")
    queue.set_encoding(False)
    equal(queue.receive_message(0).message_body, '{"order": 17}')


def handles():
    queue = made("handles", vis_timeout=30)
    other = made("other")
    queue.send_message(Message("a"))
    got = queue.receive_message(0)
    # A changed visibility gives a new handle; the old one is void.
    changed = queue.change_message_visibility(got.receipt_handle, 100)
    expect(changed.receipt_handle != got.receipt_handle, "a new handle")
    expect(30 < int(changed.next_visible_time) / 1000 - time.time() < 110, "counted from now")
    no("MessageNotExist", queue.delete_message, got.receipt_handle)
    no("MessageNotExist", queue.change_message_visibility, got.receipt_handle, 10)
    # Of another queue, made up, or of a queue that is not there.
    no("ReceiptHandleError", other.delete_message, changed.receipt_handle)
    no("ReceiptHandleError", queue.delete_message, "garbage")
    no("ReceiptHandleError", queue.change_message_visibility, "1-MDAw", 10)
    no("QueueNotExist", account.get_queue("nowhere").delete_message, "garbage")
    no("InvalidArgument", queue.change_message_visibility, changed.receipt_handle, 0)
    # Let go: it comes again, with the attempt counted.
    queue.change_message_visibility(changed.receipt_handle, 1)
    again = queue.receive_message(20)
    equal((again.message_id, again.dequeue_count), (got.message_id, 2))
    no("MessageNotExist", queue.delete_message, changed.receipt_handle)
    queue.delete_message(again.receipt_handle)


def expired_handles():
    """A handle dies with its lease, whether or not somebody else has received the message since."""
    queue = made("expired", vis_timeout=2)
    for body in ["a", "b"]:
        queue.send_message(Message(body))
    held = queue.batch_receive_message(2)
    equal(len(held), 2)
    # Nobody asks for messages meanwhile.
    time.sleep(max(0, held[0].next_visible_time / 1000 - time.time()) + 1)
    no("MessageNotExist", queue.delete_message, held[0].receipt_handle)
    no("MessageNotExist", queue.change_message_visibility, held[0].receipt_handle, 10)
    try:
        queue.batch_delete_message([message.receipt_handle for message in held])
        expect(False, "both have expired")
    except MNSServerException as failure:
        equal([one["ErrorCode"] for one in failure.sub_errors], ["MessageNotExist"] * 2)
    again = eventually(lambda: both(queue), "both come again")
    equal(sorted(message.dequeue_count for message in again), [2, 2])
    equal(sorted(message.message_id for message in again), sorted(message.message_id for message in held))


def both(queue, found={}):
    """Two messages, each as it comes first."""
    try:
        for message in queue.batch_receive_message(2, 5):
            found.setdefault(message.message_id, message)
    except MNSServerException as failure:
        equal(failure.type, "MessageNotExist")
    return list(found.values()) if len(found) == 2 else None


def first_reception():
    """Of a message that comes again it is still told when it was received first, also to who only looks."""
    queue = made("again")
    queue.send_message(Message("x"))
    fresh = queue.peek_message()
    equal((fresh.first_dequeue_time, fresh.dequeue_count), (fresh.enqueue_time, 0))
    first = queue.receive_message(0)
    queue.change_message_visibility(first.receipt_handle, 1)
    again = queue.receive_message(20)
    equal((again.message_id, again.dequeue_count), (first.message_id, 2))
    equal(again.first_dequeue_time, first.first_dequeue_time)
    expect(again.next_visible_time > first.next_visible_time - 30000, "hidden anew")
    queue.change_message_visibility(again.receipt_handle, 1)
    for _ in range(100):
        try:
            seen = queue.peek_message()
            break
        except MNSServerException as failure:
            equal(failure.type, "MessageNotExist")
            time.sleep(0.1)
    equal((seen.first_dequeue_time, seen.dequeue_count), (first.first_dequeue_time, 2))
    expect(seen.first_dequeue_time > seen.enqueue_time, "it was received after it was sent")


def batches():
    queue = made("batches")
    sent = queue.batch_send_message([Message("m%d" % n) for n in range(16)])
    equal(len(set(message.message_id for message in sent)), 16)
    equal(len(queue.batch_peek_message(16)), 16)
    got = queue.batch_receive_message(16)
    equal(sorted(message.message_body for message in got), sorted(b"m%d" % n for n in range(16)))
    equal(sorted(message.message_id for message in got), sorted(message.message_id for message in sent))
    queue.batch_delete_message([message.receipt_handle for message in got[:14]])
    # Good ones go, though others are bad.
    handles = [got[14].receipt_handle, "garbage", got[0].receipt_handle]
    try:
        queue.batch_delete_message(handles)
        expect(False, "two of three can't be deleted")
    except MNSServerException as failure:
        found = sorted((one["ErrorCode"], one["ReceiptHandle"]) for one in failure.sub_errors)
        equal(found, sorted([("ReceiptHandleError", "garbage"), ("MessageNotExist", got[0].receipt_handle)]))
    equal(queue.get_attributes().inactive_messages, 1)
    # A handle that stands there twice is good once.
    try:
        queue.batch_delete_message([got[15].receipt_handle] * 2)
        expect(False, "one is used up")
    except MNSServerException as failure:
        found = [(one["ErrorCode"], one["ReceiptHandle"]) for one in failure.sub_errors]
        equal(found, [("MessageNotExist", got[15].receipt_handle)])
    equal(queue.get_attributes().inactive_messages, 0)
    for size in [0, 17]:
        no("InvalidArgument", queue.batch_receive_message, size)
        no("InvalidArgument", queue.batch_peek_message, size)
    no("InvalidArgument", queue.batch_send_message, [])
    no("InvalidArgument", queue.batch_send_message, [Message("x")] * 17)
    no("InvalidArgument", queue.batch_delete_message, [])
    no("InvalidArgument", queue.batch_delete_message, ["x"] * 17)
    no("MessageNotExist", queue.batch_receive_message, 3)
    no("MessageNotExist", queue.batch_peek_message, 3)
    # 64 KiB in all.
    queue.set_encoding(False)
    no("InvalidArgument", queue.batch_send_message, [Message("x" * 40000)] * 2)
    queue.batch_send_message([Message("x" * 32768)] * 2)
    equal(len(queue.batch_receive_message_with_str_body(2)), 2)
    # A batch of which one is bad: the others are sent.
    try:
        queue.batch_send_message([Message("good"), Message("bad", priority=0), Message("fine")])
        expect(False, "one can't be sent")
    except MNSServerException as failure:
        equal([one.get("ErrorCode") for one in failure.sub_errors], [None, "InvalidArgument", None])
    equal(sorted(message.message_body for message in queue.batch_receive_message_with_str_body(16)), ["fine", "good"])


def delays_and_priorities():
    queue = made("delayed", delay_sec=600)
    held = queue.send_message(Message("later"))
    expect(held.receipt_handle, "a message that waits has a handle")
    at_once = queue.send_message(Message("now", delay_seconds=0))
    equal(at_once.receipt_handle, "", "one that does not wait has none")
    equal(queue.receive_message(0).message_body, b"now")
    no("MessageNotExist", queue.receive_message, 0)
    equal(queue.get_attributes().delay_messages, 1)
    # Released early, or taken back before it appears.
    moved = queue.change_message_visibility(held.receipt_handle, 1)
    expect(int(moved.next_visible_time) / 1000 - time.time() < 5, "due soon")
    no("MessageNotExist", queue.delete_message, held.receipt_handle)
    got = queue.receive_message(20)
    equal((got.message_body, got.dequeue_count), (b"later", 1))
    held = queue.send_message(Message("never", delay_seconds=900))
    queue.delete_message(held.receipt_handle)
    no("MessageNotExist", queue.delete_message, held.receipt_handle)
    equal(queue.get_attributes().delay_messages, 0)
    queue = made("urgent")
    for priority in [16, 8, 1, 12, 4]:
        queue.send_message(Message("p%d" % priority, priority=priority))
    got = [queue.receive_message(0) for _ in range(5)]
    equal([message.priority for message in got], [1, 4, 8, 12, 16])
    equal([message.message_body for message in got], [b"p1", b"p4", b"p8", b"p12", b"p16"])
    for bad in [Message("x", priority=0), Message("x", priority=17), Message("x", delay_seconds=604801)]:
        no("InvalidArgument", queue.send_message, bad)


def priorities_in_batches():
    """What is sent in one batch is received in one, the most urgent first; of two that are alike each comes."""
    queue = made("urgent")
    priorities = [16, 3, 8, 1, 3, 16, 1, 9]
    queue.batch_send_message([Message("p%d-%d" % (p, n), priority=p) for n, p in enumerate(priorities)])
    got = queue.batch_receive_message(16)
    equal([message.priority for message in got], sorted(priorities))
    equal(sorted(message.message_body for message in got), sorted(b"p%d-%d" % (p, n) for n, p in enumerate(priorities)))
    queue.batch_delete_message([message.receipt_handle for message in got])
    # A batch that is smaller than what waits has the most urgent of it.
    queue.batch_send_message([Message("x", priority=p) for p in priorities])
    equal([message.priority for message in queue.batch_receive_message(4)], [1, 1, 3, 3])
    equal([message.priority for message in queue.batch_receive_message(4)], [8, 9, 16, 16])


def retention_before():
    """One waits, one is delayed; both are as old as they may be when `retention_after` is called."""
    queue = made("short", msg_ttl=60)
    for delay in [0, 30]:
        queue.send_message(Message("old", delay_seconds=delay))
    equal(queue.peek_message().message_body, b"old")


def retention_after():
    """What is past its retention is never delivered, and counted."""
    queue = account.get_queue("short")
    no("MessageNotExist", queue.receive_message, 0)
    no("MessageNotExist", queue.peek_message)
    queue.send_message(Message("fresh"))
    equal(queue.receive_message(5).message_body, b"fresh")
    no("MessageNotExist", queue.receive_message, 0)
    found = queue.get_attributes()
    equal((found.active_messages, found.inactive_messages, found.delay_messages), (0, 1, 0))
    equal(ok(200, "GET", "/v1/queues/short")["counts"]["outdated"], 2)


def properties():
    queue = made("properties")
    message = Message("x", message_group_id="group-1")
    values = [("city", PropertyType.STRING, u"杭州"), ("n", PropertyType.NUMBER, 3), ("ok", PropertyType.BOOLEAN, True),
              ("bin", PropertyType.BINARY, b"\0\1\xff"), ("a.b_c-d", PropertyType.STRING, "<&>")]
    for name, kind, value in values:
        message.add_user_property(name, MessagePropertyValue(kind, value))
    for name, value in [(SystemPropertyName.TRACEPARENT, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
                        (SystemPropertyName.DLQ_SOURCE_ARN, "acs:mns:x")]:
        message.add_system_property(name, MessageSystemPropertyValue(SystemPropertyType.STRING, value))
    queue.send_message(message)
    for got in [queue.peek_message(), queue.batch_peek_message(1)[0], queue.receive_message(0)]:
        found = got.get_user_properties()
        equal(sorted(found), sorted(name for name, _, _ in values))
        for name, kind, _ in values:
            equal(found[name].data_type, kind, name)
            equal(found[name].string_value, message.user_properties[name].string_value, name)
            equal(found[name].binary_value, message.user_properties[name].binary_value, name)
        equal(sorted(got.get_system_properties()), ["DLQSourceArn", "traceparent"])
    many = Message("x")
    for n in range(51):
        many.add_user_property("p%d" % n, MessagePropertyValue(PropertyType.STRING, "v"))
    no("InvalidArgument", queue.send_message, many)
    # What this client could not read again, whoever sends it, and what is too long.
    odd = [(name, "STRING", "v") for name in ["", "a b", ".a", "a.", "a..b", "a" * 257]] + [
        ("a", "NUMBER", "0x10"), ("a", "NUMBER", "nan"), ("a", "NUMBER", "1_0"), ("a", "NUMBER", "one"), ("a", "BOOLEAN", "yes"),
        ("a", "BINARY", "A A="), ("a", "OTHER", "v"), ("a", "STRING", ""), ("a", "STRING", "v" * 4097)]
    for one in odd:
        equal(code(ask("POST", "/queues/properties/messages", with_property(*one))), (400, "InvalidArgument"), one)
    for one in [("a" * 256, "STRING", "v" * 4096), ("a", "NUMBER", "-1.5e+3"), ("a", "BOOLEAN", "TRUE"), ("a", "STRING", " ")]:
        equal(ask("POST", "/queues/properties/messages", with_property(*one))[0], 201, one)
        got = queue.receive_message(5)
        queue.delete_message(got.receipt_handle)
        found = got.get_user_properties()[one[0]]
        equal((found.data_type, found.string_value.lower()), (one[1], one[2].lower()))
    # They count as the body does.
    small = made("small", max_msg_size=1024)
    small.set_encoding(False)
    heavy = Message("x" * 1000)
    heavy.add_user_property("name", MessagePropertyValue(PropertyType.STRING, "v" * 21))
    no("InvalidArgument", small.send_message, heavy)


def with_property(name, kind, value):
    text = "<Name>%s</Name><Value>%s</Value><Type>%s</Type>" % (name, value, kind)
    return ("<Message><MessageBody>eA==</MessageBody><UserProperties><PropertyValue>%s</PropertyValue></UserProperties></Message>"
            % text).encode()


def sizes():
    queue = made("small", max_msg_size=1024)
    queue.set_encoding(False)
    queue.send_message(Message("x" * 1024))
    no("InvalidArgument", queue.send_message, Message("x" * 1025))
    queue.set_attributes(QueueMeta(max_msg_size=2048))
    queue.send_message(Message("x" * 2048))
    no("InvalidArgument", queue.send_message, Message(u"你" * 683))
    large = made("large")
    large.set_encoding(False)
    no("InvalidArgument", large.send_message, Message("x" * 65537))
    no("InvalidArgument", large.send_message, Message("x" * 3000000))
    large.send_message(Message("&" * 65536))


def long_polls():
    queue = made("polled")
    start = time.time()
    no("MessageNotExist", queue.receive_message, 2)
    expect(1.5 < time.time() - start < 30, "waits as long as it is told")
    found = {}

    def wait():
        own = Account(ENDPOINT, ACCESS_ID, ACCESS_SECRET).get_queue("polled")
        found["message"] = own.receive_message(30)
        found["at"] = time.time()

    waiting = threading.Thread(target=wait)
    waiting.start()
    time.sleep(1)
    sent = time.time()
    queue.send_message(Message("wake"))
    waiting.join()
    equal(found["message"].message_body, b"wake")
    expect(found["at"] - sent < 8, "wakes when a message comes, after %s s" % (found["at"] - sent))
    # The queue's own time, and none although it has one.
    queue.set_attributes(QueueMeta(polling_wait_sec=2))
    time.sleep(1.1)
    start = time.time()
    no("MessageNotExist", queue.receive_message)
    expect(time.time() - start > 1.5, "waits as long as the queue says")
    start = time.time()
    no("MessageNotExist", queue.receive_message, 0)
    expect(time.time() - start < 1.5, "does not wait when told not to")
    no("InvalidArgument", queue.receive_message, 31)


def account_calls():
    # Nothing is logged to a bucket; that one is set is kept all the same.
    equal(account.get_attributes().logging_bucket, "")
    for bucket, expected in [("my-bucket", "my-bucket"), (None, "my-bucket"), (u"<\u6876>", u"<\u6876>"), ("", "")]:
        account.set_attributes(AccountMeta(bucket))
        equal(Account(ENDPOINT, ACCESS_ID, ACCESS_SECRET).get_attributes().logging_bucket, expected)
    expect(account.open_service().status == 200, "the service can be opened")
    # The client in Java asks for the account's id; of these attributes there is nothing else.
    status, _, body = ask("GET", "/?account")
    expect(status == 200 and b"<Account xmlns=" in body and b"<AccountId>0</AccountId>" in body, body)
    for method, target in [("PUT", "/?account"), ("GET", "/?account&accountmeta=true"), ("DELETE", "/?accountmeta=true")]:
        equal(code(ask(method, target)), (400, "InvalidRequestURL"), target)


def access_denied():
    """With a key that may send to the queue `in`, and read the topic `news`, both of which are there."""
    queue, topic = account.get_queue("in"), account.get_topic("news")
    queue.send_message(Message("x"))
    for call, arguments in [
            (queue.receive_message, [0]), (queue.peek_message, []), (queue.get_attributes, []), (queue.delete, []),
            (queue.set_attributes, [QueueMeta(vis_timeout=45)]), (queue.batch_receive_message, [2]),
            (account.get_queue("other").create, [QueueMeta()]), (account.get_queue("other").send_message, [Message("x")]),
            (topic.publish_message, [TopicMessage("x")]), (topic.delete, []), (account.get_attributes, [])]:
        no("AccessDenied", call, *arguments)
    equal(topic.get_attributes().topic_name, "news")
    # Of what it may not read a key hears nothing.
    equal(account.list_queue(), ([], ""))
    equal([url.rsplit("/", 1)[1] for url in account.list_topic()[0]], ["news"])


def too_many_calls():
    """With a key that may call once a second, for a queue that is there."""
    queue = account.get_queue("in")
    queue.send_message(Message("x"))
    for _ in range(100):
        try:
            queue.send_message(Message("x"))
        except MNSServerException as failure:
            equal(failure.type, "QpsLimitExceeded")
            break
    else:
        expect(False, "more than one a second")
    eventually(lambda: allowed(queue), "a second later it may call again")


def allowed(queue):
    try:
        return queue.send_message(Message("x"))
    except MNSServerException as failure:
        equal(failure.type, "QpsLimitExceeded")
        return None


def time_expired():
    """A request's date may be a quarter of an hour off, in either direction."""
    queue = made("dated")
    for minutes, is_good in [(-13, True), (13, True), (-17, False), (17, False)]:
        mns_client.time = Clock(minutes)
        if is_good:
            equal(queue.get_attributes().queue_name, "dated")
        else:
            no("TimeExpired", queue.get_attributes)
            no("TimeExpired", queue.send_message, Message("x"))
    mns_client.time = time
    equal(queue.get_attributes().active_messages, 0)


def wrong_keys():
    no_key = Account(ENDPOINT, "nobody", ACCESS_SECRET)
    no("InvalidAccessKeyId", no_key.get_queue("a").get_attributes)
    wrong = Account(ENDPOINT, ACCESS_ID, ACCESS_SECRET + "x")
    no("SignatureDoesNotMatch", wrong.get_queue("a").get_attributes)
    no("SignatureDoesNotMatch", wrong.get_queue("a").create, QueueMeta())
    no("QueueNotExist", account.get_queue("a").send_message, Message("x"))
    no("QueueNotExist", account.get_queue("a").receive_message, 0)
    no("QueueNotExist", account.get_queue("a").peek_message)
    # With a token of STS the signature is the same; nobody here gives out such tokens.
    token = Account(ENDPOINT, ACCESS_ID, ACCESS_SECRET, "token")
    no("QueueNotExist", token.get_queue("a").get_attributes)


main(globals())
