"""paho-mqtt against the development hub: MQTT 3.1.1 over TLS with a token made here.

Arguments: the hub's identities.json, the host to dial. The hub gives a client 2 s to
acknowledge. Prints one {"event": "capability"} for each thing tried and ends with 0 when the
script came to its end, whatever the verdicts. Run by `cargo xtask interop`.
"""

import base64
import hashlib
import hmac
import json
import queue
import ssl
import sys
import threading
import time
import traceback
import urllib.parse

import paho.mqtt.client as mqtt

# Short enough that all checks may fail within what the command gives the script.
PATIENCE = 8
# The hub's, with which it was started.
ACK_TIMEOUT = 2
MODULE = "edge-dev/Peer"
INPUTS = "devices/edge-dev/modules/Peer/inputs/#"
TELEMETRY = "devices/cam-01/messages/events/"


def token(parts, key=None, seconds=3600):
    """A SAS token for a device or module, by its connection string."""
    resource = f"{parts['HostName']}/devices/{parts['DeviceId']}"
    if "ModuleId" in parts:
        resource += f"/modules/{parts['ModuleId']}"
    resource = urllib.parse.quote(resource, safe="")
    ends = int(time.time()) + seconds
    key = base64.b64decode(key or parts["SharedAccessKey"])
    signature = hmac.new(key, f"{resource}\n{ends}".encode(), hashlib.sha256).digest()
    signature = urllib.parse.quote(base64.b64encode(signature), safe="")
    return f"SharedAccessSignature sr={resource}&sig={signature}&se={ends}"


class Site:
    def __init__(self, identities_file, host):
        self.host = host
        with open(identities_file) as file:
            self.identities = json.load(file)

    def parts(self, kind, name):
        text = self.identities[kind][name]["connectionString"]
        return dict(part.split("=", 1) for part in text.split(";"))


class Client:
    """One client, whose network loop runs in a thread of paho's."""

    def __init__(self, site, parts, *, level=mqtt.MQTTv311, clean=False, query="?api-version=2021-04-12",
                 password=None, manual=True):
        identity = "/".join(parts[key] for key in ("DeviceId", "ModuleId") if key in parts)
        self.client = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2,
            client_id=identity,
            clean_session=clean,
            protocol=level,
            manual_ack=manual,
            reconnect_on_failure=False,
        )
        self.client.username_pw_set(f"{parts['HostName']}/{identity}/{query}", password or token(parts))
        self.client.tls_set(ca_certs=site.identities["ca"], tls_version=ssl.PROTOCOL_TLS_CLIENT)
        self.connected = queue.Queue()
        self.closed = threading.Event()
        self.granted = queue.Queue()
        self.confirmed = queue.Queue()
        self.messages = queue.Queue()
        self.client.on_connect = lambda _c, _u, flags, code, _p: self.connected.put(
            (code.value if hasattr(code, "value") else code, str(code), flags.session_present)
        )
        self.client.on_disconnect = lambda *_: self.closed.set()
        self.client.on_subscribe = lambda _c, _u, _mid, codes, _p: self.granted.put([code.value for code in codes])
        self.client.on_publish = lambda _c, _u, mid, _code, _p: self.confirmed.put(mid)
        self.client.on_message = lambda _c, _u, message: self.messages.put(message)
        self.host = site.host

    def connect(self):
        """The text of the CONNACK's code, and whether a session was present."""
        self.client.connect(self.host, 8883, keepalive=30)
        self.client.loop_start()
        _, text, session_present = self.connected.get(timeout=PATIENCE)
        return text, session_present

    def accepted(self):
        text, session_present = self.connect()
        expect(text == "Success", f"refused: {text}")
        return session_present

    def subscribe(self, *filters):
        self.client.subscribe(list(filters))
        return self.granted.get(timeout=PATIENCE)

    def publish(self, topic, body, qos=1):
        mid = self.client.publish(topic, body, qos=qos).mid
        if qos:
            while self.confirmed.get(timeout=PATIENCE) != mid:
                pass

    def next(self, timeout=PATIENCE):
        return self.messages.get(timeout=timeout)

    def acknowledge(self, message):
        self.client.ack(message.mid, message.qos)

    def quiet(self, seconds):
        try:
            other = self.messages.get(timeout=seconds)
        except queue.Empty:
            return
        raise AssertionError(f"{other.topic} came")

    def leave(self):
        self.client.disconnect()
        self.client.loop_stop()

    def vanish(self):
        """Ends the connection without DISCONNECT."""
        self.client.socket().shutdown(2)
        expect(self.closed.wait(PATIENCE), "the end was not noticed")
        self.client.loop_stop()


