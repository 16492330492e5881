//! What became of the connection to edgeHub, as far as the client's status tells.
//!
//! [`HubHistory`] is pure: it is shown each status and remembers a bounded part. A status that was
//! replaced before anybody looked is not in it, so that the numbers are "at least".

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use edge_client::{FailureKind, Status, TwinStatus};
use serde::Serialize;
use time::OffsetDateTime;

use crate::{clock, error_chain};

/// How many of the last failures are kept.
const KEPT: usize = 10;

/// Longest text of a failure, in characters.
const LONGEST: usize = 300;

/// Connections and failures since the start.
#[derive(Debug, Default)]
pub struct HubHistory {
    connections: u64,
    failures: BTreeMap<&'static str, u64>,
    last: VecDeque<Failure>,
    seen: Option<Seen>,
}

/// What the last status was, as far as the next one depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    Connected { since: std::time::Instant },
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
    /// Ends of connections and attempts since the start, by their sort; `planned` is a new token.
    failures: BTreeMap<&'static str, u64>,
    /// The last of them, oldest first, at most 10.
    last_failures: Vec<Failure>,
    /// What is known of the twin: `inStep`, `unknown` or `notFollowed`.
    twin: &'static str,
    /// The version of the desired properties, where it is known.
    twin_version: Option<u64>,
}

/// A history that is written by [`watch`] and read by `getDiagnostics`.
#[derive(Debug, Clone, Default)]
pub struct SharedHistory(Arc<Mutex<HubHistory>>);

impl SharedHistory {
    fn saw(&self, status: &Status, at: OffsetDateTime) {
        self.lock().saw(status, at);
    }

    pub(super) fn page(&self, status: &Status, twin: TwinStatus) -> HubPage {
        self.lock().page(status, twin)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HubHistory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps the history until the client is closed.
pub async fn watch(mut status: tokio::sync::watch::Receiver<Status>, history: SharedHistory) {
    loop {
        let seen = status.borrow_and_update().clone();
        history.saw(&seen, clock::now().wall);
        if status.changed().await.is_err() {
            return;
        }
    }
}

impl HubHistory {
    /// Takes what the client says now.
    pub fn saw(&mut self, status: &Status, at: OffsetDateTime) {
        let seen = match status {
            Status::Connected { since, .. } => Seen::Connected { since: *since },
            Status::Connecting { attempt, .. } => Seen::Connecting { attempt: *attempt },
            Status::Held | Status::Closed => Seen::Other,
        };
        let before = self.seen.replace(seen);
        match (status, before) {
            (Status::Connected { .. }, before) if before != Some(seen) => self.connections += 1,
            (
                Status::Connecting {
                    attempt,
                    last_error: Some(error),
                },
                before,
            ) => {
                // The same failure is told again when the next attempt begins.
                let is_new = match before {
                    Some(Seen::Connected { .. }) | None => true,
                    Some(Seen::Connecting { attempt: before }) => *attempt > before,
                    Some(Seen::Other) => false,
                };
                if is_new {
                    self.failed(name(error.kind()), &error_chain(error), at);
                }
            }
            _ => {}
        }
    }

    fn failed(&mut self, kind: &'static str, message: &str, at: OffsetDateTime) {
        *self.failures.entry(kind).or_default() += 1;
        if self.last.len() == KEPT {
            self.last.pop_front();
        }
        self.last.push_back(Failure {
            at,
            kind,
            message: message.chars().take(LONGEST).collect(),
        });
    }

    fn page(&self, status: &Status, twin: TwinStatus) -> HubPage {
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
        HubPage {
            status: name,
            connected_seconds: connected.as_ref().map(Duration::as_secs),
            attempt,
            connections: self.connections,
            failures: self.failures.clone(),
            last_failures: self.last.iter().cloned().collect(),
            twin,
            twin_version,
        }
    }
}

fn name(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::Token => "token",
        FailureKind::Unreachable => "unreachable",
        FailureKind::Certificate => "certificate",
        FailureKind::Tls => "tls",
        FailureKind::Refused => "refused",
        FailureKind::TimedOut => "timedOut",
        FailureKind::Lost => "lost",
        FailureKind::Protocol => "protocol",
        FailureKind::DeliveryDropped => "deliveryDropped",
        FailureKind::Planned => "planned",
        // The enum is open to other crates.
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use edge_client::{Cause, ConnectionError};
    use time::macros::datetime;

    use super::*;

    const AT: OffsetDateTime = datetime!(2026-11-23 10:00 UTC);
    const TWIN: TwinStatus = TwinStatus::InStep { version: Some(3) };

    fn connecting(attempt: u32, cause: Option<Cause>) -> Status {
        Status::Connecting {
            attempt,
            last_error: cause.map(ConnectionError::Session),
        }
    }

    fn connected(since: Instant) -> Status {
        Status::Connected {
            since,
            session_present: false,
        }
    }

    fn history(statuses: &[Status]) -> HubHistory {
        let mut history = HubHistory::default();
        for status in statuses {
            history.saw(status, AT);
        }
        history
    }

    #[test]
    fn a_failure_that_is_told_again_before_the_next_attempt_counts_once() {
        let lost = Some(Cause::PeerClosed);
        let now = connected(Instant::now());
        let seen = history(&[
            connecting(0, None),
            now.clone(),
            connecting(1, lost),
            connecting(1, lost),
            connecting(2, lost),
            connecting(2, lost),
            now.clone(),
            connecting(0, Some(Cause::TokenRenewal)),
            connecting(0, Some(Cause::TokenRenewal)),
        ]);
        let page = seen.page(&now, TWIN);
        assert_eq!(page.failures, BTreeMap::from([("lost", 2), ("planned", 1)]));
        assert_eq!((page.status, page.connections), ("connected", 2));
        assert_eq!((page.twin, page.twin_version), ("inStep", Some(3)));
    }

    #[test]
    fn a_hold_is_no_failure_and_brings_none_back() {
        let lost = Some(Cause::PeerClosed);
        let now = connected(Instant::now());
        let seen = history(&[now, connecting(1, lost), Status::Held, connecting(1, lost)]);
        let page = seen.page(&Status::Held, TwinStatus::NotFollowed);
        assert_eq!(page.failures, BTreeMap::from([("lost", 1)]));
        assert_eq!((page.status, page.connected_seconds), ("held", None));
    }

    #[test]
    fn the_last_ten_failures_are_kept_and_all_are_counted() {
        let many = (0..100).map(|attempt| connecting(attempt, Some(Cause::PeerClosed)));
        let page = history(&many.collect::<Vec<_>>()).page(&Status::Closed, TWIN);
        assert_eq!(page.failures["lost"], 100);
        assert_eq!(page.last_failures.len(), KEPT);
        assert_eq!(page.last_failures[0].at, AT);
    }
}
