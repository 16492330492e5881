//! What the module never forgets: the pictures it has counted and the reports it has sealed.
//! A crash of the application leaves it whole, as a commit to disk would. Where the module is the
//! product's, its real ledger is in [`crate::books`], and these are the world's notes of it.

use std::collections::{BTreeMap, VecDeque};

/// The durable part of the module.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// How often each picture was delivered to the point of its commit.
    deliveries: BTreeMap<String, u32>,
    /// Pictures in the order in which they were counted.
    pub(crate) counted: Vec<String>,
    /// Reports in the order of sealing; never removed, only marked.
    pub(crate) reports: BTreeMap<String, Report>,
    /// Sealed and not known to be in the hub, in the order of sending.
    pub(crate) unsent: VecDeque<String>,
    /// The version of its desired properties that the hub has last confirmed a report of.
    pub(crate) reported: Option<u64>,
}

/// What is known of a report.
#[derive(Debug, Default, Clone)]
pub(crate) struct Report {
    /// How often it was given to a session.
    pub(crate) sends: u32,
    pub(crate) confirmed: bool,
}

impl Ledger {
    /// Commits a picture; counts it unless it is known.
    pub(crate) fn commit(&mut self, picture: &str) {
        let times = self.deliveries.entry(picture.to_owned()).or_default();
        *times += 1;
        if *times == 1 {
            self.counted.push(picture.to_owned());
        }
    }

    pub(crate) fn has(&self, picture: &str) -> bool {
        self.deliveries.contains_key(picture)
    }

    /// How often a picture came to its commit.
    pub(crate) fn deliveries(&self, picture: &str) -> u32 {
        self.deliveries.get(picture).copied().unwrap_or(0)
    }

    pub(crate) fn seal_report(&mut self) {
        let name = format!("report/{}", self.reports.len() + 1);
        self.reports.insert(name.clone(), Report::default());
        self.unsent.push_back(name);
    }

    /// A report that somebody else has sealed.
    pub(crate) fn seal(&mut self, name: String) {
        self.reports.insert(name, Report::default());
    }

    /// It was given to a session.
    pub(crate) fn sent(&mut self, name: &str) {
        if let Some(report) = self.reports.get_mut(name) {
            report.sends += 1;
        }
    }

    /// The hub has it.
    pub(crate) fn confirmed(&mut self, name: &str) {
        if let Some(report) = self.reports.get_mut(name) {
            report.confirmed = true;
        }
    }

    /// A process has died: what it had sent and not confirmed must be sent again.
    pub(crate) fn reopen(&mut self) {
        self.unsent = self
            .reports
            .iter()
            .filter(|(_, report)| !report.confirmed)
            .map(|(name, _)| name.clone())
            .collect();
    }
}
