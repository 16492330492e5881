//! What cameras and the module's application do with the session that they have: pictures
//! and reports into it, deliveries out of it.

use edge_protocol::session::{Delivery, DeliveryId, PublishId};

use crate::agenda::Happening;
use crate::application::Application;
use crate::client::{Role, Who, moment};
use crate::setup::identity;
use crate::world::World;

impl World {
    pub(crate) fn deliver(&mut self, who: Who, delivery: &Delivery) {
        let id = delivery.id;
        let client = self.client(who);
        let (life, work) = (client.life, client.manner.work);
        let socket = client.line.as_ref().map(|line| line.socket);
        if client.application().is_some_and(|it| it.counter.is_some()) {
            if let Some(socket) = socket {
                self.watch.named(socket, id);
            }
            self.counter_takes(delivery.clone());
            return;
        }
        let taken = match &mut client.role {
            Role::Application(application) => application.take(delivery),
            Role::Camera(_) => Err(format!("{who:?} got a delivery")),
        };
        if let Err(what) = taken {
            self.watch.fail(what);
        }
        if let Some(socket) = socket {
            self.watch.named(socket, id);
        }
        let processed = Happening::Processed {
            who,
            life,
            delivery: id,
        };
        let at = self.now + self.between(work);
        self.agenda.add(at, processed);
    }

    /// The application is done with a delivery: commit, then acknowledge; or drop it.
    pub(crate) fn processed(&mut self, who: Who, life: u32, delivery: DeliveryId) {
        let now = self.now;
        let client = self.client(who);
        if client.life != life || client.session.is_none() {
            return;
        }
        if client.frozen_until > now {
            let at = client.frozen_until;
            let processed = Happening::Processed {
                who,
                life,
                delivery,
            };
            self.agenda.add(at, processed);
            return;
        }
        let Some(application) = client.application() else {
            return;
        };
        let Some(picture) = application.put_down(delivery) else {
            return;
        };
        let dropped = application.drops > 0;
        application.drops = application.drops.saturating_sub(1);
        if !dropped {
            self.ledger.commit(&picture);
        }
        self.trace.note(now, || {
            let verb = if dropped { "drops" } else { "commits" };
            format!("{who:?} {verb} {picture} {delivery:?}")
        });
        let socket = self.client(who).line.as_ref().map(|line| line.socket);
        if let Some(socket) = socket.filter(|_| !dropped) {
            self.watch.settled(socket, delivery);
        }
        if let Some(session) = &mut self.client(who).session {
            if dropped {
                session.abandon(moment(now), delivery);
            } else {
                session.acknowledge(moment(now), delivery);
            }
        }
        self.obey(who);
    }

    pub(crate) fn told(&mut self, who: Who, publish: PublishId, confirmed: bool) {
        if who == Who::Module && self.counter().is_some() {
            self.became(publish, confirmed);
            return;
        }
        let World {
            clients, ledger, ..
        } = self;
        match clients.get_mut(&who).map(|client| &mut client.role) {
            Some(Role::Camera(camera)) => {
                camera.told(publish, confirmed);
            }
            Some(Role::Application(application)) => application.told(publish, confirmed, ledger),
            None => {}
        }
    }

    /// Gives one message of the role to the session; false when there is none or no room.
    pub(crate) fn publish(&mut self, who: Who) -> bool {
        let now = moment(self.now);
        let counts = who == Who::Module && self.counter().is_some();
        let offer = if counts { self.offer() } else { None };
        let World {
            clients,
            ledger,
            watch,
            ..
        } = self;
        let Some(client) = clients.get_mut(&who) else {
            return false;
        };
        let Some(session) = client.session.as_mut().filter(|s| s.can_publish()) else {
            return false;
        };
        let message = match &client.role {
            Role::Camera(camera) => camera.next().transpose(),
            Role::Application(_) if counts => Ok(offer),
            Role::Application(_) if who == Who::Module => Ok(Application::next(ledger)),
            Role::Application(_) => Ok(None),
        };
        let prepared = message
            .map_err(|error| error.to_string())
            .and_then(|message| {
                let prepared = message.map(|message| message.prepare(&identity(who)));
                prepared.transpose().map_err(|error| error.to_string())
            });
        let prepared = match prepared {
            Ok(Some(prepared)) => prepared,
            Ok(None) => return false,
            Err(what) => {
                watch.fail(what);
                return false;
            }
        };
        let Ok(publish) = session.publish(now, prepared) else {
            watch.fail("a session that can publish refused to");
            return false;
        };
        if counts {
            self.offered(publish);
            return true;
        }
        match &mut client.role {
            Role::Camera(camera) => camera.sent(publish),
            Role::Application(application) => application.sent(publish, ledger),
        }
        true
    }
}
