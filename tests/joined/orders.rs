//! What the world does for a session: what it orders, what its socket brings, what its role
//! wants to send ([`crate::errands`]). The order of things is that of the real shell,
//! `edge-client`'s driver.

use std::time::Duration;

use edge_protocol::session::{Event, Outbound};

use crate::agenda::Happening;
use crate::client::{Role, Who, moment};
use crate::network::{Dialling, Way};
use crate::wire;
use crate::world::World;

impl World {
    /// Does everything a session asks for, and gives it what has arrived, unless its process
    /// gets no time.
    pub(crate) fn obey(&mut self, who: Who) {
        let now = self.now;
        let mut busy = self.client(who).frozen_until <= now;
        while busy && self.watch.broken().is_none() {
            busy = false;
            while let Some(event) = self.ask(who, |session| session.poll_event()) {
                self.on_event(who, event);
                busy = true;
            }
            while let Some(packet) = self.ask(who, |session| session.poll_packet()) {
                self.write(who, packet);
                busy = true;
            }
            busy |= self.read(who);
            busy |= self.publish(who);
            busy |= self.report(who);
        }
    }

    fn ask<T>(
        &mut self,
        who: Who,
        question: impl FnOnce(&mut edge_protocol::session::Session) -> Option<T>,
    ) -> Option<T> {
        self.client(who).session.as_mut().and_then(question)
    }

    fn on_event(&mut self, who: Who, event: Event) {
        let now = self.now;
        match &event {
            Event::Delivery(delivery) => {
                let body = &delivery.payload;
                self.trace
                    .note(now, || format!("{who:?} takes {body:?} {:?}", delivery.id));
            }
            other => self.trace.note(now, || format!("{who:?} {other:?}")),
        }
        match event {
            Event::Dial { link, .. } => {
                let client = self.client(who);
                client.dialling = Some(link);
                client.dials.push(now);
                let life = client.life;
                let works = match self.network.conditions(who).dialling {
                    Dialling::Works => true,
                    Dialling::Fails => false,
                    Dialling::Hangs => return,
                };
                let at = now + self.between(self.setup.latency) * 3;
                let dialled = Happening::Dialled {
                    who,
                    life,
                    link,
                    works,
                };
                self.agenda.add(at, dialled);
            }
            Event::HangUp { link } => {
                let client = self.client(who);
                client.dialling.take_if(|dialling| *dialling == link);
                if let Some(line) = client.line.take_if(|line| line.link == link) {
                    self.end(line.socket, Way::Up);
                }
            }
            Event::Connected { .. } => {}
            Event::Subscribed { .. } => self.client(who).is_subscribed = true,
            Event::Delivery(delivery) => self.deliver(who, &delivery),
            Event::Stray { topic } => self.watch.fail(format!("a stray message on {topic}")),
            Event::DesiredChanged(_)
            | Event::TwinInStep { .. }
            | Event::TwinFailed { .. }
            | Event::MethodCall(_)
            | Event::Reported { .. } => self.on_request(who, event),
            Event::Confirmed { publish } => self.told(who, publish, true),
            Event::Unconfirmed { publish } => self.told(who, publish, false),
            Event::Lost { cause, .. } => {
                let client = self.client(who);
                client.is_subscribed = false;
                client.losses.push((now, cause));
            }
            Event::Held | Event::Resumed { .. } => {}
            Event::Closed(_) => {
                let client = self.client(who);
                let late = client.closes_by.is_none_or(|by| now > by);
                let starts_again = std::mem::take(&mut client.starts_again);
                if client.die().is_some() || late {
                    self.watch.fail(format!("{who:?} did not close in time"));
                }
                if starts_again {
                    let at = now + Duration::from_secs(1);
                    self.agenda.add(at, Happening::Starts { who });
                }
            }
        }
    }

    fn write(&mut self, who: Who, mut packet: Outbound) {
        if let (Role::Camera(camera), Outbound::Publish { topic, .. }) =
            (&self.client(who).role, &mut packet)
        {
            camera.strip_id(topic);
        }
        let Some(socket) = self.client(who).line.as_ref().map(|line| line.socket) else {
            return;
        };
        self.watch.client_wrote(socket, &packet, &self.ledger);
        self.trace.note(self.now, || {
            format!("{who:?} writes to {socket}: {}", brief(&packet))
        });
        match wire::from_client(packet) {
            Ok(bytes) => self.send(socket, Way::Up, bytes),
            Err(error) => self.watch.fail(format!("{who:?} cannot write: {error}")),
        }
    }

    /// Gives one packet that has arrived to the session, or the news that none will come.
    fn read(&mut self, who: Who) -> bool {
        let now = self.now;
        let client = self.client(who);
        let (Some(session), Some(line)) = (&mut client.session, &mut client.line) else {
            return false;
        };
        if session.is_reading_paused() {
            return false;
        }
        let (link, socket) = (line.link, line.socket);
        match wire::to_client(&mut line.inbox) {
            Ok(Some(packet)) => {
                session.handle_packet(moment(now), link, packet.clone());
                self.watch.client_read(socket, &packet);
                true
            }
            Ok(None) if line.ended => {
                client.line = None;
                session.handle_closed(moment(now), link);
                true
            }
            Ok(None) => false,
            Err(error) => {
                self.watch.fail(format!("{who:?} cannot read: {error}"));
                false
            }
        }
    }
}

fn brief(packet: &Outbound) -> String {
    match packet {
        Outbound::Connect(connect) => format!("CONNECT {}", connect.client_id),
        Outbound::Subscribe { filters, .. } => {
            let patterns: Vec<_> = filters.iter().map(|f| f.pattern.as_str()).collect();
            format!("SUBSCRIBE {}", patterns.join(" "))
        }
        Outbound::Publish {
            packet_id,
            topic,
            payload,
        } => {
            let about = topic.strip_prefix("$iothub/").unwrap_or_default();
            format!("PUBLISH {packet_id} {about} {payload:?}")
        }
        Outbound::PubAck { packet_id } => format!("PUBACK {packet_id}"),
        Outbound::PingReq => "PINGREQ".into(),
        Outbound::Disconnect => "DISCONNECT".into(),
    }
}
