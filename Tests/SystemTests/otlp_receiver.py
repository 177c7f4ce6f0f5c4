"""Takes spans in as a collector does: OTLP over HTTP, read by the protocol's own definitions.

Run with a folder: writes its port into `port`, and a line of JSON for each span into `spans`. With `refuses` or `hangs` behind
it takes none: it answers 503, or never, and writes a line into `asked` for each request.
"""
import http.server
import json
import os
import sys
import threading

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest, ExportTraceServiceResponse

folder = sys.argv[1]
conduct = sys.argv[2] if len(sys.argv) > 2 else "takes"


def value(any_value):
    kind = any_value.WhichOneof("value")
    return str(getattr(any_value, kind)) if kind else None


def attributes(pairs):
    return {pair.key: value(pair.value) for pair in pairs}


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if conduct != "takes":
            with open(os.path.join(folder, "asked"), "a") as file:
                file.write(self.path + "\n")
            if conduct == "hangs":
                threading.Event().wait()
            return self.answer(503, b"")
        if self.path != "/v1/traces" or self.headers["Content-Type"] != "application/x-protobuf":
            return self.answer(415, b"")
        request = ExportTraceServiceRequest.FromString(body)
        known = ExportTraceServiceRequest.FromString(body)
        known.DiscardUnknownFields()
        if known.ByteSize() != request.ByteSize():
            return self.answer(400, b"")
        with open(os.path.join(folder, "spans"), "a") as file:
            for resource in request.resource_spans:
                service = attributes(resource.resource.attributes)["service.name"]
                for scope in resource.scope_spans:
                    for span in scope.spans:
                        file.write(json.dumps({
                            "service": service, "trace": span.trace_id.hex(), "id": span.span_id.hex(),
                            "parent": span.parent_span_id.hex(), "name": span.name, "kind": span.kind,
                            "nanoseconds": span.end_time_unix_nano - span.start_time_unix_nano,
                            "attributes": attributes(span.attributes), "links": [link.trace_id.hex() for link in span.links],
                            "status": span.status.code, "events": [event.name for event in span.events],
                        }) + "\n")
        self.answer(200, ExportTraceServiceResponse().SerializeToString())

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
with open(os.path.join(folder, "port.new"), "w") as file:
    file.write(str(server.server_port))
os.rename(os.path.join(folder, "port.new"), os.path.join(folder, "port"))
server.serve_forever()
