//! The pipeline of the product's module: carries out what [`Stage`] asks for, one stage at a time.
//! What the module's shell does besides, it does here: deliveries whose connection has ended are
//! left out, one that cannot be made durable is given back and the connection held closed, nothing
//! is begun after the word to stop.

use std::time::Duration;

use edge_protocol::session::Delivery;
use fruit_counter::frame::Frame;
use fruit_counter::pipeline::holding::Holding;
use fruit_counter::pipeline::stage::{Setback, Stage};
use ledger::{AttemptLog, LedgerErrorKind, Outcome, Recorded};

use crate::agenda::Happening;
use crate::client::{Who, moment};
use crate::counter::{Counter, Flaw, Hand, Nature, Part, nature};
use crate::faults::Fault;
use crate::kept_store::body_text;
use crate::world::World;

/// Shortest and longest time between two stages.
const STRIDE: (Duration, Duration) = (Duration::from_micros(20), Duration::from_micros(900));

/// How soon a process that died of a picture is started again.
const RESTART: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(5));

/// Names the boot to the notes of attempts; nothing in this world cuts the power.
const BOOT: &str = "the one boot";

impl World {
    /// A process of the module begins over what the last one left.
    pub(crate) fn counter_starts(&mut self) {
        let (Some(books), Some(counting)) = (&self.books, &self.setup.counting) else {
            return;
        };
        let attempts = AttemptLog::open(books.folder.path(), BOOT).expect("a folder");
        let counter = Counter::new(counting, attempts, self.now);
        let forgets = counting.flaw == Some(Flaw::ForgetsSettings);
        if let Some(books) = self.books.as_mut().filter(|_| !forgets) {
            books.apply_settings();
        }
        if let Some(application) = self.client(Who::Module).application() {
            application.counter = Some(Box::new(counter));
        }
        self.seals_in(Duration::ZERO);
        self.sends_in(Duration::ZERO);
    }

    pub(crate) fn counter(&mut self) -> Option<&mut Counter> {
        let application = self.client(Who::Module).application()?;
        application.counter.as_deref_mut()
    }

    pub(crate) fn flaw(&self) -> Option<Flaw> {
        self.setup.counting.as_ref()?.flaw
    }

    /// The word to stop is out.
    pub(crate) fn is_stopping(&mut self) -> bool {
        self.client(Who::Module).closes_by.is_some()
    }

    /// A delivery waits for the pipeline.
    pub(crate) fn counter_takes(&mut self, delivery: Delivery) {
        let now = self.now;
        let Some(counter) = self.counter() else {
            return;
        };
        counter.queue.push_back(delivery);
        counter.came.push_back(now);
        let rests = counter.hand.is_none() && counter.holding.is_none();
        if rests && counter.queue.len() == 1 {
            self.counts_in(STRIDE);
        }
    }

    fn counts_in(&mut self, time: (Duration, Duration)) {
        let pause = self.between(time);
        self.alarm(Part::Pipeline, pause);
    }

    /// Sets the alarm of a part of the module.
    pub(crate) fn alarm(&mut self, part: Part, pause: Duration) {
        let at = self.now + pause;
        let life = self.client(Who::Module).life;
        if let Some(counter) = self.counter() {
            let alarm = counter.set_alarm(part);
            self.agenda.add(at, Happening::Rings { part, life, alarm });
        }
    }

    /// Whether an alarm is the last one of a process that runs; one that gets no time is called
    /// later.
    pub(crate) fn rings(&mut self, part: Part, life: u32, alarm: u64) -> bool {
        let now = self.now;
        let client = self.client(Who::Module);
        let frozen = client.frozen_until;
        let is_alive = client.life == life && client.session.is_some();
        let waits = self.counter().is_some_and(|it| it.waits_for(part, alarm));
        if is_alive && waits && frozen > now {
            self.alarm(part, frozen - now);
        }
        is_alive && waits && frozen <= now
    }

    /// One stage of the pipeline.
    pub(crate) fn counts(&mut self) {
        let Some(counter) = self.counter() else {
            return;
        };
        if counter.holding.is_some() {
            self.probes();
            return;
        }
        let stage = match &mut counter.hand {
            Some(hand) => hand.stage.take(),
            None => {
                self.begins();
                return;
            }
        };
        let Some(stage) = stage else {
            return;
        };
        if let Some(next) = self.carry_out(stage) {
            let looks = matches!(next, Stage::Look(_));
            let work = self.client(Who::Module).manner.work;
            if let Some(hand) = self.counter().and_then(|counter| counter.hand.as_mut()) {
                hand.stage = Some(next);
                self.counts_in(if looks { work } else { STRIDE });
            }
        }
    }

