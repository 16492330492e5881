//! The operator: changes desired properties and calls methods through the hub, and knows
//! what must come of both.

use std::collections::BTreeMap;
use std::time::Duration;

use devhub::hub::{CallId, MethodCall, MethodOutcome};
use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::{Packet, Publish};
use serde_json::{Map, Value, json};

use crate::agenda::Instant;
use crate::books::Change;
use crate::client::Who;
use crate::edge_hub::module_id;
use crate::world::World;

/// edgeHub lets a call that has waited for its module wait so much longer.
const PARKED_CALL_DELAY: Duration = Duration::from_secs(3);

/// How topics of patches begin.
const DESIRED: &str = "$iothub/twin/PATCH/properties/desired/";

/// What the operator has done and seen.
#[derive(Debug)]
pub(crate) struct Operator {
    /// Every desired document that there has been, by version.
    desired: BTreeMap<u64, Value>,
    /// The patches that led to them.
    patches: BTreeMap<u64, Map<String, Value>>,
    /// How many of the next patches are lost between the hub and whoever is subscribed.
    pub(crate) loses_patches: u32,
    /// Calls without an outcome, by the hub's process and its number for them.
    open: BTreeMap<(u32, CallId), Placed>,
    calls: u64,
    /// Numbers of the calls that have ended, in the order of their ends, and how.
    pub(crate) ended: Vec<(u64, Ending)>,
}

/// A call that is under way.
#[derive(Debug)]
struct Placed {
    number: u64,
    /// Its outcome is there by then.
    deadline: Instant,
}

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Ending {
    Answered(i64),
    NotFound,
    TimedOut,
    /// The process that held it is gone, and its caller's connection with it.
    HubDied,
}

impl Default for Operator {
    fn default() -> Self {
        Operator {
            // What the hub gives an identity that nobody has told anything.
            desired: BTreeMap::from([(1, json!({}))]),
            patches: BTreeMap::new(),
            loses_patches: 0,
            open: BTreeMap::new(),
            calls: 0,
            ended: Vec::new(),
        }
    }
}

impl Operator {
    /// Whether these were the desired properties at `version`.
    pub(crate) fn wanted(&self, version: u64, properties: &Map<String, Value>) -> bool {
        let known = self.desired.get(&version).and_then(Value::as_object);
        known == Some(properties)
    }

    /// Whether this is a patch and gets lost.
    pub(crate) fn loses_patch(&mut self, packet: &Packet) -> bool {
        let is_patch = matches!(packet, Packet::Publish(publish)
            if publish.topic.starts_with(DESIRED.as_bytes()));
        let lost = is_patch && self.loses_patches > 0;
        self.loses_patches -= u32::from(lost);
        lost
    }

    pub(crate) fn open_calls(&self) -> usize {
        self.open.len()
    }

    /// The hub's process is gone; nobody hears of its calls any more.
    pub(crate) fn hub_died(&mut self) {
        let lost = std::mem::take(&mut self.open).into_values();
        self.ended
            .extend(lost.map(|placed| (placed.number, Ending::HubDied)));
    }

    /// The outcome of a call is there; `Err` says what is wrong with it.
    fn finished(
        &mut self,
        call: (u32, CallId),
        outcome: &MethodOutcome,
        now: Instant,
    ) -> Result<(), String> {
        let Some(placed) = self.open.remove(&call) else {
            return Err(format!("{call:?} ended twice or was never made"));
        };
        let number = placed.number;
        let (ending, is_its_own) = match outcome {
            MethodOutcome::Answered { status, payload } => {
                let own = match status {
                    200 => payload["call"] == number,
                    // The library's own answers name the method.
                    500 | 503 => payload["method"] == name(number),
                    _ => false,
                };
                (Ending::Answered(*status), own)
            }
            MethodOutcome::NotFound => (Ending::NotFound, true),
            MethodOutcome::TimedOut => (Ending::TimedOut, true),
        };
        self.ended.push((number, ending));
        if !is_its_own {
            return Err(format!(
                "call {number} got what is not its own: {outcome:?}"
            ));
        }
        if now > placed.deadline {
            return Err(format!("call {number} ended too late: {outcome:?}"));
        }
        Ok(())
    }
}

