"""Topics and subscriptions, by aliyun-mns-sdk."""
import hashlib
import json
import time
import xml.etree.ElementTree as ElementTree

from mns.account import Account
from mns.message_property import (
    MessagePropertyValue, MessageSystemPropertyValue, PropertyType, SystemPropertyName, SystemPropertyType)
from mns.mns_common import RequestInfo, TopicHelper
from mns.mns_exception import MNSServerException
from mns.mns_request import ListTopicRequest, ListTopicResponse
from mns.queue import QueueMeta
from mns.subscription import SubscriptionMeta, SubscriptionNotifyContentFormat, SubscriptionNotifyStrategy
from mns.topic import Base64TopicMessage, DirectMailInfo, DirectSMSInfo, TopicMessage, TopicMeta

from clients import ACCESS_ID, ACCESS_SECRET, ENDPOINT, equal, expect, main, refused
from rest import ok
from wire import ask, code

account = Account(ENDPOINT, ACCESS_ID, ACCESS_SECRET)
NAMESPACE = "{http://mns.aliyuncs.com/doc/v1/}"


def no(code, call, *arguments):
    return refused(MNSServerException, code, call, *arguments)


def topic_of(name, **attributes):
    topic = account.get_topic(name)
    topic.create(TopicMeta(**attributes))
    return topic


def queue_of(name, encoding=False):
    queue = account.get_queue(name)
    queue.create(QueueMeta())
    queue.set_encoding(encoding)
    return queue


def to_queue(name):
    return TopicHelper.generate_queue_endpoint("cn-hangzhou", "127", name)


def hear(topic, name, queue, **attributes):
    subscription = topic.get_subscription(name)
    subscription.subscribe(SubscriptionMeta(to_queue(queue), **attributes))
    return subscription


def bodies(queue, count):
    """All that is there; one message more than expected would be seen."""
    found = []
    while True:
        try:
            got = queue.receive_message_with_str_body(0)
        except MNSServerException as error:
            equal(error.type, "MessageNotExist")
            equal(len(found), count, "in %s: %r" % (queue.queue_name, [one.message_body for one in found]))
            return found
        queue.delete_message(got.receipt_handle)
        found.append(got)


def topics():
    topic = account.get_topic("news")
    url = topic.create(TopicMeta(2048, True), RequestInfo("req-1"))
    equal(url, ENDPOINT + "/topics/news", "location")
    found = topic.get_attributes()
    equal((found.topic_name, found.maximum_message_size, found.message_retention_period), ("news", 2048, 86400))
    equal((found.message_count, str(found.logging_enabled)), (0, "True"))
    expect(abs(found.create_time - time.time()) < 300, "created in seconds since 1970")
    equal(found.create_time, found.last_modify_time)
    # The same again, and less than the same, is no conflict; something else is.
    equal(topic.create(TopicMeta(2048, True)), url)
    equal(topic.create(TopicMeta()), url)
    no("TopicAlreadyExist", topic.create, TopicMeta(4096))
    no("TopicAlreadyExist", topic.create, TopicMeta(logging_enabled=False))
    # Only what is told changes.
    topic.set_attributes(TopicMeta(logging_enabled=False))
    found = topic.get_attributes()
    equal((found.maximum_message_size, str(found.logging_enabled)), (2048, "False"))
    topic.set_attributes(TopicMeta(1024))
    topic.set_attributes(TopicMeta())
    equal(topic.get_attributes().maximum_message_size, 1024)
    for size in [1023, 65537]:
        no("InvalidArgument", topic.set_attributes, TopicMeta(size))
        no("InvalidArgument", account.get_topic("odd").create, TopicMeta(size))
    no("TopicNotExist", account.get_topic("odd").get_attributes)
    plain = topic_of("plain").get_attributes()
    equal((plain.maximum_message_size, str(plain.logging_enabled)), (65536, "False"))
    topic.delete()
    no("TopicNotExist", topic.get_attributes)
    no("TopicNotExist", topic.set_attributes, TopicMeta(1024))
    topic.delete()


