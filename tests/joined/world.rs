//! The world: one clock, one queue of what will happen, and the loop that lets the next
//! thing happen. What it does on a client's behalf is in [`crate::orders`], on the hub's in
//! [`crate::hearings`].

use std::collections::BTreeMap;
use std::time::Duration;

use devhub::hub::Settings;
use devhub::identity::IdentityId;
use edge_protocol::sas::SharedKey;
use edge_protocol::session::{SessionConfig, Timings};
use fastrand::Rng;
use ledger::{Clock, Now};

use crate::agenda::{Agenda, Happening, Instant};
use crate::application::Application;
use crate::books::Books;
use crate::camera::Camera;
use crate::client::{Client, Role, Who, moment};
use crate::cloud::Cloud;
use crate::counter::{Part, wall};
use crate::edge_hub::{self, EdgeHub, unix};
use crate::faults::{Fault, Trigger, When};
use crate::ledger::Ledger;
use crate::network::{Network, SocketId, Way};
use crate::operator::Operator;
use crate::setup::{Setup, identity};
use crate::tally::Tally;
use crate::trace::Trace;
use crate::watch::Watch;

/// Things that may happen at one instant before time is said to stand still.
const BUSIEST_INSTANT: u32 = 10_000;

/// Everything there is.
pub(crate) struct World {
    pub(crate) setup: Setup,
    pub(crate) now: Instant,
    pub(crate) agenda: Agenda,
    pub(crate) dice: Rng,
    pub(crate) network: Network,
    pub(crate) hub: EdgeHub,
    pub(crate) cloud: Cloud,
    pub(crate) clients: BTreeMap<Who, Client>,
    pub(crate) ledger: Ledger,
    /// The real ledger, where the module is the product's.
    pub(crate) books: Option<Books>,
    pub(crate) tally: Tally,
    pub(crate) operator: Operator,
    pub(crate) watch: Watch,
    pub(crate) trace: Trace,
    /// By how many seconds the clients' wall clock is wrong.
    pub(crate) clock_error: i64,
    /// Arrivals of bytes and ends of dialling so far.
    pub(crate) steps: u64,
    pub(crate) triggers: Vec<Trigger>,
    /// What the module dies of doing.
    pub(crate) doomed: Vec<&'static str>,
    /// The client and socket of the present step.
    pub(crate) here: Option<(Who, Option<SocketId>)>,
    /// The run is over; nobody starts any more.
    pub(crate) is_over: bool,
    busy: u32,
}

impl World {
    /// A hub that runs, and clients that begin to dial.
    pub(crate) fn new(setup: Setup) -> Self {
        let settings = Settings {
            habits: setup.habits,
            ..Settings::default()
        };
        let books = setup.counting.as_ref().map(|counting| {
            let now = Now {
                wall: wall(Instant::ZERO, 0),
                clock: Clock::Plausible,
            };
            Books::new(setup.seed, counting.reporting(), now)
        });
        let mut world = World {
            now: Instant::ZERO,
            agenda: Agenda::default(),
            dice: Rng::with_seed(setup.seed),
            network: Network::default(),
            hub: EdgeHub::new(setup.routing(), settings),
            cloud: Cloud::default(),
            clients: BTreeMap::new(),
            ledger: Ledger::default(),
            books,
            tally: Tally::default(),
            operator: Operator::default(),
            watch: Watch::new(setup.habits.packet_ids),
            trace: Trace::new(setup.traced),
            clock_error: 0,
            steps: 0,
            triggers: Vec::new(),
            doomed: Vec::new(),
            here: None,
            is_over: false,
            busy: 0,
            setup,
        };
        world.agenda.add(world.now, Happening::HubStarts);
        for who in [Who::Module, Who::Rival] {
            world.add_client(who, Role::Application(Application::default()));
        }
        for number in 0..world.setup.cameras {
            let who = Who::Camera(number);
            let labels = world.setup.labels[number.min(2)];
            world.add_client(who, Role::Camera(Camera::new(number, labels)));
            world.agenda.add(world.now, Happening::Starts { who });
        }
        let who = Who::Module;
        world.agenda.add(world.now, Happening::Starts { who });
        world
    }

    fn add_client(&mut self, who: Who, role: Role) {
        let identity = identity(who);
        let key = match &who {
            Who::Module | Who::Rival => edge_hub::key(&edge_hub::module_id()),
            Who::Camera(_) => edge_hub::key(&IdentityId::device(identity.device_id())),
        };
        let config = SessionConfig {
            identity,
            model_id: None,
            product: "joined".into(),
            receives_inputs: true,
            follows_twin: matches!(role, Role::Application(_)),
            takes_methods: matches!(role, Role::Application(_)),
            publish_window: self.setup.publish_window,
            delivery_capacity: self.setup.delivery_capacity,
            timings: Timings {
                token_lifetime: self.setup.token_lifetime,
                ..Timings::default()
            },
        };
        let key = SharedKey::from_base64(&key).expect("the hub's own key");
        self.clients.insert(who, Client::new(config, key, role));
    }

    pub(crate) fn client(&mut self, who: Who) -> &mut Client {
        self.clients.get_mut(&who).expect("a client of this world")
    }

    /// How many pictures were taken.
    pub(crate) fn pictures(&self) -> u64 {
        let taken = self.clients.values().map(|client| match &client.role {
            Role::Camera(camera) => camera.taken.len() as u64,
            Role::Application(_) => 0,
        });
        taken.sum()
    }

