//! Random schedules of twin requests and method calls, mixed with messages, deliveries,
//! lost connections and time: every report gets one result, every call one answer on its
//! own connection, and what is in step is what the hub has.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};

use super::rig::{Rig, message, secs, whole_config};
use crate::methods::MethodAnswer;
use crate::session::random::Random;
use crate::session::{CallId, Event, Inbound, METHOD_CAPACITY, Outbound, REPORT_WINDOW, ReportId};
use crate::twin::ReportedPatch;

/// The hub with its twin, and the application with what it waits for.
struct World {
    seed: u64,
    random: Random,
    /// Every version of the desired properties, the first at version 1.
    versions: Vec<Value>,
    connected: bool,
    subscribed: bool,
    disconnected: bool,
    /// Packet ids without PUBACK.
    unconfirmed: Vec<u16>,
    /// Request ids of GETs and reports without an answer.
    gets: Vec<String>,
    reports: Vec<String>,
    /// Request ids ever used by the client; none may come twice.
    used: BTreeSet<String>,
    /// Method calls of this connection without an answer.
    called: BTreeSet<String>,
    last_call: u64,
    /// Calls in the application's hands, some of them stale, with their request ids.
    held: BTreeMap<CallId, String>,
    /// Reports without a result.
    awaited: BTreeSet<ReportId>,
    in_step: Option<u64>,
    answers: usize,
    results: usize,
}

impl World {
    fn new(seed: u64) -> Self {
        World {
            seed,
            random: Random::new(seed),
            versions: vec![json!({})],
            connected: false,
            subscribed: false,
            disconnected: false,
            unconfirmed: Vec::new(),
            gets: Vec::new(),
            reports: Vec::new(),
            used: BTreeSet::new(),
            called: BTreeSet::new(),
            last_call: 0,
            held: BTreeMap::new(),
            awaited: BTreeSet::new(),
            in_step: None,
            answers: 0,
            results: 0,
        }
    }

    fn roll(&mut self, sides: u64) -> u64 {
        self.random.next() % sides
    }

    fn pick<T>(&mut self, from: impl Fn(&mut Self) -> &mut Vec<T>) -> Option<T> {
        let roll = usize::try_from(self.random.next()).unwrap_or(0);
        let items = from(self);
        (!items.is_empty()).then(|| items.swap_remove(roll % items.len()))
    }

    fn version(&self) -> u64 {
        self.versions.len() as u64
    }

    fn new_connection(&mut self, connected: bool) {
        self.connected = connected;
        self.subscribed = false;
        self.unconfirmed.clear();
        self.gets.clear();
        self.reports.clear();
        self.called.clear();
        self.in_step = None;
    }

    fn watch(&mut self, rig: &mut Rig) {
        let seed = self.seed;
        for packet in rig.take_packets() {
            let first = matches!(packet, Outbound::Connect(_));
            assert!(first || !self.disconnected, "seed {seed}: {packet:?}");
            match packet {
                Outbound::Publish {
                    packet_id, topic, ..
                } => {
                    assert!(!self.unconfirmed.contains(&packet_id), "seed {seed}");
                    self.unconfirmed.push(packet_id);
                    self.published(&topic);
                }
                Outbound::Disconnect => self.disconnected = true,
                Outbound::Connect(_) => self.disconnected = false,
                Outbound::Subscribe { .. } | Outbound::PubAck { .. } | Outbound::PingReq => {}
            }
        }
        for event in rig.take_events() {
            match event {
                Event::Dial { .. } | Event::Lost { .. } => self.new_connection(false),
                Event::Connected { .. } => self.new_connection(true),
                Event::DesiredChanged(state) => {
                    let version = state.version.expect("this hub has versions");
                    let place = usize::try_from(version).unwrap() - 1;
                    let told = Value::Object((*state.properties).clone());
                    assert_eq!(told, self.versions[place], "seed {seed}: version {version}");
                }
                Event::TwinInStep { version } => self.in_step = version,
                Event::Reported { report, .. } => {
                    assert!(self.awaited.remove(&report), "seed {seed}: a second result");
                    self.results += 1;
                }
                Event::MethodCall(call) => {
                    self.held.insert(call.id, call.name);
                    assert!(self.called.len() <= METHOD_CAPACITY, "seed {seed}");
                }
                Event::Subscribed { .. }
                | Event::TwinFailed { .. }
                | Event::Delivery(_)
                | Event::Confirmed { .. }
                | Event::Unconfirmed { .. }
                | Event::HangUp { .. }
                | Event::Stray { .. }
                | Event::Held
                | Event::Resumed { .. }
                | Event::Closed(_) => {}
            }
        }
        assert!(self.awaited.len() <= REPORT_WINDOW, "seed {seed}");
    }

    fn published(&mut self, topic: &str) {
        let seed = self.seed;
        if let Some(answer) = topic.strip_prefix("$iothub/methods/res/") {
            let (_, rid) = answer.split_once("/?$rid=").expect("an id");
            assert!(self.called.remove(rid), "seed {seed}: a second answer");
            self.answers += 1;
        } else if let Some((request, rid)) = topic.split_once("/?$rid=") {
            assert!(self.subscribed, "seed {seed}: its answer would not come");
            assert!(self.used.insert(rid.to_owned()), "seed {seed}: {rid} again");
            match request {
                "$iothub/twin/GET" => self.gets.push(rid.to_owned()),
                _ => self.reports.push(rid.to_owned()),
            }
        }
    }

