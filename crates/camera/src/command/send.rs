//! `camera send`: pictures to an edgeHub, as a leaf device or as a module of the box.

use super::progress::{Progress, Screen};
use super::who::Who;
use anyhow::{Context as _, bail, ensure};
use camera::render::Size;
use camera::send::folder::{Folder, Shard};
use camera::send::hub::Hub;
use camera::send::picture::Preparer;
use camera::send::report::{Report, Tally};
use camera::send::sender::{Event, MOST_IN_FLIGHT, Plan, most_picture_bytes, send_all};
use camera::send::source::{Rendered, Source};
use camera::truth::Truth;
use clap::Args;
use edge_client::{Client, ClientConfig, Identity, Started, Status, start};
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::time::Duration;
use time::OffsetDateTime;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

/// How the hub sees this software.
const PRODUCT: &str = concat!("fruit-counter-camera/", env!("CARGO_PKG_VERSION"));

/// How long the farewell to the hub may take once no frame is on its way.
const FAREWELL: Duration = Duration::from_secs(2);

/// Send pictures to an edgeHub, as a leaf device or as a module of the box
///
/// MQTT with QoS 1 over TLS, one message for each picture, with a message id
/// (`DEVICE-START-NUMBER`, START random at each start) and the time at which it was taken
/// (`iothub-creation-time-utc`). A picture is sent until the hub has acknowledged it.
///
/// Pictures come from a folder or from the renderer. Those over 255 KiB are encoded again, with
/// lower quality first, then smaller.
///
/// On SIGTERM, SIGINT or after --seconds no more pictures are taken; those on their way have
/// --grace to be acknowledged. Exit status: 0 if every picture that was taken is acknowledged,
/// 1 if not or on any other error, 2 for wrong arguments.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  Ten frames a second of ripe rendered fruit, for a minute:
    camera send --connection-string-file cam-01.txt --ca ca.pem --rendered --truth ripe --rate 10 --seconds 60
  Every picture below a folder once (subfolders name the truth), with a report:
    camera send --connection-string-file cam-01.txt --ca ca.pem --pictures photos --report sent.jsonl
  The second of three cameras that share the ripe pictures:
    camera send --connection-string-file cam-02.txt --ca ca.pem --pictures photos --truth ripe --shard 2/3
  In a container that edgeAgent started, on an output that a route leads to the counting module:
    camera send --as-module pictures --pictures /photos --loop --rate 1

