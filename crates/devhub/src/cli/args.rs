//! The arguments, and the texts of `--help`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use devhub::agent::Backoff;

use super::control::ControlMode;
use super::duration::duration;
use super::manifest::ManifestMode;

/// A development edgeHub: runs an IoT Edge deployment on this machine, without Docker and without a
/// cloud account.
///
/// It speaks MQTT over TLS as edgeHub does, routes messages as the deployment says, shows what would
/// reach IoT Hub, and runs modules as processes with the environment edgeAgent gives them.
#[derive(Debug, Parser)]
#[command(name = "devhub", version)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) mode: Mode,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Mode {
    /// Run hub and agent in one process.
    ///
    /// Example: devhub run --template deployment.template.json --state .devhub --device cam-01
    /// --module FruitCounter=target/debug/fruit-counter --upstream -
    Run(Box<RunArguments>),
    /// Run the hub only: TLS, SAS, sessions, routes, queues, upstream.
    Hub(Box<HubArguments>),
    /// Run the agent only: workload API and module processes. They live on when the hub is killed
    /// or stopped, and also when this agent is killed; the next one on the same state finds them.
    Agent(Box<AgentArguments>),
    /// Build a deployment manifest from its template, or check one before it goes out.
    #[command(subcommand)]
    Manifest(ManifestMode),
    #[command(flatten)]
    Control(ControlMode),
}

#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    #[command(flatten)]
    pub(crate) common: CommonOptions,
    #[command(flatten)]
    pub(crate) hub: HubOptions,
    #[command(flatten)]
    pub(crate) agent: AgentOptions,
}

#[derive(Debug, Args)]
pub(crate) struct HubArguments {
    #[command(flatten)]
    pub(crate) common: CommonOptions,
    #[command(flatten)]
    pub(crate) hub: HubOptions,
}

#[derive(Debug, Args)]
pub(crate) struct AgentArguments {
    #[command(flatten)]
    pub(crate) common: CommonOptions,
    #[command(flatten)]
    pub(crate) agent: AgentOptions,
}

/// Options of all modes. Hub and agent of one state directory should be given the same.
#[derive(Debug, Args)]
#[command(next_help_heading = "Deployment and identities")]
pub(crate) struct CommonOptions {
    /// Deployment template (deployment.template.json); ${NAME} is taken from the environment
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present = "manifest",
        conflicts_with = "manifest"
    )]
    pub(crate) template: Option<PathBuf>,
    /// Deployment manifest, as `az iot edge set-modules` takes it
    #[arg(long, value_name = "FILE")]
    pub(crate) manifest: Option<PathBuf>,
    /// Folder for certificates, keys, queues and sockets; made if absent, kept between runs
    #[arg(long, value_name = "DIR")]
    pub(crate) state: PathBuf,
    /// Name clients dial: goes into the certificate, GatewayHostName and IOTEDGE_GATEWAYHOSTNAME
    #[arg(long, value_name = "NAME", default_value = "localhost")]
    pub(crate) host: String,
    /// Name of the IoT Hub to pretend to belong to
    #[arg(long, value_name = "NAME", default_value = "devhub.azure-devices.net")]
    pub(crate) hub_host: String,
    /// Id of the edge device
    #[arg(long, value_name = "ID", default_value = "edge-dev")]
    pub(crate) edge_device: String,
    /// Make a leaf device known; its key is made, or given as base64. Repeatable
    #[arg(long = "device", value_name = "ID[=KEY]")]
    pub(crate) devices: Vec<String>,
    /// JSON file with leaf devices: ["ID", …] or {"ID": null | "KEY" | {"key": "KEY"}, …}
    #[arg(long = "devices", value_name = "FILE")]
    pub(crate) devices_file: Option<PathBuf>,
    /// Generation id of identities that are made now
    #[arg(long, value_name = "ID", default_value = "1")]
    pub(crate) generation_id: String,
    /// PEM file with the roots clients should trust, when --tls-cert is not of devhub's making
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_ca: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Hub")]
pub(crate) struct HubOptions {
    /// Address to listen on. Port 0 takes a free one, the same as last time if it still is free;
    /// STATE/hub.json says which
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8883")]
    pub(crate) listen: SocketAddr,
    /// Write messages for IoT Hub as JSON lines to a file, or to standard output with `-`
    #[arg(long, value_name = "FILE|-")]
    pub(crate) upstream: Option<PathBuf>,
    /// Record each delivery to a module and each confirmation as JSON lines in a file
    #[arg(long, value_name = "FILE")]
    pub(crate) journal: Option<PathBuf>,
    /// Server certificate (PEM) in place of a generated one
    #[arg(long, value_name = "FILE", requires = "tls_key", requires = "tls_ca")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// Its private key (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// How long a module may take to acknowledge before a message is sent again
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration)]
    pub(crate) ack_timeout: Duration,
    /// Take one of two ways where nobody is sure of edgeHub's: connection-loss=at-once|after-timeout,
    /// retry=at-once|backoff, unsubscribed=drop|keep, crowd=ignore|serve,
    /// sender-properties=replace|keep, case-twins=drop|keep, packet-ids=one|rising,
    /// checkpoint=each|batch. The first is the default. Repeatable
    #[arg(long = "habit", value_name = "NAME=VALUE")]
    pub(crate) habits: Vec<String>,
    /// Desired property of a module, over that of the deployment; VALUE is JSON, or else text.
    /// Repeatable. Example: --desired FruitCounter:reportInterval=2s
    #[arg(long = "desired", value_name = "NAME:KEY=VALUE")]
    pub(crate) desired: Vec<String>,
    /// Where queues, sessions and twins are kept; in memory they end with the process
    #[arg(long, value_name = "WHERE", default_value = "disk")]
    pub(crate) queues: Queues,
}

/// Where a hub keeps what it must not forget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Queues {
    Disk,
    Memory,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Agent")]
pub(crate) struct AgentOptions {
    /// Program to run in place of a module's image. Repeatable; modules without one are not started
    #[arg(long = "module", value_name = "NAME=PROGRAM")]
    pub(crate) modules: Vec<String>,
    /// Variable for a module, over those of the deployment; {hubPort} in the value is the hub's
    /// port. Repeatable
    #[arg(long = "module-env", value_name = "NAME:KEY=VALUE")]
    pub(crate) module_env: Vec<String>,
    /// Append the modules' output to a file, or pass it to standard error with `-`
    #[arg(long, value_name = "FILE|-", default_value = "-")]
    pub(crate) module_log: PathBuf,
    /// Pause before a restart: `agent` (10 s × 2ⁿ to 5 min, at most 20), `none`, or a duration
    #[arg(long, value_name = "agent|none|DURATION", default_value = "agent")]
    pub(crate) restart_backoff: Backoff,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn tls_files_are_given_together() {
        let parse = |more: &[&str]| {
            let base = ["devhub", "hub", "--template", "t", "--state", "s"];
            Arguments::try_parse_from(base.iter().chain(more))
        };
        assert!(parse(&["--tls-cert", "c"]).is_err());
        assert!(parse(&["--tls-cert", "c", "--tls-key", "k", "--tls-ca", "a"]).is_ok());
        assert!(parse(&["--manifest", "m"]).is_err());
    }
}
