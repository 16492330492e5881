//! `camera compare`: the same pictures to two endpoints, and one page about it.

mod details;

use self::details::Details;
use anyhow::{Context as _, bail, ensure};
use camera::compare::client::{Asking, Client};
use camera::compare::dial::Trust;
use camera::compare::endpoint::Endpoint;
use camera::compare::keys::{self, Given, Key};
use camera::compare::page::page;
use camera::compare::pictures::Pictures;
use camera::compare::run::{Done, Event, Plan, compare};
use camera::compare::summary::Summary;
use camera::compare::{Both, Side};
use camera::render::Size;
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// Exit codes beyond 0.
const FAILED: u8 = 1;
const BAD_ARGUMENTS: u8 = 2;
const TOO_DIFFERENT: u8 = 3;

/// Sendings to one side in one run; each leaves its time in memory.
const MOST_SENDINGS: u64 = 1_000_000;

/// Send the same pictures to two endpoints and compare what they say
///
/// An endpoint is a fruit counter's HTTP door, a Custom Vision prediction endpoint in the cloud, or
/// an exported Custom Vision container: whatever takes a picture by POST and answers with the
/// probabilities of labels. The page says how often both have the same top label, how far their
/// probabilities are apart, how long they take, and how many bytes go over the network.
///
/// Addresses are taken as the Custom Vision portal shows them ("If you have an image file"). One
/// without a path (http://box) means its /image. A redirect is not followed, and no proxy is used.
/// Pictures are not counted by a fruit counter unless the address names a camera (?camera=NAME), or
/// it is set to count all; under /image/nostore none is.
///
/// Keys. --left-key and --right-key go to their side. --key goes to the side with the cloud's path
/// (/customvision/v3.0/Prediction/…); it is refused if no side or two hosts have it, or if it would
/// go over a network without TLS. Better than an option, which others on this machine can see, is
/// the environment. Keys are never shown.
///
/// Times. Each picture goes to both, one after the other, and who is first changes each time. Each
/// side has one connection that is kept open; a picture's time is from its request to the last byte
/// of the answer, so that opening a connection is not in it; that is told apart. One that the
/// endpoint closed meanwhile is opened again, and the picture sent again.
/// Bytes are those of TCP: HTTP and TLS are in them, the headers of TCP and IP are not.
///
/// An endpoint that is busy (429, 503) is waited for, as long as its Retry-After says, up to 60 s
/// and four times for a picture. A picture that one side refuses is counted and does not agree.
///
/// Exit status: 0 compared, whatever came of it; 1 an endpoint cannot be compared with, or fell
/// silent for three pictures in a row, or it was stopped (Ctrl-C; the page is printed); 2 wrong arguments; 3 beyond --max-difference or below
/// --min-agreement.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  A box and the cloud, over a folder of pictures:
    CAMERA_COMPARE_KEY=... camera compare --left http://box --right \\
      https://REGION.api.cognitive.microsoft.com/customvision/v3.0/Prediction/PROJECT/classify/iterations/NAME/image \\
      pictures/
  The old container and the new module, each picture ten times, as JSON:
    camera compare --left http://localhost:8080 --right http://localhost --repeat 10 --json pictures/
  In a script: fails if they differ in more than one picture of a hundred, or by more than 0.02:
    camera compare --left http://a --right http://b --min-agreement 0.99 --max-difference 0.02 pictures/
  Which pictures they disagree about (one line of JSON for each picture):
    camera compare --left http://a --right http://b --details all.jsonl pictures/
    jq -r 'select(.agree == false) | .picture' all.jsonl
  Without pictures of your own:
    camera compare --left http://a --right http://b --rendered 50 --seed 7")]