impl World {
    /// The operator sets something that the product's module counts by.
    pub(crate) fn changes(&mut self, change: Change) {
        let runs = self.counter().is_some();
        if let Some(books) = &mut self.books {
            books.change(change, runs);
            self.tally.changes += 1;
            self.trace.note(self.now, || format!("-- {change:?}"));
        }
    }

    /// Changes some of the module's desired properties, if the hub runs and knows it.
    pub(crate) fn patch_desired(&mut self) {
        let number = self.operator.patches.len() + 1;
        let patch = match self.dice.u8(..4) {
            0 => json!({ "patch": number, "lens": { "zoom": number, "focus": null } }),
            1 => json!({ "patch": number, "lens": { "zoom": null, "focus": number } }),
            2 => json!({ "patch": number, "lens": null, "label": null }),
            _ => json!({ "patch": number, "label": ["a", number], "lens": {} }),
        };
        let Value::Object(patch) = patch else {
            return;
        };
        let mut patched = None;
        self.tell_hub(|hub, now| patched = hub.patch_desired(&module_id(), &patch, now).ok());
        let Some(mut document) = patched else {
            return;
        };
        let version = document
            .as_object_mut()
            .and_then(|members| members.remove("$version")?.as_u64());
        let last = self.operator.desired.keys().next_back().copied();
        if version != last.map(|last| last + 1) {
            self.watch
                .fail(format!("version {version:?} follows {last:?}"));
        }
        self.trace
            .note(self.now, || format!("patch {number}: {version:?}"));
        if let Some(version) = version {
            self.operator.desired.insert(version, document);
            self.operator.patches.insert(version, patch);
        }
    }

    /// The hub sends one of the patches so far once more to a module that is subscribed.
    pub(crate) fn replay_patch(&mut self) {
        let patches = &self.operator.patches;
        if patches.is_empty() {
            return;
        }
        let place = self.dice.usize(..patches.len());
        let Some((version, patch)) = patches.iter().nth(place) else {
            return;
        };
        let mut body = patch.clone();
        body.insert("$version".to_owned(), json!(version));
        let topic = format!("{DESIRED}?$version={version}");
        let body = Value::Object(body).to_string();
        let publish = Publish::from_bytes(topic, QoS::AtMostOnce, body.into());
        let module = self.client(Who::Module);
        if let Some(line) = module.line.as_ref().filter(|_| module.is_subscribed) {
            let socket = line.socket;
            self.hub_writes(socket, &Packet::Publish(publish));
        }
    }

    /// Calls a method of the module, if the hub runs and knows it.
    pub(crate) fn call(&mut self, response_timeout: Duration, connect_timeout: Duration) {
        let number = self.operator.calls + 1;
        let call = MethodCall {
            target: module_id(),
            name: name(number),
            payload: json!({ "call": number }),
            response_timeout,
            connect_timeout,
        };
        let generation = self.hub.generation;
        let Some((hub, now)) = self.hub.at(self.now) else {
            return;
        };
        if let Ok(id) = hub.invoke(call, now) {
            self.operator.calls = number;
            let patience = match connect_timeout {
                Duration::ZERO => response_timeout,
                waits => waits + PARKED_CALL_DELAY + response_timeout,
            };
            let deadline = self.now + patience;
            let placed = Placed { number, deadline };
            self.operator.open.insert((generation, id), placed);
            self.trace.note(self.now, || format!("call {number}"));
        }
        self.tell_hub(|_, _| {});
    }

    pub(crate) fn method_finished(&mut self, call: CallId, outcome: &MethodOutcome) {
        self.trace
            .note(self.now, || format!("hub's call {call}: {outcome:?}"));
        let call = (self.hub.generation, call);
        if let Err(what) = self.operator.finished(call, outcome, self.now) {
            self.watch.fail(what);
        }
    }

    /// No call is still waiting whose time is over.
    pub(crate) fn check_calls(&mut self) {
        let now = self.now;
        if let Some(late) = self.operator.open.values().find(|it| it.deadline < now) {
            self.watch.fail(format!("no outcome: {late:?}"));
        }
    }
}

/// Every call has a method of its own, so that even the library's answers tell them apart.
fn name(number: u64) -> String {
    format!("blink-{number}")
}
