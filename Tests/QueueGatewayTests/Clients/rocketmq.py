"""Publishing and consuming in groups, by mq-http-sdk."""
import hashlib
import threading
import time

from mq_http_sdk import mq_client
from mq_http_sdk.mq_client import MQClient
from mq_http_sdk.mq_exception import MQServerException
from mq_http_sdk.mq_producer import TopicMessage

from clients import ACCESS_ID, ACCESS_SECRET, ENDPOINT, Clock, equal, eventually, expect, main, refused
from rest import ok

client = MQClient(ENDPOINT, ACCESS_ID, ACCESS_SECRET)


def no(code, call, *arguments):
    return refused(MQServerException, code, call, *arguments)


def message(body, tag="", key=None, shard=None, start=None, **properties):
    made = TopicMessage(body, tag)
    if key:
        made.set_message_key(key)
    if shard:
        made.set_sharding_key(shard)
    if start:
        made.set_start_deliver_time(start)
    for name, value in properties.items():
        made.put_property(name, value)
    return made


def joined(topic, group, tag="", instance="MQ_INST_1"):
    """A group hears what is published after it has asked for the first time."""
    consumer = client.get_consumer(instance, topic, group, tag)
    no("MessageNotExist", consumer.consume_message, 1, 0)
    return consumer


def all_of(consumer, count):
    found = []

    def some():
        try:
            found.extend(consumer.consume_message(16, 2))
        except MQServerException as error:
            equal(error.type, "MessageNotExist")
        return found if len(found) >= count else None
    return eventually(some, "%d messages" % count)


def publish_and_consume():
    producer = client.get_producer("MQ_INST_1", "orders")
    consumer = joined("orders", "GID-1")
    sent = producer.publish_message(message(u"hello 你好 <&>", "TagA", key="order-1", a="1"))
    expect(len(sent.message_id) == 32 and len(sent.message_body_md5) == 32, "id and digest")
    got = consumer.consume_message(3, 3)
    equal(len(got), 1)
    got = got[0]
    equal((got.message_id, got.message_body, got.message_tag), (sent.message_id, u"hello 你好 <&>", "TagA"))
    equal((got.get_message_key(), got.get_property("a")), ("order-1", "1"))
    equal((got.consumed_times, got.message_body_md5), (1, sent.message_body_md5))
    expect(250 < got.next_consume_time / 1000 - time.time() < 310, "hidden for five minutes")
    no("MessageNotExist", consumer.consume_message, 1, 0)
    consumer.ack_message([got.receipt_handle])
    no("MessageNotExist", consumer.ack_message, [got.receipt_handle])


def empty_bodies():
    """What was published elsewhere without a body is one blank, and what comes along with it can be read."""
    producer, consumer = client.get_producer("", "empty"), joined("empty", "G", instance="")
    producer.publish_message(message("a"))
    ok(201, "POST", "/v1/topics/empty/messages", {"bodyBase64": ""})
    producer.publish_message(message("b"))
    got = consumer.consume_message(3, 3)
    equal(sorted(m.message_body for m in got), [" ", "a", "b"])
    equal([m.message_body_md5 for m in got if m.message_body == " "], [hashlib.md5(b" ").hexdigest().upper()])
    consumer.ack_message([m.receipt_handle for m in got])


def binary_bodies():
    """Bytes that were published elsewhere are read in Base64."""
    consumer = joined("binary", "G", instance="")
    ok(201, "POST", "/v1/topics/binary/messages", {"bodyBase64": "AP8B"})
    equal(consumer.consume_message(1, 3)[0].message_body, "AP8B")


def keys():
    """A message is found by its sharding key, and without one by its KEYS; consumers read both."""
    consumer, producer = joined("keyed", "G", instance=""), client.get_producer("", "keyed")
    producer.publish_message(message("both", key="k1", shard="s1"))
    producer.publish_message(message("one", key="k2"))
    got = dict((m.message_body, m) for m in all_of(consumer, 2))
    equal([got[body].get_message_key() for body in ["both", "one"]], ["k1", "k2"])
    equal(got["both"].get_sharding_key(), "s1")
    found = dict((key, ok(200, "GET", "/v1/messages?key=" + key)["attempts"]) for key in ["k1", "s1", "k2"])
    equal([len(found[key]) for key in ["k1", "s1", "k2"]], [0, 1, 1])
    # The key of what others have published, if it can be written here.
    for body, key in [(3, "k3"), (4, "k:4")]:
        ok(201, "POST", "/v1/topics/keyed/messages", {"body": body, "key": key})
    got = sorted((m.message_body, m.get_message_key(), m.get_sharding_key()) for m in all_of(consumer, 2))
    equal(got, [("3", "k3", ""), ("4", "", "")])


