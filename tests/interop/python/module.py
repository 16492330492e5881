"""A module on the official Python SDK, started by the agent with the edge environment.

It takes inputs, answers each on the output `reports`, follows its desired properties and
answers direct methods, and prints what happens as one JSON object a line. It never ends by
itself. Run by `cargo xtask interop`.

Its tokens live 125 s, and the SDK renews them 120 s before their end by disconnecting and
connecting again: every 5 s.
"""

import hashlib
import json
import logging
import queue
import signal
import sys
import threading

from azure.iot.device import IoTHubModuleClient, Message, MethodResponse

TOKEN_SECONDS = 125

printing = threading.Lock()


def tell(event, **more):
    with printing:
        print(json.dumps({"event": event, **more}), flush=True)


class Subscriptions(logging.Handler):
    """The SDK says in its log what it subscribes to, and nowhere else."""

    def emit(self, record):
        text = record.getMessage()
        if text.startswith("subscribing to "):
            tell("subscribe", filter=text.split()[2])


def watch_subscriptions():
    transport = logging.getLogger("azure.iot.device.common.mqtt_transport")
    transport.setLevel(logging.INFO)
    transport.addHandler(Subscriptions())
    transport.propagate = False


def on_input(module, message):
    body = bytes(message.data)
    digest = hashlib.sha256(body).hexdigest()
    tell(
        "input",
        input=message.input_name,
        id=message.message_id,
        contentType=message.content_type,
        properties=message.custom_properties,
        bytes=len(body),
        sha256=digest,
    )
    report = Message(json.dumps({"of": message.message_id, "sha256": digest}))
    report.message_id = "report of " + message.message_id
    report.content_type = "application/json"
    report.content_encoding = "utf-8"
    report.custom_properties["k ey"] = "a+b %&=/$ä"
    module.send_message_to_output(report, "reports")
    tell("output", id=report.message_id)


def on_method(module, request):
    tell("method", name=request.name, payload=request.payload)
    answer = {"name": request.name, "echo": request.payload}
    module.send_method_response(MethodResponse.create_from_method_request(request, 207, answer))


def on_desired(module, patch):
    tell("desired", patch=patch)
    module.patch_twin_reported_properties({"applied": patch["$version"]})


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    watch_subscriptions()
    module = IoTHubModuleClient.create_from_edge_environment(sastoken_ttl=TOKEN_SECONDS)
    work = queue.Queue()
    module.connect()
    tell("connected")
    module.on_message_received = lambda message: work.put((on_input, message))
    module.on_method_request_received = lambda request: work.put((on_method, request))
    module.on_twin_desired_properties_patch_received = lambda patch: work.put((on_desired, patch))
    tell("twin", twin=module.get_twin())
    module.patch_twin_reported_properties({"seen": {"by": "python", "n": 3}})
    tell("ready")
    while True:
        handle, value = work.get()
        handle(module, value)


main()
