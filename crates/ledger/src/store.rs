//! Opening the store: from a folder to a connection that is safe to count into.
//!
//! Order, and what a crash between two steps leaves:
//! 1. the folder is made and its parent flushed; 2. the lock is taken (by the caller); 3. a file
//!    that is damaged is set aside: first the store, then its log, each by one rename. A crash
//!    between the two leaves a log without a store, which the next open sets aside too, so that it
//!    is never replayed into a new store; 4. tables, format and id are written in one commit: a crash
//!    before it leaves an empty file, which opens as a new ledger, and one that finds a file set aside
//!    in the folder tells of it; 5. the mark of a log with unflushed commits is set or removed, see
//!    `unflushed_mark`; 6. the folder is flushed.
//!
//! A file is set aside only when its content is wrong, or its log lost what was flushed, see
//! `log_damage`. A disk that is full, busy or failing is an
//! error, since the content may be good.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, TransactionBehavior, params};
use time::OffsetDateTime;
use time::macros::format_description;

use crate::error::{LedgerError, LedgerErrorKind, file_failed, store_failed};
use crate::flushing::Durability;
use crate::log_damage;
use crate::schema;
use crate::unflushed_mark;
use crate::window::{instant, seconds};

/// A damaged file that was moved out of the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    /// Where it lies now, named by the time at which it was moved. Its log, if it had one, lies
    /// beside it with `-wal` added, so that the `sqlite3` tool can still try to read both.
    pub path: PathBuf,
    /// What was found to be wrong.
    pub finding: String,
}

/// How this ledger began, for as long as it lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beginning {
    /// When, by the wall clock of then.
    pub at: OffsetDateTime,
    /// The damaged file in whose place it began, if it did: its counts are not in this ledger.
    pub set_aside: Option<SetAside>,
}

/// So much of a finding is kept with the ledger, in characters.
const KEPT_FINDING: usize = 300;

/// Reads how a ledger began.
pub(crate) fn beginning(connection: &Connection, path: &Path) -> rusqlite::Result<Beginning> {
    connection.query_row(
        "SELECT created_at, set_aside_file, set_aside_finding FROM ledger",
        [],
        |row| {
            let file: Option<String> = row.get(1)?;
            let finding: Option<String> = row.get(2)?;
            Ok(Beginning {
                at: instant(row.get(0)?),
                set_aside: file.map(|file| SetAside {
                    path: path.with_file_name(file),
                    finding: finding.unwrap_or_default(),
                }),
            })
        },
    )
}

/// The store's file in its folder.
pub(crate) const STORE_FILE: &str = "counts.db";

/// How long a statement waits for another process that reads or checks the file.
pub(crate) const BUSY: Duration = Duration::from_secs(5);

/// A frame changes a few bytes in each of some pages, and whole pages go to the log.
const PAGE_BYTES: i64 = 1024;

/// The log is folded into the store when it holds so many bytes of pages, and cut back to as much.
const LOG_BYTES: i64 = 4 << 20;

/// Above the number of our statements, so that none is ever prepared twice.
const STATEMENTS: usize = 64;

/// Makes the folder, if it is missing, in a way that survives a power cut.
pub(crate) fn make_folder(dir: &Path) -> Result<(), LedgerError> {
    if dir.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(dir).map_err(file_failed(dir, "create the folder"))?;
    match dir.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(parent) => flush_folder(parent),
        None => Ok(()),
    }
}

/// Whether there is something in the store's log, so that not all of it may be flushed.
pub(crate) fn is_log_left(path: &Path) -> Result<bool, LedgerError> {
    let log = with_suffix(path, "-wal");
    match fs::metadata(&log) {
        Ok(found) => Ok(found.len() > 0),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(cause) => Err(file_failed(&log, "look for the log")(cause)),
    }
}

/// Opens the store of a folder, setting a damaged one aside and beginning a new one.
pub(crate) fn open(
    dir: &Path,
    now: OffsetDateTime,
    durability: Durability,
) -> Result<(Connection, Option<SetAside>), LedgerError> {
    let path = dir.join(STORE_FILE);
    let mut aside = None;
    if !path.exists() && with_suffix(&path, "-wal").exists() {
        let to = half_set_aside(&path)?.unwrap_or_else(|| free_name(&path, now));
        aside = Some(set_aside(&path, to, "a log without a store".to_owned())?);
    }
    let connection = match open_file(&path, now, &mut aside) {
        Err(error) if error.kind() == LedgerErrorKind::Damaged => {
            aside = Some(set_aside(
                &path,
                free_name(&path, now),
                with_causes(&error),
            )?);
            open_file(&path, now, &mut aside)?
        }
        opened => opened?,
    };
    unflushed_mark::update(&path, &connection, durability)?;
    flush_folder(dir)?;
    Ok((connection, aside))
}

