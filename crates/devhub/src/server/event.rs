//! What wakes the hub's task, all of it.

use tokio::sync::oneshot;

use super::StartError;
use crate::ca::ServerCredentials;
use crate::clock::Now;
use crate::hub::{CloseReason, ConnectionId, Hub, MethodCall, MethodError, MethodOutcome};

/// Something to ask or tell the core, between two events.
pub(super) type Question = Box<dyn FnOnce(&mut Hub, Now) + Send>;

/// What wakes the hub.
pub(super) enum Event {
    Accepted(ConnectionId),
    Packet(ConnectionId, rumqttc::mqttbytes::v4::Packet),
    WrongProtocol(ConnectionId),
    Lost(ConnectionId, CloseReason),
    Written(ConnectionId, u64),
    UpstreamFinished {
        sequence: u64,
        success: bool,
    },
    /// Something to ask or tell the core; see [`HubHandle`].
    Ask(Question),
    Call(
        MethodCall,
        oneshot::Sender<Result<MethodOutcome, MethodError>>,
    ),
    Present(ServerCredentials, oneshot::Sender<Result<(), StartError>>),
}
