//! The settings in force, for whoever goes by them: one value that changes as a whole.
//!
//! Made at the start out of the environment, and replaced when the module twin says otherwise
//! (`app/applier.rs` does that, and nothing else). Whoever goes by it looks at it anew for each
//! picture, request or round, so that a change holds from the next one on and no picture is judged
//! by two.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use tokio::sync::watch;

use crate::labels::LabelRules;
use crate::settings::Behaviour;

/// What is in force.
#[derive(Debug, Clone, PartialEq)]
pub struct InForce {
    /// How the module behaves.
    pub behaviour: Behaviour,
    /// What its labels and least scores come to, for the model in use.
    pub rules: Arc<LabelRules>,
    /// Of the properties that the twin has set, the values in force.
    pub from_twin: BTreeMap<&'static str, Value>,
}

/// A handle to what is in force; clones follow by themselves. Looking costs a short lock.
pub type NowInForce = watch::Receiver<Arc<InForce>>;

/// In force for good, where no twin is followed.
#[must_use]
pub fn for_good(behaviour: Behaviour, rules: LabelRules) -> NowInForce {
    let in_force = InForce {
        behaviour,
        rules: Arc::new(rules),
        from_twin: BTreeMap::new(),
    };
    // Nobody changes it: what the receiver has stays.
    watch::channel(Arc::new(in_force)).1
}
