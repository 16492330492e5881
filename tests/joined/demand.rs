//! The hub's own faults on demand, as this world asks for them.

use std::time::Duration;

use devhub::hub::{self, Connects, Pubacks, Twins};
use devhub::identity::IdentityId;

use crate::agenda::Happening;
use crate::camera;
use crate::client::Who;
use crate::edge_hub::module_id;
use crate::world::World;

/// One thing to ask of the hub.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Demand {
    /// It ends a client's connection, or all, without a word.
    Drops(Option<Who>),
    /// It takes a client's token, or all, for expired.
    Expires(Option<Who>),
    /// It sends so many deliveries once more after their PUBACK.
    Redeliver(u32),
    Pubacks(Pubacks),
    Connects(Connects),
    Twins(Twins),
    /// It does not reach the cloud.
    Offline(bool),
    /// Its queues take nothing.
    FullQueues(bool),
}

/// All lasting ones taken back.
const CALM: [Demand; 6] = [
    Demand::Redeliver(0),
    Demand::Pubacks(Pubacks::AtOnce),
    Demand::Connects(Connects::Answered),
    Demand::Twins(Twins::Answered),
    Demand::Offline(false),
    Demand::FullQueues(false),
];

impl Demand {
    fn fault(self) -> hub::Fault {
        match self {
            Demand::Drops(who) => hub::Fault::DropConnections(who.map(id)),
            Demand::Expires(who) => hub::Fault::ExpireTokens(who.map(id)),
            Demand::Redeliver(deliveries) => hub::Fault::Redeliver(deliveries),
            Demand::Pubacks(pubacks) => hub::Fault::Pubacks(pubacks),
            Demand::Connects(connects) => hub::Fault::Connects(connects),
            Demand::Twins(twins) => hub::Fault::Twins(twins),
            Demand::Offline(offline) => hub::Fault::Offline(offline),
            Demand::FullQueues(full) => hub::Fault::FullQueues(full),
        }
    }
}

impl World {
    /// Asks it of the hub, if that runs.
    pub(crate) fn demand(&mut self, demand: Demand) {
        self.hub.was_full |= matches!(demand, Demand::FullQueues(true));
        self.tell_hub(|hub, now| {
            hub.inject(demand.fault(), now);
        });
    }

    /// Nothing is asked of the hub any more.
    pub(crate) fn calm_hub(&mut self) {
        for demand in CALM {
            self.demand(demand);
        }
    }

    /// The hub starts again with room for one client, or for everyone.
    pub(crate) fn crowd(&mut self, crowded: bool) {
        self.hub_dies();
        self.hub.crowd(crowded);
        self.agenda
            .add(self.now + Duration::from_secs(1), Happening::HubStarts);
    }
}

fn id(who: Who) -> IdentityId {
    match who {
        Who::Module | Who::Rival => module_id(),
        Who::Camera(number) => IdentityId::device(camera::device(number)),
    }
}