def expect(is_so, otherwise):
    if not is_so:
        raise AssertionError(otherwise)


def refused(site):
    module = site.parts("modules", "Peer")
    wrong_key = base64.b64encode(b"another key").decode()
    stranger = dict(module, ModuleId="Stranger")
    cases = [
        ("level 3", 1, dict(level=mqtt.MQTTv31)),
        ("no api-version", 3, dict(query="?DeviceClientType=paho")),
        ("a wrong key", 5, dict(password=token(module, key=wrong_key))),
        ("a token for another module", 5, dict(password=token(stranger))),
        ("a token that ended 10 minutes ago", 5, dict(password=token(module, seconds=-600))),
    ]
    seen = []
    for name, code, options in cases:
        client = Client(site, module, **options)
        client.client.connect(client.host, 8883, keepalive=30)
        client.client.loop_start()
        _, text, _ = client.connected.get(timeout=PATIENCE)
        wanted = mqtt.convert_connack_rc_to_reason_code(mqtt.ConnackCode(code))
        expect(text == str(wanted), f"{name}: {text}, not {wanted}")
        expect(client.closed.wait(PATIENCE), f"{name}: the connection stays open")
        client.client.loop_stop()
        seen.append(f"{name} {code}")
    return ", ".join(seen)


def accepted(site):
    client = Client(site, site.parts("modules", "Peer"), clean=True)
    session_present = client.accepted()
    expect(not session_present, "a session is present after clean session")
    protocol = client.client.socket().version()
    client.leave()
    return f"CONNACK 0 over {protocol}, no session present"


def subscribed(site):
    client = Client(site, site.parts("modules", "Peer"))
    client.accepted()
    granted = client.subscribe((INPUTS, 1), ("$iothub/twin/res/#", 0), ("$iothub/methods/POST/#", 2))
    client.leave()
    expect(granted == [1, 0, 1], f"granted {granted}")
    return "asked for QoS 1, 0 and 2, granted 1, 0 and 1"


def published(site):
    camera = Client(site, site.parts("devices", "cam-01"))
    camera.accepted()
    started = time.monotonic()
    for number in range(10):
        camera.publish(TELEMETRY + f"%24.mid=p{number}", bytes([number]) * 1000)
    seconds = time.monotonic() - started
    # A retained message of QoS 0 is telemetry as well, and asks for no answer.
    camera.publish(TELEMETRY, b"unconfirmed", qos=0)
    camera.leave()
    drain(site, 11)
    return f"10 at QoS 1 confirmed in {seconds * 1000:.0f} ms"


def drain(site, count):
    module = Client(site, site.parts("modules", "Peer"))
    module.accepted()
    for _ in range(count):
        module.acknowledge(module.next())
    module.quiet(0.2)
    module.leave()


def acknowledged(site):
    """One delivery is under way at a time, and each is complete with its PUBACK."""
    camera = Client(site, site.parts("devices", "cam-01"))
    camera.accepted()
    module = Client(site, site.parts("modules", "Peer"))
    module.accepted()
    for number in range(5):
        camera.publish(TELEMETRY + f"%24.mid=a{number}&k%20ey=v%2F%26", bytes([number]))
    ids = []
    for number in range(5):
        message = module.next()
        expect(message.payload == bytes([number]), f"{message.payload} in place of {number}")
        expect(f"%24.mid=a{number}" in message.topic and "k%20ey=v%2F%26" in message.topic, message.topic)
        expect(message.qos == 1 and not message.dup, f"QoS {message.qos}, DUP {message.dup}")
        ids.append(message.mid)
        module.quiet(0.1)
        module.acknowledge(message)
    camera.leave()
    module.leave()
    return f"5 in order, one at a time, packet ids {sorted(set(ids))}, DUP 0"


