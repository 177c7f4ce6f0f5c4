"""Queues, messages, topics and errors, by aliyun-mns 1.1.5, which speaks the same with fewer words."""
import json
import threading
import time
import xml.etree.ElementTree as ElementTree

from mns import mns_client
from mns.account import Account, AccountMeta
from mns.mns_common import TopicHelper
from mns.mns_exception import MNSServerException
from mns.queue import Message, QueueMeta
from mns.subscription import SubscriptionMeta
from mns.topic import TopicMessage, TopicMeta

from clients import ACCESS_ID, ACCESS_SECRET, ENDPOINT, Clock, equal, expect, main, refused
from rest import ok
from wire import ask

account = Account(ENDPOINT, ACCESS_ID, ACCESS_SECRET)


def no(code, call, *arguments):
    return refused(MNSServerException, code, call, *arguments)


def queues():
    queue = account.get_queue("older")
    equal(queue.create(QueueMeta()), ENDPOINT + "/queues/older", "location")
    found = queue.get_attributes()
    # What it always sends, whatever the program says.
    equal((found.visibility_timeout, found.maximum_message_size, found.message_retention_period), (30, 2048, 86400))
    queue.set_attributes(QueueMeta(vis_timeout=45))
    equal(queue.get_attributes().visibility_timeout, 45)
    names, marker = account.list_queue("old", 10)
    equal((names, marker), ([ENDPOINT + "/queues/older"], ""))
    queue.delete()
    no("QueueNotExist", queue.get_attributes)


def messages():
    queue = account.get_queue("older")
    queue.create(QueueMeta())
    no("MessageNotExist", queue.receive_message, 0)
    sent = queue.send_message(Message("hello"))
    equal(queue.peek_message().message_id, sent.message_id)
    got = queue.receive_message(0)
    equal((got.message_id, got.message_body, got.dequeue_count), (sent.message_id, "hello", 1))
    changed = queue.change_message_visibility(got.receipt_handle, 300)
    no("MessageNotExist", queue.delete_message, got.receipt_handle)
    queue.delete_message(changed.receipt_handle)
    no("MessageNotExist", queue.delete_message, changed.receipt_handle)
    queue.batch_send_message([Message("m%d" % n) for n in range(3)])
    batch = queue.batch_receive_message(16)
    equal(sorted(message.message_body for message in batch), [b"m0", b"m1", b"m2"])
    queue.batch_delete_message([message.receipt_handle for message in batch])
    found = queue.get_attributes()
    expect(int(found.active_messages) == 0 and int(found.inactive_messages) == 0, "nothing is left")


def topics():
    topic = account.get_topic("older")
    equal(topic.create(TopicMeta(2048)), ENDPOINT + "/topics/older", "location")
    equal(topic.create(TopicMeta(2048)), ENDPOINT + "/topics/older", "the same again")
    no("TopicAlreadyExist", topic.create, TopicMeta(4096))
    found = topic.get_attributes()
    equal((found.topic_name, found.maximum_message_size, found.message_retention_period), ("older", 2048, 86400))
    topic.set_attributes(TopicMeta(1024))
    equal(topic.get_attributes().maximum_message_size, 1024)
    no("InvalidArgument", topic.publish_message, TopicMessage("x" * 1025))
    equal(account.list_topic("old", 10), ([ENDPOINT + "/topics/older"], ""))
    topic.delete()
    no("TopicNotExist", topic.get_attributes)
    no("TopicNotExist", topic.publish_message, TopicMessage("x"))


def topic_pages():
    for name in ["b-%d" % n for n in range(5)] + ["a", "c"]:
        account.get_topic(name).create(TopicMeta())
    found, marker = [], ""
    while True:
        urls, marker = account.list_topic("b-", 2, marker)
        expect(len(urls) <= 2, "a page has two at the most")
        found += urls
        if not marker:
            break
    equal(found, [ENDPOINT + "/topics/b-%d" % n for n in range(5)])
    equal(account.list_topic("nothing", 10), ([], ""))
    equal(len(account.list_topic()[0]), 7)


def delays():
    queue = account.get_queue("older")
    queue.create(QueueMeta())
    queue.send_message(Message("later", 600))
    queue.batch_send_message([Message("much later", 900), Message("soon", 5)])
    no("MessageNotExist", queue.receive_message, 0)
    equal(queue.get_attributes().delay_messages, 3)
    got = queue.receive_message(20)
    equal((got.message_body, got.dequeue_count), ("soon", 1))
    equal(queue.get_attributes().delay_messages, 2)
    no("InvalidArgument", queue.send_message, Message("x", 604801))
    # The queue's own delay, and none although it has one.
    queue.set_attributes(QueueMeta(delay_sec=600))
    queue.send_message(Message("held"))
    queue.send_message(Message("now", 0))
    equal(queue.receive_message(5).message_body, "now")
    equal(queue.get_attributes().delay_messages, 3)


