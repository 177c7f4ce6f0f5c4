"""A gateway that clients reach by TLS; SSL_CERT_FILE names the certificate that they trust."""
import base64
import json
import socket
import ssl
import urllib.request

from mns.account import Account
from mns.mns_exception import MNSServerException
from mns.queue import Message, QueueMeta

from clients import ACCESS_ID, ACCESS_SECRET, ENDPOINT, equal, expect, main, refused
from wire import HOST, PORT


def encrypted():
    expect(ENDPOINT.startswith("https://"), ENDPOINT)
    account = Account(ENDPOINT, ACCESS_ID, ACCESS_SECRET)
    queue = account.get_queue("sealed")
    equal(queue.create(QueueMeta()), ENDPOINT + "/queues/sealed")
    sent = queue.send_message(Message("x"))
    got = queue.receive_message(0)
    equal((got.message_id, got.message_body), (sent.message_id, b"x"))
    queue.delete_message(got.receipt_handle)
    equal(account.list_queue()[0], [ENDPOINT + "/queues/sealed"])
    refusal = refused(MNSServerException, "QueueNotExist", account.get_queue("none").get_attributes)
    equal(refusal.host_id, ENDPOINT)
    basic = base64.b64encode(("%s:%s" % (ACCESS_ID, ACCESS_SECRET)).encode()).decode()
    request = urllib.request.Request(ENDPOINT + "/v1/queues", headers={"Authorization": "Basic " + basic})
    with urllib.request.urlopen(request, context=ssl.create_default_context()) as reply:
        equal([one["name"] for one in json.load(reply)["queues"]], ["sealed"])


def versions():
    """1.2 is the oldest that is spoken."""
    equal(shaken(ssl.TLSVersion.TLSv1_2), "TLSv1.2")
    equal(shaken(ssl.TLSVersion.TLSv1_3), "TLSv1.3")
    for old in [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1]:
        try:
            found = shaken(old)
        except OSError:
            continue
        raise AssertionError("spoken: %s" % found)


def shaken(newest):
    context = ssl.create_default_context()
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = newest
    with socket.create_connection((HOST, PORT), 60) as plain, context.wrap_socket(plain, server_hostname=HOST) as wrapped:
        return wrapped.version()


main(globals())
