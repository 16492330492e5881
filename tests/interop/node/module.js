// A module on the official Node SDK, started by the agent with the edge environment.
//
// It takes inputs, answers each on the output `reports`, follows its desired properties and
// answers direct methods, and prints what happens as one JSON object a line. It never ends by
// itself. Run by `cargo xtask interop`.
//
// Its tokens live 125 s, and the SDK is told to renew them 118 s before their end, which it
// does by disconnecting and connecting again: every 7 s. Not 5: that is when both ends of the
// kept connection to the workload API give it up, and a request that crosses the other's
// close ends the process, for the SDK hands that error to nobody.
'use strict';

const crypto = require('crypto');
const http = require('http');
const mqtt = require('mqtt');
const { Message, ModuleClient } = require('azure-iot-device');
const { Mqtt } = require('azure-iot-device-mqtt');

const TOKEN = { tokenValidTimeInSeconds: 125, tokenRenewalMarginInSeconds: 118 };
const METHODS = ['echo', 'echoAgain'];

function tell(event, more = {}) {
  console.log(JSON.stringify({ event, ...more }));
}

// The SDK does not say what it subscribes to; the MQTT client under it is asked.
function watchSubscriptions() {
  const subscribe = mqtt.MqttClient.prototype.subscribe;
  mqtt.MqttClient.prototype.subscribe = function (filter, ...rest) {
    tell('subscribe', { filter });
    return subscribe.call(this, filter, ...rest);
  };
}

// `setOptions` forgets what was set before, the roots included that `fromEnvironment` has
// fetched; so they are fetched again and set with the rest.
function trustBundle() {
  const { pathname } = new URL(process.env.IOTEDGE_WORKLOADURI);
  const request = { socketPath: pathname, path: '/trust-bundle?api-version=2019-01-30' };
  return new Promise((done, refused) => {
    http
      .get(request, (answer) => {
        let text = '';
        answer.setEncoding('utf8');
        answer.on('data', (piece) => (text += piece));
        answer.on('end', () => done(JSON.parse(text).certificate));
      })
      .on('error', refused);
  });
}

function propertiesOf(message) {
  const found = {};
  for (let index = 0; index < message.properties.count(); index++) {
    const { key, value } = message.properties.getItem(index);
    found[key] = value;
  }
  return found;
}

async function onInput(module, input, message) {
  const sha256 = crypto.createHash('sha256').update(message.data).digest('hex');
  tell('input', {
    input,
    id: message.messageId,
    contentType: message.contentType,
    properties: propertiesOf(message),
    bytes: message.data.length,
    sha256,
  });
  const report = new Message(JSON.stringify({ of: message.messageId, sha256 }));
  report.messageId = 'report of ' + message.messageId;
  report.contentType = 'application/json';
  report.contentEncoding = 'utf-8';
  report.properties.add('k ey', 'a+b %&=/$ä');
  await module.sendOutputEvent('reports', report);
  tell('output', { id: report.messageId });
}

function onMethod(request, response) {
  tell('method', { name: request.methodName, payload: request.payload });
  response.send(207, { name: request.methodName, echo: request.payload }, (error) => {
    if (error) fail(error);
  });
}

function fail(error) {
  tell('failed', { error: String(error && error.stack ? error.stack : error) });
}

async function main() {
  watchSubscriptions();
  const module = await ModuleClient.fromEnvironment(Mqtt);
  module.on('error', fail);
  await module.setOptions({ tokenRenewal: TOKEN, ca: await trustBundle() });
  await module.open();
  tell('connected');
  process.on('SIGTERM', () => module.close(() => process.exit(0)));

  module.on('inputMessage', (input, message) => onInput(module, input, message).catch(fail));
  for (const name of METHODS) module.onMethod(name, onMethod);
  const twin = await module.getTwin();
  tell('twin', { twin: { desired: twin.properties.desired, reported: twin.properties.reported } });
  const report = (patch) =>
    new Promise((done, refused) =>
      twin.properties.reported.update(patch, (error) => (error ? refused(error) : done()))
    );
  // The first call comes from `on` itself, with the whole of the desired properties.
  twin.on('properties.desired', (patch) => {
    tell('desired', { patch });
    report({ applied: patch.$version }).catch(fail);
  });
  await report({ seen: { by: 'node', n: 3 } });
  tell('ready');
}

main().catch((error) => {
  fail(error);
  process.exit(1);
});
