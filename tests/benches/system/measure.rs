//! The measurements, one after the other; the order in which bare loop and module take turns.

use std::io::{BufRead as _, BufReader};
use std::net::ToSocketAddrs as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use end_to_end::{Binary, binary};
use rustix::time::{ClockId, clock_gettime};
use serde_json::Value;

use crate::bare::Bare;
use crate::figures::{Percentiles, median, millis};
use crate::hub::Hub;
use crate::process::Module;
use crate::report::{Edge, Idle, Memory, Report, Rest, Start};
use crate::rest::{self, Target};

/// Clients at once.
const CLIENTS: [usize; 3] = [1, 4, 16];
/// More than the default of `FRUIT_COUNTER_HTTP_QUEUE`.
const TOO_MANY_CLIENTS: usize = 48;
/// Starts of the module and of the bare program, in turns.
const STARTS: usize = 15;
/// Pictures through edgeHub in one round.
const DELIVERIES: usize = 300;
/// How long it is left alone before its memory is read or its load is taken.
const SETTLES: Duration = Duration::from_secs(2);
/// How long its idle load is taken.
const IDLE: Duration = Duration::from_secs(20);

/// What is measured with what.
pub(crate) struct Bench {
    pub(crate) bare: Bare,
    pub(crate) pictures: Arc<[Bytes]>,
    pub(crate) model: PathBuf,
    pub(crate) cores: usize,
    pub(crate) span: Duration,
    pub(crate) rounds: usize,
    pub(crate) peer: Option<Target>,
}

