"""A camera on the official Python SDK: sends the messages of a list through the gateway.

Arguments: the hub's identities.json, the device's id, a JSON list of
{"file", "id", "contentType", "properties"}. Prints {"event": "sent"} for each message once
the hub has acknowledged it. Run by `cargo xtask interop`.
"""

import json
import sys

from azure.iot.device import IoTHubDeviceClient, Message


def main(identities_file, device, messages_file):
    with open(identities_file) as file:
        identities = json.load(file)
    with open(identities["ca"]) as file:
        trust = file.read()
    with open(messages_file) as file:
        messages = json.load(file)
    camera = IoTHubDeviceClient.create_from_connection_string(
        identities["devices"][device]["connectionString"],
        server_verification_cert=trust,
    )
    camera.connect()
    for wanted in messages:
        with open(wanted["file"], "rb") as file:
            message = Message(file.read())
        message.message_id = wanted["id"]
        message.content_type = wanted["contentType"]
        message.custom_properties.update(wanted["properties"])
        camera.send_message(message)
        print(json.dumps({"event": "sent", "id": wanted["id"]}), flush=True)
    camera.shutdown()


main(*sys.argv[1:])