    /// Takes the next delivery that is of use in hand.
    fn begins(&mut self) {
        let (now, error) = (self.now, self.clock_error);
        if self.is_stopping() {
            return;
        }
        let client = self.client(Who::Module);
        let (link, life) = (client.line.as_ref().map(|line| line.link), client.life);
        let flaw = self.flaw();
        let Some(counter) = self.counter() else {
            return;
        };
        let (delivery, came) = loop {
            let Some(delivery) = counter.queue.pop_front() else {
                return;
            };
            let came = counter.came.pop_front().unwrap_or(now);
            if Some(delivery.link) == link {
                break (delivery, came);
            }
        };
        let arrival = counter.clock(now, error);
        let mut frame = Frame::new(
            &delivery.input,
            &delivery.properties,
            &delivery.payload,
            arrival,
            counter
                .repeats
                .is_possible(delivery.ordinal, delivery.after_timeout),
        );
        if flaw == Some(Flaw::ForgetsMemory) {
            // The notes of attempts go by the id, so the stamp tells the processes apart.
            frame.key.created = Some(format!("of process {life}"));
        }
        counter.hand = Some(Hand {
            delivery: delivery.id,
            came,
            picture: body_text(&delivery.payload),
            stage: Some(Stage::of(frame)),
        });
        if let Some(application) = self.client(Who::Module).application() {
            application.last_taken = Some(delivery.id);
        }
        self.counts_in(STRIDE);
    }

    /// Carries a stage out; gives the next one, unless the frame's way is at its end.
    fn carry_out(&mut self, stage: Stage) -> Option<Stage> {
        let flaw = self.flaw();
        let picture = self.counter()?.hand.as_ref()?.picture.clone();
        match stage {
            Stage::LookUp(look_up) => {
                let books = self.books.as_mut()?;
                match books.read(|ledger| ledger.is_duplicate(look_up.key())) {
                    Ok(is_duplicate) => Some(look_up.answer(is_duplicate)),
                    Err(kind) => self.gives_back(kind),
                }
            }
            Stage::Crashes(suspect) => {
                let crashes = self.counter()?.attempts.crashes(&suspect.attempt());
                let next = suspect.answer(crashes);
                if let Stage::Record(record) = &next {
                    self.check_condemned(&picture, &record.record().outcome);
                }
                Some(next)
            }
            Stage::Begin(begin) => {
                if flaw != Some(Flaw::NotesNothing) {
                    let noted = self.counter()?.attempts.begin(&begin.attempt());
                    noted.expect("a note in a folder that works");
                }
                Some(begin.begun())
            }
            Stage::Look(look) => match nature(&picture) {
                Nature::Ends(outcome) => Some(look.answer(outcome)),
                Nature::Poison => {
                    let later = self.between(RESTART);
                    // Its hand is what it dies of.
                    if let Some(hand) = self.counter()?.hand.as_mut() {
                        hand.stage = Some(Stage::Look(look));
                    }
                    self.strike(Fault::Crash(Who::Module, later));
                    None
                }
            },
            Stage::Forget(forget) => {
                let forgotten = self.counter()?.attempts.finish(&forget.attempt());
                forgotten.expect("a note in a folder that works");
                Some(forget.forgotten())
            }
            Stage::Record(record) => {
                if flaw == Some(Flaw::AcknowledgesFirst) {
                    self.acknowledges();
                }
                let is_sure = self.is_sure(&picture);
                let books = self.books.as_mut()?;
                let told = match books.record(&picture, record.record(), is_sure) {
                    Ok(told) => told,
                    Err(what) => {
                        self.watch.fail(what);
                        return None;
                    }
                };
                if books.has(&picture) {
                    self.ledger.commit(&picture);
                }
                let outcome = &record.record().outcome;
                self.trace.note(self.now, || {
                    format!("the ledger takes {picture} {outcome:?}: {told:?}")
                });
                match told {
                    Ok(recorded) => Some(record.answer(recorded)),
                    Err(_) if flaw == Some(Flaw::AcknowledgesFailures) => {
                        Some(record.answer(Recorded::Duplicate { reply: None }))
                    }
                    Err(kind) => self.gives_back(kind),
                }
            }
            Stage::Acknowledge(_) => {
                if flaw != Some(Flaw::AcknowledgesFirst) {
                    self.acknowledges();
                }
                self.counter()?.hand = None;
                self.counts_in(STRIDE);
                self.obey(Who::Module);
                None
            }
        }
    }

