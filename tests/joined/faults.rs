//! What can go wrong, each as one value that [`World::strike`] makes happen.

use std::time::Duration;

use crate::agenda::Happening;
use crate::application::Manner;
use crate::books::Disk;
use crate::client::{Client, Who, moment};
use crate::demand::Demand;
use crate::network::{Dialling, SocketId, Way};
use crate::world::World;

/// How long a process may take to end when it is told to: the grace that it is given.
pub(crate) const GRACE: Duration = Duration::from_secs(5);
/// And on top of it the pause for the hub to close.
pub(crate) const PARTING: Duration = Duration::from_secs(1);

/// One thing that goes wrong, or right again.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    /// The client's connection breaks; both ends are told a while later.
    Cut(Who),
    /// The same to the connection of the present step, or to the dialling.
    CutHere,
    /// The client's connection carries nothing any more, up, down or both, and nobody is told.
    HalfOpen(Who, bool, bool),
    /// The same to the connection of the present step.
    HalfOpenHere(bool, bool),
    /// From now on packets take so much longer.
    Slow(Who, Way, Duration),
    /// From now on dialling ends like this.
    Dialling(Who, Dialling),
    /// From now on the hub loses the CONNECTs of new connections.
    ConnectIsLost(Who, bool),
    /// From now on the hub drops what it has just accepted.
    DropsAccepted(Who, bool),
    /// From now on the client's tokens are signed with a wrong key.
    WrongKey(Who, bool),
    /// The hub dies and starts again so much later, with or without knowledge of the module.
    HubRestarts(Duration, bool),
    /// The clients' wall clock is so many seconds wrong from now on.
    ClientClock(i64),
    /// The hub's wall clock is.
    HubClock(i64),
    /// A second process with the module's identity starts.
    RivalStarts,
    /// It is told to end.
    RivalLeaves,
    /// The client's process dies and starts again so much later.
    Crash(Who, Duration),
    /// The client's process is told to end, and starts again afterwards.
    Restart(Who),
    /// From now on an application takes so long for each delivery.
    Work(Duration, Duration),
    /// The module's application drops its next delivery unused.
    DropsOne,
    /// The module's application cannot make results durable, or can again.
    Hold(bool),
    /// The cloud can be reached.
    CloudIsOnline(bool),
    /// From now on an application takes so long for each method call.
    Answering(Duration, Duration),
    /// The module's application drops its next method call unanswered.
    DropsCall,
    /// The hub does something wrong because it is asked to.
    Demand(Demand),
    /// The hub sends a patch of desired properties once more that it has sent before.
    ReplaysPatch,
    /// So many of the next patches of desired properties are lost on their way.
    LosesPatches(u32),
    /// The hub starts again with room for one client only, or for everyone.
    Crowded(bool),
    /// The module's process dies as soon as it is doing this, a name of its moments, and starts again
    /// a second later.
    CrashWhen(&'static str),
    /// From now on the disk under the module's ledger does this.
    Disk(Disk),
    /// The client's process gets no time for so long.
    Freeze(Who, Duration),
    /// All is well from now on; what is half-open stays so.
    Heal,
}

/// A fault at a step instead of a time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Trigger {
    pub(crate) step: u64,
    pub(crate) when: When,
    pub(crate) fault: Fault,
}

/// Whether what arrives with the step is still taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    Before,
    After,
}

impl World {
    /// Plans a fault.
    pub(crate) fn plan(&mut self, after: Duration, fault: Fault) {
        self.agenda.add(self.now + after, Happening::Strike(fault));
    }

