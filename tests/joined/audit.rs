//! The real ledger against the world's own notes, camera by camera: every commit is in exactly
//! one outcome and in its window, what came upstream adds up to all of it, and no report ever
//! changed.

use std::collections::BTreeMap;

use ledger::{Clock, Outcome, Report, Sums};
use time::OffsetDateTime;

use crate::books::{Books, Entry};
use crate::world::World;

/// Sums of each camera.
type Cameras = BTreeMap<String, Sums>;

/// How far a stamp may lie from the arrival to be believed: the ledger's defaults.
const BEHIND: i64 = 24 * 3600;
const AHEAD: i64 = 5 * 60;
const HOUR: i64 = 3600;

impl World {
    /// What the real ledger has to do yet.
    pub(crate) fn books_unrest(&self) -> Option<String> {
        let totals = self.books.as_ref()?.ledger.totals().ok()?;
        let (open, unsent) = (totals.open_windows, totals.unsent_reports);
        (open + unsent > 0).then(|| format!("{open} windows are open, {unsent} reports unsent"))
    }

    /// How often pictures without an id were sent again by the hub for no reason.
    fn told_by_nothing(&mut self) -> BTreeMap<String, u32> {
        let counted = self.books.iter().flat_map(|books| books.counted.keys());
        let pictures: Vec<String> = counted.cloned().collect();
        let without_id = pictures.into_iter().filter(|it| !self.is_sure(it));
        let without_id: Vec<String> = without_id.collect();
        let again = |picture: String| {
            let again = self.watch.sent_again_for_no_reason(&picture);
            (picture, again)
        };
        without_id.into_iter().map(again).collect()
    }

    /// Everything that is wrong with the books.
    pub(crate) fn audit(&mut self) -> Vec<String> {
        let told_by_nothing = self.told_by_nothing();
        let Some(books) = &self.books else {
            return Vec::new();
        };
        let mut wrong = Vec::new();
        let expected = cameras(&books.entries);
        match books.ledger.verify() {
            Ok(proof) if proof.is_right() => {}
            other => wrong.push(format!("the sums do not agree: {other:?}")),
        }
        match books.ledger.totals() {
            Ok(totals) => compare("the totals", &totals.cameras, &expected, &mut wrong),
            Err(error) => wrong.push(format!("no totals: {error}")),
        }
        // A picture without an id that its camera has sent twice is two pictures to everyone.
        for (picture, counted) in &books.counted {
            let stored = self.watch.stored.get(picture).copied().unwrap_or(0);
            let more = told_by_nothing.get(picture).copied().unwrap_or(0);
            if *counted > stored + more {
                wrong.push(format!(
                    "{picture} is counted {counted} times, stored {stored}"
                ));
            }
        }
        let arrived = |body: &str| self.cloud.arrivals(body).0 > 0;
        let expired = |body: &str| self.watch.expired.contains(body);
        let upstream = self.cloud.order.iter();
        let upstream = upstream.chain(self.watch.expired.iter().filter(|body| !arrived(body)));
        let mut reports = BTreeMap::new();
        for body in upstream.filter(|body| body.starts_with('{')) {
            match serde_json::from_str::<Report>(body) {
                Ok(report) => {
                    let sealed = books.sealed.get(&report.sequence);
                    if sealed.is_none_or(|sealed| sealed.body != body.as_bytes()) {
                        wrong.push(format!("never sealed like this: {body}"));
                    }
                    if reports.insert(report.sequence, report).is_some() {
                        wrong.push(format!("two reports under one sequence: {body}"));
                    }
                }
                Err(error) => wrong.push(format!("{error}: {body}")),
            }
        }
        let sealed = books.sealed.len() as u64;
        if !reports.keys().copied().eq(1..=sealed) {
            let seen: Vec<_> = reports.keys().collect();
            wrong.push(format!(
                "{sealed} reports were sealed, upstream are {seen:?}"
            ));
        }
        for report in books.sealed.values() {
            let body = String::from_utf8_lossy(&report.body);
            if !arrived(&body) && !expired(&body) {
                wrong.push(format!("report {} is not upstream", report.sequence));
            }
        }
        add_up(&reports, &expected, &mut wrong);
        windows(books, &reports, &mut wrong);
        self.tally.commits += books.entries.len() as u64;
        let duplicates = books.entries.iter().filter(|entry| entry.is_duplicate);
        self.tally.duplicates += duplicates.count() as u64;
        let crashed = expected
            .values()
            .filter_map(|sums| sums.frames.rejected.get("crashed"));
        self.tally.crashed += crashed.sum::<u64>();
        self.tally.reports += sealed;
        self.tally.failures += books.failures;
        wrong
    }
}

