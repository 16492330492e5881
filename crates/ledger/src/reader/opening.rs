//! Opening a file for reading only, also where nothing can be written beside it.
//!
//! SQLite reads a store in WAL mode with the help of its log (`-wal`) and an index into that (`-shm`),
//! which it makes when they are missing. A writer always has both, so where one is missing *and*
//! cannot be made, as on a volume that is mounted read-only or in a copy of one, nobody writes, and
//! the file is read as *frozen*: without locks, and with its log if it has one. This room must never write to the store, and never take a
//! file for frozen that a writer may have open.

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension};

use crate::error::{LedgerError, LedgerErrorKind, file_failed, store_failed};
use crate::log_damage;
use crate::schema;
use crate::store::with_suffix;
use crate::unflushed_mark;

/// How a reader came to the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Beside a writer, whether there is one now or not.
    Shared,
    /// As a file that nobody changes: its folder cannot be written and no module has it open.
    Frozen,
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Access::Shared => "read beside the module, if one runs",
            Access::Frozen => {
                "the folder cannot be written and no module has the ledger open there: it is read \
                 as a file that nobody changes"
            }
        })
    }
}

#[derive(Debug)]
pub(super) struct Opened {
    pub(super) connection: Connection,
    pub(super) format: i64,
    pub(super) access: Access,
}

/// How long a statement waits for a writer that starts, recovers or ends.
const BUSY: Duration = Duration::from_secs(5);

pub(super) fn open(path: &Path) -> Result<Opened, LedgerError> {
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return missing(path, "there is no such file");
        }
        Err(error) => return Err(file_failed(path, "read")(error)),
        Ok(_) => {}
    }
    check_log(path)?;
    let (connection, access) = match shared(path) {
        Ok(connection) => (connection, Access::Shared),
        Err(error) if is_frozen(path, &error) => (frozen(path)?, Access::Frozen),
        Err(error) => return Err(error),
    };
    let format = check_format(&connection, path)?;
    prepare(&connection, format).map_err(store_failed(path, "prepare the reading"))?;
    Ok(Opened {
        connection,
        format,
        access,
    })
}

/// Whether the log of a file that nobody has open lost commits: SQLite would pass over them in
/// silence. A log that is being written is not looked at, nor one whose index a killed module left,
/// nor one in which a power cut may have torn what was not flushed.
fn check_log(path: &Path) -> Result<(), LedgerError> {
    if may_have_writer(path) || unflushed_mark::is_set(path)? {
        return Ok(());
    }
    let log = with_suffix(path, "-wal");
    match log_damage::find(&log).map_err(file_failed(&log, "read the log"))? {
        // A module may have begun to write it meanwhile.
        Some(finding) if !may_have_writer(path) => Err(LedgerError::Damaged {
            path: path.to_owned(),
            finding,
        }),
        Some(_) | None => Ok(()),
    }
}

/// Every page, every entry of an index, and whether each row that others name is there.
pub(super) fn check_pages(connection: &Connection, path: &Path) -> Result<(), LedgerError> {
    let failed = || store_failed(path, "check the pages");
    let verdict: String = connection
        .query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
        .map_err(failed())?;
    let mut finding = Some(verdict).filter(|verdict| verdict != "ok");
    if finding.is_none() {
        finding = connection
            .query_row("PRAGMA foreign_key_check", [], |row| {
                let (table, lost): (String, String) = (row.get(0)?, row.get(2)?);
                Ok(format!("{table} names a row of {lost} that is not there"))
            })
            .optional()
            .map_err(failed())?;
    }
    finding.map_or(Ok(()), |finding| {
        Err(LedgerError::Damaged {
            path: path.to_owned(),
            finding,
        })
    })
}

fn missing<T>(path: &Path, found: &'static str) -> Result<T, LedgerError> {
    Err(LedgerError::Missing {
        path: path.to_owned(),
        found,
    })
}

fn shared(path: &Path) -> Result<Connection, LedgerError> {
    let connection = Connection::open_with_flags(path, flags())
        .map_err(store_failed(path, "open the file for reading"))?;
    first_look(connection, path)
}