Report, one line of JSON for each picture when its fate is known, then a summary:
  {\"deviceId\":..,\"messageId\":..,\"truth\":..,\"file\":.. or \"seed\":..,\"index\":..,\"bytes\":..,
   \"width\":..,\"height\":..,\"means\":{\"hue\":..,\"red\":..,\"green\":..,\"blue\":..},\"confirmed\":true}
  {\"summary\":{\"sent\":..,\"confirmed\":..,\"reencoded\":..,\"skipped\":..}}

More of what the connection does: RUST_LOG=edge_client=debug")]
pub(crate) struct Send {
    #[command(flatten)]
    sender: Who,

    /// Send rendered fruit (needs --truth ripe or unripe)
    #[arg(
        long,
        conflicts_with = "pictures",
        required_unless_present = "pictures"
    )]
    #[arg(requires = "truth")]
    rendered: bool,
    /// Send the pictures below this folder; its subfolders name the truth
    #[arg(long, value_name = "DIR")]
    pictures: Option<PathBuf>,
    /// Truth of the rendered fruit, or of the pictures to choose from the folder
    #[arg(long, value_name = "LABEL")]
    truth: Option<String>,
    /// Of the chosen pictures, only every Nth from the Kth (K from 1 to N)
    #[arg(long, value_name = "K/N", requires = "pictures")]
    shard: Option<Shard>,
    /// Begin again after the last picture of the folder
    #[arg(long = "loop", requires = "pictures")]
    looping: bool,
    /// Also send what is no picture, as it is
    #[arg(long, requires = "pictures")]
    raw: bool,
    /// Seed of the rendered scenes
    #[arg(
        long,
        value_name = "X",
        default_value_t = 1,
        conflicts_with = "pictures"
    )]
    seed: u64,
    /// Width and height of rendered frames in pixels, each 32 to 4096
    #[arg(long, value_name = "WxH", default_value_t = Size::VGA, conflicts_with = "pictures")]
    size: Size,
    /// JPEG quality of rendered frames; without it each scene has its own, 70 to 92
    #[arg(long, value_name = "1-100", conflicts_with = "pictures")]
    #[arg(value_parser = clap::value_parser!(u8).range(1..=100))]
    quality: Option<u8>,

    /// Most pictures per second; without it, as fast as the hub acknowledges them
    #[arg(long, value_name = "R", value_parser = rate)]
    rate: Option<f64>,
    /// Stop after this many pictures
    #[arg(long, value_name = "N")]
    count: Option<u64>,
    /// Stop after this many seconds
    #[arg(long, value_name = "S", value_parser = seconds)]
    seconds: Option<Duration>,
    /// Seconds to wait for acknowledgements after the stop
    #[arg(long, value_name = "S", value_parser = seconds, default_value = "10")]
    grace: Duration,
    /// Pictures on their way at once
    #[arg(long, value_name = "N", default_value_t = MOST_IN_FLIGHT)]
    #[arg(value_parser = in_flight)]
    in_flight: usize,
    /// File for the report; replaced if it exists
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Say only what went wrong
    #[arg(long)]
    quiet: bool,
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate > 0.0 && rate.is_finite() => Ok(rate),
        _ => Err("expected a number above 0, such as 5 or 0.2".to_owned()),
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    text.parse::<f64>()
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| "expected seconds, such as 20 or 0.5".to_owned())
}

fn in_flight(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if (1..=MOST_IN_FLIGHT).contains(&number) => Ok(number),
        _ => Err(format!("expected 1 to {MOST_IN_FLIGHT}")),
    }
}