def names():
    for name in ["-a", "a_b", "a.b", "a%20b"]:
        no("TopicNameInvalid", account.get_topic(name).create, TopicMeta())
    no("TopicNameLengthError", account.get_topic("a" * 256).create, TopicMeta())
    topic = topic_of("A" * 255)
    queue_of("q")
    for name in ["-a", "a_b", "a.b", "a%20b"]:
        no("SubscriptionNameInvalid", topic.get_subscription(name).subscribe, SubscriptionMeta(to_queue("q")))
    no("SubscriptionNameLengthError", topic.get_subscription("a" * 256).subscribe, SubscriptionMeta(to_queue("q")))
    equal(hear(topic, "s" * 255, "q").get_attributes().subscription_name, "s" * 255)


def lists():
    for name in ["b-%02d" % n for n in range(7)] + ["a", "c"]:
        topic_of(name)
    urls, marker = account.list_topic()
    equal(urls, [ENDPOINT + "/topics/" + name for name in ["a"] + ["b-%02d" % n for n in range(7)] + ["c"]])
    equal(marker, "")
    equal(pages(lambda at: account.list_topic(prefix="b-", ret_number=3, marker=at)), ["b-%02d" % n for n in range(7)])
    equal(account.list_topic(prefix="nothing"), ([], ""))
    no("InvalidArgument", account.list_topic, "", 1001)
    # Without attributes, which the account's own call always asks for.
    response = ListTopicResponse()
    account.get_client().list_topic(ListTopicRequest("a", 10, "", False), response)
    equal(response.topicurl_list, [ENDPOINT + "/topics/a"])
    # The same of a topic's subscriptions.
    topic = account.get_topic("a")
    queue_of("q")
    equal(topic.list_subscription(), ([], ""))
    for name in ["s-%d" % n for n in range(5)] + ["t"]:
        hear(topic, name, "q")
    urls, marker = topic.list_subscription()
    equal((urls[0], len(urls), marker), (ENDPOINT + "/topics/a/subscriptions/s-0", 6, ""))
    equal(pages(lambda at: topic.list_subscription("s-", 2, at)), ["s-%d" % n for n in range(5)])
    no("InvalidArgument", topic.list_subscription, "", 1001)
    no("TopicNotExist", account.get_topic("nowhere").list_subscription)


def pages(read):
    found, marker = [], ""
    while True:
        urls, marker = read(marker)
        expect(len(urls) <= 3, "a page has as many as it may, at the most")
        found += [url.rsplit("/", 1)[1] for url in urls]
        if not marker:
            return found


