-- A file of format 1 as its program wrote it: two cameras, a report that was sent, one under an
-- unsure clock that waits, an open window, and a frame without a message id among the last ten.
PRAGMA auto_vacuum = INCREMENTAL;
PRAGMA application_id = 1178816084;
PRAGMA user_version = 1;
BEGIN TRANSACTION;
CREATE TABLE camera (
    camera  INTEGER PRIMARY KEY CHECK (camera > 0),
    name    TEXT NOT NULL UNIQUE
) STRICT;
INSERT INTO "camera" VALUES(1,'cam-a');
INSERT INTO "camera" VALUES(2,'cam-b');
CREATE TABLE frame_sum (
    scope       INTEGER NOT NULL,
    camera      INTEGER NOT NULL REFERENCES camera,
    received    INTEGER NOT NULL,
    classified  INTEGER NOT NULL,
    unsure      INTEGER NOT NULL,
    ignored     INTEGER NOT NULL,
    duplicate   INTEGER NOT NULL,
    rejected    INTEGER NOT NULL,
    PRIMARY KEY (scope, camera),
    CHECK (received = classified + unsure + ignored + duplicate + rejected)
) STRICT, WITHOUT ROWID;
INSERT INTO "frame_sum" VALUES(-1,1,3,3,0,0,0,0);
INSERT INTO "frame_sum" VALUES(-1,2,2,1,0,0,0,1);
INSERT INTO "frame_sum" VALUES(0,1,4,4,0,0,0,0);
INSERT INTO "frame_sum" VALUES(0,2,2,1,0,0,0,1);
INSERT INTO "frame_sum" VALUES(1,1,1,1,0,0,0,0);
CREATE TABLE ledger (
    one             INTEGER PRIMARY KEY CHECK (one = 1),
    id              TEXT    NOT NULL,
    created_at      INTEGER NOT NULL,
    next_sequence   INTEGER NOT NULL CHECK (next_sequence >= 1),
    probes          INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO "ledger" VALUES(1,'bd052fe30ece76a2',1795428000,3,0);
CREATE TABLE model (
    model   INTEGER PRIMARY KEY,
    name    TEXT NOT NULL,
    version TEXT NOT NULL,
    sha256  TEXT NOT NULL,
    UNIQUE (name, version, sha256)
) STRICT;
INSERT INTO "model" VALUES(1,'bundled','1','abababababababababababababababababababababababababababababababab');
CREATE TABLE named_sum (
    scope   INTEGER NOT NULL,
    camera  INTEGER NOT NULL REFERENCES camera,
    kind    TEXT    NOT NULL CHECK (kind IN ('fruit', 'rejected')),
    name    TEXT    NOT NULL,
    number  INTEGER NOT NULL CHECK (number > 0),
    PRIMARY KEY (scope, camera, kind, name)
) STRICT, WITHOUT ROWID;
INSERT INTO "named_sum" VALUES(-1,1,'fruit','ripe',3);
INSERT INTO "named_sum" VALUES(-1,2,'fruit','unripe',1);
INSERT INTO "named_sum" VALUES(-1,2,'rejected','empty',1);
INSERT INTO "named_sum" VALUES(0,1,'fruit','ripe',4);
INSERT INTO "named_sum" VALUES(0,2,'fruit','unripe',1);
INSERT INTO "named_sum" VALUES(0,2,'rejected','empty',1);
INSERT INTO "named_sum" VALUES(1,1,'fruit','ripe',1);
CREATE TABLE open_window (
    open_window INTEGER PRIMARY KEY CHECK (open_window > 0),
    starts_at   INTEGER NOT NULL,
    ends_at     INTEGER NOT NULL CHECK (ends_at > starts_at),
    model       INTEGER NOT NULL REFERENCES model,
    clock       TEXT    NOT NULL CHECK (clock IN ('plausible', 'unsure')),
    lot         TEXT    NOT NULL DEFAULT '',
    due_at      INTEGER NOT NULL,
    UNIQUE (starts_at, ends_at, model, clock, lot)
) STRICT;
INSERT INTO "open_window" VALUES(1,1795428060,1795428120,1,'plausible','',1795428120);
CREATE TABLE recent (
    input   TEXT    NOT NULL,
    slot    INTEGER NOT NULL CHECK (slot BETWEEN 0 AND 9),
    ordinal INTEGER NOT NULL,
    camera  INTEGER NOT NULL REFERENCES camera,
    content BLOB,
    PRIMARY KEY (input, slot)
) STRICT, WITHOUT ROWID;
INSERT INTO "recent" VALUES('images',0,1,1,NULL);
INSERT INTO "recent" VALUES('images',1,2,1,NULL);
INSERT INTO "recent" VALUES('images',2,3,1,NULL);
INSERT INTO "recent" VALUES('images',3,4,2,NULL);
INSERT INTO "recent" VALUES('images',4,5,2,NULL);
INSERT INTO "recent" VALUES('images',5,6,1,X'F97A93A75035E6899D0A0E43CA46E6F9');
CREATE TABLE remembered (
    camera  INTEGER NOT NULL REFERENCES camera,
    id      BLOB    NOT NULL,
    content BLOB    NOT NULL,
    ordinal INTEGER NOT NULL,
    PRIMARY KEY (camera, id, content)
) STRICT, WITHOUT ROWID;
INSERT INTO "remembered" VALUES(1,X'A2526BC2EFA31901D1FC9BF5AB9B792B',X'66687AADF862BD776C8FC18B8E9F8E20',1);
INSERT INTO "remembered" VALUES(1,X'A461B472CB41A9EC3DEE5C90CF8E4A78',X'D1AD35A94F018CCB8E40A06FED17DB11',2);
INSERT INTO "remembered" VALUES(1,X'8AE2A41095969CE3EBEFC08446532811',X'03DE22D278E3BE1E8FDB7DA3EE6679E6',3);
INSERT INTO "remembered" VALUES(2,X'6A7199FB975097D0335B121EF4A21797',X'C41A05590F3DE1AD1E699FC8752222C5',1);
INSERT INTO "remembered" VALUES(2,X'65C0A26039D777AE2EF7C60E92E3EF7B',X'A5FE20624689A0F3378834E922989DDA',2);
CREATE TABLE report (
    sequence    INTEGER PRIMARY KEY,
    starts_at   INTEGER NOT NULL,
    ends_at     INTEGER NOT NULL,
    sealed_at   INTEGER NOT NULL,
    sent_at     INTEGER,
    report_id   TEXT    NOT NULL,
    body        BLOB    NOT NULL
) STRICT;
INSERT INTO "report" VALUES(1,1795428000,1795428060,1795428060,1795428061,'bd052fe30ece76a2-1',CAST('{"schema":"fruit-counts/1","reportId":"bd052fe30ece76a2-1","sequence":1,"ledger":"bd052fe30ece76a2","windowStart":"2026-11-23T10:00:00Z","windowEnd":"2026-11-23T10:01:00Z","clock":"plausible","counts":{"ripe":3},"frames":{"received":4,"classified":3,"unsure":0,"ignored":0,"duplicate":0,"rejected":{"empty":1}},"cameras":{"cam-a":{"counts":{"ripe":3},"frames":{"received":3,"classified":3,"unsure":0,"ignored":0,"duplicate":0,"rejected":{}}},"cam-b":{"counts":{},"frames":{"received":1,"classified":0,"unsure":0,"ignored":0,"duplicate":0,"rejected":{"empty":1}}}},"totals":{"counts":{"ripe":3},"frames":{"received":4,"classified":3,"unsure":0,"ignored":0,"duplicate":0,"rejected":{"empty":1}}},"model":{"name":"bundled","version":"1","sha256":"abababababababababababababababababababababababababababababababab"},"module":{"version":"0.1.0"}}' AS BLOB));
INSERT INTO "report" VALUES(2,1795428000,1795428060,1795428060,NULL,'bd052fe30ece76a2-2',CAST('{"schema":"fruit-counts/1","reportId":"bd052fe30ece76a2-2","sequence":2,"ledger":"bd052fe30ece76a2","windowStart":"2026-11-23T10:00:00Z","windowEnd":"2026-11-23T10:01:00Z","clock":"unsure","counts":{"unripe":1},"frames":{"received":1,"classified":1,"unsure":0,"ignored":0,"duplicate":0,"rejected":{}},"cameras":{"cam-b":{"counts":{"unripe":1},"frames":{"received":1,"classified":1,"unsure":0,"ignored":0,"duplicate":0,"rejected":{}}}},"totals":{"counts":{"ripe":3,"unripe":1},"frames":{"received":5,"classified":4,"unsure":0,"ignored":0,"duplicate":0,"rejected":{"empty":1}}},"model":{"name":"bundled","version":"1","sha256":"abababababababababababababababababababababababababababababababab"},"module":{"version":"0.1.0"}}' AS BLOB));
CREATE INDEX report_unsent ON report (sequence) WHERE sent_at IS NULL;
CREATE UNIQUE INDEX remembered_order ON remembered (camera, ordinal);
COMMIT;
