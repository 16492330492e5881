//! Everything that a ledger has counted, for people and metrics.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;
use serde::Serialize;

use crate::outbox;
use crate::seal::next_sequence;
use crate::sums::{self, Scope, Sums, number};

/// The counts since the ledger began. Unlike a report's totals they include open windows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Id of the ledger.
    pub ledger: String,
    /// Of all cameras.
    pub whole: Sums,
    /// Of each camera that was ever seen.
    pub cameras: BTreeMap<String, Sums>,
    /// Windows with frames that are not sealed yet.
    pub open_windows: u64,
    /// Reports sealed since the ledger began; the sequence number of the last one.
    pub sealed_reports: u64,
    /// Reports that the hub has not taken yet.
    pub unsent_reports: u64,
}

/// Reads all of it at one moment of the ledger's life.
pub(crate) fn read(connection: &Connection) -> rusqlite::Result<Totals> {
    let moment = connection.unchecked_transaction()?;
    let cameras = sums::of_cameras(&moment, Scope::Recorded)?;
    Ok(Totals {
        ledger: ledger_id(&moment)?,
        whole: sums::whole(&cameras),
        cameras,
        open_windows: moment
            .prepare_cached("SELECT count(*) FROM open_window")?
            .query_row([], |row| number(row, 0))?,
        sealed_reports: next_sequence(&moment)?.saturating_sub(1),
        unsent_reports: outbox::waiting(&moment)?,
    })
}

/// Every label that was ever counted.
pub(crate) fn labels(connection: &Connection) -> rusqlite::Result<BTreeSet<String>> {
    connection
        .prepare_cached("SELECT DISTINCT name FROM named_sum WHERE scope = ?1 AND kind = 'fruit'")?
        .query_map([Scope::Recorded.number()], |row| row.get(0))?
        .collect()
}

/// The ledger's id.
pub(crate) fn ledger_id(connection: &Connection) -> rusqlite::Result<String> {
    connection
        .prepare_cached("SELECT id FROM ledger")?
        .query_row([], |row| row.get(0))
}