fn open_file(
    path: &Path,
    now: OffsetDateTime,
    aside: &mut Option<SetAside>,
) -> Result<Connection, LedgerError> {
    // Before SQLite sees the log: it would cut off what it does not believe.
    if !unflushed_mark::is_set(path)? {
        let log = with_suffix(path, "-wal");
        if let Some(finding) = log_damage::find(&log).map_err(file_failed(&log, "read the log"))? {
            return Err(LedgerError::Damaged {
                path: path.to_owned(),
                finding,
            });
        }
    }
    let mut connection = Connection::open(path).map_err(store_failed(path, "open the file"))?;
    let format = check(&connection, path)?;
    if format == 0 && aside.is_none() {
        *aside = left_by_an_earlier_start(path)?;
    }
    let doing = "prepare the tables";
    configure(&connection, format).map_err(store_failed(path, doing))?;
    if format < schema::NEWEST {
        begin_or_migrate(&mut connection, format, now, aside.as_ref())
            .map_err(store_failed(path, doing))?;
    }
    Ok(connection)
}

/// A store that is gone with its connection, of a ledger with this id.
pub(crate) fn open_in_memory(
    id: u64,
    path: &Path,
    now: OffsetDateTime,
) -> Result<Connection, LedgerError> {
    let open = || {
        let mut connection = Connection::open_in_memory()?;
        connection.set_prepared_statement_cache_capacity(2 * STATEMENTS);
        begin_or_migrate(&mut connection, 0, now, None)?;
        connection.execute("UPDATE ledger SET id = ?1", [format!("{id:016x}")])?;
        Ok(connection)
    };
    open().map_err(store_failed(path, "make a store in memory"))
}

/// Makes a store of a ledger with this id out of a used one. The tables stay as they are, and so
/// does what is prepared for them.
pub(crate) fn empty(
    connection: &mut Connection,
    id: u64,
    path: &Path,
    now: OffsetDateTime,
) -> Result<(), LedgerError> {
    let mut empty = || {
        let change = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // The youngest first: they refer to older ones.
        for table in tables(&change)?.iter().rev() {
            let statement = format!("DELETE FROM {table}");
            change.prepare_cached(&statement)?.execute([])?;
        }
        change
            .prepare_cached(
                "INSERT INTO ledger (one, id, created_at, next_sequence) VALUES (1, ?1, ?2, 1)",
            )?
            .execute(params![format!("{id:016x}"), seconds(now)])?;
        change.commit()
    };
    empty().map_err(store_failed(path, "empty a store in memory"))
}

/// The tables, in the order in which they were made.
pub(crate) fn tables(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    connection
        .prepare_cached("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY rowid")?
        .query_map([], |row| row.get(0))?
        .collect()
}

/// Looks at a file before anything is written to it. Gives its format; 0 is an empty file.
fn check(connection: &Connection, path: &Path) -> Result<i64, LedgerError> {
    let (application, format, tables) =
        header(connection).map_err(store_failed(path, "read the header"))?;
    let damaged = |finding| {
        Err(LedgerError::Damaged {
            path: path.to_owned(),
            finding,
        })
    };
    if (application, format, tables) == (0, 0, 0) {
        return Ok(0);
    }
    if application != schema::APPLICATION_ID {
        return damaged(format!(
            "it is marked as a file of application {application:#x}, expected {:#x}",
            schema::APPLICATION_ID
        ));
    }
    if format > schema::NEWEST {
        let newest = schema::NEWEST;
        return Err(LedgerError::NewerFormat {
            path: path.to_owned(),
            found: format,
            newest,
        });
    }
    let verdict: String = connection
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        .map_err(store_failed(path, "check the pages"))?;
    if verdict != "ok" {
        return damaged(verdict);
    }
    Ok(format)
}

fn header(connection: &Connection) -> rusqlite::Result<(i64, i64, i64)> {
    connection.busy_timeout(BUSY)?;
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get(0));
    let tables =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok((pragma("application_id")?, pragma("user_version")?, tables))
}

fn configure(connection: &Connection, format: i64) -> rusqlite::Result<()> {
    // In a container that can write nothing but this folder there is no place for temporary files,
    // which a large sort or a change of many rows would ask for.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    if format == 0 {
        // First: the next setting fixes it.
        connection.pragma_update(None, "page_size", PAGE_BYTES)?;
        // Lets the retention give pages back without rewriting the file; cannot be turned on once
        // there are tables.
        connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    }
    let mode: String =
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if mode != "wal" {
        // A file system without shared memory, such as some network mounts.
        return Err(rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error {
                code: ErrorCode::SystemIoFailure,
                extended_code: 0,
            },
            Some(format!(
                "journal mode is {mode}, expected wal: use a local file system"
            )),
        ));
    }
    connection.pragma_update(None, "synchronous", "FULL")?;
    // Of an older file the pages keep their size.
    let page: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
    connection.pragma_update(None, "wal_autocheckpoint", LOG_BYTES / page)?;
    connection.pragma_update_and_check(None, "journal_size_limit", LOG_BYTES, |_| Ok(()))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(())
}

