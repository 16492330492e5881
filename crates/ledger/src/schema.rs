//! The tables, and the way from an older format to this one.
//!
//! The format's number stands in the file (`user_version`), beside a mark that says whose file it
//! is (`application_id`). Each migration takes the file one format further; all that are due run in
//! one commit, so that a crash leaves the old format or the new one. A migration that was once
//! released must never change; a new format gets a new one at the end of the list.
//!
//! | table | one row for |
//! |---|---|
//! | `ledger` | the ledger itself (one row) |
//! | `model`, `camera` | a model and a camera that was seen, under a short number |
//! | `open_window` | a window of one model, one clock state and one lot that is not sealed yet |
//! | `frame_sum` | the frames of one camera in one scope, by outcome |
//! | `named_sum` | the fruits by label, and the rejected frames by reason, of the same |
//! | `report` | a sealed report, sent or not |
//! | `remembered` | a frame of a camera that may come again, in the order in which they came, with the reply that was kept with it; `id` is empty where it has no message id |
//! | `recent` | one of the last ten frames of an input |
//! | `probe` | what was last written to see whether the disk can be written (one row, none at first) |
//!
//! A *scope* is what a sum is over: 0 everything recorded since the ledger began, -1 everything
//! that sealed reports say, -2 what is carried forward of reports that are not kept any more, a
//! positive number the open window of that number. So `0 = -1 + Σ open windows` and
//! `-1 = -2 + Σ reports` at every commit, for each camera.

use rusqlite::Connection;

/// Marks a SQLite file as a ledger of ours: "FCNT".
pub(crate) const APPLICATION_ID: i64 = 0x4643_4e54;

/// The newest format that this program reads and the one it writes.
pub(crate) const NEWEST: i64 = 5;

/// `MIGRATIONS[n]` takes a file from format `n` to `n + 1`.
const MIGRATIONS: [&str; 5] = [FORMAT_1, FORMAT_2, FORMAT_3, FORMAT_4, FORMAT_5];

/// Takes a file of format `from` (0: a new one) to [`NEWEST`], in the caller's transaction.
pub(crate) fn migrate(connection: &Connection, from: i64) -> rusqlite::Result<()> {
    for (format, migration) in (1_i64..).zip(MIGRATIONS) {
        if format > from {
            connection.execute_batch(migration)?;
        }
    }
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    connection.pragma_update(None, "user_version", NEWEST)
}