def groups_and_tags():
    producer = client.get_producer("", "shared")
    one, two = joined("shared", "GID-1", instance=""), joined("shared", "GID-2", instance="")
    tagged = joined("shared", "GID-3", "TagA||TagB", instance="")
    for tag in ["TagA", "TagB", "TagC", ""]:
        producer.publish_message(message("m" + tag, tag))
    equal(sorted(m.message_body for m in all_of(one, 4)), ["m", "mTagA", "mTagB", "mTagC"])
    equal(sorted(m.message_body for m in all_of(two, 4)), ["m", "mTagA", "mTagB", "mTagC"])
    equal(sorted(m.message_body for m in all_of(tagged, 2)), ["mTagA", "mTagB"])
    # Consumers of one group share.
    again = client.get_consumer("", "shared", "GID-1", "")
    no("MessageNotExist", again.consume_message, 1, 0)


def changed_tags():
    """An expression is the group's: another one holds from then on, also for what is timed, and what waits stays."""
    producer = client.get_producer("", "retagged")
    joined("retagged", "G", "red", instance="")

    def publish(name, **options):
        for tag in ["red", "blue"]:
            producer.publish_message(message("%s %s" % (name, tag), tag, **options))
    publish("first")
    blue = client.get_consumer("", "retagged", "G", "blue")
    equal([m.message_body for m in all_of(blue, 1)], ["first red"])
    publish("second")
    publish("timed", start=int(time.time() * 1000) + 1500)
    equal([m.message_body for m in all_of(blue, 2)], ["second blue", "timed blue"])
    no("MessageNotExist", blue.consume_message, 1, 1)


def acknowledging():
    producer = client.get_producer("", "acks")
    consumer = joined("acks", "G", instance="")
    for n in range(3):
        producer.publish_message(message("m%d" % n))
    got = all_of(consumer, 3)
    handles = [m.receipt_handle for m in got]
    try:
        consumer.ack_message([handles[0], "garbage"])
        expect(False, "one is none")
    except MQServerException as error:
        equal([(one["ErrorCode"], one["ReceiptHandle"]) for one in error.sub_errors], [("ReceiptHandleError", "garbage")])
    try:
        consumer.ack_message([handles[0], handles[1]])
        expect(False, "one is used up")
    except MQServerException as error:
        equal([(one["ErrorCode"], one["ReceiptHandle"]) for one in error.sub_errors], [("MessageNotExist", handles[0])])
    other = joined("acks", "H", instance="")
    try:
        other.ack_message([handles[2]])
        expect(False, "of another group")
    except MQServerException as error:
        equal(error.sub_errors[0]["ErrorCode"], "ReceiptHandleError")
    try:
        consumer.ack_message([handles[2], handles[2]])
        expect(False, "it is good once")
    except MQServerException as error:
        equal([(one["ErrorCode"], one["ReceiptHandle"]) for one in error.sub_errors], [("MessageNotExist", handles[2])])
    no("MessageNotExist", consumer.ack_message, [handles[2]])


def delays():
    producer = client.get_producer("", "timed")
    consumer = joined("timed", "G", instance="")
    due = int(time.time() * 1000) + 3000
    producer.publish_message(message("later", start=due))
    producer.publish_message(message("past", start=due - 100000))
    equal([m.message_body for m in all_of(consumer, 1)], ["past"])
    got = consumer.consume_message(1, 30)[0]
    expect(time.time() * 1000 >= due - 1000, "not before its time")
    equal((got.message_body, got.get_start_deliver_time()), ("later", due))
    no("InvalidArgument", producer.publish_message, message("x", start=due + 4 * 86400000))
    # What is no time does not mean at once.
    for text in ["soon", "nan", "inf", "1e999"]:
        no("InvalidArgument", producer.publish_message, message("x", **{"__STARTDELIVERTIME": text}))
    # A message is of one kind: timed, or in the order of its shard. One whose time has passed is not timed.
    no("InvalidArgument", producer.publish_message, message("x", shard="s", start=int(time.time() * 1000) + 60000))
    producer.publish_message(message("in order", shard="s", start=due - 100000))
    equal(consumer.consume_message(1, 30)[0].message_body, "in order")
    no("MessageNotExist", consumer.consume_message, 1, 0)