    pub(crate) fn strike(&mut self, fault: Fault) {
        self.trace.note(self.now, || format!("-- {fault:?}"));
        self.tally.strike(&fault);
        match fault {
            Fault::Cut(who) => self.cut(self.line(who)),
            Fault::CutHere => match self.here {
                Some((who, None)) => self.break_dialling(who),
                Some((_, socket)) => self.cut(socket),
                None => {}
            },
            Fault::HalfOpen(who, up, down) => self.swallow(self.line(who), up, down),
            Fault::HalfOpenHere(up, down) => {
                self.swallow(self.here.and_then(|(_, socket)| socket), up, down);
            }
            Fault::Slow(who, way, by) => self.network.conditions(who).delay(way, by),
            Fault::Dialling(who, dialling) => self.network.conditions(who).dialling = dialling,
            Fault::ConnectIsLost(who, lost) => self.network.conditions(who).connect_is_lost = lost,
            Fault::DropsAccepted(who, drops) => self.network.conditions(who).drops_accepted = drops,
            Fault::WrongKey(who, wrong) => self.client(who).signs_with_a_wrong_key = wrong,
            Fault::HubRestarts(later, knows_module) => {
                self.hub_dies();
                self.hub.knows_module = knows_module;
                self.agenda.add(self.now + later, Happening::HubStarts);
            }
            Fault::ClientClock(error) => self.clock_error = error,
            Fault::HubClock(error) => self.hub.clock_error = error,
            Fault::RivalStarts => self.starts(Who::Rival),
            Fault::RivalLeaves => self.shut_down(Who::Rival),
            Fault::CrashWhen(moment) => self.doomed.push(moment),
            Fault::Disk(disk) => {
                if let Some(books) = &mut self.books {
                    books.disk = disk;
                }
            }
            Fault::Crash(who, later) => {
                if who == Who::Module {
                    self.counter_dies();
                }
                if let Some(socket) = self.client(who).die() {
                    self.end(socket, Way::Up);
                }
                self.agenda.add(self.now + later, Happening::Starts { who });
            }
            Fault::Restart(who) => {
                let runs = self.client(who).session.is_some();
                self.client(who).starts_again = runs;
                self.shut_down(who);
            }
            Fault::Work(least, most) => {
                for who in [Who::Module, Who::Rival] {
                    self.client(who).manner.work = (least, most);
                }
            }
            Fault::Answering(least, most) => {
                for who in [Who::Module, Who::Rival] {
                    self.client(who).manner.answering = (least, most);
                }
            }
            Fault::DropsCall => {
                if let Some(application) = self.client(Who::Module).application() {
                    application.drops_calls += 1;
                }
            }
            Fault::Demand(demand) => self.demand(demand),
            Fault::ReplaysPatch => self.replay_patch(),
            Fault::LosesPatches(patches) => self.operator.loses_patches = patches,
            Fault::Crowded(crowded) => self.crowd(crowded),
            Fault::DropsOne => {
                if let Some(application) = self.client(Who::Module).application() {
                    application.drops += 1;
                }
            }
            Fault::Hold(held) => self.hold(held),
            Fault::CloudIsOnline(online) => self.cloud.online = online,
            Fault::Freeze(who, time) => {
                let now = self.now;
                let client = self.client(who);
                // A second one does not end the first: what came in that waits for its end, and
                // would be overtaken by what comes in this.
                let until = client.frozen_until.max(now + time);
                client.frozen_until = until;
                // Nobody can keep a time in which nothing runs.
                client.closes_by = client.closes_by.map(|by| by + time);
                self.agenda.add(until, Happening::Thaws { who });
            }
            Fault::Heal => self.heal(),
        }
    }

    /// Tells a client's session to end.
    pub(crate) fn shut_down(&mut self, who: Who) {
        let now = self.now;
        let client = self.client(who);
        let last_taken = client.application().and_then(|it| it.last_taken);
        // A process that gets no time cannot keep one either.
        let begins = now.max(client.frozen_until);
        if let Some(counter) = client.application().and_then(|it| it.counter.as_mut()) {
            let noted = counter.attempts.stopping();
            noted.expect("a note in a folder that works");
        }
        if let Some(session) = &mut client.session {
            session.shut_down(moment(now), GRACE, last_taken);
            client.closes_by = Some(begins + GRACE + PARTING);
        }
        self.obey(who);
    }

    fn line(&self, who: Who) -> Option<SocketId> {
        self.clients
            .get(&who)?
            .line
            .as_ref()
            .map(|line| line.socket)
    }

    fn cut(&mut self, socket: Option<SocketId>) {
        let Some(id) = socket else { return };
        if let Some(socket) = self.network.socket(id) {
            socket.cut = true;
        }
        // Either end may be first to know.
        for way in [Way::Up, Way::Down] {
            let at = self.now + self.between((Duration::ZERO, Duration::from_secs(5)));
            let ended = Happening::Ended {
                socket: id,
                way,
                abrupt: true,
            };
            self.agenda.add(at, ended);
        }
    }

    /// The dialling that has just come to its end comes to a bad one.
    fn break_dialling(&mut self, who: Who) {
        let now = moment(self.now);
        let client = self.client(who);
        if let (Some(session), Some(link)) = (&mut client.session, client.dialling.take()) {
            session.handle_dial_failed(now, link);
        }
        self.obey(who);
    }

    fn swallow(&mut self, socket: Option<SocketId>, up: bool, down: bool) {
        if let Some(socket) = socket.and_then(|id| self.network.socket(id)) {
            let ways = [(Way::Up, up), (Way::Down, down)];
            for (way, _) in ways.into_iter().filter(|(_, swallows)| *swallows) {
                socket.swallow(way);
            }
        }
    }

    fn hold(&mut self, held: bool) {
        let now = moment(self.now);
        if let Some(session) = &mut self.client(Who::Module).session {
            if held {
                session.hold(now);
            } else {
                session.resume(now);
            }
        }
        self.obey(Who::Module);
    }

    fn heal(&mut self) {
        self.network.heal();
        self.triggers.clear();
        self.doomed.clear();
        (self.clock_error, self.hub.clock_error) = (0, 0);
        self.cloud.online = true;
        for client in self.clients.values_mut() {
            heal_client(client);
        }
        if !self.hub.knows_module || self.hub.is_crowded() {
            self.hub_dies();
            self.hub.knows_module = true;
            self.hub.crowd(false);
        }
        self.hub_starts();
        self.calm_hub();
        self.operator.loses_patches = 0;
        match &mut self.books {
            // The module itself finds out that it can write again.
            Some(books) => books.disk = Disk::Works,
            None => self.hold(false),
        }
        if self.client(Who::Rival).closes_by.is_none() {
            self.shut_down(Who::Rival);
        }
        // One that is on its way out starts again when it is gone, as was planned.
        self.starts(Who::Module);
    }
}

fn heal_client(client: &mut Client) {
    client.manner = Manner::default();
    client.signs_with_a_wrong_key = false;
    if let Some(application) = client.application() {
        application.drops = 0;
        application.drops_calls = 0;
    }
}
