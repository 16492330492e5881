//! What was found, as a page for people and as JSON.

use std::fmt;

use serde::Serialize;

use crate::figures::Percentiles;

/// Bars that the project holds itself to; see `docs/benchmarks.md`.
const LEAST_OF_BARE_RATE: f64 = 0.85;
const MOST_OF_QUEUED_BARE: f64 = 1.5;
const MOST_OF_BARE_SHARE: f64 = 1.3;
const MOST_OF_BARE_START: f64 = 3.0;
const MOST_LOADED_MB: f64 = 100.0;
const MOST_IDLE_MB: f64 = 60.0;
const MOST_IDLE_PER_CENT: f64 = 1.0;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    pub(crate) cores: usize,
    pub(crate) model: String,
    pub(crate) pictures: usize,
    pub(crate) mean_bytes: usize,
    pub(crate) start: Start,
    pub(crate) rest: Vec<Rest>,
    pub(crate) memory: Memory,
    pub(crate) edge: Edge,
    pub(crate) idle: Idle,
}

/// Medians over several starts.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Start {
    ready_ms: f64,
    ready_with_a_new_ledger_ms: f64,
    bare_load_ms: f64,
    ratio_to_bare: f64,
}

impl Start {
    pub(crate) fn new(known: f64, new: f64, bare: f64) -> Self {
        Self {
            ready_ms: known,
            ready_with_a_new_ledger_ms: new,
            bare_load_ms: bare,
            ratio_to_bare: known / bare,
        }
    }
}

/// So many clients by HTTP. Rates and ratios are medians over the rounds; times are of all rounds.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Rest {
    pub(crate) clients: usize,
    pub(crate) per_second: f64,
    pub(crate) bare_per_second: f64,
    pub(crate) ratio_to_bare: f64,
    /// What a picture would take that waits for all others in the bare loop.
    pub(crate) queued_bare_ms: f64,
    pub(crate) milliseconds: Percentiles,
    /// Time on the cores for one picture; neighbours hardly show in it.
    pub(crate) processor_ms: f64,
    pub(crate) bare_processor_ms: f64,
    pub(crate) busy: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) peer_per_second: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) peer_milliseconds: Option<Percentiles>,
}

/// Megabytes of 1000 × 1000 bytes.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Memory {
    /// Ready, before the first picture.
    pub(crate) idle_mb: f64,
    /// Most under the load of the measurements by HTTP, a crowd of clients included.
    pub(crate) loaded_mb: f64,
    /// Left alone again.
    pub(crate) after_mb: f64,
    /// More clients than pictures may be in hand.
    pub(crate) crowd_clients: usize,
    pub(crate) crowd_busy: usize,
    pub(crate) crowd_milliseconds: Percentiles,
}

/// The module's share of edgeHub's round trip, from the last byte of a PUBLISH that the hub wrote to
/// the PUBACK that it read. Ratios are of medians, in the middle of the rounds.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Edge {
    pub(crate) per_second: f64,
    pub(crate) share_ms: Percentiles,
    /// Decode, run on one thread, one flushed append.
    pub(crate) bare_one_thread_ms: Percentiles,
    /// The same with as many threads as cores, as the module has it.
    pub(crate) bare_all_threads_ms: Percentiles,
    pub(crate) ratio_to_one_thread: f64,
    pub(crate) ratio_to_all_threads: f64,
}

