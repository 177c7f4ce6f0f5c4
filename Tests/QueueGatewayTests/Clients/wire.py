"""Requests by hand, signed as the service's documentation says, for what no client would send."""
import base64
import email.utils
import hashlib
import hmac
import re
import socket
import xml.etree.ElementTree as ElementTree
from urllib.parse import urlsplit

from clients import ACCESS_ID, ACCESS_SECRET, ENDPOINT

HOST, PORT = urlsplit(ENDPOINT).hostname, urlsplit(ENDPOINT).port
VERSION = "2015-06-06"


def signed(method, target, body=b"", scheme="MNS", date=None, content_type="text/xml", secret=ACCESS_SECRET,
           extra=(), length=None, version=VERSION, without=()):
    """The bytes of a request. `without` names headers that are neither sent nor signed."""
    prefix = {"MNS": "x-mns-", "MQ": "x-mq-"}[scheme]
    date = date or email.utils.formatdate(usegmt=True)
    headers = [("Host", "%s:%d" % (HOST, PORT)), ("Date", date), (prefix + "version", version)] + list(extra)
    if content_type:
        headers.append(("Content-Type", content_type))
    headers = [(name, value) for name, value in headers if name.lower() not in without]
    named = dict((name.lower(), value) for name, value in headers)
    own = sorted("%s:%s\n" % (name.lower(), value) for name, value in headers if name.lower().startswith(prefix))
    date = named.get(prefix + "date", named.get("date", ""))
    text = "%s\n%s\n%s\n%s\n%s%s" % (method, named.get("content-md5", ""), content_type or "", date, "".join(own), target)
    signature = base64.b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha1).digest()).decode()
    headers.append(("Authorization", "%s %s:%s" % (scheme, ACCESS_ID, signature)))
    headers.append(("Content-Length", str(len(body) if length is None else length)))
    head = "%s %s HTTP/1.1\r\n" % (method, target) + "".join("%s: %s\r\n" % pair for pair in headers) + "\r\n"
    return head.encode() + body


class Wire:
    """One connection."""

    def __init__(self, timeout=60):
        self.socket = socket.create_connection((HOST, PORT), timeout)
        self.rest = b""

    def send(self, data):
        self.socket.sendall(data)

    def answer(self):
        """Status, the head as it stands on the wire, and the body; None when the connection is closed instead."""
        while b"\r\n\r\n" not in self.rest:
            if not self.more():
                return None
        head, self.rest = self.rest.split(b"\r\n\r\n", 1)
        head = head.decode("latin-1")
        length = re.search(r"(?i)\r\ncontent-length: (\d+)", head)
        size = int(length.group(1)) if length else 0
        while len(self.rest) < size and self.more():
            pass
        body, self.rest = self.rest[:size], self.rest[size:]
        return int(head.split(" ")[1]), head, body

    def more(self):
        try:
            data = self.socket.recv(65536)
        except (ConnectionResetError, BrokenPipeError):
            return False
        self.rest += data
        return bool(data)

    def close(self):
        self.socket.close()


def ask(method, target, body=b"", **options):
    wire = Wire()
    wire.send(signed(method, target, body, **options))
    found = wire.answer()
    wire.close()
    return found


def code(found):
    """The code of an error that clients can read: all four elements, in one that is named so."""
    status, head, body = found
    ElementTree.fromstring(body)
    match = re.search(
        r"<Error xmlns=\"[^\"]+\"><Code>(\w+)</Code><Message>[^<]+</Message><RequestId>(\w+)</RequestId><HostId>[^<]+</HostId></Error>",
        body.decode())
    if not match:
        raise AssertionError("no error that clients can read: %r %r" % (head, body))
    return status, match.group(1)