def batch_errors():
    queue = account.get_queue("older")
    queue.create(QueueMeta())
    try:
        queue.batch_send_message([Message("good"), Message("bad", priority=0), Message("fine")])
        expect(False, "one can't be sent")
    except MNSServerException as failure:
        equal(failure.type, "InvalidArgument")
        equal([one.get("ErrorCode") for one in failure.sub_errors], [None, "InvalidArgument", None])
    batch = queue.batch_receive_message(16)
    equal(sorted(message.message_body for message in batch), [b"fine", b"good"])
    handles = [message.receipt_handle for message in batch]
    try:
        queue.batch_delete_message([handles[0], "garbage"])
        expect(False, "one is none")
    except MNSServerException as failure:
        equal([(one["ErrorCode"], one["ReceiptHandle"]) for one in failure.sub_errors], [("ReceiptHandleError", "garbage")])
    try:
        queue.batch_delete_message(handles)
        expect(False, "one is used up")
    except MNSServerException as failure:
        equal([(one["ErrorCode"], one["ReceiptHandle"]) for one in failure.sub_errors], [("MessageNotExist", handles[0])])
    equal(int(queue.get_attributes().inactive_messages), 0)
    no("InvalidArgument", queue.batch_send_message, [Message("x")] * 17)
    no("MessageNotExist", queue.batch_receive_message, 3)
    no("QueueNotExist", account.get_queue("nowhere").batch_send_message, [Message("x")])


def subscriptions():
    topic = account.get_topic("older")
    topic.create(TopicMeta())
    queue = account.get_queue("heard")
    queue.create(QueueMeta())
    endpoint = TopicHelper.generate_queue_endpoint("cn-hangzhou", "127", "heard")
    subscription = topic.get_subscription("s")
    no("EndpointInvalid", subscription.subscribe, SubscriptionMeta(TopicHelper.generate_mail_endpoint("a@example.com")))
    meta = SubscriptionMeta(endpoint, notify_content_format="SIMPLIFIED", filter_tag="red")
    equal(subscription.subscribe(meta), ENDPOINT + "/topics/older/subscriptions/s", "location")
    equal(subscription.subscribe(meta), ENDPOINT + "/topics/older/subscriptions/s", "the same again")
    no("SubscriptionAlreadyExist", subscription.subscribe, SubscriptionMeta(endpoint, filter_tag="blue"))
    subscription.set_attributes(SubscriptionMeta(notify_strategy="EXPONENTIAL_DECAY_RETRY"))
    found = subscription.get_attributes()
    equal((found.endpoint, found.notify_strategy, found.notify_content_format),
          (endpoint, "EXPONENTIAL_DECAY_RETRY", "SIMPLIFIED"))
    equal(topic.list_subscription(), ([ENDPOINT + "/topics/older/subscriptions/s"], ""))
    queue.set_encoding(False)
    sent = topic.publish_message(TopicMessage("hello", "red"))
    topic.publish_message(TopicMessage("unheard", "blue"))
    got = queue.receive_message(0)
    equal((got.message_body, got.message_body_md5), ("hello", sent.message_body_md5))
    no("MessageNotExist", queue.receive_message, 0)
    subscription.unsubscribe()
    no("SubscriptionNotExist", subscription.get_attributes)


def properties_of_others():
    """Of what others have sent with properties this client reads the rest: it knows none, and would stumble over them."""
    queue = account.get_queue("older")
    queue.create(QueueMeta())
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    for _ in range(3):
        ok(201, "POST", "/v1/queues/older/messages",
           # What a client of MNS writes as the text x.
           {"bodyBase64": "ZUE9PQ==", "key": "k", "headers": {"city": "Leipzig", "traceparent": trace}})
    equal(queue.peek_message().message_body, "x")
    equal([message.message_body for message in queue.batch_peek_message(3)], ["x"] * 3)
    one = queue.receive_message(0)
    equal((one.message_body, one.dequeue_count), ("x", 1))
    rest = queue.batch_receive_message(2)
    equal([message.message_body for message in rest], [b"x"] * 2)
    queue.batch_delete_message([message.receipt_handle for message in [one] + rest])
    equal(int(queue.get_attributes().inactive_messages), 0)


