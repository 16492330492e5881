//! What the twin desires against what is in force, as values: which change to try next, and what
//! is answered.
//!
//! desired properties ─► Round ─► one change at a time ─► tried ─► … ─► answers
//!
//! Pure: whoever holds a [`Round`] tries each [`Change`] and says what came of it. Each property
//! stands alone: a bad value, or one that cannot be carried out, keeps what was in force and holds
//! up no other. A property that is not desired goes back to what the environment or the default
//! says.

use std::collections::{BTreeMap, BTreeSet};

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
    /// The variables that somebody has set there.
    variables: BTreeSet<&'static str>,
    /// As it is: the base with what is taken.
    in_force: Behaviour,
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
    /// It could be read and not be carried out, which may go well another time.
    may_pass: bool,
}

/// What came of a change: a word to its answer, or why it cannot be carried out.
pub type Outcome = Result<Option<String>, String>;

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
            in_force: base.clone(),
            base,
            variables: BTreeSet::new(),
            taken: Taken::new(),
            answers: BTreeMap::new(),
            news: Vec::new(),
            unknown: Vec::new(),
        }
    }

    /// Which variables of the environment are set: the rest of what it says are defaults.
    #[must_use]
    pub fn with_variables(mut self, names: impl IntoIterator<Item = &'static str>) -> Self {
        self.variables = names.into_iter().collect();
        self
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

    /// Refusals of what could not be carried out are forgotten, so that it is tried again.
    pub fn forget_failures(&mut self) {
        self.answers.retain(|_, answer| !answer.may_pass);
    }

    /// A property is not in force, whatever was said of it before: `base` has what is.
    pub fn fall_back(&mut self, name: &str, base: impl Fn(&mut Behaviour)) {
        base(&mut self.base);
        base(&mut self.in_force);
        self.taken.remove(name);
        self.answers.remove(name);
    }

    /// The variable for this property, with its value, where somebody set it to something else than what is in
    /// force: who did may not know that the twin goes before it.
    #[must_use]
    pub fn passed_over(&self, name: &str) -> Option<(&'static str, Value)> {
        let property = PROPERTIES.iter().find(|one| one.name == name)?;
        let written = property.shown(&self.base);
        let is_passed_over = property.is_in_environment()
            && self.variables.contains(property.setting.name)
            && written != property.shown(&self.in_force);
        is_passed_over.then_some((property.setting.name, written))
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

    /// What is in force of a property, in its type of the digital twin's model: lists and objects are
    /// text there, but whoever set one as such gets it back as such.
    fn in_force(&self, property: &Property) -> Value {
        let taken = self.taken.get(property.name);
        if let Some(as_set @ (Value::Array(_) | Value::Object(_))) = taken {
            return as_set.clone();
        }
        match property.shown(&self.in_force) {
            shown @ (Value::Array(_) | Value::Object(_)) => shown.to_string().into(),
            shown => shown,
        }
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
                let version = self.desired.version.unwrap_or(0);
                if !answer.may_pass || answer.acknowledgement.version == version {
                    // The answer stands, for this version too.
                    answer.acknowledgement.version = version;
                    continue;
                }
            }
            if following.taken.get(property.name) == wanted.as_ref() {
                // As it is already.
                self.answer(property, Ok(None), false);
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
                Err(why) => self.answer(property, Err(why), false),
            }
        }
        None
    }

    /// What came of the change that [`Round::next_change`] gave last.
    pub fn tried(&mut self, result: Outcome) {
        if let Some((property, change)) = self.trying.take() {
            if result.is_ok() {
                self.following.in_force = change.behaviour;
                self.following.taken = change.taken;
            }
            let may_pass = result.is_err();
            self.answer(property, result, may_pass);
        }
    }

    fn answer(&mut self, property: &'static Property, result: Outcome, may_pass: bool) {
        let following = &mut *self.following;
        let wanted = self.desired.properties.get(property.name).cloned();
        let (in_force, version) = (following.in_force(property), self.desired.version);
        let acknowledgement = match (result, &wanted) {
            (Err(why), _) => Acknowledgement::refused(in_force, version, &why),
            (Ok(word), Some(_)) => Acknowledgement {
                description: word,
                ..Acknowledgement::taken(in_force, version)
            },
            (Ok(_), None) => Acknowledgement::default_value(in_force, version),
        };
        let answer = Answer {
            wanted,
            acknowledgement,
            may_pass,
        };
        following.answers.insert(property.name, answer);
        following.news.push(property.name);
    }
}

#[cfg(test)]
mod tests;
