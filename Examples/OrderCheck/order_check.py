#!/usr/bin/env python3
"""Looks over the shoe shop's paid orders, and calls off what no customer means: by Alibaba's own clients, beside the shop's workers.

It consumes the topic order-processed as a group of its own, so it gets a copy of each event, and the workers theirs. What it calls off it
publishes to a topic of its own, orders-called-off. Whoever wants may hear that; the queue cancellations does, where the shop's logistics
worker, a step in Swift, takes it from.
"""
import json
import os
import signal
import sys

from mns.account import Account
from mns.mns_common import TopicHelper
from mns.subscription import SubscriptionMeta, SubscriptionNotifyContentFormat
from mns.topic import TopicMessage, TopicMeta
from mq_http_sdk.mq_client import MQClient
from mq_http_sdk.mq_exception import MQServerException

# More pairs than this in one order are a mistake, or somebody who sells them on.
MOST_PAIRS = int(os.environ.get("MOST_PAIRS", "12"))
WAIT_SECONDS = 30
BATCH = 16


def consume(consumer, wait_seconds):
    """What has come, or comes while we wait; nothing when nothing does."""
    try:
        return consumer.consume_message(BATCH, wait_seconds)
    except MQServerException as error:
        if error.type == "MessageNotExist":
            return []
        raise


def open_topic(account):
    """The topic of what we call off, made unless it is there, and heard by the workers' queue."""
    topic = account.get_topic("orders-called-off")
    topic.create(TopicMeta())
    # A gateway has one region and one account, whatever they are called.
    queue = TopicHelper.generate_queue_endpoint("here", "shop", "cancellations")
    # A step reads the body as it was published, and not a document about it.
    meta = SubscriptionMeta(queue, notify_content_format=SubscriptionNotifyContentFormat.SIMPLIFIED)
    topic.get_subscription("cancellations").subscribe(meta)
    return topic


def check(event, called_off):
    order = event["order"]
    pairs = sum(line["quantity"] for line in order["lines"])
    if pairs > MOST_PAIRS:
        # Said twice it is as said once, so it does no harm when this message comes again.
        called_off.publish_message(TopicMessage(json.dumps({"orderID": order["id"]})))
    print("%s: %d pairs, %s" % (order["id"], pairs, "called off" if pairs > MOST_PAIRS else "fine"), flush=True)


def main():
    # Whatever was received and is not acknowledged comes again.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    gateway, key, secret = (os.environ[name] for name in ("GATEWAY", "ACCESS_ID", "ACCESS_SECRET"))
    consumer = MQClient(gateway, key, secret).get_consumer("", "order-processed", "order-check")
    called_off = open_topic(Account(gateway, key, secret))

    # A group hears what is published once it has asked for the first time.
    messages = consume(consumer, 0)
    print("Looking over orders.", flush=True)
    while True:
        for message in messages:
            check(json.loads(message.message_body), called_off)
        if messages:
            # Only now: had we died before, they would come again.
            consumer.ack_message([message.receipt_handle for message in messages])
        messages = consume(consumer, WAIT_SECONDS)


main()
