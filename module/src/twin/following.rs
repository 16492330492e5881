//! What the twin desires against what is in force, as values: which change to try next, and what
//! is answered.
//!
//! desired properties ─► Round ─► one change at a time ─► tried ─► … ─► answers
//!
//! Pure: whoever holds a [`Round`] tries each [`Change`] and says what came of it. Each property
//! stands alone: a bad value, or one that cannot be carried out, keeps what was in force and holds
//! up no other. A property that is not desired goes back to what the environment or the default
//! says.

use std::collections::BTreeMap;

use edge_client::{Acknowledgement, DesiredState};
use serde_json::Value;

use crate::settings::{Behaviour, PROPERTIES, Property};

/// The properties of the twin that are in force.
pub type Taken = BTreeMap<&'static str, Value>;

/// How many unknown names are told, and how much of each.
const NAMES_TOLD: usize = 20;
const NAME_TOLD: usize = 64;

/// The settings as they follow the twin.
#[derive(Debug, Clone)]
pub struct Following {
    /// As the environment has it.
    base: Behaviour,
    taken: Taken,
    answers: BTreeMap<&'static str, Answer>,
    /// Names of those that the last round answered.
    news: Vec<&'static str>,
    unknown: Vec<String>,
}

/// What was desired when a property was answered, and the answer.
#[derive(Debug, Clone)]
struct Answer {
    wanted: Option<Value>,
    acknowledgement: Acknowledgement,
}

/// A change to try.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The property that changes.
    pub name: &'static str,
    /// Everything as it would then be.
    pub behaviour: Behaviour,
    /// What of it comes from the twin.
    pub taken: Taken,
}

impl Following {
    /// Of a start with these settings of the environment.
    #[must_use]
    pub fn new(base: Behaviour) -> Self {
        Following {
            base,
            taken: Taken::new(),
            answers: BTreeMap::new(),
            news: Vec::new(),
            unknown: Vec::new(),
        }
    }

    /// The properties of the twin that are in force.
    #[must_use]
    pub fn taken(&self) -> &Taken {
        &self.taken
    }

    /// Names among the desired properties that are none of ours, cut short.
    #[must_use]
    pub fn unknown(&self) -> &[String] {
        &self.unknown
    }

    /// What is answered to each property so far.
    pub fn answers(&self) -> impl Iterator<Item = (&'static str, &Acknowledgement)> {
        self.answers
            .iter()
            .map(|(name, answer)| (*name, &answer.acknowledgement))
    }

    /// Of these, what the last round answered.
    pub fn news(&self) -> impl Iterator<Item = (&'static str, &Acknowledgement)> {
        self.answers().filter(|(name, _)| self.news.contains(name))
    }

    /// Begins to follow a state of the twin.
    pub fn begin(&mut self, desired: DesiredState) -> Round<'_> {
        let known = |name: &&String| !PROPERTIES.iter().any(|one| one.name == name.as_str());
        self.news.clear();
        self.unknown = desired
            .properties
            .keys()
            .filter(known)
            .take(NAMES_TOLD)
            .map(|name| name.chars().take(NAME_TOLD).collect())
            .collect();
        Round {
            following: self,
            desired,
            rest: PROPERTIES,
            trying: None,
        }
    }

    /// All as it is with these properties of the twin. Fails on the first that cannot be read.
    fn behaviour(&self, taken: &Taken) -> Result<Behaviour, String> {
        let mut behaviour = self.base.clone();
        for property in PROPERTIES {
            if let Some(value) = taken.get(property.name) {
                property.read(&mut behaviour, value)?;
            }
        }
        Ok(behaviour)
    }

    /// What is in force of a property.
    fn in_force(&self, property: &Property) -> Value {
        let own = || property.shown(&self.base);
        self.taken.get(property.name).cloned().unwrap_or_else(own)
    }
}

/// One state of the twin on its way into force. Dropped half way, the rest of it is not answered.
#[derive(Debug)]
pub struct Round<'a> {
    following: &'a mut Following,
    desired: DesiredState,
    rest: &'static [Property],
    trying: Option<(&'static Property, Change)>,
}

impl Round<'_> {
    /// The next change to try; `None` when every property is answered.
    pub fn next_change(&mut self) -> Option<Change> {
        while let Some((property, rest)) = self.rest.split_first() {
            self.rest = rest;
            let wanted = self.desired.properties.get(property.name).cloned();
            let following = &mut *self.following;
            if let Some(answer) = following.answers.get_mut(property.name)
                && answer.wanted == wanted
            {
                // The answer stands, for this version too.
                answer.acknowledgement.version = self.desired.version.unwrap_or(0);
                continue;
            }
            if following.taken.get(property.name) == wanted.as_ref() {
                // As it is already.
                self.answer(property, Ok(()));
                continue;
            }
            let mut taken = following.taken.clone();
            match &wanted {
                Some(value) => taken.insert(property.name, value.clone()),
                None => taken.remove(property.name),
            };
            match following.behaviour(&taken) {
                Ok(behaviour) => {
                    let change = Change {
                        name: property.name,
                        behaviour,
                        taken,
                    };
                    self.trying = Some((property, change.clone()));
                    return Some(change);
                }
                Err(why) => self.answer(property, Err(why)),
            }
        }
        None
    }

    /// What came of the change that [`Round::next_change`] gave last.
    pub fn tried(&mut self, result: Result<(), String>) {
        if let Some((property, change)) = self.trying.take() {
            if result.is_ok() {
                self.following.taken = change.taken;
            }
            self.answer(property, result);
        }
    }

    fn answer(&mut self, property: &'static Property, result: Result<(), String>) {
        let following = &mut *self.following;
        let wanted = self.desired.properties.get(property.name).cloned();
        let (in_force, version) = (following.in_force(property), self.desired.version);
        let acknowledgement = match (result, &wanted) {
            (Err(why), _) => Acknowledgement::refused(in_force, version, &why),
            (Ok(()), Some(_)) => Acknowledgement::taken(in_force, version),
            (Ok(()), None) => Acknowledgement::default_value(in_force, version),
        };
        let answer = Answer {
            wanted,
            acknowledgement,
        };
        following.answers.insert(property.name, answer);
        following.news.push(property.name);
    }
}

#[cfg(test)]
mod tests;
