"""Queues, messages and errors, by aliyun-mns 1.1.5, which speaks the same with fewer words."""
from mns.account import Account
from mns.mns_exception import MNSServerException
from mns.queue import Message, QueueMeta

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


if __name__ == "__main__":
    main(globals())
