//! A ledger at one moment, for people.

use std::collections::BTreeMap;

use serde::Serialize;
use time::OffsetDateTime;

use super::LedgerReader;
use super::rows::{self, WindowRow};
use super::span::Span;
use crate::error::{LedgerError, store_failed};
use crate::outbox;
use crate::sums::{self, Scope, Sums};

/// Everything worth a look, read at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Id of the ledger.
    pub ledger: String,
    /// Format of its file.
    pub format: i64,
    /// When it began, by the wall clock of then.
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
    /// The damaged file in whose place it began, and what was wrong with that.
    pub set_aside: Option<SetAsideFile>,
    /// Reports sealed since the ledger began; the sequence number of the last one.
    pub sealed_reports: u64,
    /// Of them, those that are not kept any more: the first so many.
    pub carried_forward: u64,
    /// Of them, those that the hub has not taken yet.
    pub unsent_reports: u64,
    /// Everything counted since the ledger began, open windows included.
    pub totals: Sums,
    /// The same by camera, every one that was ever seen. In JSON absent when it is empty.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub cameras: BTreeMap<String, Sums>,
    /// The windows that are not sealed yet.
    pub open: Vec<WindowRow>,
    /// The last reports, oldest first.
    pub last: Vec<WindowRow>,
}

/// A damaged file that lies beside the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SetAsideFile {
    /// Its name in the ledger's folder.
    pub file: String,
    /// What was found to be wrong.
    pub finding: String,
}

pub(super) fn read(reader: &LedgerReader, last: usize) -> Result<Summary, LedgerError> {
    let failed = || store_failed(&reader.path, "read the sums");
    let moment = reader
        .connection
        .unchecked_transaction()
        .map_err(failed())?;
    let read = || {
        let cameras = sums::of_cameras(&moment, Scope::Recorded)?;
        let open = rows::open(&moment, Span::ALWAYS)?;
        Ok((
            cameras,
            open,
            rows::bounds(&moment)?,
            outbox::waiting(&moment)?,
        ))
    };
    let (cameras, open, bounds, unsent_reports) = read().map_err(failed())?;
    let set_aside = reader.beginning.set_aside.as_ref();
    Ok(Summary {
        ledger: reader.id.clone(),
        format: reader.format,
        since: reader.beginning.at,
        set_aside: set_aside.map(|aside| SetAsideFile {
            file: aside
                .path
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default(),
            finding: aside.finding.clone(),
        }),
        sealed_reports: bounds.sealed,
        carried_forward: bounds.carried,
        unsent_reports,
        totals: sums::whole(&cameras),
        cameras,
        open,
        last: rows::last(&moment, &reader.path, last)?,
    })
}