impl Send {
    /// Sends; an error if a frame that was taken stayed unacknowledged.
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("no runtime")?;
        let config = runtime.block_on(self.sender.config(PRODUCT))?;
        let plan = self.plan(&config.identity);
        let preparer = Preparer {
            limit: most_picture_bytes(&plan, &config.identity),
            raw: self.raw,
        };
        let source = self.source()?;
        let total = match (self.count, source.len_hint()) {
            (Some(count), Some(len)) => Some(count.min(len)),
            (count, len) => count.or(len),
        };
        let report = self.open_report()?;
        let progress = Progress::new(total, self.quiet);
        log_to(progress.screen(), self.quiet);
        runtime.block_on(self.send(config, &plan, source, preparer, report, progress))
    }

    async fn send(
        &self,
        config: ClientConfig,
        plan: &Plan,
        source: Source,
        preparer: Preparer,
        mut report: Option<Report<File>>,
        mut progress: Progress,
    ) -> anyhow::Result<()> {
        let stop = stop(self.seconds)?;
        // A camera only sends; nothing of the rest is asked for.
        let Started { client, .. } = start(config);
        let (items, thread) = source
            .start(preparer)
            .context("no thread for the pictures")?;
        // A report that cannot be written must not stop the camera; it is said at the end.
        let mut report_error: Option<io::Error> = None;
        let tally = send_all(Hub(client.clone()), items, plan, stop, |event| {
            if let (Some(report), Event::Confirmed(line) | Event::GivenUp { line, .. }) =
                (&mut report, &event)
            {
                report_error = report_error.take().or(report.frame(line).err());
            }
            progress.show(&event);
        })
        .await;
        if let Some(report) = &mut report {
            report_error = report_error.take().or(report.summary(tally).err());
        }
        let trouble = trouble(&client);
        client.close(FAREWELL).await;
        let finished = tokio::task::spawn_blocking(move || thread.join()).await;
        progress.finish(tally);
        ensure!(
            matches!(finished, Ok(Ok(()))),
            "the thread that makes the pictures panicked"
        );
        if let Some(error) = report_error {
            return Err(error).context("the report cannot be written");
        }
        conclude(tally, trouble.as_deref())
    }

    fn plan(&self, identity: &Identity) -> Plan {
        Plan {
            device_id: identity.client_id(),
            output: self.sender.output().map(str::to_owned),
            start: fastrand::u32(..),
            pause: self.rate.map_or(Duration::ZERO, |rate| {
                // A rate next to zero has a pause beyond any clock: then there is one frame.
                Duration::try_from_secs_f64(1.0 / rate)
                    .unwrap_or(FOREVER)
                    .min(FOREVER)
            }),
            count: self.count,
            in_flight: self.in_flight,
            grace: self.grace,
            clock: OffsetDateTime::now_utc,
        }
    }

    fn source(&self) -> anyhow::Result<Source> {
        if let Some(pictures) = &self.pictures {
            let folder = Folder::list(pictures, self.truth.as_deref(), self.shard, self.looping)?;
            return Ok(Source::Folder(folder));
        }
        let truth: Truth = self.truth.as_deref().unwrap_or_default().parse()?;
        Ok(Source::Rendered(Rendered {
            seed: self.seed,
            truth,
            size: self.size,
            quality: self.quality,
        }))
    }

    fn open_report(&self) -> anyhow::Result<Option<Report<File>>> {
        let open = |path: &PathBuf| {
            File::create(path)
                .map(Report::new)
                .with_context(|| format!("report {} cannot be made", path.display()))
        };
        self.report.as_ref().map(open).transpose()
    }
}

/// A year: longer than any run, and still within what timers take.
const FOREVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// Done at SIGTERM, at SIGINT, or when the time is over.
fn stop(after: Option<Duration>) -> anyhow::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate()).context("no SIGTERM handler")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("no SIGINT handler")?;
    Ok(async move {
        let time_over = tokio::time::sleep(after.unwrap_or(FOREVER).min(FOREVER));
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            () = time_over => {}
        }
    })
}

/// Why there is no connection at the moment, if there is none.
fn trouble(client: &Client) -> Option<String> {
    match &*client.status().borrow() {
        Status::Connecting {
            last_error: Some(error),
            ..
        } => Some(format!("{:#}", anyhow::Error::new(error.clone()))),
        Status::Connecting {
            last_error: None, ..
        } => Some("no connection yet".to_owned()),
        Status::Connected { .. } | Status::Held | Status::Closed => None,
    }
}

/// An error if a frame that was taken stayed unconfirmed.
fn conclude(tally: Tally, trouble: Option<&str>) -> anyhow::Result<()> {
    let unconfirmed = tally.unconfirmed();
    if unconfirmed > 0 {
        let why = trouble.map_or_else(String::new, |why| format!("; no connection: {why}"));
        bail!(
            "{unconfirmed} of {} frames stayed unconfirmed{why}",
            tally.sent
        );
    }
    Ok(())
}

/// Log lines go beside the progress bar; the level is `RUST_LOG`, else warnings (errors if quiet).
fn log_to(screen: Screen, quiet: bool) {
    let fallback = if quiet {
        Targets::new().with_default(LevelFilter::ERROR)
    } else {
        Targets::new()
            .with_default(LevelFilter::WARN)
            .with_target("edge_client", LevelFilter::INFO)
    };
    let filter = std::env::var("RUST_LOG")
        .ok()
        .and_then(|text| text.parse::<Targets>().ok())
        .unwrap_or(fallback);
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(move || screen.clone())
        .with_target(false);
    tracing_subscriber::registry()
        .with(lines.with_filter(filter))
        .init();
}
