//! From a configuration to a running client.

use std::sync::Arc;

use edge_protocol::session::{METHOD_CAPACITY, REPORT_WINDOW};
use tokio::sync::{Mutex, mpsc, watch};

use crate::client::{Client, Shared, Task};
use crate::config::ClientConfig;
use crate::delivery::{DELIVERY_CAPACITY, Deliveries};
use crate::desired::Desired;
use crate::driver::{Driver, Ends};
use crate::methods::Methods;
use crate::status::{Status, TwinStatus};
use crate::vitals::Vitals;

/// Messages that wait for the connection or for room in the window, at most; further
/// calls of [`Client::publish`] wait before that.
const PUBLISH_QUEUE: usize = 16;

/// Commands that wait for the task, at most.
const COMMAND_QUEUE: usize = 4;

/// A running client: the handle to act with, and the three streams of what comes. Take
/// apart what is wanted and drop the rest, as each stream's text allows.
#[derive(Debug)]
pub struct Started {
    /// To publish, report, look at the status and close. Dropping the last clone closes
    /// the client.
    pub client: Client,
    /// Messages for the module's inputs. Keep it if the configuration asks for inputs:
    /// dropping it drops the messages in it, and each connection that brings one is
    /// closed again.
    pub deliveries: Deliveries,
    /// The desired properties. Dropping it costs nothing.
    pub desired: Desired,
    /// Method calls. Once it is dropped the client answers each call by itself with
    /// status 501.
    pub methods: Methods,
}

/// Starts a client: spawns its one task on the current tokio runtime and returns at once.
///
/// The task ends after [`Client::close`], or when every [`Client`] is dropped.
///
/// # Panics
///
/// Outside a tokio runtime.
pub fn start(config: ClientConfig) -> Started {
    let (publish_sender, publishes) = mpsc::channel(PUBLISH_QUEUE);
    let (report_sender, reports) = mpsc::channel(REPORT_WINDOW);
    let (command_sender, commands) = mpsc::channel(COMMAND_QUEUE);
    let (delivery_sender, deliveries) = mpsc::channel(DELIVERY_CAPACITY);
    let (call_sender, calls) = mpsc::channel(METHOD_CAPACITY);
    let (desired_sender, desired) = watch::channel(None);
    let (status_sender, status) = watch::channel(Status::Connecting {
        attempt: 0,
        last_error: None,
    });
    let (twin_sender, twin_status) = watch::channel(if config.follows_twin {
        TwinStatus::Unknown { last_failure: None }
    } else {
        TwinStatus::NotFollowed
    });
    let vitals = Arc::new(Vitals::default());
    let identity = config.identity.clone();
    let ends = Ends {
        publishes,
        reports,
        commands,
        deliveries: delivery_sender,
        calls: call_sender,
        desired: desired_sender,
        status: status_sender,
        twin_status: twin_sender,
        vitals: Arc::clone(&vitals),
    };
    let task = tokio::spawn(Driver::new(config, ends).run());
    Started {
        client: Client::new(Shared {
            identity,
            publishes: publish_sender,
            reports: report_sender,
            commands: command_sender,
            status,
            twin_status,
            vitals,
            task: Mutex::new(Task::Running(task)),
        }),
        deliveries: Deliveries::new(deliveries),
        desired: Desired::new(desired),
        methods: Methods::new(calls),
    }
}
