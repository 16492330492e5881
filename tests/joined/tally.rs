//! What a run was put through, for totals over many runs.

use std::collections::BTreeMap;
use std::fmt;

use crate::faults::Fault;

/// Kinds of trouble, and how often each came.
#[derive(Debug, Default, Clone)]
pub(crate) struct Tally {
    pub(crate) faults: BTreeMap<String, u64>,
    /// What the module was doing when its process was killed.
    pub(crate) crashes: BTreeMap<&'static str, u64>,
    /// Times that the connection was held closed because the ledger took nothing.
    pub(crate) holds: u64,
    /// Outages that outlasted their age, so that windows were joined.
    pub(crate) merges: u64,
    /// Times that the operator set a lot or a length of windows.
    pub(crate) changes: u64,
    /// Schedules, pictures, deliveries that were committed, duplicates among them, pictures that
    /// were rejected as crashed, reports, and calls of the ledger that failed on request.
    pub(crate) schedules: u64,
    pub(crate) pictures: u64,
    pub(crate) commits: u64,
    pub(crate) duplicates: u64,
    pub(crate) crashed: u64,
    pub(crate) reports: u64,
    pub(crate) failures: u64,
}

impl Tally {
    pub(crate) fn strike(&mut self, fault: &Fault) {
        let whole = format!("{fault:?}");
        let name: &str = whole.split(['(', ' ']).next().unwrap_or_default();
        match self.faults.get_mut(name) {
            Some(times) => *times += 1,
            None => {
                self.faults.insert(name.to_owned(), 1);
            }
        }
    }

    pub(crate) fn add(&mut self, other: &Tally) {
        for (name, times) in &other.faults {
            *self.faults.entry(name.clone()).or_default() += times;
        }
        for (moment, times) in &other.crashes {
            *self.crashes.entry(moment).or_default() += times;
        }
        self.holds += other.holds;
        self.merges += other.merges;
        self.changes += other.changes;
        self.schedules += other.schedules;
        self.pictures += other.pictures;
        self.commits += other.commits;
        self.duplicates += other.duplicates;
        self.crashed += other.crashed;
        self.reports += other.reports;
        self.failures += other.failures;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} schedules: {} pictures taken, {} deliveries committed ({} of them duplicates), \
             {} rejected as crashed, {} reports",
            self.schedules,
            self.pictures,
            self.commits,
            self.duplicates,
            self.crashed,
            self.reports
        )?;
        writeln!(
            f,
            "{} calls of the ledger failed on request, {} times the connection was held, {} times \
             windows were joined, {} changes of lot or of windows",
            self.failures, self.holds, self.merges, self.changes
        )?;
        writeln!(f, "what went wrong:")?;
        for (name, times) in &self.faults {
            writeln!(f, "{times:>9} {name}")?;
        }
        writeln!(f, "what the module was doing when it was killed:")?;
        for (moment, times) in &self.crashes {
            writeln!(f, "{times:>9} {moment}")?;
        }
        Ok(())
    }
}
