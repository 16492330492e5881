//! The control socket: how a person, a script or a test looks into a running hub and makes things
//! happen in it. `STATE/control.sock`, for the owner of the state directory only.
//!
//! The language is JSON lines. One line asks, a [`Request`]; one line answers, `{"ok":…}` or
//! `{"error":"…"}`; then the connection closes. [`Request::Upstream`] alone is answered by many
//! lines: `{"message":{…}}` each, `{"missed":n}` where the reader was too slow.
//!
//! [`serve`] is the hub's end, [`ask`] and [`follow`] the other one; what is asked and how names are
//! read stands here, so that the two cannot disagree.

mod client;
mod server;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::hub::{Connects, Pubacks, Twins};

pub use client::{AskError, ask, follow};
pub use server::{Certifier, ControlHandle, ControlParts, serve};

/// Name of the socket in a state directory.
pub const SOCKET_FILE: &str = "control.sock";
/// Longest line of a request, in bytes; a method's payload has 128 KiB.
const MAX_REQUEST: usize = 256 * 1024;

/// What can be asked. An identity is the name of a module of the edge device, `DEVICE/MODULE`, or
/// the id of a leaf device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Request {
    /// The twin of an identity.
    Twin {
        /// Whose.
        of: String,
    },
    /// A change of desired properties; answered with those that result.
    PatchDesired {
        /// Whose.
        of: String,
        /// Members to set; null removes.
        patch: Map<String, Value>,
    },
    /// A direct method; answered with `{"status","payload"}`.
    Method {
        /// Whose.
        of: String,
        /// The method.
        name: String,
        /// What to hand over.
        payload: Value,
        /// How long the module may take, in milliseconds: 5000 to 300000.
        response_timeout_ms: u64,
        /// How long to wait for the module, in milliseconds: at most 300000.
        connect_timeout_ms: u64,
    },
    /// The last messages that went upstream, and with `follow` those to come.
    Upstream {
        /// Whether to go on.
        follow: bool,
    },
    /// The queues and how many messages each holds.
    Queues,
    /// Who is connected, which models they announced, what was counted, which faults are in force.
    Status,
    /// Begins, ends or does a fault; answered with `{"connections":n}`, those it ended.
    Fault(FaultRequest),
}

/// A fault as it is asked for; see [`crate::hub::Fault`] for those of the core.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum FaultRequest {
    /// Cuts the connections of one client, or all.
    DropConnections {
        /// Whose; all without it.
        client: Option<String>,
    },
    /// Takes the token of one client, or all, for expired.
    ExpireTokens {
        /// Whose; all without it.
        client: Option<String>,
    },
    /// Sends the next input messages once more after their acknowledgement.
    Redeliver {
        /// How many.
        messages: u32,
    },
    /// How messages of clients are acknowledged.
    Pubacks(Pubacks),
    /// How CONNECTs are answered.
    Connects(Connects),
    /// How twin requests are answered.
    Twins(Twins),
    /// Whether the way upstream is cut.
    Offline(bool),
    /// Whether the queues refuse every message.
    FullQueues(bool),
    /// Which certificate is shown to who connects from now on.
    Certificate(Certificate),
    /// Ends the hub as a crash would and begins it anew with the same arguments.
    Restart,
}

/// Which certificate is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Certificate {
    /// The hub's own.
    Right,
    /// One under the right root for a name nobody dials.
    WrongName,
    /// One for the right name under a root nobody trusts.
    WrongRoot,
}

/// The answer to all requests but [`Request::Upstream`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Reply {
    Ok(Value),
    Error(String),
}
