//! The development hub against mosquitto, and what the hub costs by itself.
//!
//!     cargo xtask bench hub
//!
//! The same traffic through both, in turns, in one run: one publisher with a window of QoS 1
//! messages, one subscriber (our client) that acknowledges each message before it gets the next
//! (`max_inflight_messages 1` in mosquitto, edgeHub's way in the hub). Both over TLS with
//! certificates of one kind, both with their queues in memory. The hub does more for a message:
//! it checks sender and properties, evaluates the routes and writes the properties anew.
//!
//! Nothing is asserted: figures are printed beside the bars they are held against, as medians
//! over the rounds and as ratios of pairs. Needs mosquitto, and says so without it.

mod brokers;
mod figures;
mod traffic;

use std::time::Duration;

use anyhow::Context;

use brokers::{Hub, Mosquitto};
use figures::{Pairs, median};
use traffic::Load;

/// Rounds of each load, hub and mosquitto in turn.
const ROUNDS: usize = 5;
/// Starts of the hub.
const STARTS: usize = 10;
/// How long a hub is left alone before its memory is read.
const IDLE: Duration = Duration::from_secs(2);

/// Telemetry as small as it gets.
const SMALL: Load = Load {
    name: "small messages, 100 B",
    messages: 20_000,
    bytes: 100,
};
/// Pictures as cameras send them.
const PICTURES: Load = Load {
    name: "pictures, 100 KB",
    messages: 1500,
    bytes: 100 * 1024,
};

fn main() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(run())
}

async fn run() -> anyhow::Result<()> {
    let folder = tempfile::Builder::new().prefix("fc").tempdir()?;
    println!("devhub, release; queues in memory; {ROUNDS} rounds, {STARTS} starts");
    let mut first = Vec::new();
    let mut later = Vec::new();
    for number in 0..STARTS {
        let state = folder.path().join(format!("s{number}"));
        for times in [&mut first, &mut later] {
            let (hub, took) = Hub::start(&state).await?;
            times.push(took.as_secs_f64() * 1000.0);
            hub.stop().await?;
        }
    }
    let (first, later) = (median(&mut first), median(&mut later));
    println!(
        "start to first CONNACK      {first:.0} ms with new keys and certificates, {later:.0} ms on a known state   (bar 150 ms)"
    );

    let (hub, _) = Hub::start(&folder.path().join("s")).await?;
    tokio::time::sleep(IDLE).await;
    println!(
        "resident, idle              {:.1} MB   (bar 40 MB)",
        hub.resident_mb()?
    );

    let mosquitto = match Mosquitto::start(folder.path()).await? {
        Ok(mosquitto) => mosquitto,
        Err(why) => {
            println!("skipped: against mosquitto: {why}");
            return hub.stop().await;
        }
    };
    for load in [&SMALL, &PICTURES] {
        let mut pairs = Pairs::default();
        for _ in 0..ROUNDS {
            let ours = traffic::run(load, &hub.way()?).await.context("the hub")?;
            let theirs = traffic::run(load, &mosquitto.way()?).await;
            pairs.add(ours, theirs.context("mosquitto")?);
        }
        println!("{:<27} {pairs}   (bar 0.5)", load.name);
    }
    println!("resident, after the traffic {:.1} MB", hub.resident_mb()?);
    hub.stop().await
}
