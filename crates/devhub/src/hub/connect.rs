//! CONNECT: who is it, may they, and what CONNACK says (sheet 4.2 and 4.3).

use std::fmt;

use rumqttc::mqttbytes::v4::{ConnAck, Connect, ConnectAuth, ConnectReturnCode, Packet};

use super::deliver::next_retry;
use super::faults::Connects;
use super::habits::{Crowd, Retry};
use super::session::{CloseReason, Phase, Serving, allowed_silence};
use super::{ConnectionId, Hub};
use crate::clock::Now;
use crate::identity::IdentityId;
use crate::sas::{self, Accepted, SasRefusal};
use crate::username::{self, Username, UsernameError};

/// Why a CONNECT is refused.
#[derive(Debug)]
enum Refusal {
    NoClientId,
    NoUsername,
    Username(UsernameError),
    ClientId { expected: String, seen: String },
    NoPassword,
    UnknownId(String),
    Token(SasRefusal),
    OnDemand,
}

impl Refusal {
    fn code(&self) -> ConnectReturnCode {
        match self {
            Self::NoClientId | Self::NoUsername | Self::Username(_) => {
                ConnectReturnCode::ServiceUnavailable
            }
            Self::ClientId { .. }
            | Self::NoPassword
            | Self::UnknownId(_)
            | Self::Token(_)
            | Self::OnDemand => ConnectReturnCode::NotAuthorized,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoClientId => f.write_str("the client id is blank"),
            Self::NoUsername => f.write_str("there is no username"),
            Self::Username(error) => error.fmt(f),
            Self::ClientId { expected, seen } => {
                write!(
                    f,
                    "the client id is `{seen}`, its username needs `{expected}`"
                )
            }
            Self::NoPassword => f.write_str("there is no password, so no token"),
            Self::UnknownId(id) => write!(
                f,
                "`{id}` is unknown here; name it with --device, --devices or in the manifest"
            ),
            Self::Token(refusal) => refusal.fmt(f),
            Self::OnDemand => f.write_str("on demand"),
        }
    }
}

impl Hub {
    pub(super) fn connect(&mut self, connection: ConnectionId, connect: Connect, now: Now) {
        if self.faults.connects == Connects::Ignored {
            self.ignore(connection, connect.keep_alive, now);
            return;
        }
        match self.admit(&connect, now) {
            Ok((username, accepted)) => {
                let identity = &username.identity;
                if self.is_crowded(identity) {
                    tracing::error!(client = %identity, limit = self.settings.max_clients,
                        "client accepted and never served: too many are connected");
                    let accepted = ConnAck::new(ConnectReturnCode::Success, false);
                    self.send(connection, Packet::ConnAck(accepted), now);
                    self.ignore(connection, connect.keep_alive, now);
                    return;
                }
                self.admitted(connection, connect, username, accepted, now);
                if self.faults.connects == Connects::Dropped {
                    self.close(connection, CloseReason::OnDemand, now);
                }
            }
            Err(refusal) => {
                self.counters.refused += 1;
                let code = refusal.code();
                tracing::warn!(
                    client = connect.client_id,
                    code = code as u8,
                    reason = %refusal,
                    "connection refused"
                );
                self.send(connection, Packet::ConnAck(ConnAck::new(code, false)), now);
                self.close(connection, CloseReason::Refused, now);
            }
        }
    }

