"""Queues, messages, topics and errors, by aliyun-mns 1.1.5, which speaks the same with fewer words."""
from mns.account import Account
from mns.mns_common import TopicHelper
from mns.mns_exception import MNSServerException
from mns.queue import Message, QueueMeta
from mns.subscription import SubscriptionMeta
from mns.topic import TopicMessage, TopicMeta

from clients import ACCESS_ID, ACCESS_SECRET, ENDPOINT, equal, expect, main, refused

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


if __name__ == "__main__":
    main(globals())