def subscriptions():
    topic = topic_of("news")
    queue_of("heard")
    queue_of("other")
    subscription = topic.get_subscription("all")
    meta = SubscriptionMeta(to_queue("heard"), SubscriptionNotifyStrategy.EXPONENTIAL,
                            SubscriptionNotifyContentFormat.JSON, "tag-1")
    url = subscription.subscribe(meta)
    equal(url, ENDPOINT + "/topics/news/subscriptions/all")
    found = subscription.get_attributes()
    equal((found.topic_name, found.subscription_name, found.endpoint), ("news", "all", to_queue("heard")))
    equal((found.notify_strategy, found.notify_content_format, found.filter_tag),
          ("EXPONENTIAL_DECAY_RETRY", "JSON", "tag-1"))
    expect(found.topic_owner, "a topic has an owner")
    expect(abs(found.create_time - time.time()) < 300, "created in seconds since 1970")
    equal(found.create_time, found.last_modify_time)
    # The same again, and less than the same, is no conflict, from whichever region; something else is.
    equal(subscription.subscribe(meta), url)
    equal(subscription.subscribe(SubscriptionMeta(TopicHelper.generate_queue_endpoint("x", "y", "heard"))), url)
    for other in [SubscriptionMeta(to_queue("other")), SubscriptionMeta(to_queue("heard"), filter_tag="tag-2"),
                  SubscriptionMeta(to_queue("heard"), SubscriptionNotifyStrategy.BACKOFF),
                  SubscriptionMeta(to_queue("heard"), notify_content_format="XML"),
                  SubscriptionMeta("http://127.0.0.1/x")]:
        no("SubscriptionAlreadyExist", subscription.subscribe, other)
    subscription.set_attributes(SubscriptionMeta(notify_strategy=SubscriptionNotifyStrategy.BACKOFF))
    found = subscription.get_attributes()
    equal((found.notify_strategy, found.notify_content_format, found.filter_tag), ("BACKOFF_RETRY", "JSON", "tag-1"))
    subscription.set_attributes(SubscriptionMeta())
    equal(subscription.get_attributes().notify_strategy, "BACKOFF_RETRY")
    no("InvalidArgument", subscription.set_attributes, SubscriptionMeta(notify_strategy="NEVER"))
    # What nobody says is as the service has it.
    found = hear(topic, "plain", "heard").get_attributes()
    equal((found.notify_strategy, found.notify_content_format, found.filter_tag), ("BACKOFF_RETRY", "XML", ""))
    # What is missing, or no value.
    lost = topic.get_subscription("lost")
    no("InvalidArgument", lost.subscribe, SubscriptionMeta(to_queue("heard"), "SOMETIMES"))
    no("InvalidArgument", lost.subscribe, SubscriptionMeta(to_queue("heard"), notify_content_format="YAML"))
    # Which the client itself would not send.
    wish = "<Subscription><Endpoint>%s</Endpoint><FilterTag>%s</FilterTag></Subscription>" % (to_queue("heard"), "t" * 17)
    equal(code(ask("PUT", "/topics/news/subscriptions/lost", wish.encode())), (400, "InvalidArgument"))
    other = "<Subscription><Endpoint>%s</Endpoint></Subscription>" % to_queue("other")
    equal(code(ask("PUT", "/topics/news/subscriptions/plain?metaoverride=true", other.encode())), (400, "InvalidArgument"))
    for body, expected in [(b"<Topic/>", "InvalidArgument"), (b"x", "MalformedXML"), (b"", "EndpointInvalid")]:
        equal(code(ask("PUT", "/topics/news/subscriptions/lost", body)), (400, expected))
    no("SubscriptionNotExist", lost.get_attributes)
    no("SubscriptionNotExist", lost.set_attributes, meta)
    nowhere = account.get_topic("nowhere").get_subscription("all")
    no("TopicNotExist", nowhere.subscribe, meta)
    no("TopicNotExist", nowhere.get_attributes)
    no("TopicNotExist", nowhere.set_attributes, meta)
    subscription.unsubscribe()
    no("SubscriptionNotExist", subscription.get_attributes)
    subscription.unsubscribe()
    nowhere.unsubscribe()


def endpoints():
    topic = topic_of("news")
    subscription = topic.get_subscription("s")
    for endpoint in ["", "x", "ftp://127.0.0.1/x", "http://", "http:///x", "acs:mns:a:b:queues/", "acs:mns:a:b:topics/x",
                     "acs:mns:a:queues/x", "acs:oss:a:b:queues/x", to_queue("nowhere"),
                     TopicHelper.generate_mail_endpoint("somebody@example.com"),
                     TopicHelper.generate_sms_endpoint(), TopicHelper.generate_sms_endpoint("13800000000"),
                     "http://127.0.0.1/" + "x" * 1000]:
        no("EndpointInvalid", subscription.subscribe, SubscriptionMeta(endpoint))
    no("SubscriptionNotExist", subscription.get_attributes)
    # A web server is noted, and others are not held up by it.
    for address in ["http://127.0.0.1:9/notifications?a=b", "https://example.com"]:
        waiting = topic.get_subscription(address.split(":")[0])
        waiting.subscribe(SubscriptionMeta(address, SubscriptionNotifyStrategy.EXPONENTIAL,
                                           SubscriptionNotifyContentFormat.SIMPLIFIED))
        found = waiting.get_attributes()
        equal((found.endpoint, found.notify_strategy, found.notify_content_format),
              (address, "EXPONENTIAL_DECAY_RETRY", "SIMPLIFIED"))
    queue = queue_of("heard")
    hear(topic, "s", "heard", notify_content_format="SIMPLIFIED")
    topic.publish_message(TopicMessage("x"))
    equal([one.message_body for one in bodies(queue, 1)], ["x"])