    fn answer_get(&self, rig: &mut Rig, rid: &str) {
        let mut desired = self.versions[self.versions.len() - 1].clone();
        desired["$version"] = self.version().into();
        let twin = json!({ "desired": desired, "reported": {} });
        rig.told(
            format!("$iothub/twin/res/200/?$rid={rid}"),
            twin.to_string(),
        );
    }

    fn step(&mut self, rig: &mut Rig) {
        match self.roll(100) {
            0..=11 => rig.dialled(),
            12..=23 if !self.connected => rig.connack(true),
            12..=23 if !self.subscribed => {
                self.subscribed = true;
                rig.packet(Inbound::SubAck {
                    packet_id: 1,
                    granted: vec![Some(1), Some(0), Some(0), Some(0)],
                });
            }
            24..=33 => self.desire(rig),
            34..=45 => {
                if let Some(rid) = self.pick(|world| &mut world.gets) {
                    match self.roll(6) {
                        0 => rig.told(format!("$iothub/twin/res/500/?$rid={rid}"), ""),
                        1 => {}
                        _ => self.answer_get(rig, &rid),
                    }
                }
            }
            46..=53 if rig.session.can_report() => {
                let patch = ReportedPatch::new(&json!({"a": self.roll(9)})).unwrap();
                let id = rig.session.report(rig.now, patch).expect("room");
                self.awaited.insert(id);
                rig.collect();
            }
            54..=61 => {
                if let Some(rid) = self.pick(|world| &mut world.reports) {
                    let status = if self.roll(4) == 0 { 400 } else { 204 };
                    rig.told(format!("$iothub/twin/res/{status}/?$rid={rid}"), "");
                }
            }
            62..=69 if self.connected => {
                self.last_call += 1;
                let rid = format!("call-{}", self.last_call);
                self.called.insert(rid.clone());
                let payload = if self.roll(8) == 0 { "{" } else { "{}" };
                rig.told(format!("$iothub/methods/POST/m/?$rid={rid}"), payload);
            }
            70..=77 => {
                let place = usize::try_from(self.roll(8)).unwrap_or(0);
                if let Some(id) = self.held.keys().copied().nth(place) {
                    self.held.remove(&id);
                    let answer = MethodAnswer::new(200, &json!({})).unwrap();
                    rig.session.answer(rig.now, id, &answer);
                    rig.collect();
                }
            }
            78..=87 => {
                if let Some(packet_id) = self.pick(|world| &mut world.unconfirmed) {
                    rig.packet(Inbound::PubAck { packet_id });
                }
            }
            88 => rig.closed(),
            89 if rig.session.can_publish() => {
                assert!(rig.session.publish(rig.now, message("p")).is_ok());
                rig.collect();
            }
            90 if self.connected => {
                if let Some(delivery) =
                    rig.deliver_to("devices/edge/modules/counter/inputs/images/a=1", 1, 1)
                {
                    rig.acknowledge(delivery.id);
                }
            }
            _ => {
                let millis = self.roll(15_000);
                rig.advance(Duration::from_millis(millis));
            }
        }
    }

    /// The operator changes something, and the hub may or may not tell.
    fn desire(&mut self, rig: &mut Rig) {
        let mut desired = self.versions[self.versions.len() - 1].clone();
        let name = format!("p{}", self.roll(3));
        let change = match self.roll(3) {
            0 => Value::Null,
            _ => Value::from(self.roll(9)),
        };
        match change.is_null() {
            true => drop(desired.as_object_mut().unwrap().remove(&name)),
            false => desired[&name] = change.clone(),
        }
        self.versions.push(desired);
        if self.connected && self.roll(5) > 0 {
            let times = 1 + u64::from(self.roll(6) == 0);
            for _ in 0..times {
                rig.desire(self.version(), &json!({ name.clone(): change }).to_string());
            }
        }
    }
}

fn run(seed: u64) -> (usize, usize, bool) {
    let mut rig = Rig::with(whole_config(), seed);
    let mut world = World::new(seed);
    rig.lifetime = secs(60 + world.roll(900));
    world.watch(&mut rig);
    for _ in 0..400 {
        world.step(&mut rig);
        world.watch(&mut rig);
    }
    let in_step = world.in_step.is_some();
    rig.session.shut_down(rig.now, secs(3), None);
    rig.advance(secs(10));
    world.watch(&mut rig);
    assert!(rig.session.is_closed(), "seed {seed}");
    assert!(world.awaited.is_empty(), "seed {seed}: no result");
    (world.answers, world.results, in_step)
}

#[test]
fn no_schedule_of_requests_breaks_the_promises() {
    let (mut answers, mut results, mut in_step) = (0, 0, 0);
    for seed in 0..2000 {
        let run = run(seed);
        answers += run.0;
        results += run.1;
        in_step += usize::from(run.2);
    }
    assert!(answers > 4_000, "only {answers} answers");
    assert!(results > 4_000, "only {results} results");
    assert!(in_step > 200, "only {in_step} runs ended in step");
}
