// A camera on the official Node SDK: sends the messages of a list through the gateway.
//
// Arguments: the hub's identities.json, the device's id, a JSON list of
// {"file", "id", "contentType", "properties"}. Prints {"event": "sent"} for each message once
// the hub has acknowledged it. Run by `cargo xtask interop`.
'use strict';

const fs = require('fs');
const { Client, Message } = require('azure-iot-device');
const { Mqtt } = require('azure-iot-device-mqtt');

async function main([identitiesFile, device, messagesFile]) {
  const identities = JSON.parse(fs.readFileSync(identitiesFile, 'utf8'));
  const messages = JSON.parse(fs.readFileSync(messagesFile, 'utf8'));
  const connection = identities.devices[device].connectionString;
  const camera = Client.fromConnectionString(connection, Mqtt);
  await camera.setOptions({ ca: fs.readFileSync(identities.ca, 'utf8') });
  await camera.open();
  for (const wanted of messages) {
    const message = new Message(fs.readFileSync(wanted.file));
    message.messageId = wanted.id;
    message.contentType = wanted.contentType;
    for (const [key, value] of Object.entries(wanted.properties)) {
      message.properties.add(key, value);
    }
    await camera.sendEvent(message);
    console.log(JSON.stringify({ event: 'sent', id: wanted.id }));
  }
  await camera.close();
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error);
  process.exit(1);
});