fn begin_or_migrate(
    connection: &mut Connection,
    format: i64,
    now: OffsetDateTime,
    aside: Option<&SetAside>,
) -> rusqlite::Result<()> {
    let change = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    schema::migrate(&change, format)?;
    if format == 0 {
        // 64 random bits from the operating system, which seeds SQLite's generator.
        change.execute(
            "INSERT INTO ledger
                (one, id, created_at, next_sequence, set_aside_file, set_aside_finding)
             VALUES (1, lower(hex(randomblob(8))), ?1, 1, ?2, ?3)",
            params![
                seconds(now),
                aside
                    .and_then(|aside| aside.path.file_name())
                    .map(|name| name.to_string_lossy()),
                aside.map(|aside| { aside.finding.chars().take(KEPT_FINDING).collect::<String>() }),
            ],
        )?;
    }
    change.commit()
}

/// Moves a store and its log out of the way.
fn set_aside(path: &Path, aside: PathBuf, finding: String) -> Result<SetAside, LedgerError> {
    for suffix in ["", "-wal"] {
        let from = with_suffix(path, suffix);
        if from.exists() {
            fs::rename(&from, with_suffix(&aside, suffix))
                .map_err(file_failed(&from, "set aside"))?;
        }
    }
    // Only an index into the log, made anew whenever it is missing.
    let index = with_suffix(path, "-shm");
    if index.exists() {
        fs::remove_file(&index).map_err(file_failed(&index, "remove"))?;
    }
    Ok(SetAside {
        path: aside,
        finding,
    })
}

/// The file that was set aside last, for a ledger that begins: a start that was stopped between
/// setting it aside and beginning another ledger has told nobody.
fn left_by_an_earlier_start(path: &Path) -> Result<Option<SetAside>, LedgerError> {
    let names = names_beside(path)?;
    let stems = names.iter().filter_map(|name| {
        let name = name.strip_suffix("-wal").unwrap_or(name);
        name.strip_suffix(".db")
            .filter(|stem| stem.starts_with(ASIDE))
    });
    Ok(stems.max().map(|stem| SetAside {
        path: path.with_file_name(format!("{stem}.db")),
        finding: "an earlier start set it aside and was stopped before it could say why".to_owned(),
    }))
}

/// The store that was set aside last, if its log does not lie beside it: a start was stopped between
/// moving the two.
fn half_set_aside(path: &Path) -> Result<Option<PathBuf>, LedgerError> {
    let names = names_beside(path)?;
    let is_store = |name: &&String| name.starts_with(ASIDE) && name.ends_with(".db");
    let last = names.iter().filter(is_store).max_by_key(|name| {
        // Without the ending, after which a second one of the same time would come first.
        name.strip_suffix(".db").map(str::to_owned)
    });
    Ok(last
        .map(|name| path.with_file_name(name))
        .filter(|store| !with_suffix(store, "-wal").exists()))
}

fn names_beside(path: &Path) -> Result<Vec<String>, LedgerError> {
    let dir = path.parent().unwrap_or(Path::new("."));
    fs::read_dir(dir)
        .and_then(|entries| {
            entries
                .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
                .collect::<io::Result<Vec<_>>>()
        })
        .map_err(file_failed(dir, "list the folder"))
}

/// How the names of files begin that were set aside; the time follows.
const ASIDE: &str = "counts-damaged-";

fn free_name(path: &Path, now: OffsetDateTime) -> PathBuf {
    let stamp = now
        .to_offset(time::UtcOffset::UTC)
        .format(format_description!(
            "[year][month][day]T[hour][minute][second]Z"
        ))
        // Only a year that has more than four digits cannot be written.
        .unwrap_or_else(|_| "undated".to_owned());
    let name = |again: u32| match again {
        0 => format!("{ASIDE}{stamp}.db"),
        again => format!("{ASIDE}{stamp}-{again}.db"),
    };
    let taken = |path: &PathBuf| path.exists() || with_suffix(path, "-wal").exists();
    (0..)
        .map(|again| path.with_file_name(name(again)))
        .find(|path| !taken(path))
        .unwrap_or_else(|| path.with_extension("damaged"))
}

pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn flush_folder(dir: &Path) -> Result<(), LedgerError> {
    File::open(dir)
        .and_then(|dir| dir.sync_all())
        .map_err(file_failed(dir, "flush the folder"))
}

fn with_causes(error: &LedgerError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    text
}
