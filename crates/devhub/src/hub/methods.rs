//! Direct methods (sheet 9.2): a call goes to the client as
//! `$iothub/methods/POST/{name}/?$rid={guid}` and comes back as
//! `$iothub/methods/res/{status}/?$rid={guid}`, or does not, and then its time ends it.
//!
//! A call for a client that is not connected, or has not subscribed to methods, waits as long as
//! its caller allows. Every call ends in exactly one [`MethodOutcome`].

use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use serde_json::Value;
use thiserror::Error;

use super::{Action, Hub};
use crate::clock::Now;
use crate::identity::IdentityId;
use crate::topics::{self, Feature};

/// Calls that wait or run at the same time, over all clients.
const MAX_CALLS: usize = 100;
/// Longest name of a method, in characters.
const MAX_NAME: usize = 100;
/// Largest payload of a call, in bytes of JSON.
const MAX_PAYLOAD: usize = 128 * 1024;
/// What a caller sees when a client answers with a status that is no integer.
const BAD_STATUS: i64 = 400_000;

/// Number of a call within a hub, never used twice.
pub type CallId = u64;

/// A call to make.
#[derive(Debug, Clone, PartialEq)]
pub struct MethodCall {
    /// Whom to call.
    pub target: IdentityId,
    /// The method, at most 100 characters.
    pub name: String,
    /// What to hand over, at most 128 KiB of JSON.
    pub payload: Value,
    /// How long the client may take to answer: 5 to 300 s.
    pub response_timeout: Duration,
    /// How long to wait for the client to connect and subscribe: 0 to 300 s.
    pub connect_timeout: Duration,
}

/// Why a call is not even begun.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MethodError {
    /// The identity does not exist.
    #[error("`{0}` is unknown here")]
    UnknownTarget(String),
    /// Empty, too long, or with a `/`, `#` or `+` that no topic can carry.
    #[error(
        "`{0}` is not a method name: 1 to {MAX_NAME} characters without `/`, `+`, `#` or control characters"
    )]
    Name(String),
    /// Too many bytes.
    #[error("the payload has {0} bytes of JSON, at most {MAX_PAYLOAD} are taken")]
    PayloadTooLarge(usize),
    /// Not 5 to 300 s.
    #[error("a response timeout of {0:?} is not between 5 s and 300 s")]
    ResponseTimeout(Duration),
    /// More than 300 s.
    #[error("a connect timeout of {0:?} is over 300 s")]
    ConnectTimeout(Duration),
    /// The hub has its fill.
    #[error("{MAX_CALLS} calls are waiting already")]
    TooMany,
}

/// How a call ended. The numbers are those of the cloud's answer.
#[derive(Debug, Clone, PartialEq)]
pub enum MethodOutcome {
    /// The client answered.
    Answered {
        /// Its status; 400000 when that was no integer.
        status: i64,
        /// Its payload; null when it was empty or no JSON.
        payload: Value,
    },
    /// 404: the client was not there, or takes no methods.
    NotFound,
    /// 504: no answer in time.
    TimedOut,
}

/// The calls that are under way.
#[derive(Debug)]
pub(super) struct Calls {
    pending: BTreeMap<CallId, Pending>,
    next: CallId,
    /// Distinguishes this hub's request ids from those of the one before a restart.
    instance: u128,
}

#[derive(Debug)]
struct Pending {
    call: MethodCall,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The client is not there.
    Parked { until: Duration },
    /// It has just subscribed; edgeHub gives it a moment.
    Soon { at: Duration, until: Duration },
    /// The request is out.
    Sent { due: Duration },
}

impl State {
    fn deadline(self) -> Duration {
        match self {
            Self::Parked { until } => until,
            Self::Soon { at, .. } => at,
            Self::Sent { due } => due,
        }
    }
}

impl Calls {
    pub(super) fn new(now: Now) -> Self {
        let since = now.wall.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            pending: BTreeMap::new(),
            next: 1,
            instance: since.as_nanos(),
        }
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        self.pending.values().map(|p| p.state.deadline()).min()
    }

    /// A request id in the form of a GUID, as edgeHub's are.
    fn request_id(&self, call: CallId) -> String {
        let instance = self.instance;
        format!(
            "{:08x}-{:04x}-4{:03x}-8000-{call:012x}",
            (instance >> 28) as u32,
            (instance >> 12) as u16,
            instance & 0xfff
        )
    }
}

impl Hub {
    /// Begins a call; [`Action::MethodFinished`] says how it ended.
    ///
    /// # Errors
    /// [`MethodError`]; then there is no call.
    pub fn invoke(&mut self, call: MethodCall, now: Now) -> Result<CallId, MethodError> {
        self.check(&call)?;
        let id = self.calls.next;
        self.calls.next += 1;
        let state = State::Parked {
            until: now.elapsed + call.connect_timeout,
        };
        let immediate = self.takes_methods(&call.target);
        let gives_up = call.connect_timeout.is_zero();
        self.calls.pending.insert(id, Pending { call, state });
        if immediate {
            self.send_call(id, now);
        } else if gives_up {
            self.finish(id, MethodOutcome::NotFound);
        }
        Ok(id)
    }

