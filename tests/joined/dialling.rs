//! How a client's process and its connections come about.

use bytes::BytesMut;
use edge_protocol::session::LinkId;

use crate::agenda::Happening;
use crate::client::{Line, Who, moment};
use crate::edge_hub::unix;
use crate::setup::identity;
use crate::world::World;

impl World {
    pub(crate) fn starts(&mut self, who: Who) {
        let (now, seed) = (self.now, self.dice.u64(..));
        if self.client(who).session.is_some() || self.is_over {
            return;
        }
        self.check_dials();
        if who == Who::Module && self.books.is_none() {
            self.ledger.reopen();
        }
        self.client(who).start(seed, now);
        self.trace.note(now, || format!("{who:?} starts"));
        if who == Who::Module {
            self.counter_starts();
        }
        self.obey(who);
    }

    pub(crate) fn dialled(&mut self, who: Who, life: u32, link: LinkId, works: bool) {
        let now = self.now;
        let works = works && self.hub.is_running();
        let unix = unix(now, self.clock_error);
        let client = self.client(who);
        if client.life != life || client.dialling != Some(link) {
            return;
        }
        if client.frozen_until > now {
            let at = client.frozen_until;
            let again = Happening::Dialled {
                who,
                life,
                link,
                works,
            };
            self.agenda.add(at, again);
            return;
        }
        client.dialling = None;
        let pass = client.pass(&identity(who), unix);
        let Some(session) = &mut client.session else {
            return;
        };
        if works {
            session.handle_dialled(moment(now), link, pass);
            let socket = self.network.open(who, now);
            self.client(who).line = Some(Line {
                link,
                socket,
                inbox: BytesMut::new(),
                ended: false,
            });
            self.here = Some((who, Some(socket)));
            self.tell_hub(|hub, now| hub.accepted(socket, now));
        } else {
            session.handle_dial_failed(moment(now), link);
        }
        self.obey(who);
    }
}