def redelivered(site):
    """What is not acknowledged comes again, first and without DUP: by time and by reconnect."""
    camera = Client(site, site.parts("devices", "cam-01"))
    camera.accepted()
    module = Client(site, site.parts("modules", "Peer"))
    module.accepted()
    for number in range(2):
        camera.publish(TELEMETRY, b"r%d" % number)
    first = module.next()
    started = time.monotonic()
    again = module.next()
    waited = time.monotonic() - started
    expect((first.payload, again.payload) == (b"r0", b"r0"), f"{first.payload}, {again.payload}")
    expect(not again.dup and again.mid == first.mid, f"DUP {again.dup}, packet id {again.mid}")
    expect(waited > ACK_TIMEOUT * 0.8, f"after {waited:.1f} s already")
    module.vanish()

    module = Client(site, site.parts("modules", "Peer"))
    module.accepted()
    for body in (b"r0", b"r1"):
        message = module.next()
        expect(message.payload == body, f"{message.payload} in place of {body}")
        module.acknowledge(message)
    module.quiet(0.2)
    camera.leave()
    module.leave()
    return f"the same again after {waited:.1f} s and after a lost connection, packet id {first.mid}, DUP 0, then the next"


def kept(site):
    camera = Client(site, site.parts("devices", "cam-01"))
    camera.accepted()
    camera.publish(TELEMETRY, b"while away")
    module = Client(site, site.parts("modules", "Peer"))
    session_present = module.accepted()
    expect(session_present, "no session is present")
    message = module.next()
    expect(message.payload == b"while away", message.payload)
    module.acknowledge(message)
    module.leave()

    module = Client(site, site.parts("modules", "Peer"), clean=True)
    expect(not module.accepted(), "a session is present after clean session")
    camera.publish(TELEMETRY, b"kept by the route")
    module.quiet(0.3)
    module.subscribe((INPUTS, 1))
    message = module.next()
    expect(message.payload == b"kept by the route", message.payload)
    module.acknowledge(message)
    module.leave()
    camera.leave()
    return "delivered without a new SUBSCRIBE; clean session forgets the subscription, not the queue"


def taken_over(site):
    first = Client(site, site.parts("modules", "Peer"))
    first.accepted()
    first.subscribe((INPUTS, 1))
    second = Client(site, site.parts("modules", "Peer"))
    session_present = second.accepted()
    expect(session_present, "the second has no session")
    expect(first.closed.wait(PATIENCE), "the first stays connected")
    first.client.loop_stop()
    camera = Client(site, site.parts("devices", "cam-01"))
    camera.accepted()
    camera.publish(TELEMETRY, b"for the second")
    message = second.next()
    expect(message.payload == b"for the second", message.payload)
    second.acknowledge(message)
    second.leave()
    camera.leave()
    return "the first connection was closed, the second has its subscriptions"


def twin(site):
    module = Client(site, site.parts("modules", "Peer"))
    module.accepted()
    module.subscribe(("$iothub/twin/res/#", 0))
    module.publish("$iothub/twin/GET/?$rid=r1", b"", qos=0)
    answer = module.next()
    expect(answer.topic == "$iothub/twin/res/200/?$rid=r1", answer.topic)
    found = json.loads(answer.payload)
    expect(found["desired"]["limit"] == 3 and found["desired"]["$version"] >= 1, found)
    patch = json.dumps({"wire": "ä"}).encode()
    module.publish("$iothub/twin/PATCH/properties/reported/?$rid=r2", patch, qos=1)
    answer = module.next()
    expect(answer.topic == "$iothub/twin/res/204/?$rid=r2" and answer.payload == b"", f"{answer.topic} {answer.payload}")
    module.publish("$iothub/twin/PATCH/properties/reported/?$rid=r3", b'{"a$b": 1}', qos=1)
    answer = module.next()
    expect(answer.topic == "$iothub/twin/res/400/?$rid=r3" and answer.payload == b"", f"{answer.topic} {answer.payload}")
    module.publish("$iothub/twin/GET/?$rid=r4", b" ", qos=1)
    found = json.loads(module.next().payload)
    expect(found["reported"]["wire"] == "ä", found)
    module.leave()
    return "GET 200, reported 204 with an empty body, a bad name 400, and the change is there"


CHECKS = [
    ("connect refused", refused),
    ("connect accepted", accepted),
    ("subscribe", subscribed),
    ("publish confirmed", published),
    ("delivery acknowledged", acknowledged),
    ("redelivery", redelivered),
    ("kept session", kept),
    ("takeover", taken_over),
    ("twin", twin),
]


def main(identities_file, host):
    site = Site(identities_file, host)
    for name, check in CHECKS:
        try:
            ok, detail = True, check(site)
        except queue.Empty:
            traceback.print_exc()
            ok, detail = False, f"nothing came within {PATIENCE} s"
        except Exception as error:
            traceback.print_exc()
            ok, detail = False, f"{type(error).__name__}: {error}"
        print(json.dumps({"event": "capability", "name": name, "ok": ok, "detail": detail}), flush=True)


main(*sys.argv[1:])