/// Where a peer is, by the URL of its `POST /image`.
pub(crate) fn peer(url: &str) -> anyhow::Result<Target> {
    let rest = url
        .strip_prefix("http://")
        .with_context(|| format!("--peer {url} does not begin with http://"))?;
    let (host, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let with_port = if host.contains(':') {
        host.to_owned()
    } else {
        format!("{host}:80")
    };
    let mut addresses = with_port.to_socket_addrs()?;
    Ok(Target {
        address: addresses.next().context("the peer has no address")?,
        host: host.to_owned(),
        path: if path.len() > 1 { path } else { "/image" }.to_owned(),
    })
}

impl Bench {
    pub(crate) async fn run(&self) -> anyhow::Result<Report> {
        // Built before anything is timed.
        binary(Binary::FruitCounter)?;
        let start = self.start().await?;
        let (rest, memory) = self.rest().await?;
        let (edge, idle) = self.edge().await?;
        Ok(Report {
            cores: self.cores,
            model: self
                .model
                .file_name()
                .map_or_else(String::new, |name| name.to_string_lossy().into_owned()),
            pictures: self.pictures.len(),
            mean_bytes: self.pictures.iter().map(Bytes::len).sum::<usize>() / self.pictures.len(),
            start,
            rest,
            memory,
            edge,
            idle,
        })
    }

    /// The module from its start to readiness, on a known ledger and on a new one, beside a program
    /// that loads runtime and model.
    async fn start(&self) -> anyhow::Result<Start> {
        let folder = tempfile::tempdir()?;
        let (mut known, mut new, mut bare) = (Vec::new(), Vec::new(), Vec::new());
        for number in 0..=STARTS {
            let other = tempfile::tempdir()?;
            let mut times = [
                self.one_start(folder.path()).await?,
                self.one_start(other.path()).await?,
                self.one_bare_start()?,
            ]
            .map(millis)
            .into_iter();
            // The first one fills the caches.
            if number > 0 {
                known.extend(times.next());
                new.extend(times.next());
                bare.extend(times.next());
            }
        }
        Ok(Start::new(median(&known), median(&new), median(&bare)))
    }

    async fn one_start(&self, folder: &Path) -> anyhow::Result<Duration> {
        let mut module = Module::start(folder, &self.model, &[])?;
        let took = module.ready().await?;
        module.stop()?;
        Ok(took)
    }

    /// From the start of the program until it says that it has loaded.
    fn one_bare_start(&self) -> anyhow::Result<Duration> {
        let began = Instant::now();
        let mut program = Command::new(std::env::current_exe()?)
            .arg("--only-load")
            .arg(self.model.join("model.onnx"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut said = String::new();
        let output = program.stdout.take().context("no output")?;
        BufReader::new(output).read_line(&mut said)?;
        let took = began.elapsed();
        // Which it takes for the word to end.
        drop(program.stdin.take());
        let status = program.wait()?;
        ensure!(
            status.success() && said.starts_with("loaded"),
            "the bare program: {status}, {said:?}"
        );
        Ok(took)
    }

    /// Pictures by HTTP: bare loop and module in turns, for each number of clients.
    async fn rest(&self) -> anyhow::Result<(Vec<Rest>, Memory)> {
        let folder = on_disk()?;
        let mut module = Module::start(folder.path(), &self.model, &[])?;
        module.ready().await?;
        tokio::time::sleep(SETTLES).await;
        let idle = module.resident()?.now;
        let address = module.address().await?;
        let target = Target::new(address, "/image?camera=bench");
        // Sessions are opened when pictures come.
        let warm = rest::load(&target, &self.pictures, self.cores, SETTLES).await?;
        let mut answered = warm.times.len();
        let mut figures = Vec::new();
        for clients in CLIENTS {
            let (mut rates, mut ratios, mut bares) = (Vec::new(), Vec::new(), Vec::new());
            let (mut times, mut busy) = (Vec::new(), 0);
            let (mut work, mut bare_work) = (Vec::new(), Vec::new());
            let (mut peer_rates, mut peer_times) = (Vec::new(), Vec::new());
            for _ in 0..self.rounds {
                // One client keeps one core busy, whatever answers it.
                let before = own_processor_time();
                let bare = self.bare.rate(clients.min(self.cores), self.span)?;
                let taken = own_processor_time().saturating_sub(before);
                bare_work.push(millis(taken) / (bare * self.span.as_secs_f64()));
                let before = module.processor_time()?;
                let ours = rest::load(&target, &self.pictures, clients, self.span).await?;
                let taken = module.processor_time()?.saturating_sub(before);
                work.push(millis(taken) / ours.times.len() as f64);
                rates.push(ours.rate());
                ratios.push(ours.rate() / bare);
                bares.push(bare);
                answered += ours.times.len();
                busy += ours.busy;
                times.extend(ours.times);
                if let Some(peer) = &self.peer {
                    let theirs = rest::load(peer, &self.pictures, clients, self.span).await?;
                    peer_rates.push(theirs.rate());
                    peer_times.extend(theirs.times);
                }
            }
            let bare = median(&bares);
            figures.push(Rest {
                clients,
                per_second: median(&rates),
                bare_per_second: bare,
                ratio_to_bare: median(&ratios),
                // So many wait for so many cores, which are shared by bare loops meanwhile.
                queued_bare_ms: clients as f64 * 1000.0 / bare,
                milliseconds: Percentiles::of(times),
                processor_ms: median(&work),
                bare_processor_ms: median(&bare_work),
                busy,
                peer_per_second: self.peer.as_ref().map(|_| median(&peer_rates)),
                peer_milliseconds: self.peer.as_ref().map(|_| Percentiles::of(peer_times)),
            });
        }
        let crowd = rest::load(&target, &self.pictures, TOO_MANY_CLIENTS, self.span).await?;
        answered += crowd.times.len();
        tokio::time::sleep(SETTLES).await;
        let memory = Memory {
            idle_mb: idle,
            loaded_mb: module.resident()?.most,
            after_mb: module.resident()?.now,
            crowd_clients: TOO_MANY_CLIENTS,
            crowd_busy: crowd.busy,
            crowd_milliseconds: Percentiles::of(crowd.times),
        };
        module.stop()?;
        let counted = counted(&folder.path().join("ledger"))?;
        ensure!(
            counted == answered as u64,
            "{answered} pictures were answered with 200, and {counted} are counted"
        );
        Ok((figures, memory))
    }

    /// Pictures through edgeHub, beside decode, run and one append that is flushed.
    async fn edge(&self) -> anyhow::Result<(Edge, Idle)> {
        let folder = on_disk()?;
        let hub = Hub::listen().await?;
        let environment = hub.environment(&folder.path().join("ca.pem"))?;
        let module = Module::start(folder.path(), &self.model, &environment)?;
        let mut subscribed = hub.module().await?;
        subscribed.deliver(&self.pictures, DELIVERIES / 4).await?;
        let mut share = Vec::new();
        let (mut one, mut all) = (Vec::new(), Vec::new());
        let (mut ratios_one, mut ratios_all) = (Vec::new(), Vec::new());
        let mut rates = Vec::new();
        for _ in 0..self.rounds {
            let bare_one = self.bare.with_append(1, DELIVERIES, folder.path())?;
            let bare_all = self
                .bare
                .with_append(self.cores, DELIVERIES, folder.path())?;
            let began = Instant::now();
            let times = subscribed.deliver(&self.pictures, DELIVERIES).await?;
            rates.push(DELIVERIES as f64 / began.elapsed().as_secs_f64());
            let middle = |times: &[Duration]| Percentiles::of(times.to_vec()).p50;
            ratios_one.push(middle(&times) / middle(&bare_one));
            ratios_all.push(middle(&times) / middle(&bare_all));
            share.extend(times);
            one.extend(bare_one);
            all.extend(bare_all);
        }
        let edge = Edge {
            per_second: median(&rates),
            share_ms: Percentiles::of(share),
            bare_one_thread_ms: Percentiles::of(one),
            bare_all_threads_ms: Percentiles::of(all),
            ratio_to_one_thread: median(&ratios_one),
            ratio_to_all_threads: median(&ratios_all),
        };
        subscribed.idle(SETTLES).await?;
        let before = module.processor_time()?;
        let began = Instant::now();
        subscribed.idle(IDLE).await?;
        let busy = module.processor_time()?.saturating_sub(before);
        let idle = Idle {
            seconds: began.elapsed().as_secs_f64(),
            per_cent_of_one_core: 100.0 * busy.as_secs_f64() / began.elapsed().as_secs_f64(),
            resident_mb: module.resident()?.now,
            most_mb: module.resident()?.most,
        };
        drop(subscribed);
        module.stop()?;
        Ok((edge, idle))
    }
}

/// A folder for a ledger where the build lies, since /tmp may be memory and need no flush.
fn on_disk() -> anyhow::Result<tempfile::TempDir> {
    let program = std::env::current_exe()?;
    let place = program.parent().context("no folder of the program")?;
    Ok(tempfile::Builder::new().prefix("bench").tempdir_in(place)?)
}

/// Time that all threads of this program were on the cores so far.
fn own_processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    let nanoseconds = u32::try_from(time.tv_nsec).unwrap_or_default();
    Duration::new(seconds, nanoseconds)
}

/// Frames in a ledger, as the module's own command reads it.
fn counted(ledger: &Path) -> anyhow::Result<u64> {
    let output = Command::new(binary(Binary::FruitCounter)?)
        .args(["ledger", "show", "--json", "--ledger"])
        .arg(ledger)
        .output()?;
    ensure!(output.status.success(), "ledger show: {output:?}");
    let shown: Value = serde_json::from_slice(&output.stdout)?;
    shown["totals"]["frames"]["received"]
        .as_u64()
        .with_context(|| format!("no frames in {shown}"))
}