/// What is wrong with the sums that the reports give.
fn add_up(reports: &BTreeMap<u64, Report>, expected: &Cameras, wrong: &mut Vec<String>) {
    let (mut sums, mut whole) = (Cameras::new(), Sums::default());
    for report in reports.values() {
        for (id, camera) in &report.cameras {
            sums.entry(id.clone()).or_default().add(&camera.sums);
            whole.add(&camera.sums);
        }
        if report.totals != whole {
            wrong.push(format!(
                "the totals of report {} are not the sum so far",
                report.sequence
            ));
        }
    }
    compare("the reports", &sums, expected, wrong);
}

/// What a report has one of: begin and end of its window, state of the clock, lot.
type Heading = (i64, i64, Clock, Option<String>);

/// What is wrong with the windows and lots. Where windows were joined, an hour stands for its windows.
fn windows(books: &Books, reports: &BTreeMap<u64, Report>, wrong: &mut Vec<String>) {
    let heading = |start: i64, end: i64, clock, lot| -> Heading {
        if books.joins {
            (place(start, HOUR), place(start, HOUR) + HOUR, clock, lot)
        } else {
            (start, end, clock, lot)
        }
    };
    let mut seen = BTreeMap::<Heading, Cameras>::new();
    for report in reports.values() {
        let [start, end] = [report.window_start, report.window_end];
        let (start, end) = (start.unix_timestamp(), end.unix_timestamp());
        let heading = heading(start, end, report.clock, report.lot.clone());
        if end > heading.1 {
            wrong.push(format!(
                "report {} covers {start} to {end}, expected {heading:?}",
                report.sequence
            ));
        }
        let cameras = seen.entry(heading).or_default();
        for (id, camera) in &report.cameras {
            cameras.entry(id.clone()).or_default().add(&camera.sums);
        }
    }
    seen.retain(|_, cameras| !cameras.is_empty());
    let mut expected = BTreeMap::<Heading, Vec<Entry>>::new();
    for entry in &books.entries {
        let start = place(moment(entry), entry.length);
        let lot = entry.lot.as_ref().map(ToString::to_string);
        let heading = heading(start, start + entry.length, entry.clock, lot);
        expected.entry(heading).or_default().push(entry.clone());
    }
    let expected: BTreeMap<_, _> = expected
        .into_iter()
        .map(|(heading, entries)| (heading, cameras(&entries)))
        .collect();
    if seen != expected {
        wrong.push(format!("windows are {seen:?}, not {expected:?}"));
    }
}

/// By the camera's stamp where that can be believed, else by the arrival.
fn moment(entry: &Entry) -> i64 {
    let unix = OffsetDateTime::unix_timestamp_nanos;
    let arrival = unix(entry.arrival);
    let nanos = |seconds: i64| i128::from(seconds) * 1_000_000_000;
    let believed = entry.stamp.filter(|stamp| {
        let ahead = unix(*stamp) - arrival;
        (nanos(-BEHIND)..=nanos(AHEAD)).contains(&ahead)
    });
    believed.unwrap_or(entry.arrival).unix_timestamp()
}

fn place(at: i64, length: i64) -> i64 {
    at.div_euclid(length) * length
}

/// The sums of some commits.
fn cameras(entries: &[Entry]) -> Cameras {
    let mut cameras = Cameras::new();
    for entry in entries {
        let sums = cameras.entry(entry.camera.clone()).or_default();
        sums.frames.received += 1;
        if entry.is_duplicate {
            sums.frames.duplicate += 1;
            continue;
        }
        match &entry.outcome {
            Outcome::Classified { label } => {
                sums.frames.classified += 1;
                *sums.counts.entry(label.clone()).or_default() += 1;
            }
            Outcome::Unsure => sums.frames.unsure += 1,
            Outcome::Ignored => sums.frames.ignored += 1,
            Outcome::Rejected(reason) => {
                let reason = reason.as_str().to_owned();
                *sums.frames.rejected.entry(reason).or_default() += 1;
            }
        }
    }
    cameras
}

fn compare(what: &str, seen: &Cameras, expected: &Cameras, wrong: &mut Vec<String>) {
    let names = seen.keys().chain(expected.keys());
    for camera in names.collect::<std::collections::BTreeSet<_>>() {
        let (seen, expected) = (seen.get(camera), expected.get(camera));
        if seen != expected {
            wrong.push(format!(
                "{what} have {seen:?} of {camera}, not {expected:?}"
            ));
        }
    }
}
