//! Questions and orders to a hub that runs: `twin`, `method`, `upstream`, `queue`, `status`, `fault`.
//!
//! Answers are JSON on standard output, for scripts; `queue` and `status` are made for people
//! unless `--json` is given. An answer that did not come, or came as a refusal, is exit status 1.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use serde_json::{Map, Value};

use devhub::control::{self, Request, SOCKET_FILE};

use super::duration::{any_duration, duration};
use super::fault::FaultMode;

/// Which hub.
#[derive(Debug, Args)]
pub(crate) struct Where {
    /// The state folder of the running hub
    #[arg(long, value_name = "DIR", env = "DEVHUB_STATE")]
    state: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ControlMode {
    /// Show a twin, or change its desired properties, in a hub that runs.
    ///
    /// Examples: devhub twin get FruitCounter --state .devhub;
    /// devhub twin patch FruitCounter '{"limit":3}' --state .devhub
    #[command(subcommand)]
    Twin(TwinMode),
    /// Call a direct method of a module, as `az iot hub invoke-module-method` does.
    ///
    /// Prints {"status":…,"payload":…}. Exit status 1 when nobody answered.
    Method(MethodArguments),
    /// Show what went upstream: the last 100 messages, one line of JSON each.
    Upstream {
        /// Go on with those to come until the hub ends
        #[arg(long)]
        follow: bool,
        #[command(flatten)]
        hub: Where,
    },
    /// Show the queues and how many messages wait in each.
    Queue {
        /// As JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        hub: Where,
    },
    /// Show who is connected and as what model, what was counted and which faults are in force.
    Status {
        /// As JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        hub: Where,
    },
    /// Make the hub do wrong, to see what clients make of it.
    ///
    /// Lasting faults stay until they are taken back (`off`, `answered`, `at-once`, `right`) or the
    /// hub restarts.
    Fault {
        #[command(subcommand)]
        fault: FaultMode,
        /// The state folder of the running hub
        #[arg(long, value_name = "DIR", env = "DEVHUB_STATE", global = true)]
        state: Option<PathBuf>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum TwinMode {
    /// Print a twin: {"desired":{…},"reported":{…}}
    Get {
        /// A module's name, DEVICE/MODULE, or a device's id
        #[arg(value_name = "MODULE")]
        of: String,
        #[command(flatten)]
        hub: Where,
    },
    /// Merge a change into the desired properties (null removes) and print the result
    Patch {
        /// A module's name, DEVICE/MODULE, or a device's id
        #[arg(value_name = "MODULE")]
        of: String,
        /// A JSON object; @FILE reads it from a file, - from standard input
        #[arg(value_name = "JSON|@FILE|-")]
        patch: String,
        #[command(flatten)]
        hub: Where,
    },
}

#[derive(Debug, Args)]
pub(crate) struct MethodArguments {
    /// A module's name, DEVICE/MODULE, or a device's id
    #[arg(value_name = "MODULE")]
    of: String,
    /// The method's name
    name: String,
    /// What to hand over: JSON; @FILE reads it from a file, - from standard input
    #[arg(long, value_name = "JSON|@FILE|-", default_value = "null")]
    payload: String,
    /// How long the module may take to answer: 5s to 300s
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration)]
    timeout: Duration,
    /// How long to wait for the module to connect: 0s to 300s
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = any_duration)]
    connect_timeout: Duration,
    #[command(flatten)]
    hub: Where,
}

/// Asks and prints.
pub(crate) fn run(mode: ControlMode) -> anyhow::Result<()> {
    match mode {
        ControlMode::Twin(TwinMode::Get { of, hub }) => {
            print(&ask(&hub.state, &Request::Twin { of })?)
        }
        ControlMode::Twin(TwinMode::Patch { of, patch, hub }) => {
            let patch = object(&patch)?;
            print(&ask(&hub.state, &Request::PatchDesired { of, patch })?)
        }
        ControlMode::Method(call) => {
            let request = Request::Method {
                of: call.of,
                name: call.name,
                payload: json(&call.payload).context("--payload")?,
                response_timeout_ms: millis(call.timeout),
                connect_timeout_ms: millis(call.connect_timeout),
            };
            print(&ask(&call.hub.state, &request)?)
        }
        ControlMode::Upstream { follow, hub } => upstream(&hub, follow),
        ControlMode::Queue { json, hub } => {
            let queues = ask(&hub.state, &Request::Queues)?;
            if json {
                print(&queues)
            } else {
                show_queues(&queues)
            }
        }
        ControlMode::Status { json, hub } => {
            let status = ask(&hub.state, &Request::Status)?;
            if json {
                print(&status)
            } else {
                show_status(&status)
            }
        }
        ControlMode::Fault { fault, state } => {
            let Some(state) = state else {
                bail!("name the hub with --state DIR");
            };
            print(&ask(&state, &Request::Fault(fault.into()))?)
        }
    }
}

fn ask(state: &Path, request: &Request) -> anyhow::Result<Value> {
    Ok(control::ask(&state.join(SOCKET_FILE), request)?)
}

fn upstream(hub: &Where, follow: bool) -> anyhow::Result<()> {
    let socket = hub.state.join(SOCKET_FILE);
    let take = |message: &Value| {
        let mut out = io::stdout().lock();
        writeln!(out, "{message}")?;
        out.flush()
    };
    let missed =
        |count| eprintln!("devhub: {count} messages went by faster than they could be read");
    match control::follow(&socket, follow, take, missed) {
        // The reader of our output has gone, as `head` does.
        Err(control::AskError::Lost(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

fn print(value: &Value) -> anyhow::Result<()> {
    writeln!(io::stdout(), "{value}").context("cannot write the answer")
}

fn show_queues(queues: &Value) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    let queues = queues.as_array().map_or(&[][..], Vec::as_slice);
    if queues.is_empty() {
        writeln!(out, "no message has been queued yet")?;
    }
    for queue in queues {
        let endpoint = queue["endpoint"].as_str().unwrap_or_default();
        // A number of JSON knows no width.
        let (priority, messages) = (&queue["priority"], queue["messages"].to_string());
        writeln!(out, "{messages:>8}  {endpoint}  (priority {priority})")?;
    }
    Ok(())
}

fn show_status(status: &Value) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    let connected: Vec<_> = status["connected"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(|client| match status["models"][client].as_str() {
            Some(model) => format!("{client} ({model})"),
            None => client.to_owned(),
        })
        .collect();
    writeln!(out, "connected: {}", connected.join(", "))?;
    writeln!(out, "faults:    {}", status["faults"])?;
    for (name, count) in status["counters"].as_object().into_iter().flatten() {
        writeln!(out, "{:>10}  {name}", count.to_string())?;
    }
    Ok(())
}

/// JSON as given, from a file (`@FILE`), or from standard input (`-`).
fn json(text: &str) -> anyhow::Result<Value> {
    let text = match text.strip_prefix('@') {
        _ if text == "-" => {
            let mut read = String::new();
            io::stdin()
                .read_to_string(&mut read)
                .context("standard input")?;
            read
        }
        Some(path) => {
            std::fs::read_to_string(path).with_context(|| format!("cannot read {path}"))?
        }
        None => text.to_owned(),
    };
    serde_json::from_str(&text).with_context(|| {
        let start: String = text.chars().take(60).collect();
        format!("expected JSON, got `{start}`; in a shell, put it into single quotes")
    })
}

fn object(text: &str) -> anyhow::Result<Map<String, Value>> {
    match json(text)? {
        Value::Object(members) => Ok(members),
        other => bail!("a change of desired properties is a JSON object, got `{other}`"),
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