    fn check(&self, call: &MethodCall) -> Result<(), MethodError> {
        if self.identities.identity(&call.target).is_none() {
            return Err(MethodError::UnknownTarget(call.target.to_string()));
        }
        let unfit = |c: char| c.is_control() || "/+#".contains(c);
        let name = &call.name;
        if name.is_empty() || name.chars().count() > MAX_NAME || name.contains(unfit) {
            return Err(MethodError::Name(name.chars().take(120).collect()));
        }
        let bytes = call.payload.to_string().len();
        if bytes > MAX_PAYLOAD {
            return Err(MethodError::PayloadTooLarge(bytes));
        }
        if !(5..=300).contains(&call.response_timeout.as_secs()) {
            return Err(MethodError::ResponseTimeout(call.response_timeout));
        }
        if call.connect_timeout > Duration::from_secs(300) {
            return Err(MethodError::ConnectTimeout(call.connect_timeout));
        }
        if self.calls.pending.len() >= MAX_CALLS {
            return Err(MethodError::TooMany);
        }
        Ok(())
    }

    fn takes_methods(&self, target: &IdentityId) -> bool {
        self.clients
            .get(target)
            .is_some_and(|client| client.connection.is_some() && client.wants(Feature::Methods))
    }

    /// A client has connected with, or asked for, a subscription to methods.
    pub(super) fn methods_subscribed(&mut self, client: &IdentityId, now: Now) {
        let at = now.elapsed + self.settings.parked_call_delay;
        for pending in self.calls.pending.values_mut() {
            if pending.call.target == *client
                && let State::Parked { until } = pending.state
            {
                pending.state = State::Soon { at, until };
            }
        }
    }

    fn send_call(&mut self, id: CallId, now: Now) {
        let rid = self.calls.request_id(id);
        let Some(pending) = self.calls.pending.get_mut(&id) else {
            return;
        };
        let topic = topics::method_request(&pending.call.name, &rid);
        let client = self.clients.get(&pending.call.target);
        let ready = client.and_then(|client| Some((client.connection?, client.granted(&topic)?)));
        let Some((connection, qos)) = ready else {
            // Gone again in the meantime: its caller's patience decides.
            match pending.state {
                State::Soon { until, .. } if until > now.elapsed => {
                    pending.state = State::Parked { until };
                }
                State::Soon { .. } | State::Parked { .. } | State::Sent { .. } => {
                    self.finish(id, MethodOutcome::NotFound);
                }
            }
            return;
        };
        pending.state = State::Sent {
            due: now.elapsed + pending.call.response_timeout,
        };
        let body = Bytes::from(pending.call.payload.to_string());
        self.send_notice(connection, topic, qos, body, now);
    }

    /// An answer; one that nobody waits for (any more) changes nothing.
    pub(super) fn method_answered(
        &mut self,
        client: &IdentityId,
        status: &str,
        rid: &str,
        body: &[u8],
    ) {
        let call = self.calls.pending.iter().find(|(id, pending)| {
            pending.call.target == *client
                && matches!(pending.state, State::Sent { .. })
                && self.calls.request_id(**id).eq_ignore_ascii_case(rid)
        });
        let Some((&id, _)) = call else {
            self.counters.stray_method_answers += 1;
            tracing::warn!(%client, status, rid, "method answer ignored: no call waits for it");
            return;
        };
        let outcome = match status.parse() {
            Ok(status) => MethodOutcome::Answered {
                status,
                payload: self.payload(client, body),
            },
            Err(_) => {
                tracing::warn!(%client, status, "method answer with a status that is no integer");
                MethodOutcome::Answered {
                    status: BAD_STATUS,
                    payload: Value::Null,
                }
            }
        };
        self.finish(id, outcome);
    }

    fn payload(&self, client: &IdentityId, body: &[u8]) -> Value {
        if body.is_empty() {
            return Value::Null;
        }
        serde_json::from_slice(body).unwrap_or_else(|error| {
            tracing::warn!(%client, %error, "method answer is not JSON, null is passed on");
            Value::Null
        })
    }

    /// Ends what has waited long enough, sends what has waited for its moment.
    pub(super) fn tick_calls(&mut self, now: Now) {
        let due: Vec<_> = self
            .calls
            .pending
            .iter()
            .filter(|(_, pending)| pending.state.deadline() <= now.elapsed)
            .map(|(id, pending)| (*id, pending.state))
            .collect();
        for (id, state) in due {
            match state {
                State::Parked { .. } => self.finish(id, MethodOutcome::NotFound),
                State::Soon { .. } => self.send_call(id, now),
                State::Sent { .. } => self.finish(id, MethodOutcome::TimedOut),
            }
        }
    }

    fn finish(&mut self, call: CallId, outcome: MethodOutcome) {
        if self.calls.pending.remove(&call).is_some() {
            self.actions
                .push_back(Action::MethodFinished { call, outcome });
        }
    }
}
