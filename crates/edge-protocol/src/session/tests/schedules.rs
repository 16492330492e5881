//! Thousands of random schedules against a hub that remembers: whatever happens in
//! whatever order, the promises hold.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use super::rig::{Rig, config, message, secs};
use crate::session::random::Random;
use crate::session::{
    DeliveryId, Event, Inbound, LinkId, Outbound, PublishId, Refusal, SessionConfig,
};

/// The hub's view of one connection, and the application's of everything.
#[derive(Default)]
struct World {
    link: Option<LinkId>,
    /// Packet ids delivered on this connection and not acknowledged, in order.
    owed: VecDeque<(DeliveryId, u16)>,
    /// Deliveries of this connection the application has settled.
    settled: BTreeSet<DeliveryId>,
    /// Deliveries in the application's hands, some of them stale.
    held: Vec<DeliveryId>,
    /// Publishes without a result.
    awaited: BTreeSet<PublishId>,
    /// Packet ids of publishes the hub has not answered.
    unanswered: Vec<u16>,
    disconnected: bool,
    /// PUBACKs seen in all, to know that the schedules exercise something.
    pubacks: usize,
}

impl World {
    fn watch(&mut self, rig: &mut Rig, seed: u64) {
        // Packets first: what a connection still sends belongs before the news of its end.
        for packet in rig.take_packets() {
            let first = matches!(packet, Outbound::Connect(_));
            assert!(
                first || !self.disconnected,
                "seed {seed}: {packet:?} after DISCONNECT"
            );
            match packet {
                Outbound::PubAck { packet_id } => {
                    let (id, owed) = self.owed.pop_front().expect("a PUBACK that is owed");
                    assert_eq!(packet_id, owed, "seed {seed}: out of order");
                    self.pubacks += 1;
                    assert!(
                        self.settled.contains(&id),
                        "seed {seed}: not the application's word"
                    );
                }
                Outbound::Publish { packet_id, .. } => {
                    assert!(
                        !self.unanswered.contains(&packet_id),
                        "seed {seed}: id in use"
                    );
                    self.unanswered.push(packet_id);
                    assert!(self.unanswered.len() <= 8, "seed {seed}: over the window");
                }
                Outbound::Disconnect => self.disconnected = true,
                Outbound::Connect(_) => self.disconnected = false,
                Outbound::Subscribe { .. } | Outbound::PingReq => {}
            }
        }
        for event in rig.take_events() {
            match event {
                Event::Dial { .. } | Event::Lost { .. } => self.new_connection(None),
                Event::Connected { link, .. } => self.new_connection(Some(link)),
                Event::Delivery(delivery) => {
                    assert_eq!(Some(delivery.link), self.link, "seed {seed}");
                    self.owed.push_back((delivery.id, 1));
                    self.held.push(delivery.id);
                }
                Event::Confirmed { publish } | Event::Unconfirmed { publish } => {
                    assert!(
                        self.awaited.remove(&publish),
                        "seed {seed}: a second result"
                    );
                }
                Event::DesiredChanged(_)
                | Event::TwinInStep { .. }
                | Event::TwinFailed { .. }
                | Event::Reported { .. }
                | Event::MethodCall(_)
                | Event::HangUp { .. }
                | Event::Subscribed { .. }
                | Event::Stray { .. }
                | Event::Held
                | Event::Resumed { .. }
                | Event::Closed(_) => {}
            }
        }
    }

    fn new_connection(&mut self, link: Option<LinkId>) {
        self.link = link;
        self.owed.clear();
        self.settled.clear();
        self.unanswered.clear();
    }
}

fn run(config: SessionConfig, seed: u64) -> usize {
    let mut random = Random::new(seed);
    let mut rig = Rig::with(config, seed);
    rig.lifetime = secs(30 + random.next() % 600);
    let mut world = World::default();
    world.watch(&mut rig, seed);
    for _ in 0..300 {
        let choice = random.next() % 100;
        match choice {
            0..=14 => {
                rig.dialled();
            }
            15..=29 => {
                let code = match random.next() % 8 {
                    0 => Err(Refusal::NotAuthorised),
                    _ => Ok(()),
                };
                if world.link.is_none() {
                    let session_present = code.is_ok() && random.next().is_multiple_of(2);
                    rig.packet(Inbound::ConnAck {
                        session_present,
                        code,
                    });
                }
            }
            30..=49 if world.link.is_some() => {
                rig.deliver_to("devices/edge/modules/counter/inputs/images/a=1", 1, 1);
            }
            50..=69 if !world.held.is_empty() => {
                let place = usize::try_from(random.next()).unwrap_or(0) % world.held.len();
                let id = world.held.swap_remove(place);
                // Before the packets are looked at: a PUBACK may follow at once.
                let current = world.owed.iter().any(|(owed, _)| *owed == id);
                if random.next().is_multiple_of(15) {
                    rig.abandon(id);
                } else {
                    if current {
                        world.settled.insert(id);
                    }
                    rig.acknowledge(id);
                }
            }
            70..=79 if rig.session.can_publish() => {
                let id = rig.session.publish(rig.now, message("p")).expect("room");
                world.awaited.insert(id);
                rig.collect();
            }
            80..=87 if !world.unanswered.is_empty() => {
                let place = usize::try_from(random.next()).unwrap_or(0) % world.unanswered.len();
                let packet_id = world.unanswered.swap_remove(place);
                rig.packet(Inbound::PubAck { packet_id });
            }
            88 => rig.closed(),
            89 => {
                rig.session.hold(rig.now);
                rig.collect();
                rig.session.resume(rig.now);
                rig.collect();
            }
            _ => rig.advance(Duration::from_millis(random.next() % 20_000)),
        }
        world.watch(&mut rig, seed);
    }
    rig.session.shut_down(rig.now, secs(3), None);
    rig.advance(secs(10));
    world.watch(&mut rig, seed);
    assert!(rig.session.is_closed(), "seed {seed}");
    assert!(
        world.awaited.is_empty(),
        "seed {seed}: publishes without a result"
    );
    world.pubacks
}

#[test]
fn no_schedule_breaks_the_promises() {
    let pubacks: usize = (0..4000).map(|seed| run(config(), seed)).sum();
    assert!(pubacks > 10_000, "only {pubacks} PUBACKs in 4000 schedules");
}
