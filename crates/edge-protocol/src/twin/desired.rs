//! The desired properties, kept whole from documents and changes.
//!
//! A whole document is the hub's word. A change counts only when it leads from the
//! version held to the next: an older one has been seen, and after a gap only a new
//! document helps, because the hub queues nothing while a module is away and builds its
//! changes on what it has stored itself. [edgeHub `StoringTwinManager`]
//!
//! Changes that come while a document is asked for wait for it, so a document that is
//! older than they are does no harm.

use std::collections::VecDeque;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::document::{DesiredChange, Section, TwinDocument};

/// Changes that wait for a document, at most. Of more, the oldest is forgotten; the gap
/// it leaves is noticed and costs another GET.
pub const EARLY_CHANGES: usize = 16;

/// The desired properties at one version, whole, with the reported ones of the last GET.
/// Cloning is cheap.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DesiredState {
    /// `$version` of the desired properties; `None` when the hub has none, as after a
    /// first start without the cloud.
    pub version: Option<u64>,
    /// All desired properties, without the hub's own `$…` members.
    pub properties: Arc<Map<String, Value>>,
    /// The reported properties as the hub knew them at the last GET. What was reported
    /// since is not in them.
    pub reported: Arc<Map<String, Value>>,
}

impl DesiredState {
    fn new(desired: Section, reported: Section) -> Self {
        DesiredState {
            version: desired.version,
            properties: Arc::new(desired.properties),
            reported: Arc::new(reported.properties),
        }
    }

    fn apply(&mut self, change: DesiredChange) {
        merge(Arc::make_mut(&mut self.properties), change.changes);
        self.version = Some(change.version);
    }
}

/// What came of a document or a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct Progress {
    /// [`DesiredTracker::state`] is another than before.
    pub changed: bool,
    /// A whole document is needed: ask the hub for it.
    pub ask: bool,
}

impl Progress {
    const NOTHING: Progress = Progress {
        changed: false,
        ask: false,
    };
    const ASK: Progress = Progress {
        changed: false,
        ask: true,
    };
    const CHANGED: Progress = Progress {
        changed: true,
        ask: false,
    };
}

/// The desired properties over the life of a client, through all its connections.
#[derive(Debug, Default)]
pub struct DesiredTracker {
    held: Option<DesiredState>,
    standing: Standing,
    early: VecDeque<DesiredChange>,
    /// A change was lost while a document was asked for.
    missed: bool,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Standing {
    /// A whole document is asked for, or will be; changes wait for it.
    #[default]
    Asking,
    /// The held version is the hub's.
    InStep,
    /// The hub had no version to tell. Its next change builds on what we do not know.
    Unnumbered,
}

impl DesiredTracker {
    /// Holds nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The last good state; it stays when a connection ends.
    #[must_use]
    pub fn state(&self) -> Option<&DesiredState> {
        self.held.as_ref()
    }

    /// True when the state is the hub's, as far as we know.
    #[must_use]
    pub fn is_in_step(&self) -> bool {
        self.standing != Standing::Asking
    }

    /// A new connection: what was held may be old, and a document will be asked for.
    pub fn start_over(&mut self) {
        self.standing = Standing::Asking;
        self.early.clear();
        self.missed = false;
    }

    /// A whole document came.
    ///
    /// It counts even when its version is lower than the held one: an identity that is
    /// made anew counts from 1 again. Without a version it says only that the hub has
    /// never seen the twin; then a numbered state that is held stays.
    pub fn whole(&mut self, document: TwinDocument) -> Progress {
        let missed = std::mem::take(&mut self.missed);
        if document.desired.version.is_none() {
            return self.unnumbered(document, missed);
        }
        let mut state = DesiredState::new(document.desired, document.reported);
        self.early
            .retain(|change| Some(change.version) > state.version);
        while let Some(change) = self.early.pop_front() {
            if !follows(&state, &change) {
                self.early.push_front(change);
                break;
            }
            state.apply(change);
        }
        let ask = missed || !self.early.is_empty();
        let newer_is_held = self
            .held
            .as_ref()
            .is_some_and(|held| held.version > state.version);
        if !ask {
            self.standing = Standing::InStep;
        } else if newer_is_held {
            // Not the last word yet, so it takes nothing away.
            return Progress::ASK;
        }
        let changed = self.held.as_ref() != Some(&state);
        self.held = Some(state);
        Progress { changed, ask }
    }

    fn unnumbered(&mut self, document: TwinDocument, missed: bool) -> Progress {
        if missed || !self.early.is_empty() {
            // The hub has learnt of the twin in the meantime.
            self.early.clear();
            return Progress::ASK;
        }
        self.standing = Standing::Unnumbered;
        if matches!(&self.held, Some(held) if held.version.is_some()) {
            return Progress::NOTHING;
        }
        let state = DesiredState::new(document.desired, document.reported);
        let changed = self.held.as_ref() != Some(&state);
        self.held = Some(state);
        Progress {
            changed,
            ask: false,
        }
    }

    /// A change came.
    pub fn change(&mut self, change: DesiredChange) -> Progress {
        match (&self.standing, &mut self.held) {
            (Standing::InStep, Some(held)) if Some(change.version) <= held.version => {
                Progress::NOTHING
            }
            (Standing::InStep, Some(held)) if follows(held, &change) => {
                held.apply(change);
                Progress::CHANGED
            }
            (Standing::InStep | Standing::Unnumbered, _) => {
                self.standing = Standing::Asking;
                self.early.push_back(change);
                Progress::ASK
            }
            (Standing::Asking, _) => {
                if self.early.len() == EARLY_CHANGES {
                    self.early.pop_front();
                }
                self.early.push_back(change);
                Progress::NOTHING
            }
        }
    }

    /// A change came that cannot be read: only a whole document helps.
    pub fn unreadable_change(&mut self) -> Progress {
        if self.standing == Standing::Asking {
            self.missed = true;
            return Progress::NOTHING;
        }
        self.standing = Standing::Asking;
        Progress::ASK
    }
}

fn follows(state: &DesiredState, change: &DesiredChange) -> bool {
    state.version.and_then(|version| version.checked_add(1)) == Some(change.version)
}

/// Merges `changes` into `target`: null removes, objects are merged, anything else
/// replaces. [RFC 7396, which the twin follows]
fn merge(target: &mut Map<String, Value>, changes: Map<String, Value>) {
    for (name, change) in changes {
        match change {
            Value::Null => {
                target.remove(&name);
            }
            Value::Object(changes) => {
                let member = target.entry(name).or_insert(Value::Null);
                if !member.is_object() {
                    *member = Value::Object(Map::new());
                }
                if let Value::Object(members) = member {
                    merge(members, changes);
                }
            }
            other => {
                target.insert(name, other);
            }
        }
    }
}

#[cfg(test)]
mod tests;