def timed_in_order():
    """What is timed also comes to a group that consumes in order, which keeps nobody from timing messages of the topic."""
    producer, consumer = client.get_producer("", "timed-order"), orderly_consumer("timed-order")
    plain = joined("timed-order", "P", instance="")
    due = int(time.time() * 1000) + 1500
    sent = producer.publish_message(message("timed", "red", key="k", start=due))
    equal(in_order(consumer), [])
    for consume in [consumer.consume_message_orderly, plain.consume_message]:
        got = consume(16, 30)
        expect(time.time() * 1000 >= due - 1000, "not before its time")
        equal([(m.message_id, m.message_body, m.message_tag) for m in got], [(sent.message_id, "timed", "red")])
        equal((got[0].get_message_key(), got[0].get_start_deliver_time()), ("k", due))
    # It is the topic's, as others are.
    found = ok(200, "GET", "/v1/messages?topic=timed-order")["attempts"]
    equal({entry["message"].replace("-", "").upper() for entry in found}, {sent.message_id})


def orderly():
    producer = client.get_producer("", "ordered")
    consumer = client.get_consumer("", "ordered", "G", "")
    no("MessageNotExist", consumer.consume_message_orderly, 1, 0)
    for n in range(6):
        producer.publish_message(message("s%d-%d" % (n % 2, n // 2), shard="shard-%d" % (n % 2)))
    found = {"0": [], "1": []}

    def some():
        try:
            got = consumer.consume_message_orderly(16, 2)
        except MQServerException as error:
            equal(error.type, "MessageNotExist")
            return None
        for one in got:
            found[one.message_body[1]].append(one.message_body)
            equal(one.get_sharding_key(), "shard-" + one.message_body[1])
        # Nothing more of a shard while something of it is out.
        try:
            for one in consumer.consume_message_orderly(16, 0):
                expect(one.get_sharding_key() not in [m.get_sharding_key() for m in got], "one after the other")
                found[one.message_body[1]].append(one.message_body)
                consumer.ack_message([one.receipt_handle])
        except MQServerException as error:
            equal(error.type, "MessageNotExist")
        consumer.ack_message([m.receipt_handle for m in got])
        return found if len(found["0"]) + len(found["1"]) == 6 else None
    eventually(some, "six messages")
    equal(found, {"0": ["s0-0", "s0-1", "s0-2"], "1": ["s1-0", "s1-1", "s1-2"]})


def orderly_consumer(topic):
    """A group that has asked for its topic once."""
    consumer = client.get_consumer("", topic, "G", "")
    no("MessageNotExist", consumer.consume_message_orderly, 1, 0)
    return consumer


def in_order(consumer, limit=16):
    """What comes at once; empty when nothing does."""
    try:
        return consumer.consume_message_orderly(limit, 0)
    except MQServerException as error:
        equal(error.type, "MessageNotExist")
        return []


def orderly_shards():
    """While one shard's message is out, the others go on: with four lanes, no more than four messages could be out at once."""
    producer, consumer = client.get_producer("", "shards"), orderly_consumer("shards")
    for n in range(20):
        for part in ["first", "second"]:
            producer.publish_message(message("%s of %d" % (part, n), shard="shard-%d" % n))
    held = []
    while True:
        got = in_order(consumer, 1)
        if not got:
            break
        held += got
    expect(8 <= len(held) <= 20, "of twenty shards in 32 lanes, %d are out" % len(held))
    equal(len({m.get_sharding_key() for m in held}), len(held), "no shard is out twice")
    equal([m.message_body for m in held if not m.message_body.startswith("first")], [])
    # One that is acknowledged lets go on its own lane only, and the shard's next message may come.
    consumer.ack_message([held[0].receipt_handle])
    more = in_order(consumer, 1)
    equal(len(more), 1)
    expect(more[0].get_sharding_key() not in [m.get_sharding_key() for m in held[1:]], "those are out still")


def in_turn(consumer, count):
    """Each is acknowledged as it comes."""
    found = []

    def some():
        try:
            got = consumer.consume_message_orderly(16, 2)
        except MQServerException as error:
            equal(error.type, "MessageNotExist")
            return None
        consumer.ack_message([m.receipt_handle for m in got])
        found.extend(got)
        return found if len(found) >= count else None
    return eventually(some, "%d messages in order" % count)


def told(messages):
    return [(m.message_body, m.consumed_times) for m in messages]


def orderly_redelivery():
    """With an orderly redelivery time of twenty seconds: what is not acknowledged comes again, in order, and before what is behind it."""
    producer, consumer = client.get_producer("", "resent"), orderly_consumer("resent")
    for n in range(4):
        producer.publish_message(message("m%d" % n, shard="s"))
    first = consumer.consume_message_orderly(16, 5)
    equal(told(first), [("m0", 1), ("m1", 1), ("m2", 1), ("m3", 1)])
    producer.publish_message(message("m4", shard="s"))
    equal(in_order(consumer), [], "nothing of the shard while something of it is out")
    again = in_turn(consumer, 5)
    equal(told(again), [("m0", 2), ("m1", 2), ("m2", 2), ("m3", 2), ("m4", 1)])
    equal([m.message_id for m in again[:4]], [m.message_id for m in first])
    no("MessageNotExist", consumer.ack_message, [first[0].receipt_handle])
    equal(in_order(consumer), [])


def orderly_in_part():
    """With an orderly redelivery time of twenty seconds: of a batch that is acknowledged in part the rest comes again, in order."""
    producer, consumer = client.get_producer("", "parts"), orderly_consumer("parts")
    for n in range(5):
        producer.publish_message(message("m%d" % n, shard="s"))
    first = consumer.consume_message_orderly(16, 5)
    equal(told(first), [("m%d" % n, 1) for n in range(5)])
    consumer.ack_message([first[n].receipt_handle for n in [0, 2]])
    producer.publish_message(message("m5", shard="s"))
    equal(in_order(consumer), [], "the rest is out still")
    equal(told(in_turn(consumer, 4)), [("m1", 2), ("m3", 2), ("m4", 2), ("m5", 1)])
    equal(in_order(consumer), [])


def half(body, check=10, **options):
    made = message(body, **options)
    made.set_trans_check_immunity_time(check)
    return made


def half_messages():
    """Nobody hears one before it is committed; what is rolled back nobody hears at all."""
    producer = client.get_trans_producer("MQ_INST_1", "deals", "GID-shop")
    consumer = joined("deals", "G")
    sent = producer.publish_message(half(u"hello 你好", tag="TagA", key="order-1", a="1"))
    expect(len(sent.message_id) == 32 and sent.receipt_handle, "an id and a handle")
    no("MessageNotExist", consumer.consume_message, 1, 1)
    producer.commit(sent.receipt_handle)
    got = consumer.consume_message(1, 3)[0]
    equal((got.message_id, got.message_body, got.message_tag), (sent.message_id, u"hello 你好", "TagA"))
    equal((got.get_message_key(), got.get_property("a"), got.consumed_times), ("order-1", "1", 1))
    # It has come to an end.
    no("MessageNotExist", producer.commit, sent.receipt_handle)
    no("MessageNotExist", producer.rollback, sent.receipt_handle)
    gone = producer.publish_message(half("never"))
    producer.rollback(gone.receipt_handle)
    no("MessageNotExist", producer.commit, gone.receipt_handle)
    no("MessageNotExist", consumer.consume_message, 1, 1)
    # What is no handle of a half message of this topic.
    other = client.get_trans_producer("MQ_INST_1", "others", "GID-shop")
    kept = producer.publish_message(half("kept"))
    for bad in ["garbage", got.receipt_handle]:
        no("ReceiptHandleError", producer.commit, bad)
        no("ReceiptHandleError", producer.rollback, bad)
    no("ReceiptHandleError", other.commit, kept.receipt_handle)
    no("ReceiptHandleError", consumer.ack_message, [kept.receipt_handle])
    producer.commit(kept.receipt_handle)
    equal(consumer.consume_message(1, 3)[0].message_body, "kept")
    # Out of range, or of two kinds at once.
    for time_in_seconds in [9, 301, "soon"]:
        no("InvalidArgument", producer.publish_message, half("x", time_in_seconds))
    no("InvalidArgument", producer.publish_message, half("x", start=int(time.time() * 1000) + 60000))
    no("InvalidArgument", producer.consume_half_message, 17, 0)
    no("InvalidArgument", producer.consume_half_message, 1, 31)
    no("MessageNotExist", producer.consume_half_message, 1, 0)
    no("MessageNotExist", consumer.consume_message, 1, 0)


def half_checks():
    """Producers are asked about what was neither committed nor rolled back in time."""
    producer = client.get_trans_producer("", "deals", "GID-shop")
    consumer = joined("deals", "G", instance="")
    sent = [producer.publish_message(half("m%d" % n, tag="TagA", key="order-%d" % n)) for n in range(2)]
    no("MessageNotExist", producer.consume_half_message, 16, 0)
    asked = halves(producer, 2)
    equal(sorted(m.message_id for m in asked), sorted(m.message_id for m in sent))
    for found in asked:
        expect(0 < found.next_consume_time / 1000 - time.time() < 11, "ten seconds to answer")
        expect(abs(found.publish_time / 1000 - time.time()) < 300, "published in milliseconds")
        equal((found.consumed_times, found.message_tag), (1, "TagA"))
        equal(found.get_message_key(), "order-" + found.message_body[1:])
    # The handles from before are worth nothing; nobody else is asked meanwhile.
    for one in sent:
        no("MessageNotExist", producer.commit, one.receipt_handle)
    no("MessageNotExist", producer.consume_half_message, 16, 0)
    producer.commit(asked[0].receipt_handle)
    got = consumer.consume_message(16, 3)
    equal([m.message_body for m in got], [asked[0].message_body])
    # What is not answered in time somebody else is asked about, by another handle.
    other = client.get_trans_producer("", "deals", "GID-other")
    again = halves(other, 1)[0]
    equal((again.message_id, again.consumed_times), (asked[1].message_id, 2))
    no("MessageNotExist", producer.commit, asked[1].receipt_handle)
    no("MessageNotExist", producer.rollback, asked[1].receipt_handle)
    other.rollback(again.receipt_handle)
    no("MessageNotExist", producer.commit, again.receipt_handle)
    no("MessageNotExist", consumer.consume_message, 16, 0)


def halves(producer, count):
    found = []

    def some():
        try:
            found.extend(producer.consume_half_message(16, 30))
        except MQServerException as error:
            equal(error.type, "MessageNotExist")
        return found if len(found) >= count else None
    equal(len(eventually(some, "%d half messages" % count)), count)
    return found


def instances():
    """What has the same name in two instances is not the same; without one it is the library's own."""
    consumers = dict((one, joined("orders", "G", instance=one)) for one in ["MQ_INST_1", "MQ_INST_2", ""])
    for one in consumers:
        client.get_producer(one, "orders").publish_message(message("of " + one))
    got = dict((one, all_of(consumer, 1)[0]) for one, consumer in consumers.items())
    for one, consumer in consumers.items():
        equal(got[one].message_body, "of " + one)
        no("MessageNotExist", consumer.consume_message, 1, 0)
    no("ReceiptHandleError", consumers["MQ_INST_2"].ack_message, [got["MQ_INST_1"].receipt_handle])
    consumers["MQ_INST_1"].ack_message([got["MQ_INST_1"].receipt_handle])
    # The name that it has in the library.
    library = joined("MQ_INST_1.orders", "H", instance="")
    client.get_producer("MQ_INST_1", "orders").publish_message(message("both"))
    equal([m.message_body for m in all_of(library, 1)], ["both"])
    equal([m.message_body for m in all_of(consumers["MQ_INST_1"], 1)], ["both"])
    sent = client.get_trans_producer("MQ_INST_1", "orders", "GID").publish_message(half("x"))
    no("ReceiptHandleError", client.get_trans_producer("MQ_INST_2", "orders", "GID").commit, sent.receipt_handle)
    # Names that could be taken for others.
    for instance, group in [("a.b", "G"), ("", "a.b"), ("", "orderly"), ("a/b", "G")]:
        no("InvalidArgument", client.get_consumer(instance, "orders", group, "").consume_message, 1, 0)


def long_names():
    """An instance, a group and a topic as the service names them make the name of a queue, of either kind."""
    instance, topic, group = "MQ_INST_1234567890123456_ABCDEFGH", "t" * 64, "GID_" + "g" * 60
    equal((len(instance), len(group)), (33, 64))
    consumer = joined(topic, group, instance=instance)
    no("MessageNotExist", consumer.consume_message_orderly, 1, 0)
    client.get_producer(instance, topic).publish_message(message("x", shard="s"))
    for consume in [consumer.consume_message, consumer.consume_message_orderly]:
        got = consume(1, 30)[0]
        equal(got.message_body, "x")
        consumer.ack_message([got.receipt_handle])
    producer = client.get_trans_producer(instance, topic, group)
    producer.commit(producer.publish_message(half("y")).receipt_handle)
    equal(consumer.consume_message(1, 30)[0].message_body, "y")
    # Together they may be longer than any name.
    no("InvalidArgument", client.get_consumer(instance, topic, "g" * 157, "").consume_message, 1, 0)
    no("TopicNotExist", client.get_producer(instance, "t" * 222).publish_message, message("x"))


def made_beforehand():
    producer = client.get_producer("MQ_INST_1", "early")
    for n, tag in enumerate(["red", "blue", "red"]):
        producer.publish_message(message("m%d" % n, tag, shard="s"))
    found = all_of(client.get_consumer("MQ_INST_1", "early", "GID-all", ""), 3)
    equal(sorted(m.message_body for m in found), ["m0", "m1", "m2"])
    consumer, bodies = client.get_consumer("MQ_INST_1", "early", "GID-red", "red"), []
    while len(bodies) < 2:
        got = consumer.consume_message_orderly(16, 30)
        bodies += [m.message_body for m in got]
        consumer.ack_message([m.receipt_handle for m in got])
    equal(bodies, ["m0", "m2"])


def redelivery():
    """With a redelivery time of two seconds."""
    producer = client.get_producer("", "again")
    consumer = joined("again", "G", instance="")
    producer.publish_message(message("x"))
    first = consumer.consume_message(1, 5)[0]
    times = [first.consumed_times]

    def in_time():
        again = consumer.consume_message(1, 30)[0]
        times.append(again.consumed_times)
        equal(again.message_id, first.message_id)
        no("MessageNotExist", consumer.ack_message, [first.receipt_handle])
        try:
            consumer.ack_message([again.receipt_handle])
        except MQServerException as error:
            # On a busy machine two seconds may be over: it comes once more.
            equal(error.type, "MessageNotExist")
            return None
        return True
    eventually(in_time, "an acknowledgement in time")
    equal(times, list(range(1, len(times) + 1)))


def long_polls():
    producer = client.get_producer("", "polled")
    joined("polled", "G", instance="")
    found = {}

    def wait():
        own = MQClient(ENDPOINT, ACCESS_ID, ACCESS_SECRET).get_consumer("", "polled", "G", "")
        found["message"] = own.consume_message(1, 30)[0]
        found["at"] = time.time()
    waiting = threading.Thread(target=wait)
    waiting.start()
    time.sleep(1)
    sent = time.time()
    producer.publish_message(message("wake"))
    waiting.join()
    expect(found["at"] - sent < 8, "wakes when a message comes")


def groups_by_receivers():
    """With a key that may only receive from the topics shop and nowhere, of which the first has as many groups as such keys can make."""
    def consumer(topic, group):
        return client.get_consumer("", topic, group, "")
    # A queue that is no group's is not given away because of its name.
    no("AccessDenied", consumer("shop", "payments").consume_message, 1, 0)
    equal([m.message_body for m in all_of(consumer("shop", "G-7"), 1)], ["heard"])
    refusal = no("AccessDenied", consumer("shop", "one-more").consume_message, 1, 0)
    expect("takes the right to manage" in refusal.message, refusal)
    no("AccessDenied", consumer("shop", "G-7").consume_message_orderly, 1, 0)
    no("TopicNotExist", consumer("nowhere", "G").consume_message, 1, 0)
    no("AccessDenied", consumer("other", "G").consume_message, 1, 0)


def deleted_groups():
    """A group whose queue somebody deletes is made anew by its consumers; so is a topic by its producers, and heard again."""
    producer, consumer = client.get_producer("", "anew"), joined("anew", "G", instance="")
    producer.publish_message(message("gone"))
    ok(204, "DELETE", "/v1/queues/anew.G")
    no("MessageNotExist", consumer.consume_message, 1, 0)
    no("MessageNotExist", consumer.consume_message, 1, 0)
    producer.publish_message(message("heard"))
    got = consumer.consume_message(16, 30)
    equal([m.message_body for m in got], ["heard"])
    consumer.ack_message([got[0].receipt_handle])
    ok(204, "DELETE", "/v1/topics/anew")
    producer.publish_message(message("of nobody"))
    no("MessageNotExist", consumer.consume_message, 1, 0)
    producer.publish_message(message("heard again"))
    equal([m.message_body for m in consumer.consume_message(16, 30)], ["heard again"])


def access_denied():
    """With a key that may receive from the topic `heard`, and send to `told` and `none`; the first two are there."""
    def consumer(topic, instance=""):
        return client.get_consumer(instance, topic, "G", "")
    no("MessageNotExist", consumer("heard").consume_message, 1, 0)
    client.get_producer("", "told").publish_message(message("x"))
    heard = client.get_trans_producer("", "heard", "GID")
    for call, arguments in [
            (heard.publish_message, [message("x")]), (heard.publish_message, [half("x")]), (heard.commit, ["x"]),
            (heard.rollback, ["x"]), (heard.consume_half_message, [1, 0]),
            (client.get_producer("I", "told").publish_message, [message("x")]),
            (consumer("told").consume_message, [1, 0]), (consumer("told").consume_message_orderly, [1, 0]),
            (consumer("told").ack_message, [["x"]]), (consumer("heard", "I").consume_message, [1, 0])]:
        no("AccessDenied", call, *arguments)
    # It may send to the topic `none`, and not make it.
    none = client.get_trans_producer("", "none", "GID")
    no("TopicNotExist", none.publish_message, message("x"))
    no("TopicNotExist", none.publish_message, message("x", start=int(time.time() * 1000) + 60000))
    no("TopicNotExist", none.publish_message, half("x"))
    no("TopicNotExist", none.consume_half_message, 1, 0)


def too_many_calls():
    """With a key that may call once a second, for a topic that is there."""
    producer = client.get_producer("", "told")
    for _ in range(100):
        try:
            producer.publish_message(message("x"))
        except MQServerException as failure:
            equal(failure.type, "QpsLimitExceeded")
            return
    expect(False, "more than one a second")


def time_expired():
    """A request's date may be a quarter of an hour off."""
    producer = client.get_producer("", "dated")
    for minutes, is_good in [(-13, True), (13, True), (-17, False), (17, False)]:
        mq_client.time = Clock(minutes)
        if is_good:
            producer.publish_message(message("x"))
        else:
            no("TimeExpired", producer.publish_message, message("x"))
            no("TimeExpired", client.get_consumer("", "dated", "G", "").consume_message, 1, 0)
    mq_client.time = time


def errors():
    no("InvalidArgument", client.get_consumer("", "t", "G", "").consume_message, 17, 0)
    no("InvalidArgument", client.get_consumer("", "t", "G", "").consume_message, 1, 31)
    # Names of properties that are not the client's.
    for name in ["mq.topic", "gateway.properties"]:
        no("InvalidArgument", client.get_producer("", "t").publish_message, message("x", **{name: "y"}))
        no("InvalidArgument", client.get_producer("", "t").publish_message, half("x", **{name: "y"}))
    wrong = MQClient(ENDPOINT, ACCESS_ID, "wrong")
    no("SignatureDoesNotMatch", wrong.get_producer("", "t").publish_message, message("x"))
    no("InvalidAccessKeyId", MQClient(ENDPOINT, "nobody", "x").get_producer("", "t").publish_message, message("x"))


main(globals())
