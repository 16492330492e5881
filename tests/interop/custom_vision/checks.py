"""The Custom Vision prediction client against the module's HTTP door.

Arguments: the door's address, the Prediction-Key, a picture. Prints one
{"event": "capability"} for each thing tried and ends with 0 when the script came to its end,
whatever the verdicts. Run by `cargo xtask interop`.
"""

import datetime
import http.server
import json
import sys
import threading
import traceback
import uuid

from azure.cognitiveservices.vision.customvision.prediction import CustomVisionPredictionClient
from azure.cognitiveservices.vision.customvision.prediction.models import CustomVisionErrorException
from msrest.authentication import ApiKeyCredentials

PROJECT = "64b822c5-8082-4b36-a426-225f4cc4aa78"
NAME = "Iteration 1"


def expect(holds, seen):
    if not holds:
        raise AssertionError(f"{seen}")


class Door:
    def __init__(self, address, key, picture):
        self.address = address
        self.key = key
        with open(picture, "rb") as file:
            self.picture = file.read()

    def client(self, key=None):
        credentials = ApiKeyCredentials(in_headers={"Prediction-key": key or self.key})
        return CustomVisionPredictionClient(f"http://{self.address}", credentials)

    def count(self, key):
        headers = {"X-Camera": "gate", "Idempotency-Key": key}
        return self.client().classify_image(PROJECT, NAME, self.picture, custom_headers=headers)


def check_prediction(answer):
    predictions = answer.predictions
    expect({tag.tag_name for tag in predictions} == {"ripe", "unripe"}, predictions)
    scores = [tag.probability for tag in predictions]
    expect(scores == sorted(scores, reverse=True) and abs(sum(scores) - 1) < 1e-5, scores)
    for text in [answer.id, answer.project, answer.iteration, *(tag.tag_id for tag in predictions)]:
        uuid.UUID(text)
    age = datetime.datetime.now(datetime.timezone.utc) - answer.created
    expect(abs(age.total_seconds()) < 60, answer.created)


def classified(door):
    answer = door.client().classify_image(PROJECT, NAME, door.picture)
    check_prediction(answer)
    return f"{answer.predictions[0].tag_name} {answer.predictions[0].probability:.3f}"


def classified_without_store(door):
    check_prediction(door.client().classify_image_with_no_store(PROJECT, NAME, door.picture))
    return "the same under /nostore"


class Pictures(http.server.BaseHTTPRequestHandler):
    """Serves the picture, for the module to fetch."""

    picture = b""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.picture)))
        self.end_headers()
        self.wfile.write(self.picture)

    def log_message(self, *_):
        pass


def served(picture):
    Pictures.picture = picture
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pictures)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}/picture.jpg"


def classified_by_address(door):
    by_bytes = door.client().classify_image(PROJECT, NAME, door.picture)
    answer = door.client().classify_image_url(PROJECT, NAME, url=served(door.picture))
    check_prediction(answer)
    scores = [[tag.probability for tag in it.predictions] for it in (by_bytes, answer)]
    expect(scores[0] == scores[1], scores)
    return "the same scores as for the bytes"


def classified_by_address_without_store(door):
    client = door.client()
    check_prediction(client.classify_image_url_with_no_store(PROJECT, NAME, url=served(door.picture)))
    return "the same under /nostore"


def counted(door):
    first, again, other = (door.count(key) for key in ("1", "1", "2"))
    expect(first.created == again.created, (first.created, again.created))
    expect(first.created != other.created, "another key got the same answer")
    return "a retry with its key got the first answer"


def refused(door):
    def code(act):
        try:
            act()
        except CustomVisionErrorException as error:
            return error.response.status_code, error.error.code
        raise AssertionError("it was not refused")

    wrong_key = code(lambda: door.client("other").classify_image(PROJECT, NAME, door.picture))
    expect(wrong_key[0] == 401, wrong_key)
    no_picture = code(lambda: door.client().classify_image(PROJECT, NAME, b"no picture"))
    expect(no_picture == (400, "BadRequestImageFormat"), no_picture)
    return "a wrong key with 401, no picture with 400 BadRequestImageFormat"


CHECKS = [
    ("classify", classified),
    ("classify, no store", classified_without_store),
    ("classify by address", classified_by_address),
    ("by address, no store", classified_by_address_without_store),
    ("counted once", counted),
    ("refusals", refused),
]


def main(address, key, picture):
    door = Door(address, key, picture)
    for name, check in CHECKS:
        try:
            ok, detail = True, check(door)
        except Exception as error:
            traceback.print_exc()
            ok, detail = False, f"{type(error).__name__}: {error}"
        print(json.dumps({"event": "capability", "name": name, "ok": ok, "detail": detail}), flush=True)


main(*sys.argv[1:])