/// The check holds `received = Σ outcomes` for every row at every commit: the store itself refuses
/// a commit that breaks it.
const FORMAT_1: &str = "
CREATE TABLE ledger (
    one             INTEGER PRIMARY KEY CHECK (one = 1),
    id              TEXT    NOT NULL,
    created_at      INTEGER NOT NULL,
    next_sequence   INTEGER NOT NULL CHECK (next_sequence >= 1),
    probes          INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE model (
    model   INTEGER PRIMARY KEY,
    name    TEXT NOT NULL,
    version TEXT NOT NULL,
    sha256  TEXT NOT NULL,
    UNIQUE (name, version, sha256)
) STRICT;

CREATE TABLE camera (
    camera  INTEGER PRIMARY KEY CHECK (camera > 0),
    name    TEXT NOT NULL UNIQUE
) STRICT;

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

CREATE TABLE named_sum (
    scope   INTEGER NOT NULL,
    camera  INTEGER NOT NULL REFERENCES camera,
    kind    TEXT    NOT NULL CHECK (kind IN ('fruit', 'rejected')),
    name    TEXT    NOT NULL,
    number  INTEGER NOT NULL CHECK (number > 0),
    PRIMARY KEY (scope, camera, kind, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE report (
    sequence    INTEGER PRIMARY KEY,
    starts_at   INTEGER NOT NULL,
    ends_at     INTEGER NOT NULL,
    sealed_at   INTEGER NOT NULL,
    sent_at     INTEGER,
    report_id   TEXT    NOT NULL,
    body        BLOB    NOT NULL
) STRICT;
CREATE INDEX report_unsent ON report (sequence) WHERE sent_at IS NULL;

CREATE TABLE remembered (
    camera  INTEGER NOT NULL REFERENCES camera,
    id      BLOB    NOT NULL,
    content BLOB    NOT NULL,
    ordinal INTEGER NOT NULL,
    PRIMARY KEY (camera, id, content)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX remembered_order ON remembered (camera, ordinal);

CREATE TABLE recent (
    input   TEXT    NOT NULL,
    slot    INTEGER NOT NULL CHECK (slot BETWEEN 0 AND 9),
    ordinal INTEGER NOT NULL,
    camera  INTEGER NOT NULL REFERENCES camera,
    content BLOB,
    PRIMARY KEY (input, slot)
) STRICT, WITHOUT ROWID;
";

/// What letting reports go needs: how far they are carried forward, the run of the wall clock, and
/// which clock placed a report's window. A body that makes no sense stays `unsure` until somebody
/// reads it.
const FORMAT_2: &str = "
ALTER TABLE ledger ADD COLUMN carried_through INTEGER NOT NULL DEFAULT 0
    CHECK (carried_through >= 0);
ALTER TABLE ledger ADD COLUMN clock_began INTEGER;
ALTER TABLE ledger ADD COLUMN clock_seen INTEGER;

ALTER TABLE report ADD COLUMN clock TEXT NOT NULL DEFAULT 'unsure'
    CHECK (clock IN ('plausible', 'unsure'));
UPDATE report SET clock = 'plausible'
    WHERE CASE WHEN json_valid(CAST(body AS TEXT))
        THEN json_extract(CAST(body AS TEXT), '$.clock') = 'plausible'
        ELSE 0 END;
CREATE INDEX report_dated ON report (sequence, ends_at) WHERE clock = 'plausible';
";

/// Which damaged file this ledger was begun in place of, null where there was none; and what a
/// sender was answered, to be answered again when the frame comes again.
const FORMAT_3: &str = "
ALTER TABLE ledger ADD COLUMN set_aside_file TEXT;
ALTER TABLE ledger ADD COLUMN set_aside_finding TEXT;
ALTER TABLE remembered ADD COLUMN reply BLOB;
";

/// Keeping this index cost each frame as much as all the rest; what goes by the order now reads the
/// camera's frames, once for many that go. And room for a probe that is as large as a frame's commit.
const FORMAT_4: &str = "
DROP INDEX remembered_order;
CREATE TABLE probe (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    filler  BLOB NOT NULL
) STRICT;
";

/// The frames in the order in which they came, so that one is written beside the one before, on a
/// page that is being written anyway. Before, each had a page of its own to change, and each that
/// went another. Of an older file the order between cameras is not known: their newest frames are
/// put beside each other, and which is the oldest of all is a guess until these have gone. Sorted
/// without the replies, which would be held in memory. Without a reference to `camera`, whose rows never go: following it would
/// cost each frame a question.
const FORMAT_5: &str = "
CREATE TEMP TABLE in_order AS
    SELECT camera, id, content FROM remembered
    JOIN (SELECT camera, max(ordinal) AS last FROM remembered GROUP BY camera) USING (camera)
    ORDER BY ordinal - last, camera;
ALTER TABLE remembered RENAME TO by_id;
CREATE TABLE remembered (
    ordinal INTEGER PRIMARY KEY,
    camera  INTEGER NOT NULL,
    id      BLOB    NOT NULL,
    content BLOB    NOT NULL,
    reply   BLOB
) STRICT;
INSERT INTO remembered (ordinal, camera, id, content, reply)
    SELECT in_order.rowid, camera, id, content, reply
    FROM temp.in_order CROSS JOIN by_id USING (camera, id, content);
DROP TABLE by_id;
DROP TABLE temp.in_order;
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_format_4_keep_their_order_and_what_was_kept_with_them() {
        let store = Connection::open_in_memory().unwrap();
        for migration in &MIGRATIONS[..4] {
            store.execute_batch(migration).unwrap();
        }
        // `old` sent long ago and little, `new` more, and by their numbers later.
        store
            .execute_batch(
                "INSERT INTO camera VALUES (1, 'old'), (2, 'new');
                 INSERT INTO remembered VALUES
                    (1, x'0a', x'aa', 1, NULL),
                    (1, x'09', x'bb', 2, x'7b7d'),
                    (2, x'', x'cc', 1001, NULL),
                    (2, x'08', x'dd', 1003, NULL),
                    (2, x'07', x'ee', 1002, NULL);",
            )
            .unwrap();
        migrate(&store, 4).unwrap();
        let frames: Vec<String> = store
            .prepare("SELECT * FROM remembered ORDER BY ordinal")
            .unwrap()
            .query_map([], |row| {
                Ok(format!(
                    "{} camera {} {:02x?} {:02x?} {:02x?}",
                    row.get::<_, i64>(0)?,
                    row.get::<_, i64>(1)?,
                    row.get::<_, Vec<u8>>(2)?,
                    row.get::<_, Vec<u8>>(3)?,
                    row.get::<_, Option<Vec<u8>>>(4)?,
                ))
            })
            .unwrap()
            .collect::<rusqlite::Result<_>>()
            .unwrap();
        assert_eq!(
            frames,
            [
                "1 camera 2 [] [cc] None",
                "2 camera 1 [0a] [aa] None",
                "3 camera 2 [07] [ee] None",
                "4 camera 1 [09] [bb] Some([7b, 7d])",
                "5 camera 2 [08] [dd] None",
            ]
        );
    }
}
