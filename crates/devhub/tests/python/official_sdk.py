"""The official Python SDK against a development hub: run by tests/main/official_sdk.rs.

Arguments: the hub's identities.json. The environment holds the IOTEDGE_* variables of the module.
Prints one line per capability and ends with 0 when all of them work.
"""

import json
import os
import queue
import sys

from azure.iot.device import IoTHubDeviceClient, IoTHubModuleClient, Message

PATIENCE = 20

identities = json.load(open(sys.argv[1]))
with open(identities["ca"]) as ca:
    trust = ca.read()

module = IoTHubModuleClient.create_from_edge_environment()
inputs = queue.Queue()
module.on_message_received = inputs.put
module.connect()
print("module: connected with a token signed by the workload API")

twin = module.get_twin()
assert twin["desired"]["limit"] == 3, twin
module.patch_twin_reported_properties({"seen": 3})
assert module.get_twin()["reported"]["seen"] == 3
print("module: twin read, reported properties patched")

camera = IoTHubDeviceClient.create_from_connection_string(
    identities["devices"]["cam-01"]["connectionString"], server_verification_cert=trust
)
camera.connect()
for number in range(3):
    picture = Message(bytes([0xFF, 0xD8, number]))
    picture.message_id = "m%d/ä" % number
    picture.custom_properties["k ey"] = "v/ä&="
    camera.send_message(picture)
print("camera: three messages acknowledged")

for number in range(3):
    message = inputs.get(timeout=PATIENCE)
    assert message.input_name == "images", message.input_name
    assert message.data == bytes([0xFF, 0xD8, number]), message.data
    assert message.message_id == "m%d/ä" % number, message.message_id
    assert message.custom_properties["k ey"] == "v/ä&=", message.custom_properties
print("module: three inputs in order, properties whole")

report = Message(json.dumps({"ripe": 3}))
report.content_type = "application/json"
report.content_encoding = "utf-8"
module.send_message_to_output(report, "counts")
print("module: output acknowledged")

# The SDK never subscribes again: it relies on the session the hub has kept.
module.disconnect()
camera.send_message(Message("later"))
module.connect()
assert inputs.get(timeout=PATIENCE).data == b"later"
print("module: inputs come again after a reconnect without SUBSCRIBE")

camera.shutdown()
module.shutdown()
