//! The module twin: what is set from afar, and what is told of it.
//!
//! ```text
//! desired ─► following (pure) ─► a change ─► whoever carries it out ─► answers ─┐
//!                └► kept, on the disk                                           ├─► document ─► reported
//! status: versions, model, ledger, clock, last error ───────────────────────────┘
//! ```
//!
//! Each property is answered in the form of IoT Plug and Play (`value`, `ac`, `av`, `ad`); a bad
//! value keeps the old one. A hub that does not answer holds up nothing: the settings that were last
//! good are read from the disk before the first picture, and the two tasks here wait for nobody's
//! picture. In words for people: `docs/settings.md` and `docs/twin.md`.

#[cfg(test)]
mod described;
mod document;
mod facts;
mod following;
pub mod kept;
mod patch;
mod teller;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use edge_client::{Desired, DesiredState, Map, Value};
use tokio::sync::watch;
use tracing::{info, warn};

use crate::error_chain;
use kept::Kept;

pub use document::Told;
pub use facts::{
    ClockFacts, ErrorFacts, LedgerFacts, ModelFacts, ModuleFacts, SetAsideFacts, Status, Totals,
};
pub use following::{Change, Following, Outcome, Round, Taken};
pub use teller::{Teller, tell};

/// The digital twin's model of this module, as it is announced at CONNECT: `docs/fruit-counter-1.dtdl.json`.
pub const MODEL_ID: &str = "dtmi:fruitCounter:Module;1";

/// Carries changes out.
pub trait Apply: Send {
    /// The door is shut, and that is in force.
    fn without_http(&mut self);

    /// Puts a change into force, or says why it cannot be and leaves all as it was.
    fn apply(&mut self, change: Change) -> impl Future<Output = Outcome> + Send;
}

/// Follows the twin: one state after the other, each change carried out and answered.
#[derive(Debug)]
pub struct Follower<A> {
    following: Following,
    applier: A,
    /// Where the last good settings are kept.
    folder: PathBuf,
    kept: Taken,
    /// Names that were said to be unknown last.
    unknown: Vec<String>,
}

/// Pause before what could not be kept is written again.
const KEEP_PAUSE: Duration = Duration::from_secs(60);

/// So much of a value goes into a log line, in characters.
const LOGGED: usize = 300;

impl<A: Apply> Follower<A> {
    /// Of settings that are in force as the environment has them.
    pub fn new(following: Following, applier: A, folder: PathBuf) -> Self {
        Follower {
            following,
            applier,
            folder,
            kept: Taken::new(),
            unknown: Vec::new(),
        }
    }

    /// Puts into force what the folder keeps; what does not fit any more is left at the environment's
    /// value until the hub says more.
    pub async fn take_up(&mut self) {
        let kept = match kept::read(&self.folder) {
            Ok(kept) if kept.properties.is_empty() => return,
            Ok(kept) => kept,
            Err(error) => {
                warn!(
                    why = error_chain(&error),
                    "the settings that the twin last had are not known: those of the environment hold \
                     until the hub answers"
                );
                return;
            }
        };
        let state = DesiredState {
            version: kept.version,
            properties: Arc::new(kept.properties),
            ..DesiredState::default()
        };
        self.round(state).await;
        // What failed just now may go well when the hub asks for it.
        self.following.forget_failures();
        self.kept = self.following.taken().clone();
        info!(
            version = kept.version,
            settings = self.kept.len(),
            "settings as the twin last had them"
        );
    }

    /// Follows until the client is closed. `told` gets every answer; `known` turns true with the first
    /// state of the hub.
    pub async fn follow(
        mut self,
        mut desired: Desired,
        told: watch::Sender<Told>,
        known: watch::Sender<bool>,
    ) {
        let mut version = None;
        loop {
            let is_kept = *self.following.taken() == self.kept;
            let state = tokio::select! {
                state = desired.next() => state,
                () = tokio::time::sleep(KEEP_PAUSE), if !is_kept => {
                    self.keep(version).await;
                    continue;
                }
            };
            let Some(state) = state else { return };
            let reported = Arc::clone(&state.reported);
            version = state.version;
            self.take(state).await;
            known.send_replace(true);
            told.send_replace(Told::of(&self.following, Some(reported)));
            self.keep(version).await;
        }
    }

    /// Puts a state of the hub into force. An edgeHub that was never online since it was set up has no
    /// twin to tell, and says so by a state without a version: then all stays as it was last good.
    async fn take(&mut self, state: DesiredState) {
        if state.version.is_some() {
            self.round(state).await;
        } else {
            info!("the hub does not know the twin yet: the settings stay as they are");
        }
    }

    /// The door could not be opened at the start, whatever the settings say: they say now that it is
    /// shut, so that the twin can have it opened.
    pub fn without_http(&mut self) {
        self.following.fall_back("http", |base| base.http = false);
        self.applier.without_http();
    }

    async fn round(&mut self, state: DesiredState) {
        let mut changed = Vec::new();
        let mut round = self.following.begin(state);
        while let Some(change) = round.next_change() {
            let name = change.name;
            let value = change.taken.get(name).map(shown);
            let result = self.applier.apply(change).await;
            match (&result, value) {
                (Ok(_), Some(value)) => {
                    info!(setting = name, %value, "set by the twin");
                    changed.push(name);
                }
                (Ok(_), None) => info!(setting = name, "not set by the twin any more"),
                (Err(_), _) => {}
            }
            round.tried(result);
        }
        for name in changed {
            if let Some((variable, value)) = self.following.passed_over(name) {
                warn!(
                    setting = name,
                    variable,
                    value = shown(&value),
                    "the twin goes before this variable of the environment, whose value does not hold: \
                     set one of the two"
                );
            }
        }
        for (name, answer) in self.following.news() {
            if let Some(why) = answer.description.as_ref().filter(|_| answer.code >= 400) {
                warn!(
                    setting = name,
                    why, "the twin's value is refused, the old one stays"
                );
            }
        }
        if self.following.unknown() != self.unknown {
            self.unknown = self.following.unknown().to_vec();
            for name in &self.unknown {
                warn!(
                    setting = name,
                    "the twin has a property that is none of this module's settings"
                );
            }
        }
    }

    /// Keeps what is in force, where it changed.
    async fn keep(&mut self, version: Option<u64>) {
        let taken = self.following.taken();
        if *taken == self.kept {
            return;
        }
        let properties: Map<String, Value> = taken
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect();
        let (folder, kept) = (
            self.folder.clone(),
            Kept {
                version,
                properties,
            },
        );
        let written = tokio::task::spawn_blocking(move || kept::write(&folder, &kept)).await;
        match written {
            Ok(Ok(())) => self.kept = self.following.taken().clone(),
            Ok(Err(error)) => warn!(
                why = error_chain(&error),
                "the settings of the twin are in force and cannot be kept on the disk: a start without \
                 the hub would not have them"
            ),
            Err(failure) => std::panic::resume_unwind(failure.into_panic()),
        }
    }
}

/// A value as a log line may have it.
fn shown(value: &Value) -> String {
    let text = value.to_string();
    let short: String = text.chars().take(LOGGED).collect();
    if short.len() < text.len() {
        short + "…"
    } else {
        short
    }
}

#[cfg(test)]
mod tests;
