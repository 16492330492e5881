//! What the world does for the hub: what its sockets bring, what it decides, and what its
//! queues say of it.

use bytes::Bytes;
use devhub::clock::Now;
use devhub::hub::{Action, CloseReason, Counters, Hub};
use rumqttc::mqttbytes::v4::{ConnectReturnCode, Packet};

use crate::agenda::Happening;
use crate::kept_store::text;
use crate::network::{SocketId, Way};
use crate::wire;
use crate::world::World;

impl World {
    /// Tells the hub something, if it runs, and does what it decides.
    pub(crate) fn tell_hub(&mut self, news: impl FnOnce(&mut Hub, Now)) {
        if let Some((hub, now)) = self.hub.at(self.now) {
            news(hub, now);
        }
        self.act();
    }

    pub(crate) fn arrived_at_hub(&mut self, id: SocketId, bytes: &Bytes) {
        if let Some(socket) = self.network.socket(id)
            && socket.hub_side
            && !socket.cut
            && !socket.is_swallowing(Way::Up)
        {
            socket.hub_inbox.extend_from_slice(bytes);
        }
        loop {
            let Some(socket) = self.network.socket(id).filter(|socket| socket.hub_side) else {
                return;
            };
            match wire::to_hub(&mut socket.hub_inbox) {
                Ok(Some(packet)) => {
                    let withheld = self.hub.withholds_pubacks();
                    self.watch.hub_read(id, &packet, withheld);
                    self.tell_hub(|hub, now| hub.received(id, packet, now));
                }
                Ok(None) => return,
                Err(error) => {
                    self.watch.fail(format!("the hub cannot read: {error}"));
                    return;
                }
            }
        }
    }

    pub(crate) fn ended_at_hub(&mut self, id: SocketId, abrupt: bool) {
        let Some(socket) = self.network.socket(id) else {
            return;
        };
        if !abrupt && (socket.cut || socket.is_swallowing(Way::Up)) {
            return;
        }
        if std::mem::replace(&mut socket.hub_side, false) {
            self.tell_hub(|hub, now| hub.lost(id, CloseReason::PeerClosed, now));
        }
    }

    /// Does everything the hub has decided.
    fn act(&mut self) {
        // What the hub writes rests on what it has stored before.
        self.look_into_the_queues();
        while let Some(action) = self.hub.at(self.now).and_then(|(hub, _)| hub.poll_action()) {
            match action {
                Action::Send {
                    connection,
                    packet,
                    report_written,
                } => {
                    self.hub_writes(connection, &packet);
                    if let Some(delivery) = report_written
                        && let Some((hub, now)) = self.hub.at(self.now)
                    {
                        hub.written(connection, delivery, now);
                    }
                }
                Action::Close { connection, reason } => {
                    self.trace
                        .note(self.now, || format!("hub closes {connection}: {reason}"));
                    if let Some(socket) = self.network.socket(connection)
                        && std::mem::replace(&mut socket.hub_side, false)
                    {
                        self.end(connection, Way::Down);
                    }
                }
                Action::MethodFinished { call, outcome } => self.method_finished(call, &outcome),
                // No journal is asked for.
                Action::Record(_) => {}
                Action::Upstream(entry) => {
                    let success = self.cloud.take(&text(&entry.message));
                    let finished = Happening::UpstreamFinished {
                        generation: self.hub.generation,
                        sequence: entry.sequence,
                        success,
                    };
                    let at = self.now + self.between(self.setup.latency);
                    self.agenda.add(at, finished);
                }
            }
        }
        self.look_into_the_queues();
    }

    fn look_into_the_queues(&mut self) {
        let wall = self.hub.wall(self.now);
        for note in self.hub.store.take_notes() {
            self.watch
                .store_changed(note, wall, &self.ledger, &self.cloud);
        }
    }

    pub(crate) fn hub_writes(&mut self, id: SocketId, packet: &Packet) {
        self.trace.note(self.now, || {
            format!("hub writes to {id}: {}", brief(packet))
        });
        let Some(socket) = self.network.socket(id).filter(|socket| socket.hub_side) else {
            // A connection that the network ended an instant ago and the hub not yet knows.
            self.watch.hub_wrote_in_vain(packet);
            return;
        };
        let who = socket.who;
        if self.operator.loses_patch(packet) {
            self.trace.note(self.now, || "which is lost".into());
            return;
        }
        self.watch
            .hub_wrote(id, packet, self.now, self.hub.ack_timeout());
        match wire::from_hub(packet) {
            Ok(bytes) => self.send(id, Way::Down, bytes),
            Err(error) => self.watch.fail(format!("the hub cannot write: {error}")),
        }
        let accepted =
            matches!(packet, Packet::ConnAck(ack) if ack.code == ConnectReturnCode::Success);
        if accepted && self.network.conditions(who).drops_accepted {
            if let Some(socket) = self.network.socket(id) {
                socket.hub_side = false;
            }
            self.end(id, Way::Down);
            if let Some((hub, now)) = self.hub.at(self.now) {
                hub.lost(id, CloseReason::Killed, now);
            }
        }
    }

    pub(crate) fn upstream_finished(&mut self, generation: u32, sequence: u64, success: bool) {
        if generation == self.hub.generation && self.hub.is_running() {
            self.cloud.heard();
            self.tell_hub(|hub, now| hub.upstream_finished(sequence, success, now));
        }
    }

    pub(crate) fn hub_starts(&mut self) {
        if let Err(error) = self.hub.start(self.now) {
            self.watch.fail(format!("the hub does not start: {error}"));
        }
        self.trace.note(self.now, || "hub starts".into());
        self.act();
    }

    /// The hub's process dies without a word; the system ends its sockets.
    pub(crate) fn hub_dies(&mut self) {
        if let Some(counters) = self.hub.die() {
            self.check_counters(&counters);
        }
        self.cloud.hub_died();
        self.operator.hub_died();
        for id in self.network.hub_sides() {
            // Some of what it wrote is still under way, or nothing is.
            let lost = self.dice.bool();
            if let Some(socket) = self.network.socket(id) {
                socket.hub_side = false;
                let told = !socket.is_swallowing(Way::Down);
                socket.cut |= lost;
                if lost && told {
                    let (way, abrupt) = (Way::Down, true);
                    let ended = Happening::Ended {
                        socket: id,
                        way,
                        abrupt,
                    };
                    let at = self.now + self.between(self.setup.latency);
                    self.agenda.add(at, ended);
                } else if told {
                    self.end(id, Way::Down);
                }
            }
        }
    }

    /// Nothing of ours is a message that the hub has reason to drop.
    pub(crate) fn check_counters(&mut self, counters: &Counters) {
        let dropped = counters.dropped_no_route
            + counters.dropped_too_large
            + counters.dropped_unknown_topic
            + counters.dropped_bad_properties
            + counters.dropped_undeliverable
            + counters.dropped_case_twins
            + if self.hub.was_full {
                0
            } else {
                counters.storage_failures
            };
        if dropped > 0 {
            self.watch.fail(format!("the hub dropped: {counters:?}"));
        }
    }
}

fn brief(packet: &Packet) -> String {
    match packet {
        Packet::Publish(publish) => {
            let body = String::from_utf8_lossy(&publish.payload);
            let topic = String::from_utf8_lossy(&publish.topic);
            let about = topic.strip_prefix("$iothub/").unwrap_or_default();
            format!("PUBLISH {} {about} {body}", publish.pkid)
        }
        other => format!("{other:?}"),
    }
}
