//! The reporter of the product's module: carries out what its rounds of sealing and of sending
//! ask for, one step at a time.

use std::time::Duration;

use edge_protocol::OutgoingMessage;
use edge_protocol::session::PublishId;
use fruit_counter::reporter::sending::{BATCH, End, Published, Step};
use fruit_counter::reporter::{self, PAUSE};

use crate::client::Who;
use crate::counter::{Flaw, Part, Sender, monotonic};
use crate::kept_store::body_text;
use crate::world::World;

/// Shortest and longest time between two steps.
const STRIDE: (Duration, Duration) = (Duration::from_micros(20), Duration::from_micros(900));

impl World {
    /// Sets the sealer's alarm.
    pub(crate) fn seals_in(&mut self, pause: Duration) {
        self.alarm(Part::Sealer, pause);
    }

    /// Sets the sender's alarm.
    pub(crate) fn sends_in(&mut self, pause: Duration) {
        self.alarm(Part::Sender, pause);
    }

    /// One step of the sealer.
    pub(crate) fn seals(&mut self) {
        let (now, error, is_stopping) = (self.now, self.clock_error, self.is_stopping());
        let stride = self.between(STRIDE);
        let Some(counter) = self.counter() else {
            return;
        };
        let Some((mut round, wall)) = counter.round.take() else {
            if !is_stopping {
                let round = counter.rhythm.begin(counter.trying, monotonic(now));
                let wall = counter.clock(now, error);
                counter.round = Some((round, wall));
                counter.woken = false;
                self.tally.merges += u64::from(round.turned() == Some(true));
                self.seals_in(stride);
            }
            return;
        };
        let Some(step) = round.next() else {
            let closing = self
                .books
                .as_ref()
                .and_then(|books| books.ledger.next_closing(wall));
            let Some(counter) = self.counter() else {
                return;
            };
            let pause = counter.rhythm.end(&round, closing);
            let pause = if counter.woken { stride } else { pause };
            if round.reports() > 0 {
                self.wakes_sender();
            }
            self.seals_in(pause);
            return;
        };
        let Some(books) = &mut self.books else {
            return;
        };
        let (told, sealed) = books.seal(step, wall);
        for report in sealed {
            let name = body_text(&report.body);
            self.trace.note(now, || format!("sealed: {name}"));
            self.ledger.seal(name);
        }
        match told {
            Ok(reports) => {
                round.sealed(reports);
                if let Some(counter) = self.counter() {
                    counter.round = Some((round, wall));
                }
                self.seals_in(stride);
            }
            // The round is forgotten.
            Err(kind) => {
                self.trace.note(now, || format!("{step:?} fails: {kind:?}"));
                self.seals_in(PAUSE);
            }
        }
    }

    fn wakes_sender(&mut self) {
        let Some(counter) = self.counter() else {
            return;
        };
        if matches!(counter.sender, Sender::Rests) {
            self.sends_in(Duration::ZERO);
        } else {
            counter.notified = true;
        }
    }

    /// One step of the sender.
    pub(crate) fn sends(&mut self) {
        let (now, error, is_stopping) = (self.now, self.clock_error, self.is_stopping());
        let flaw = self.flaw();
        let Some(counter) = self.counter() else {
            return;
        };
        let step = match std::mem::take(&mut counter.sender) {
            Sender::Does(step) => step,
            Sender::Rests if is_stopping => return,
            Sender::Rests => {
                counter.notified = false;
                let Some(books) = &mut self.books else {
                    return;
                };
                match books.read(|ledger| ledger.unsent(BATCH)) {
                    Ok(unsent) => Step::of(unsent),
                    Err(kind) => Step::Over(End::Ledger(kind)),
                }
            }
            other @ (Sender::Offers(_) | Sender::Awaits(..)) => {
                counter.sender = other;
                return;
            }
        };
        let wall = self.counter().map(|counter| counter.clock(now, error));
        let (Some(wall), Some(books)) = (wall, &mut self.books) else {
            return;
        };
        match step {
            Step::Publish(publish) => {
                if flaw == Some(Flaw::MarksFirst) {
                    // Whatever the disk says: it is broken anyway.
                    let _ = books.mark_sent(publish.report().sequence, wall);
                }
                if let Some(counter) = self.counter() {
                    counter.trying.begin(monotonic(now));
                    counter.sender = Sender::Offers(publish);
                }
                self.obey(Who::Module);
            }
            Step::Mark(mark) => {
                let next = match books.mark_sent(mark.sequence(), wall) {
                    Ok(()) => mark.marked(),
                    Err(kind) => Step::Over(End::Ledger(kind)),
                };
                self.sender_does(next);
            }
            Step::Over(end) => {
                let Some(pause) = end.pause().filter(|_| !is_stopping) else {
                    return;
                };
                let notified = self.counter().is_some_and(|counter| counter.notified);
                let stride = self.between(STRIDE);
                self.sends_in(if notified { stride } else { pause.max(stride) });
            }
        }
    }

    fn sender_does(&mut self, step: Step) {
        let stride = self.between(STRIDE);
        if let Some(counter) = self.counter() {
            counter.sender = Sender::Does(step);
            self.sends_in(stride);
        }
    }

    /// The message that the sender has for the session, if it has one.
    pub(crate) fn offer(&mut self) -> Option<OutgoingMessage> {
        let flaw = self.flaw();
        let Sender::Offers(publish) = &self.counter()?.sender else {
            return None;
        };
        let mut report = publish.report().clone();
        let name = body_text(&report.body);
        let again = self
            .ledger
            .reports
            .get(&name)
            .is_some_and(|it| it.sends > 0);
        match flaw {
            Some(Flaw::SealsTwice) if again => {
                let (old, new) = (report.report_id.clone(), format!("{}9", report.report_id));
                report.body = name.replace(&old, &new).into_bytes();
                report.report_id = new;
            }
            Some(Flaw::ChangesBytes) if again => report.body.push(b' '),
            _ => {}
        }
        Some(reporter::message(report))
    }

    /// The session has it.
    pub(crate) fn offered(&mut self, id: PublishId) {
        let Some(counter) = self.counter() else {
            return;
        };
        match std::mem::take(&mut counter.sender) {
            Sender::Offers(publish) => {
                let name = body_text(&publish.report().body);
                counter.sender = Sender::Awaits(id, publish);
                self.ledger.sent(&name);
            }
            other => counter.sender = other,
        }
    }

    /// What became of a publish.
    pub(crate) fn became(&mut self, id: PublishId, confirmed: bool) {
        let Some(counter) = self.counter() else {
            return;
        };
        match std::mem::take(&mut counter.sender) {
            Sender::Awaits(out, publish) if out == id => {
                let published = if confirmed {
                    Published::Confirmed
                } else {
                    Published::Lost
                };
                let ended = published.ends_the_trying() && counter.trying.end();
                let name = body_text(&publish.report().body);
                if confirmed {
                    self.ledger.confirmed(&name);
                }
                self.sender_does(publish.answer(published));
                if ended {
                    self.wakes_sealer();
                }
            }
            other => counter.sender = other,
        }
    }

    fn wakes_sealer(&mut self) {
        let Some(counter) = self.counter() else {
            return;
        };
        if counter.round.is_some() {
            counter.woken = true;
        } else {
            self.seals_in(Duration::ZERO);
        }
    }
}
