//! How the module stands with edgeHub, and what ended its last connections.
//!
//! The numbers are the client's own and miss nothing. [`LastFailures`] is pure: it is shown each status
//! and keeps a bounded part; a status that was replaced before anybody looked is not in it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use edge_client::{FailureKind, Status, TwinStatus, Vitals};
use serde::Serialize;
use time::OffsetDateTime;

use crate::{clock, error_chain};

/// How many of the last failures are kept.
const KEPT: usize = 10;

/// Longest text of a failure, in characters.
const LONGEST: usize = 300;

/// The failures that were seen last.
#[derive(Debug, Default)]
pub struct LastFailures {
    kept: VecDeque<Failure>,
    seen: Option<Seen>,
}

/// What the last status was, as far as the next one depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    Connected,
    Connecting { attempt: u32 },
    Other,
}

/// One end of a connection or attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Failure {
    /// When it was seen, by the wall clock.
    #[serde(with = "time::serde::rfc3339")]
    #[cfg_attr(test, schemars(with = "String", extend("format" = "date-time")))]
    at: OffsetDateTime,
    /// Its sort.
    kind: &'static str,
    /// Why, in words.
    message: String,
}

/// How the module stands with edgeHub.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(super) struct HubPage {
    /// `connected`, `connecting`, `held` (while the ledger cannot be written) or `closed`.
    status: &'static str,
    /// How long it is connected; null where it is not.
    connected_seconds: Option<u64>,
    /// Failures since the last healthy connection.
    attempt: u32,
    /// Connections since the start, this one included.
    connections: u64,
    /// Ends of connections and attempts since the start, by their sort as the metrics have it; `planned`
    /// is a new token or a hold. A sort that never came is not there.
    failures: BTreeMap<&'static str, u64>,
    /// The last of them, oldest first, at most 10.
    last_failures: Vec<Failure>,
    /// What is known of the twin: `inStep`, `unknown` or `notFollowed`.
    twin: &'static str,
    /// The version of the desired properties, where it is known.
    twin_version: Option<u64>,
}

/// The last failures as they are written by [`watch`] and read by `getDiagnostics`.
#[derive(Debug, Clone, Default)]
pub struct SharedFailures(Arc<Mutex<LastFailures>>);

impl SharedFailures {
    fn lock(&self) -> MutexGuard<'_, LastFailures> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn last(&self) -> Vec<Failure> {
        self.lock().kept.iter().cloned().collect()
    }
}

/// Keeps the last failures until the client is closed.
pub async fn watch(mut status: tokio::sync::watch::Receiver<Status>, failures: SharedFailures) {
    loop {
        let seen = status.borrow_and_update().clone();
        failures.lock().saw(&seen, clock::now().wall);
        if status.changed().await.is_err() {
            return;
        }
    }
}

impl LastFailures {
    /// Takes what the client says now.
    pub fn saw(&mut self, status: &Status, at: OffsetDateTime) {
        let seen = match status {
            Status::Connected { .. } => Seen::Connected,
            Status::Connecting { attempt, .. } => Seen::Connecting { attempt: *attempt },
            Status::Held | Status::Closed => Seen::Other,
        };
        let before = self.seen.replace(seen);
        let Status::Connecting {
            attempt,
            last_error: Some(error),
        } = status
        else {
            return;
        };
        // The same failure is told again when the next attempt begins.
        let is_new = match before {
            Some(Seen::Connected) | None => true,
            Some(Seen::Connecting { attempt: before }) => *attempt > before,
            Some(Seen::Other) => false,
        };
        if is_new {
            self.failed(error.kind(), &error_chain(error), at);
        }
    }

    fn failed(&mut self, kind: FailureKind, message: &str, at: OffsetDateTime) {
        if self.kept.len() == KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(Failure {
            at,
            kind: kind.as_str(),
            message: message.chars().take(LONGEST).collect(),
        });
    }
}

impl HubPage {
    pub(super) fn of(
        status: &Status,
        twin: TwinStatus,
        vitals: &Vitals,
        last_failures: Vec<Failure>,
    ) -> Self {
        let (name, connected, attempt) = match status {
            Status::Connected { since, .. } => ("connected", Some(since.elapsed()), 0),
            Status::Connecting { attempt, .. } => ("connecting", None, *attempt),
            Status::Held => ("held", None, 0),
            Status::Closed => ("closed", None, 0),
        };
        let (twin, twin_version) = match twin {
            TwinStatus::InStep { version } => ("inStep", version),
            TwinStatus::Unknown { .. } => ("unknown", None),
            TwinStatus::NotFollowed => ("notFollowed", None),
        };
        let ended = FailureKind::ALL.map(|kind| (kind.as_str(), vitals.ended(kind)));
        HubPage {
            status: name,
            connected_seconds: connected.as_ref().map(Duration::as_secs),
            attempt,
            connections: vitals.connected(),
            failures: ended.into_iter().filter(|(_, ended)| *ended > 0).collect(),
            last_failures,
            twin,
            twin_version,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use edge_client::{Cause, ConnectionError};
    use time::macros::datetime;

    use super::*;

    const AT: OffsetDateTime = datetime!(2026-11-23 10:00 UTC);

    fn connecting(attempt: u32, cause: Option<Cause>) -> Status {
        Status::Connecting {
            attempt,
            last_error: cause.map(ConnectionError::Session),
        }
    }

    fn connected() -> Status {
        Status::Connected {
            since: Instant::now(),
            session_present: false,
        }
    }

    fn kinds(statuses: impl IntoIterator<Item = Status>) -> Vec<&'static str> {
        let mut last = LastFailures::default();
        for status in statuses {
            last.saw(&status, AT);
        }
        assert!(last.kept.iter().all(|failure| failure.at == AT));
        last.kept.iter().map(|failure| failure.kind).collect()
    }

    #[test]
    fn a_failure_that_is_told_again_before_the_next_attempt_is_kept_once() {
        let lost = Some(Cause::PeerClosed);
        let seen = kinds([
            connecting(0, None),
            connected(),
            connecting(1, lost),
            connecting(1, lost),
            connecting(2, lost),
            connecting(2, lost),
            connected(),
            connecting(0, Some(Cause::TokenRenewal)),
            connecting(0, Some(Cause::TokenRenewal)),
        ]);
        assert_eq!(seen, ["lost", "lost", "planned"]);
    }

    #[test]
    fn a_hold_is_no_failure_and_brings_none_back() {
        let lost = Some(Cause::PeerClosed);
        let seen = kinds([
            connected(),
            connecting(1, lost),
            Status::Held,
            connecting(1, lost),
        ]);
        assert_eq!(seen, ["lost"]);
    }

    #[test]
    fn the_last_ten_are_kept() {
        let many = (0..100).map(|attempt| connecting(attempt, Some(Cause::PeerClosed)));
        assert_eq!(kinds(many).len(), KEPT);
    }

    #[test]
    fn numbers_are_the_clients_own() {
        let page = HubPage::of(
            &Status::Held,
            TwinStatus::InStep { version: Some(3) },
            &Vitals::default(),
            Vec::new(),
        );
        assert_eq!((page.status, page.connected_seconds), ("held", None));
        assert_eq!((page.connections, page.failures.len()), (0, 0));
        assert_eq!((page.twin, page.twin_version), ("inStep", Some(3)));
    }
}
