//! `fruit-counter healthcheck`: asks the running module how it is, for scripts and containers.
//!
//! It runs beside the module, with the same environment, and asks over loopback where the settings
//! say that the module listens. What a program of somebody else's says there is not believed.

mod ask;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::settings::{self, Doors, parse_duration};
use ask::{Asked, Question};

/// Exit codes beyond 0; 2 is clap's for bad arguments, too.
const NOT_READY: u8 = 1;
const CANNOT_ASK: u8 = 2;

/// Ask the running module whether it is ready, over loopback, at the address that its settings say.
///
/// Run it where the module runs, with the module's environment: in its container, `docker exec NAME
/// fruit-counter healthcheck`. Ready means that pictures are taken and counted.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  fruit-counter healthcheck\n  \
    fruit-counter healthcheck --json | jq .reasons\n  \
    fruit-counter healthcheck --alive        (for a container's HEALTHCHECK: a module without its hub\n                                            \
    is not mended by a new start)\n\n\
    Exit codes: 0 ready (with --alive: alive), 1 not, or no answer, 2 bad arguments or settings, or\n\
    nowhere to ask.")]
pub struct Arguments {
    /// Ask only whether the process lives and answers, not whether it is ready.
    #[arg(long)]
    alive: bool,
    /// Ask here, and not where the settings say.
    #[arg(long, value_name = "ADDRESS:PORT")]
    address: Option<SocketAddr>,
    /// How long to wait for an answer: a duration with unit from 100ms to 1m.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = patience)]
    timeout: Duration,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

fn patience(text: &str) -> Result<Duration, String> {
    parse_duration(text, Duration::from_millis(100), Duration::from_secs(60))
}

/// Runs the command with these variables and answers its exit code.
#[must_use]
pub fn run(
    arguments: &Arguments,
    variables: impl IntoIterator<Item = (String, String)>,
) -> ExitCode {
    let answer = match addresses(arguments.address, variables) {
        Ok(addresses) => {
            let question = if arguments.alive {
                Question::Alive
            } else {
                Question::Ready
            };
            answer(question, &addresses, arguments.timeout)
        }
        Err(why) => {
            let why = why.join("; ");
            Answer::new(CANNOT_ASK, Map::new(), why)
        }
    };
    let code = ExitCode::from(answer.code);
    if arguments.json {
        println!("{}", answer.json());
    } else if answer.code == 0 {
        println!("{}", answer.words);
    } else {
        eprintln!("fruit-counter: {}", answer.words);
    }
    code
}

/// Where to ask, the likeliest first.
fn addresses(
    given: Option<SocketAddr>,
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<Vec<SocketAddr>, Vec<String>> {
    if let Some(given) = given {
        return Ok(vec![given]);
    }
    let doors = settings::doors(variables).map_err(|error| error.mistakes)?;
    let listening: Vec<SocketAddr> = all(&doors).collect();
    let addresses: Vec<SocketAddr> = listening
        .iter()
        .filter(|address| address.port() != 0)
        .map(|address| SocketAddr::new(from_here(address.ip()), address.port()))
        .collect();
    if !addresses.is_empty() {
        return Ok(addresses);
    }
    Err(vec![if listening.is_empty() {
        "the module serves no HTTP that could be asked: FRUIT_COUNTER_HTTP and \
         FRUIT_COUNTER_METRICS are off; set one to an address such as 127.0.0.1:9600"
            .to_owned()
    } else {
        "the module listens on a port that the system chose (port 0 is set); its log names it: give \
         it with --address"
            .to_owned()
    }])
}

fn all(doors: &Doors) -> impl Iterator<Item = SocketAddr> {
    [doors.http, doors.metrics].into_iter().flatten()
}

/// Whoever listens everywhere listens on loopback too.
fn from_here(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        bound => bound,
    }
}

/// What is told, and the exit code.
struct Answer {
    code: u8,
    /// What the module said, if it did.
    said: Map<String, Value>,
    words: String,
}

impl Answer {
    fn new(code: u8, said: Map<String, Value>, words: String) -> Self {
        Answer { code, said, words }
    }

    /// The module's own answer, else one with the reason in the same place.
    fn json(self) -> Value {
        let mut said = self.said;
        said.entry("ready").or_insert(json!(self.code == 0));
        if self.code != 0 {
            said.entry("reasons").or_insert(json!([self.words]));
        }
        Value::Object(said)
    }
}

/// Asks one after the other until the module answers.
fn answer(question: Question, addresses: &[SocketAddr], patience: Duration) -> Answer {
    let mut failures = Vec::new();
    for address in addresses {
        match ask::ask(question, *address, patience) {
            Ok(asked) => return told(asked, *address),
            Err(failure) => failures.push(format!("{address}: {failure}")),
        }
    }
    let words = format!(
        "no answer from the module at {}",
        failures.join(", nor at ")
    );
    Answer::new(NOT_READY, Map::new(), words)
}

fn told(asked: Asked, address: SocketAddr) -> Answer {
    match asked {
        Asked::Alive => {
            let mut said = Map::new();
            said.insert("alive".to_owned(), json!(true));
            // Only the other question would tell.
            said.insert("ready".to_owned(), Value::Null);
            Answer::new(0, said, format!("alive ({address})"))
        }
        Asked::Ready(said) => {
            let ledger = text(&said, "ledger");
            let hub = text(&said, "hub");
            let words = format!("ready: ledger {ledger}, edgeHub {hub} ({address})");
            Answer::new(0, said, words)
        }
        Asked::NotReady(said) => {
            let reasons: Vec<&str> = said
                .get("reasons")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            let words = format!("not ready: {} ({address})", reasons.join(", "));
            Answer::new(NOT_READY, said, words)
        }
    }
}

fn text<'a>(said: &'a Map<String, Value>, name: &str) -> &'a str {
    said.get(name).and_then(Value::as_str).unwrap_or("unknown")
}

#[cfg(test)]
mod tests;
