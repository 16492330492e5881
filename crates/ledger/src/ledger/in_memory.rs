//! A ledger without a disk.

use std::path::{Path, PathBuf};

use super::Ledger;
use crate::camera_names::CameraNames;
use crate::deadlines::Deadlines;
use crate::error::{LedgerError, store_failed};
use crate::flushing::Flushing;
use crate::frame::Now;
use crate::memo::Memo;
use crate::options::{CheckedOptions, LedgerOptions};
use crate::store;
use crate::totals;

/// Stands for the path of a store without a file.
const NOWHERE: &str = ":memory:";

impl Ledger {
    /// A ledger that lives as long as this value and touches no disk; commits, and what an error
    /// leaves, are those of [`Ledger::open`]'s. For simulations of whoever drives a ledger:
    /// [`Ledger::open_again`] is what a process finds on its disk after another was killed (not what
    /// a power cut leaves). `id` takes the place of the random one, so that a run
    /// can be repeated.
    ///
    /// # Errors
    /// `Argument` for options out of range, and the store's.
    pub fn in_memory(id: u64, options: LedgerOptions, now: Now) -> Result<Self, LedgerError> {
        let checked = options.check()?;
        let path = PathBuf::from(NOWHERE);
        let connection = store::open_in_memory(id, &path, now.wall)?;
        Self::over(connection, path, &checked, None, None)
    }

    /// As [`Ledger::in_memory`], in the place of this one: everything in it is gone. What SQLite
    /// has prepared is kept, which is most of what a short simulation costs.
    ///
    /// # Errors
    /// As [`Ledger::in_memory`]; `Argument`, too, for a ledger that lies in a folder.
    pub fn begin_again(
        &mut self,
        id: u64,
        options: LedgerOptions,
        now: Now,
    ) -> Result<(), LedgerError> {
        self.check_is_in_memory()?;
        let checked = options.check()?;
        store::empty(&mut self.connection, id, &self.path, now.wall)?;
        let failed = store_failed(&self.path, "read how the ledger began");
        self.beginning = store::beginning(&self.connection, &self.path).map_err(failed)?;
        self.id = totals::ledger_id(&self.connection)
            .map_err(store_failed(&self.path, "read the ledger's id"))?;
        self.holds_nothing(&checked)
    }

    /// As [`Ledger::in_memory`], over the store of this one: what the next process finds after this
    /// one was killed. Everything that was held beside the store is gone, lot and names too.
    ///
    /// # Errors
    /// As [`Ledger::begin_again`].
    pub fn open_again(&mut self, options: LedgerOptions) -> Result<(), LedgerError> {
        self.check_is_in_memory()?;
        self.holds_nothing(&options.check()?)
    }

    /// Beside the store, as when it was just opened.
    fn holds_nothing(&mut self, options: &CheckedOptions) -> Result<(), LedgerError> {
        self.deadlines = Deadlines::read(&self.connection)
            .map_err(store_failed(&self.path, "read when a window is due"))?;
        self.rules = options.rules;
        self.memo = Memo::default();
        self.durability = options.durability;
        self.flushing = Flushing::at_opening();
        self.report_limit = options.report_limit;
        self.keep_sent = options.keep_sent;
        self.lot = None;
        self.names = CameraNames::default();
        Ok(())
    }