def formats():
    topic = topic_of("news")
    queues = dict((form, queue_of(form.lower())) for form in ["XML", "JSON", "SIMPLIFIED"])
    for form, queue in queues.items():
        hear(topic, "as-" + form.lower(), queue.queue_name, notify_content_format=form)
    body = u"hello 你好 <&> \"'\n]]>"
    sent = topic.publish_message(TopicMessage(body, "tag-1"))
    equal(sent.message_body_md5, hashlib.md5(body.encode("utf-8")).hexdigest().upper())
    expect(len(sent.message_id) == 32, "an id has 32 digits")
    peeked = queues["XML"].peek_message_with_str_body()
    got = bodies(queues["SIMPLIFIED"], 1)[0]
    equal((got.message_body, got.message_body_md5), (body, sent.message_body_md5))
    got = bodies(queues["XML"], 1)[0]
    equal(got.message_body_md5, hashlib.md5(got.message_body.encode("utf-8")).hexdigest().upper())
    equal(peeked.message_body, got.message_body)
    root = ElementTree.fromstring(got.message_body.encode("utf-8"))
    equal(root.tag, NAMESPACE + "Notification")
    equal(notification(dict((one.tag.replace(NAMESPACE, ""), one.text) for one in root), "as-xml", sent), (body, "tag-1"))
    got = bodies(queues["JSON"], 1)[0]
    equal(notification(json.loads(got.message_body), "as-json", sent), (body, "tag-1"))
    # Without a tag there is no such element.
    sent = topic.publish_message(TopicMessage(body))
    equal(notification(json.loads(bodies(queues["JSON"], 1)[0].message_body), "as-json", sent), (body, None))
    expect("MessageTag" not in bodies(queues["XML"], 1)[0].message_body, "no tag")
    bodies(queues["SIMPLIFIED"], 1)
    # Where nothing is published, a blank.
    ok(201, "POST", "/v1/topics/news/messages", {"bodyBase64": ""})
    equal(bodies(queues["SIMPLIFIED"], 1)[0].message_body, " ")
    equal(json.loads(bodies(queues["JSON"], 1)[0].message_body)["Message"], " ")
    equal(ElementTree.fromstring(bodies(queues["XML"], 1)[0].message_body).find(NAMESPACE + "Message").text, " ")
    # What is sent in Base64 is read by a client that decodes.
    queues["SIMPLIFIED"].set_encoding(True)
    topic.publish_message(Base64TopicMessage(body))
    equal(bodies(queues["SIMPLIFIED"], 1)[0].message_body, body)


def notification(fields, subscription, sent):
    """Checks what a notification tells beside the message, and gives that and its tag."""
    equal((fields["TopicName"], fields["SubscriptionName"]), ("news", subscription))
    equal((fields["MessageId"], fields["MessageMD5"]), (sent.message_id, sent.message_body_md5))
    expect(fields["TopicOwner"] and fields["Subscriber"], "somebody owns it, somebody hears it")
    expect(isinstance(fields["PublishTime"], str), "a text")
    expect(abs(int(fields["PublishTime"]) / 1000 - time.time()) < 300, "published in milliseconds")
    return fields["Message"], fields.get("MessageTag")


def filters():
    topic = topic_of("news")
    queues = [queue_of("q-%d" % n) for n in range(3)]
    hear(topic, "all", "q-0", notify_content_format="SIMPLIFIED")
    hear(topic, "red", "q-1", notify_content_format="SIMPLIFIED", filter_tag="red")
    hear(topic, "blue", "q-2", notify_content_format="SIMPLIFIED", filter_tag="blue")
    for tag in ["red", "blue", "green", ""]:
        topic.publish_message(TopicMessage("m-" + tag, tag))
    for queue, expected in zip(queues, [["m-", "m-blue", "m-green", "m-red"], ["m-red"], ["m-blue"]]):
        equal(sorted(one.message_body for one in bodies(queue, len(expected))), expected)
    # Two subscriptions to one queue are two messages; one that has ended hears nothing more, and what it heard stays.
    again = hear(topic, "again", "q-1")
    topic.publish_message(TopicMessage("m", "red"))
    again.unsubscribe()
    topic.publish_message(TopicMessage("n", "red"))
    found = bodies(queues[1], 3)
    equal(len(set(one.message_id for one in found)), 3)
    equal(sum("<Notification" in one.message_body for one in found), 1)
    # With a topic its subscriptions go, and with a queue.
    topic.delete()
    equal(topic_of("news").list_subscription(), ([], ""))
    hear(topic, "blue", "q-2")
    queues[2].delete()
    equal(topic.list_subscription(), ([], ""))