pub(crate) struct Compare {
    /// One endpoint: http://box, http://box:8080/image, or the portal's https address
    #[arg(long, value_name = "URL")]
    left: Endpoint,
    /// The other endpoint
    #[arg(long, value_name = "URL")]
    right: Endpoint,
    /// Prediction-Key of the endpoint with the cloud's path
    #[arg(
        long,
        value_name = "K",
        env = "CAMERA_COMPARE_KEY",
        hide_env_values = true
    )]
    key: Option<Key>,
    /// Prediction-Key of the left endpoint
    #[arg(
        long,
        value_name = "K",
        env = "CAMERA_COMPARE_LEFT_KEY",
        hide_env_values = true
    )]
    left_key: Option<Key>,
    /// Prediction-Key of the right endpoint
    #[arg(
        long,
        value_name = "K",
        env = "CAMERA_COMPARE_RIGHT_KEY",
        hide_env_values = true
    )]
    right_key: Option<Key>,
    /// PEM file with more certificate authorities to trust, beside the public ones
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,

    /// Files, and folders whose files are all taken: JPEG, PNG, BMP, GIF, WebP; others are left out
    #[arg(value_name = "PICTURES", required_unless_present = "rendered")]
    pictures: Vec<PathBuf>,
    /// Send this many rendered pictures, ripe and unripe in turn
    #[arg(long, value_name = "N", conflicts_with = "pictures")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=MOST_SENDINGS))]
    rendered: Option<u64>,
    /// Seed of the rendered scenes
    #[arg(
        long,
        value_name = "S",
        default_value_t = 1,
        conflicts_with = "pictures"
    )]
    seed: u64,
    /// Width and height of rendered pictures in pixels, each 32 to 4096
    #[arg(long, value_name = "WxH", default_value_t = Size::VGA, conflicts_with = "pictures")]
    size: Size,

    /// Send each picture this often; all are timed, the first is compared
    #[arg(long, value_name = "N", default_value_t = 1)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1000))]
    repeat: u32,
    /// Send the first picture this often beforehand, not timed
    #[arg(long, value_name = "N", default_value_t = 1)]
    #[arg(value_parser = clap::value_parser!(u32).range(0..=1000))]
    warm_up: u32,
    /// Seconds to wait for a connection, and for an answer
    #[arg(long, value_name = "S", value_parser = timeout, default_value = "30")]
    timeout: Duration,

    /// Exit with 3 if a probability differs by more than this
    #[arg(long, value_name = "0..1", value_parser = fraction)]
    max_difference: Option<f64>,
    /// Exit with 3 if a smaller share of the pictures has the same top label
    #[arg(long, value_name = "0..1", value_parser = fraction)]
    min_agreement: Option<f64>,
    /// Print one JSON object in place of the page
    #[arg(long)]
    json: bool,
    /// File for one line of JSON for each picture; replaced if it exists
    #[arg(long, value_name = "FILE")]
    details: Option<PathBuf>,
    /// Show no progress
    #[arg(long)]
    quiet: bool,
}

fn timeout(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.01..=3600.0).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err("expected seconds from 0.01 to 3600, such as 30 or 0.5".to_owned()),
    }
}

fn fraction(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(fraction) if (0.0..=1.0).contains(&fraction) => Ok(fraction),
        _ => Err("expected a number from 0 to 1, such as 0.02".to_owned()),
    }
}

/// Files left out that are named; a folder of other things has thousands.
const MOST_NAMED: u64 = 10;

/// All that is needed, and nothing sent yet.
struct Ready {
    clients: Both<Client>,
    pictures: Pictures,
    details: Option<Details>,
}

impl Compare {
    /// Compares; what went wrong is said here, and the exit code tells it to scripts.
    pub(crate) fn run(&self) -> ExitCode {
        let ready = match self.prepare() {
            Ok(ready) => ready,
            Err(error) => {
                eprintln!("camera: {error:#}");
                return ExitCode::from(BAD_ARGUMENTS);
            }
        };
        match self.compare(ready) {
            Ok(code) => code,
            Err(error) => {
                eprintln!("camera: {error:#}");
                ExitCode::from(FAILED)
            }
        }
    }

    fn prepare(&self) -> anyhow::Result<Ready> {
        let endpoints = Both {
            left: self.left.clone(),
            right: self.right.clone(),
        };
        let given = |key: &Option<Key>| key.clone().filter(|key| !key.is_empty());
        let given = Given {
            any: given(&self.key),
            left: given(&self.left_key),
            right: given(&self.right_key),
        };
        let keys = keys::assign(&given, &endpoints)?;
        let trust = trust(self.ca_file.as_deref())?;
        let client = |side| {
            let endpoint = endpoints.of(side);
            let key = keys.of(side).clone();
            if key.is_some() && keys::is_open(endpoint) {
                eprintln!("camera: the key of the {side} endpoint goes unencrypted to {endpoint}");
            }
            Client::new(Asking {
                side,
                endpoint: endpoint.clone(),
                key,
                trust: trust.clone(),
                limit: self.timeout,
            })
        };
        let clients = Both {
            left: client(Side::Left),
            right: client(Side::Right),
        };
        let pictures = match self.rendered {
            Some(count) => Pictures::rendered(count, self.seed, self.size),
            None => Pictures::in_paths(&self.pictures)?,
        };
        let sendings = pictures.left().saturating_mul(self.repeat.into());
        ensure!(
            sendings <= MOST_SENDINGS,
            "{} pictures {} times are {sendings} sendings, at most {MOST_SENDINGS} are made; take \
             fewer pictures or a smaller --repeat",
            pictures.left(),
            self.repeat
        );
        let details = self.details.as_deref().map(Details::create).transpose()?;
        Ok(Ready {
            clients,
            pictures,
            details,
        })
    }