    fn check_is_in_memory(&self) -> Result<(), LedgerError> {
        if self.path == Path::new(NOWHERE) {
            return Ok(());
        }
        Err(LedgerError::Argument {
            name: "ledger",
            seen: self.path.display().to_string(),
            expected: "a ledger in memory; what is in a folder is never emptied",
        })
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::types::Value;
    use time::OffsetDateTime;

    use super::*;
    use crate::{
        Clock, FrameKey, FrameRecord, LedgerErrorKind, ModelInfo, Outcome, RejectReason, Repeat,
        ReusedId, Software,
    };

    fn now(seconds: i64) -> Now {
        Now {
            wall: OffsetDateTime::from_unix_timestamp(1_800_000_000 + seconds).unwrap(),
            clock: Clock::Plausible,
        }
    }

    fn begun(id: u64) -> Ledger {
        Ledger::in_memory(id, LedgerOptions::default(), now(0)).unwrap()
    }

    /// Something in every table.
    fn live_through(ledger: &mut Ledger) {
        let model = ModelInfo {
            name: "m".into(),
            version: "1".into(),
            sha256: "00".into(),
        };
        let software = Software {
            version: "1".into(),
        };
        let outcomes = [
            Outcome::Classified {
                label: "ripe".into(),
            },
            Outcome::Rejected(RejectReason::Truncated),
        ];
        for (number, outcome) in outcomes.into_iter().enumerate() {
            for seconds in [0, 300] {
                let record = FrameRecord {
                    key: FrameKey {
                        message_id: Some(format!("{number}-{seconds}")),
                        ..key(number)
                    },
                    stamp: None,
                    arrival: now(seconds).wall,
                    clock: Clock::Plausible,
                    outcome: outcome.clone(),
                    reply: None,
                };
                ledger.record(&record, &model).unwrap();
            }
        }
        assert_eq!(ledger.seal_due(now(200), &software).unwrap(), 1);
        ledger.mark_sent(1, now(201)).unwrap();
        ledger.probe().unwrap();
    }

    fn key(number: usize) -> FrameKey {
        FrameKey {
            camera: format!("cam-{number}"),
            input: "images".into(),
            message_id: None,
            created: None,
            digest: [7; 32],
            repeat: Repeat::No,
            reused_id: ReusedId::default(),
        }
    }

    /// Every table with all its rows.
    fn content(ledger: &Ledger) -> Vec<(String, Vec<Vec<Value>>)> {
        let connection = &ledger.connection;
        let tables = store::tables(connection).unwrap();
        let rows = |table: &String| {
            let mut all = connection
                .prepare(&format!("SELECT * FROM {table}"))
                .unwrap();
            let columns = all.column_count();
            let row = |row: &rusqlite::Row<'_>| (0..columns).map(|at| row.get(at)).collect();
            let rows = all.query_map([], row).unwrap();
            rows.collect::<rusqlite::Result<Vec<Vec<Value>>>>().unwrap()
        };
        let all = tables.iter().map(|table| (table.clone(), rows(table)));
        all.collect()
    }

    #[test]
    fn a_ledger_begun_again_is_like_a_new_one_and_lives_like_it() {
        let mut used = begun(1);
        live_through(&mut used);
        let full = content(&used);
        assert!(full.len() >= 9 && full.iter().all(|(_, rows)| !rows.is_empty()));
        used.begin_again(2, LedgerOptions::default(), now(0))
            .unwrap();
        let mut again = used;
        let mut new = begun(2);
        assert_eq!(content(&again), content(&new));
        live_through(&mut again);
        live_through(&mut new);
        let mut both = [content(&again), content(&new)];
        for content in &mut both {
            // What a probe writes is random: one row in each.
            let (_, rows) = content
                .iter_mut()
                .find(|(table, _)| table == "probe")
                .unwrap();
            assert_eq!(rows.len(), 1);
            rows.clear();
        }
        assert_eq!(both[0], both[1]);
    }

    #[test]
    fn a_ledger_opened_again_knows_what_is_in_the_store() {
        let mut ledger = begun(1);
        live_through(&mut ledger);
        let before = (content(&ledger), ledger.deadlines.clone());
        ledger.open_again(LedgerOptions::default()).unwrap();
        assert_eq!((content(&ledger), ledger.deadlines.clone()), before);
        assert!(ledger.memo.held_memory().is_none());
        let known = FrameKey {
            message_id: Some("1-300".into()),
            ..key(1)
        };
        assert!(ledger.is_duplicate(&known).unwrap());
    }

    #[test]
    fn what_lies_in_a_folder_is_never_emptied() {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(folder.path(), LedgerOptions::default(), now(0)).unwrap();
        live_through(&mut ledger);
        let refused = ledger.begin_again(2, LedgerOptions::default(), now(0));
        assert_eq!(refused.unwrap_err().kind(), LedgerErrorKind::Argument);
        let refused = ledger.open_again(LedgerOptions::default());
        assert_eq!(refused.unwrap_err().kind(), LedgerErrorKind::Argument);
        drop(ledger);
        let kept = Ledger::open(folder.path(), LedgerOptions::default(), now(0)).unwrap();
        assert_eq!(kept.totals().unwrap().whole.frames.received, 4);
    }
}