/// The store is opened when it is read first.
fn first_look(connection: Connection, path: &Path) -> Result<Connection, LedgerError> {
    let look = || {
        connection.busy_timeout(BUSY)?;
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
    };
    look().map_err(store_failed(path, "read the header"))?;
    Ok(connection)
}

fn is_frozen(path: &Path, error: &LedgerError) -> bool {
    let LedgerError::Store { source, .. } = error else {
        return false;
    };
    let not_made = matches!(
        source.sqlite_error_code(),
        Some(rusqlite::ErrorCode::CannotOpen)
    ) || error.kind() == LedgerErrorKind::ReadOnly;
    not_made && !may_have_writer(path)
}

/// Whether the files are there that a writer has for as long as it has the store open.
pub(super) fn may_have_writer(path: &Path) -> bool {
    ["-wal", "-shm"]
        .iter()
        .all(|suffix| with_suffix(path, suffix).exists())
}

fn frozen(path: &Path) -> Result<Connection, LedgerError> {
    let failed = || store_failed(path, "open the file as one that nobody changes");
    let log = fs::metadata(with_suffix(path, "-wal")).map_or(0, |log| log.len());
    let connection = if log == 0 {
        let uri = immutable_uri(path).map_err(file_failed(path, "find"))?;
        Connection::open_with_flags(uri, flags() | OpenFlags::SQLITE_OPEN_URI).map_err(failed())?
    } else {
        // Frames of the last moments are in the log alone. Without locks, and with the index in
        // memory, which is what exclusive means here, it is read as after a crash.
        let connection =
            Connection::open_with_flags_and_vfs(path, flags(), c"unix-none").map_err(failed())?;
        connection
            .pragma_update_and_check(None, "locking_mode", "EXCLUSIVE", |_| Ok(()))
            .map_err(failed())?;
        connection
    };
    first_look(connection, path)
}

fn flags() -> OpenFlags {
    OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX
}

/// A path with every byte escaped that means something in a URI.
fn immutable_uri(path: &Path) -> io::Result<String> {
    let mut uri = String::from("file:");
    for byte in path.canonicalize()?.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.".contains(byte) {
            uri.push(char::from(*byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri.push_str("?immutable=1");
    Ok(uri)
}

fn check_format(connection: &Connection, path: &Path) -> Result<i64, LedgerError> {
    let pragma = |name| {
        connection
            .pragma_query_value(None, name, |row| row.get::<_, i64>(0))
            .map_err(store_failed(path, "read the header"))
    };
    let (application, format) = (pragma("application_id")?, pragma("user_version")?);
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(store_failed(path, "read the header"))?;
    // Without tables, but not without bytes, it is in the moment in which a module begins it.
    if (application, format, tables) == (0, 0, 0) {
        return missing(path, "the file is empty, no module has counted into it yet");
    }
    if application != schema::APPLICATION_ID || format < 1 {
        return Err(LedgerError::Damaged {
            path: path.to_owned(),
            finding: format!(
                "it is marked as a file of application {application:#x} with format {format}, \
                 expected {:#x} with format 1 to {}",
                schema::APPLICATION_ID,
                schema::NEWEST
            ),
        });
    }
    if format > schema::NEWEST {
        return Err(LedgerError::NewerFormat {
            path: path.to_owned(),
            found: format,
            newest: schema::NEWEST,
        });
    }
    Ok(format)
}

/// Makes an older file look like a new one for this connection alone: a view in its own memory
/// stands in front of the table and has the columns that the table lacks.
fn prepare(connection: &Connection, format: i64) -> rusqlite::Result<()> {
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    let lacking = match format {
        1 => "0 AS carried_through, NULL AS set_aside_file, NULL AS set_aside_finding",
        2 => "NULL AS set_aside_file, NULL AS set_aside_finding",
        _ => return connection.pragma_update(None, "query_only", true),
    };
    connection.execute_batch(&format!(
        "CREATE TEMP VIEW ledger AS SELECT *, {lacking} FROM main.ledger"
    ))?;
    connection.pragma_update(None, "query_only", true)
}