def deeds():
    """What clients make, change and delete, once in each dialect; the test looks what was recorded."""
    topic, queue = topic_of("news"), queue_of("heard")
    topic, queue = topic_of("news"), queue_of("heard")
    topic.set_attributes(TopicMeta(2048))
    queue.set_attributes(QueueMeta(vis_timeout=45, polling_wait_sec=5))
    queue.set_attributes(QueueMeta())
    subscription = hear(topic, "s", "heard")
    subscription.set_attributes(SubscriptionMeta(notify_strategy=SubscriptionNotifyStrategy.EXPONENTIAL))
    topic.publish_message(TopicMessage("x"))
    bodies(queue, 1)
    for deed in [subscription.unsubscribe, topic.delete, queue.delete]:
        deed()
        deed()
    ok(201, "PUT", "/v1/topics/news")
    ok(201, "PUT", "/v1/queues/heard")
    for _ in range(2):
        ok(200, "PUT", "/v1/queues/heard", {"leaseSeconds": 45})
    ok(201, "PUT", "/v1/topics/news/subscriptions/s", {"queue": "heard"})
    ok(200, "PUT", "/v1/topics/news/subscriptions/s", {"queue": "heard", "tags": ["a"]})
    for target in ["topics/news/subscriptions/s", "topics/news", "queues/heard"]:
        ok(204, "DELETE", "/v1/" + target)


def publishing():
    nowhere = account.get_topic("nowhere")
    no("TopicNotExist", nowhere.publish_message, TopicMessage("x"))
    topic = topic_of("news", maximum_message_size=1024)
    for body, expected in [(b"<Messages/>", "InvalidArgument"), (b"<Message/>", "InvalidArgument"), (b"x", "MalformedXML"),
                           (b"<Message><MessageBody>x</MessageBody><DelaySeconds>5</DelaySeconds></Message>", "InvalidArgument"),
                           (b"<Message><MessageBody>x</MessageBody><MessageTag>12345678901234567</MessageTag></Message>",
                            "InvalidArgument")]:
        equal(code(ask("POST", "/topics/news/messages", body)), (400, expected), body)
    equal(code(ask("GET", "/topics/news/messages")), (400, "InvalidRequestURL"))
    # A topic that nobody hears swallows what it is told.
    topic.publish_message(TopicMessage("x"))
    queue = queue_of("heard")
    hear(topic, "s", "heard", notify_content_format="SIMPLIFIED")
    mail = DirectMailInfo("a@example.com", "subject", 0, 0, 0)
    sms = DirectSMSInfo("sign", "template", False)
    sms.add_receiver("13800000000", {"a": "b"})
    message = TopicMessage("with all", "tag", mail, sms, "group-1")
    message.add_user_property("city", MessagePropertyValue(PropertyType.STRING, u"杭州"))
    message.add_user_property("n", MessagePropertyValue(PropertyType.NUMBER, 3))
    message.add_user_property("bin", MessagePropertyValue(PropertyType.BINARY, b"\0\1\xff"))
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    message.add_system_property(SystemPropertyName.TRACEPARENT, MessageSystemPropertyValue(SystemPropertyType.STRING, trace))
    sent = topic.publish_message(message)
    got = bodies(queue, 1)[0]
    equal((got.message_body, got.message_group_id, got.dequeue_count), ("with all", "group-1", 1))
    equal(got.message_body_md5, sent.message_body_md5)
    found = got.get_user_properties()
    equal(sorted(found), ["bin", "city", "n"])
    equal((found["city"].string_value, found["n"].string_value, found["bin"].binary_value), (u"杭州", "3", b"\0\1\xff"))
    equal(got.get_system_properties()["traceparent"].string_value, trace)
    topic.publish_message(TopicMessage("x" * 1024))
    no("InvalidArgument", topic.publish_message, TopicMessage("x" * 1025))
    no("InvalidArgument", topic.publish_message, TopicMessage(u"你" * 342))
    topic.set_attributes(TopicMeta(2048))
    topic.publish_message(TopicMessage("y" * 2048))
    equal(sorted(len(one.message_body) for one in bodies(queue, 2)), [1024, 2048])
    # The queue's own delay counts.
    queue.set_attributes(QueueMeta(delay_sec=600))
    topic.publish_message(TopicMessage("later"))
    equal(bodies(queue, 0), [])
    equal(queue.get_attributes().delay_messages, 1)


main(globals())