    fn admit(&self, connect: &Connect, now: Now) -> Result<(Username, Accepted), Refusal> {
        if self.faults.connects == Connects::Refused {
            return Err(Refusal::OnDemand);
        }
        if connect.client_id.trim().is_empty() {
            return Err(Refusal::NoClientId);
        }
        let (name, password) = match &connect.auth {
            ConnectAuth::None => return Err(Refusal::NoUsername),
            ConnectAuth::Username { username } => (username, None),
            ConnectAuth::UsernamePassword { username, password } => (username, Some(password)),
        };
        let username = username::parse(name).map_err(Refusal::Username)?;
        let identity = &username.identity;
        let expected = identity.to_string();
        if expected != connect.client_id {
            return Err(Refusal::ClientId {
                expected,
                seen: connect.client_id.clone(),
            });
        }
        let password = password.filter(|password| !password.is_empty());
        let Some(password) = password else {
            return Err(Refusal::NoPassword);
        };
        if self.identities.identity(identity).is_none() {
            return Err(Refusal::UnknownId(expected));
        }
        let hosts = self.identities.hosts();
        let expected = sas::Expected {
            hub_host: &hosts.hub,
            gateway_host: &hosts.gateway,
            identity,
            keys: &self.identities.keys(identity),
        };
        let token = String::from_utf8_lossy(password);
        let accepted = sas::check(&token, &expected, now.wall).map_err(Refusal::Token)?;
        Ok((username, accepted))
    }

    fn admitted(
        &mut self,
        connection: ConnectionId,
        connect: Connect,
        username: Username,
        accepted: Accepted,
        now: Now,
    ) {
        let identity = &username.identity;
        // The old connection is closed without a word, and the new one served (sheet 4.3).
        if let Some(old) = self
            .clients
            .get(identity)
            .and_then(|client| client.connection)
        {
            self.close(old, CloseReason::TakenOver, now);
        }
        let client = self.clients.entry(identity.clone()).or_default();
        let session_present = !connect.clean_session && client.persistent;
        if connect.clean_session {
            client.subscriptions.clear();
        }
        client.persistent = !connect.clean_session;
        client.connection = Some(connection);
        client.model_id = username.model_id;
        let away_since = client.away_since;
        let token_left = accepted
            .usable_until
            .duration_since(now.wall)
            .unwrap_or_default();
        let serving = Serving {
            client: identity.clone(),
            silence: allowed_silence(connect.keep_alive),
            last_activity: now.elapsed,
            token_ends: now.elapsed + token_left,
            will: connect.last_will,
            awaited: std::collections::VecDeque::new(),
            last_packet_id: 0,
            had_inputs: false,
            late_pubacks: std::collections::VecDeque::new(),
        };
        if let Some(known) = self.connections.get_mut(&connection) {
            known.phase = Phase::Serving(serving);
        }
        self.counters.accepted += 1;
        tracing::info!(
            client = %identity,
            connection,
            session_present,
            token_seconds = token_left.as_secs(),
            "client connected"
        );
        self.persist_session(identity);
        let accepted = ConnAck::new(ConnectReturnCode::Success, session_present);
        self.send(connection, Packet::ConnAck(accepted), now);
        self.note_features(connection, identity, now);
        if self.settings.habits.retry == Retry::Backoff && self.has_mail(identity) {
            let next = next_retry(away_since, now.elapsed);
            if let Some(client) = self.clients.get_mut(identity) {
                client.wait_until = client.wait_until.max(Some(next));
            }
        }
        self.pump(identity, now);
    }

    /// Whether one client more would be one too many.
    fn is_crowded(&self, identity: &IdentityId) -> bool {
        let others = self
            .clients
            .iter()
            .filter(|(id, client)| *id != identity && client.connection.is_some())
            .count();
        self.settings.habits.crowd == Crowd::Ignore && others >= self.settings.max_clients
    }

    fn ignore(&mut self, connection: ConnectionId, keep_alive: u16, now: Now) {
        if let Some(known) = self.connections.get_mut(&connection) {
            known.phase = Phase::Ignored {
                silence: allowed_silence(keep_alive),
                last_activity: now.elapsed,
            };
        }
    }

    fn has_mail(&self, identity: &IdentityId) -> bool {
        identity
            .module_id()
            .and_then(|module| self.lanes.get(module))
            .is_some_and(|lane| {
                lane.iter()
                    .any(|queue| self.store.front_sequence(queue).is_some())
            })
    }
}