    fn compare(&self, ready: Ready) -> anyhow::Result<ExitCode> {
        let Ready {
            mut clients,
            pictures,
            mut details,
        } = ready;
        let plan = Plan {
            repeat: self.repeat,
            warm_up: self.warm_up,
        };
        let total = pictures.left();
        let bar = progress(total, self.quiet);
        let mut to_name = if self.quiet { 0 } else { MOST_NAMED };
        let observe = |event: Event<'_>| match event {
            Event::Compared(detail) => {
                if let Some(details) = &mut details {
                    details.write(detail);
                }
                bar.inc(1);
            }
            Event::LeftOut(left_out) => {
                bar.inc(1);
                if to_name > 0 {
                    to_name -= 1;
                    let more = if to_name == 0 {
                        "; no more are named"
                    } else {
                        ""
                    };
                    bar.suspend(|| eprintln!("{left_out}: {}{more}", left_out.reason));
                }
            }
        };
        let Done {
            summary,
            failure,
            stopped,
        } = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("no runtime")?
            .block_on(compare(
                plan,
                &mut clients,
                pictures,
                interrupted(),
                observe,
            ));
        bar.finish_and_clear();
        if summary.pictures > 0 {
            self.print(&summary)?;
        }
        details.map_or(Ok(()), Details::finish)?;
        if let Some(failure) = failure {
            return Err(failure.into());
        }
        if stopped {
            bail!("stopped after {} of {total} pictures", summary.pictures);
        }
        if summary.pictures == 0 {
            eprintln!(
                "camera: none of the {} files is a picture",
                summary.left_out
            );
            return Ok(ExitCode::from(BAD_ARGUMENTS));
        }
        if summary.agreement.both == 0 {
            bail!("no picture was answered by both endpoints, so nothing is compared");
        }
        Ok(match self.beyond(&summary) {
            None => ExitCode::SUCCESS,
            Some(why) => {
                eprintln!("camera: {why}");
                ExitCode::from(TOO_DIFFERENT)
            }
        })
    }

    fn print(&self, summary: &Summary) -> anyhow::Result<()> {
        let text = if self.json {
            serde_json::to_string(summary).context("writing JSON")? + "\n"
        } else {
            page(summary)
        };
        match io::stdout().lock().write_all(text.as_bytes()) {
            // `… | head` closes our output; that is no mistake of anybody's.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            written => written.context("writing the result"),
        }
    }

    /// Why the two are too different, if a bound was given that says so.
    fn beyond(&self, summary: &Summary) -> Option<String> {
        let largest = summary.difference.largest.as_ref().map_or(0.0, |l| l.value);
        let share = summary.agreement.share.unwrap_or_default();
        if let Some(most) = self.max_difference.filter(|most| largest > *most) {
            return Some(format!(
                "the largest difference is {largest}, more than {most}"
            ));
        }
        let least = self.min_agreement.filter(|least| share < *least)?;
        Some(format!("the agreement is {share}, less than {least}"))
    }
}

/// Done at SIGINT; the page of what was compared until then is worth having.
async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        // Without a handler SIGINT ends the process, as ever.
        std::future::pending::<()>().await;
    }
}

fn trust(ca_file: Option<&Path>) -> anyhow::Result<Trust> {
    let Some(path) = ca_file else {
        return Trust::new(&[]).context("no TLS");
    };
    let shown = path.display();
    let authorities = CertificateDer::pem_file_iter(path)
        .and_then(|certificates| certificates.collect::<Result<Vec<_>, _>>())
        .with_context(|| format!("{shown} cannot be read as PEM certificates"))?;
    ensure!(
        !authorities.is_empty(),
        "{shown} holds no certificate; expected PEM, -----BEGIN CERTIFICATE-----"
    );
    Trust::new(&authorities).with_context(|| format!("a certificate in {shown} cannot be trusted"))
}

fn progress(pictures: u64, quiet: bool) -> ProgressBar {
    let bar = ProgressBar::new(pictures);
    if quiet || !io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    // The template is a literal; were it wrong, the default style would do.
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} pictures, {eta} left") {
        bar.set_style(style);
    }
    bar
}