/// Connected to a hub that sends nothing.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Idle {
    pub(crate) seconds: f64,
    pub(crate) per_cent_of_one_core: f64,
    /// What is left of the pictures through edgeHub before, and the most while they came.
    pub(crate) resident_mb: f64,
    pub(crate) most_mb: f64,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "module in release, {} cores, model {}, {} JPEGs of {} bytes on average; bare: decode and \
             run, one thread a core",
            self.cores, self.model, self.pictures, self.mean_bytes
        )?;
        let start = &self.start;
        writeln!(
            f,
            "start to ready      {:.0} ms, {:.0} ms with a new ledger; bare load {:.0} ms, ratio {:.2} {}",
            start.ready_ms,
            start.ready_with_a_new_ledger_ms,
            start.bare_load_ms,
            start.ratio_to_bare,
            at_most(start.ratio_to_bare, MOST_OF_BARE_START)
        )?;
        for rest in &self.rest {
            let latency = rest.milliseconds.p99 / rest.queued_bare_ms;
            // The bars are about cores that are kept busy, and about a queue.
            let rate_bar = if rest.clients >= self.cores {
                at_least(rest.ratio_to_bare, LEAST_OF_BARE_RATE)
            } else {
                String::new()
            };
            let latency_bar = if rest.clients > 4 * self.cores {
                // A time that is kept by sending pictures away is not kept.
                at_most(
                    if rest.busy == 0 {
                        latency
                    } else {
                        f64::INFINITY
                    },
                    MOST_OF_QUEUED_BARE,
                )
            } else {
                String::new()
            };
            writeln!(
                f,
                "HTTP, {:2} clients    {:.0}/s of bare {:.0}/s, ratio {:.3} {}; ms p50 {:.2} p90 {:.2} \
                 p99 {:.2} max {:.1}; p99 {:.2} of the queued bare time {}; processor {:.2} of bare \
                 {:.2} ms; {} times 429",
                rest.clients,
                rest.per_second,
                rest.bare_per_second,
                rest.ratio_to_bare,
                rate_bar,
                rest.milliseconds.p50,
                rest.milliseconds.p90,
                rest.milliseconds.p99,
                rest.milliseconds.max,
                latency,
                latency_bar,
                rest.processor_ms,
                rest.bare_processor_ms,
                rest.busy,
            )?;
            if let (Some(rate), Some(times)) = (rest.peer_per_second, rest.peer_milliseconds) {
                writeln!(
                    f,
                    "  the peer          {rate:.0}/s; ms p50 {:.2} p90 {:.2} p99 {:.2} max {:.1}",
                    times.p50, times.p90, times.p99, times.max
                )?;
            }
        }
        let memory = &self.memory;
        writeln!(
            f,
            "HTTP, {:2} clients    {} times 429, p99 of the others {:.2} ms",
            memory.crowd_clients, memory.crowd_busy, memory.crowd_milliseconds.p99
        )?;
        writeln!(
            f,
            "resident            {:.1} MB idle {}, {:.1} MB at most under load {}, {:.1} MB after it",
            memory.idle_mb,
            at_most(memory.idle_mb, MOST_IDLE_MB),
            memory.loaded_mb,
            at_most(memory.loaded_mb, MOST_LOADED_MB),
            memory.after_mb
        )?;
        let edge = &self.edge;
        writeln!(
            f,
            "edgeHub             {:.0}/s; share ms p50 {:.2} p90 {:.2} p99 {:.2} max {:.1}",
            edge.per_second,
            edge.share_ms.p50,
            edge.share_ms.p90,
            edge.share_ms.p99,
            edge.share_ms.max
        )?;
        writeln!(
            f,
            "  bare + append     p50 {:.2} ms on one thread, ratio {:.2} {}; {:.2} ms on all, ratio {:.2} {}",
            edge.bare_one_thread_ms.p50,
            edge.ratio_to_one_thread,
            at_most(edge.ratio_to_one_thread, MOST_OF_BARE_SHARE),
            edge.bare_all_threads_ms.p50,
            edge.ratio_to_all_threads,
            at_most(edge.ratio_to_all_threads, MOST_OF_BARE_SHARE)
        )?;
        writeln!(
            f,
            "idle                {:.2} % of one core in {:.0} s {}; behind edgeHub {:.1} MB, at most {:.1} MB {}",
            self.idle.per_cent_of_one_core,
            self.idle.seconds,
            at_most(self.idle.per_cent_of_one_core, MOST_IDLE_PER_CENT),
            self.idle.resident_mb,
            self.idle.most_mb,
            at_most(self.idle.most_mb, MOST_LOADED_MB)
        )
    }
}

fn at_most(value: f64, bar: f64) -> String {
    let verdict = if value <= bar { "holds" } else { "IS EXCEEDED" };
    format!("(bar {bar} {verdict})")
}

fn at_least(value: f64, bar: f64) -> String {
    let verdict = if value >= bar { "holds" } else { "IS MISSED" };
    format!("(bar {bar} {verdict})")
}