    fn acknowledges(&mut self) {
        let now = self.now;
        let line = self.client(Who::Module).line.as_ref();
        let socket = line.map(|line| line.socket);
        let Some((id, came)) = self
            .counter()
            .and_then(|counter| counter.hand.as_ref())
            .map(|hand| (hand.delivery, hand.came))
        else {
            return;
        };
        if let Some(counter) = self.counter() {
            counter.repeats.acknowledged(now - came);
        }
        if let Some(socket) = socket {
            self.watch.settled(socket, id);
        }
        if let Some(session) = &mut self.client(Who::Module).session {
            session.acknowledge(moment(now), id);
        }
        self.obey(Who::Module);
    }

    /// The frame in hand cannot be made durable.
    fn gives_back(&mut self, kind: LedgerErrorKind) -> Option<Stage> {
        let now = moment(self.now);
        let hand = self.counter()?.hand.take()?;
        let id = hand.delivery;
        self.trace
            .note(self.now, || format!("{id:?} is given back: {kind:?}"));
        let session = self.client(Who::Module).session.as_mut()?;
        session.abandon(now, id);
        match Setback::after(kind) {
            Setback::Hold => {
                session.hold(now);
                let holding = Holding::default();
                self.counter()?.holding = Some(holding);
                self.tally.holds += 1;
                self.counts_in((holding.pause(), holding.pause()));
            }
            Setback::End => self
                .watch
                .fail(format!("the disk does not damage: {kind:?}")),
        }
        self.obey(Who::Module);
        None
    }

    /// Writes a probe while the connection is held closed.
    fn probes(&mut self) {
        if self.is_stopping() {
            return;
        }
        let now = moment(self.now);
        let works = self.books.as_mut().map(|books| books.probe().is_ok());
        let Some(counter) = self.counter() else {
            return;
        };
        let Some(holding) = counter.holding else {
            return;
        };
        if works == Some(true) {
            counter.holding = None;
            if let Some(session) = &mut self.client(Who::Module).session {
                session.resume(now);
            }
            self.counts_in(STRIDE);
            self.obey(Who::Module);
        } else {
            let holding = holding.failed();
            counter.holding = Some(holding);
            self.counts_in((holding.pause(), holding.pause()));
        }
    }

    /// The process is about to be killed: what the world knows of it.
    pub(crate) fn counter_dies(&mut self) {
        let is_stopping = self.is_stopping();
        let Some(counter) = self.counter() else {
            return;
        };
        let moment = counter.moment();
        let noted = counter.hand.as_ref().and_then(|hand| match &hand.stage {
            Some(Stage::Look(_) | Stage::Forget(_)) => Some(hand.picture.clone()),
            _ => None,
        });
        *self.tally.crashes.entry(moment).or_default() += 1;
        if let Some(books) = &mut self.books {
            books.reopen();
            if let Some(picture) = noted.filter(|_| !is_stopping) {
                *books.kills.entry(picture).or_default() += 1;
            }
        }
    }

    /// Whether a picture that is not to be looked at has deserved it.
    fn check_condemned(&mut self, picture: &str, outcome: &Outcome) {
        let kills = self
            .books
            .as_ref()
            .and_then(|books| books.kills.get(picture));
        if kills.copied().unwrap_or(0) < AttemptLog::CRASH_LIMIT {
            self.watch
                .fail(format!("{picture} is {outcome:?} after {kills:?} crashes"));
        }
    }

    /// Whether a further delivery of a picture can be told from another picture: it has an id.
    pub(crate) fn is_sure(&mut self, picture: &str) -> bool {
        let who = self.clients.iter_mut().find_map(|(_, client)| {
            let camera = client.camera()?;
            camera
                .taken
                .iter()
                .any(|taken| taken == picture)
                .then_some(camera)
        });
        who.is_some_and(|camera| camera.has_ids())
    }
}