def peeks_and_polls():
    queue = account.get_queue("older")
    queue.create(QueueMeta())
    for batch in [queue.batch_peek_message, queue.batch_receive_message]:
        no("MessageNotExist", batch, 16)
        for size in [0, 17]:
            no("InvalidArgument", batch, size)
    no("InvalidArgument", queue.receive_message, 31)
    start = time.time()
    no("MessageNotExist", queue.receive_message, 2)
    expect(1.5 < time.time() - start < 30, "waits as long as it is told")
    found = []

    def wait():
        found.append(Account(ENDPOINT, ACCESS_ID, ACCESS_SECRET).get_queue("older").batch_receive_message(16, 30))
    waiting = threading.Thread(target=wait)
    waiting.start()
    time.sleep(1)
    sent = queue.send_message(Message("wake", priority=3))
    waiting.join()
    equal([(m.message_id, m.message_body, m.priority) for m in found[0]], [(sent.message_id, b"wake", 3)])
    # The queue's own time.
    queue.set_attributes(QueueMeta(polling_wait_sec=2))
    time.sleep(1.1)
    start = time.time()
    no("MessageNotExist", queue.receive_message)
    expect(time.time() - start > 1.5, "waits as long as the queue says")
    sent = queue.batch_send_message([Message("a"), Message("b")])
    peeked = queue.batch_peek_message(16)
    equal(sorted((m.message_id, m.message_body, m.dequeue_count) for m in peeked),
          sorted((m.message_id, body, 0) for m, body in zip(sent, ["a", "b"])))


def names_and_ranges():
    for name in ["-a", "a_b", "a.b"]:
        no("InvalidQueueName", account.get_queue(name).create, QueueMeta())
        no("TopicNameInvalid", account.get_topic(name).create, TopicMeta())
    no("QueueNameLengthError", account.get_queue("a" * 121).create, QueueMeta())
    no("TopicNameLengthError", account.get_topic("a" * 256).create, TopicMeta())
    queue = account.get_queue("older")
    for bad in [QueueMeta(vis_timeout=43201), QueueMeta(max_msg_size=65537), QueueMeta(msg_ttl=59), QueueMeta(polling_wait_sec=31)]:
        no("InvalidArgument", queue.create, bad)
    queue.create(QueueMeta())
    no("QueueAlreadyExist", queue.create, QueueMeta(vis_timeout=31))
    no("InvalidArgument", queue.send_message, Message("x" * 2048))
    no("ReceiptHandleError", queue.delete_message, "garbage")
    no("ReceiptHandleError", queue.change_message_visibility, "garbage", 1)
    no("InvalidArgument", account.list_queue, "", 1001)
    for name in ["a", "b", "c"]:
        account.get_queue(name).create(QueueMeta())
    urls, marker = account.list_queue("", 3)
    equal([url.rsplit("/", 1)[1] for url in urls], ["a", "b", "c"])
    equal(account.list_queue("", 3, marker), ([ENDPOINT + "/queues/older"], ""))


def formats():
    topic = account.get_topic("older")
    topic.create(TopicMeta())
    queues = {}
    for form in ["XML", "JSON", "SIMPLIFIED"]:
        queues[form] = account.get_queue(form.lower())
        queues[form].create(QueueMeta())
        queues[form].set_encoding(False)
        endpoint = TopicHelper.generate_queue_endpoint("cn-hangzhou", "127", form.lower())
        topic.get_subscription(form).subscribe(SubscriptionMeta(endpoint, notify_content_format=form))
    sent = topic.publish_message(TopicMessage("a <&> b", "tag"))
    got = dict((form, queue.receive_message(5).message_body) for form, queue in queues.items())
    equal(got["SIMPLIFIED"], "a <&> b")
    told = json.loads(got["JSON"])
    root = ElementTree.fromstring(got["XML"])
    for name, expected in [("TopicName", "older"), ("MessageId", sent.message_id), ("Message", "a <&> b"),
                           ("MessageMD5", sent.message_body_md5), ("MessageTag", "tag")]:
        equal((told[name], root.find("{http://mns.aliyuncs.com/doc/v1/}" + name).text), (expected, expected))


def account_and_keys():
    # What it reads of the account it can't look through in Python 3, whoever tells it.
    account.set_attributes(AccountMeta("my-bucket"))
    status, _, body = ask("GET", "/?accountmeta=true")
    expect(status == 200 and b"<LoggingBucket>my-bucket<" in body, body)
    no("InvalidAccessKeyId", Account(ENDPOINT, "nobody", ACCESS_SECRET).get_queue("a").get_attributes)
    no("SignatureDoesNotMatch", Account(ENDPOINT, ACCESS_ID, "wrong").get_queue("a").create, QueueMeta())
    # With a token of STS the signature is the same.
    no("QueueNotExist", Account(ENDPOINT, ACCESS_ID, ACCESS_SECRET, "token").get_queue("a").get_attributes)
    for minutes in [-17, 17]:
        mns_client.time = Clock(minutes)
        no("TimeExpired", account.get_queue("a").get_attributes)
    mns_client.time = time


if __name__ == "__main__":
    main(globals())