    /// Lets time pass, and everything happen that is due in it.
    pub(crate) fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        while self.step(end) {}
        if self.watch.broken().is_none() {
            self.now = end;
        }
    }

    /// Lets things happen until `done`; false when the time was over first.
    pub(crate) fn run_until(
        &mut self,
        limit: Duration,
        mut done: impl FnMut(&mut World) -> bool,
    ) -> bool {
        let end = self.now + limit;
        loop {
            if done(self) {
                return true;
            }
            if !self.step(end) {
                return false;
            }
        }
    }

    /// Lets the next thing happen that is due by `end`.
    fn step(&mut self, end: Instant) -> bool {
        if self.watch.broken().is_some() {
            return false;
        }
        let planned = self.agenda.next_at();
        let hub = self.hub.deadline();
        let client = self
            .clients
            .iter()
            .filter_map(|(who, client)| Some((client.deadline()?, *who)))
            .min();
        let first = [planned, hub, client.map(|(at, _)| at)]
            .into_iter()
            .flatten()
            .min();
        let Some(at) = first.filter(|at| *at <= end) else {
            return false;
        };
        self.busy = if at > self.now { 0 } else { self.busy + 1 };
        if self.busy > BUSIEST_INSTANT {
            self.watch.fail("time stands still");
            return false;
        }
        self.now = self.now.max(at);
        if planned == Some(at) {
            if let Some(happening) = self.agenda.pop() {
                self.happen(happening);
            }
        } else if hub == Some(at) {
            self.tell_hub(|hub, now| hub.tick(now));
        } else if let Some((_, who)) = client {
            let now = moment(self.now);
            if let Some(session) = &mut self.client(who).session {
                session.handle_timeout(now);
            }
            self.obey(who);
        }
        true
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Dialled {
                who,
                life,
                link,
                works,
            } => self.step_at((who, None), |world| world.dialled(who, life, link, works)),
            Happening::Arrived { socket, way, bytes } => {
                let Some(who) = self.network.socket(socket).map(|socket| socket.who) else {
                    return;
                };
                let thaws = self.client(who).frozen_until;
                if way == Way::Down && thaws > self.now {
                    self.agenda
                        .add(thaws, Happening::Arrived { socket, way, bytes });
                    return;
                }
                self.step_at((who, Some(socket)), |world| match way {
                    Way::Up => world.arrived_at_hub(socket, &bytes),
                    Way::Down => world.arrived_at_client(who, socket, &bytes),
                });
            }
            Happening::Ended {
                socket,
                way: Way::Up,
                abrupt,
            } => self.ended_at_hub(socket, abrupt),
            Happening::Ended {
                socket,
                way: Way::Down,
                abrupt,
            } => self.ended_at_client(socket, abrupt),
            Happening::UpstreamFinished {
                generation,
                sequence,
                success,
            } => self.upstream_finished(generation, sequence, success),
            Happening::Processed {
                who,
                life,
                delivery,
            } => self.processed(who, life, delivery),
            Happening::Rings { part, life, alarm } => {
                if self.rings(part, life, alarm) {
                    self.module_step(|world| match part {
                        Part::Pipeline => world.counts(),
                        Part::Sealer => world.seals(),
                        Part::Sender => world.sends(),
                    });
                    self.meets_its_doom();
                }
            }
            Happening::Answers { who, life, call } => self.answers(who, life, call),
            Happening::Looks { who } => self.obey(who),
            Happening::Patch => self.patch_desired(),
            Happening::Changes(change) => self.changes(change),
            Happening::Call { response, connect } => self.call(response, connect),
            Happening::Picture { camera } => {
                let who = Who::Camera(camera);
                let taken = i64::try_from(unix(self.now, 0)).unwrap_or(i64::MAX);
                if let Some(camera) = self.client(who).camera() {
                    camera.takes_a_picture(taken);
                }
                self.obey(who);
            }
            Happening::Report => {
                self.ledger.seal_report();
                self.obey(Who::Module);
            }
            Happening::Starts { who } => self.starts(who),
            Happening::Thaws { who } => self.obey(who),
            Happening::HubStarts => self.hub_starts(),
            Happening::Strike(fault) => self.strike(fault),
        }
    }

    /// A step of the product's module, which is a step like an arrival.
    fn module_step(&mut self, step: impl FnOnce(&mut World)) {
        let line = self.client(Who::Module).line.as_ref();
        let socket = line.map(|line| line.socket);
        self.step_at((Who::Module, socket), step);
    }

    /// Kills the module where it was to be killed.
    fn meets_its_doom(&mut self) {
        let Some(moment) = self.counter().map(|counter| counter.moment()) else {
            return;
        };
        if let Some(place) = self.doomed.iter().position(|doom| *doom == moment) {
            self.doomed.swap_remove(place);
            self.strike(Fault::Crash(Who::Module, Duration::from_secs(1)));
        }
    }

    /// Counts a step, and lets happen before and after it what is to happen there.
    fn step_at(&mut self, here: (Who, Option<SocketId>), step: impl FnOnce(&mut World)) {
        self.steps += 1;
        let number = self.steps;
        self.here = Some(here);
        self.pull_triggers(number, When::Before);
        step(self);
        self.pull_triggers(number, When::After);
        self.here = None;
    }

    fn pull_triggers(&mut self, step: u64, when: When) {
        while let Some(place) = self
            .triggers
            .iter()
            .position(|trigger| trigger.step == step && trigger.when == when)
        {
            let trigger = self.triggers.swap_remove(place);
            self.strike(trigger.fault);
        }
    }

    /// A random time between the two.
    pub(crate) fn between(&mut self, (least, most): (Duration, Duration)) -> Duration {
        let spread = most.saturating_sub(least);
        least + spread.mul_f64(self.dice.f64())
    }
}
