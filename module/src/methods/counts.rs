//! The answer to `getCounts`: the sums of a span, of all cameras or one, or camera by camera.
//!
//! Without a span it is everything since the ledger began, open windows included, which is one look
//! at sums that are kept. A span is added up from its windows, chunk by chunk; the asker's patience
//! is looked at between them.

use std::collections::BTreeMap;

use ledger::{FrameSums, LedgerReader, MAX_ANSWER_BYTES, RowKind, Span, Sums, WindowRow};
use serde::Serialize;
use time::OffsetDateTime;

use super::answers::{Patience, size};
use super::refusal::Refusal;

/// What is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub struct CountsQuery {
    /// Only windows that start at this time or later: RFC 3339, or a date, which is its midnight in
    /// UTC.
    #[cfg_attr(test, schemars(with = "Option<String>", default))]
    pub from: Option<OffsetDateTime>,
    /// Only windows that start before this time.
    #[cfg_attr(test, schemars(with = "Option<String>", default))]
    pub to: Option<OffsetDateTime>,
    /// Only this camera, named as in the reports.
    pub camera: Option<String>,
    /// True: every camera too, as many as fit, in the order of their names.
    #[cfg_attr(test, schemars(with = "Option<bool>", default))]
    pub cameras: bool,
    /// Beside `cameras`: only those whose names come after this one.
    pub after: Option<String>,
}

/// The sums of a span.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(super) struct Counts {
    /// Always `fruit-sums/1`.
    #[cfg_attr(test, schemars(extend("const" = SCHEMA)))]
    schema: &'static str,
    /// Id of the ledger.
    ledger: String,
    /// The begin that was asked for.
    #[serde(with = "time::serde::rfc3339::option")]
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    from: Option<OffsetDateTime>,
    /// The end that was asked for.
    #[serde(with = "time::serde::rfc3339::option")]
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    to: Option<OffsetDateTime>,
    /// The camera that was asked for; absent where it is all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    camera: Option<String>,
    /// How many sealed reports are in these sums.
    reports: u64,
    /// How many windows that are not sealed yet are in these sums: they may still grow.
    open_windows: u64,
    /// How many reports are not kept any more. Their windows are not known: they are in these sums
    /// where no span is asked for, and in no span.
    carried_forward: u64,
    /// Fruits by label.
    counts: BTreeMap<String, u64>,
    /// Frames by outcome.
    #[cfg_attr(test, schemars(schema_with = "super::described::frames"))]
    frames: FrameSums,
    /// Everything since the ledger began, of this camera or of all, open windows included.
    #[cfg_attr(test, schemars(schema_with = "super::described::sums"))]
    totals: Sums,
    /// The sums of the span by camera, where they are asked for: those that it has something of.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(default, schema_with = "super::described::cameras"))]
    cameras: Option<BTreeMap<String, Sums>>,
    /// Whether more cameras follow the last one here: ask again with its name as `after`. Absent
    /// where they are not asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "Option<bool>"))]
    truncated: Option<bool>,
}

pub(super) const SCHEMA: &str = "fruit-sums/1";

const CURE: &str = "read them on the box with `fruit-counter ledger show --json`";

/// What a span comes to.
#[derive(Debug, Default)]
struct Added {
    reports: u64,
    open_windows: u64,
    whole: Sums,
    cameras: BTreeMap<String, Sums>,
}

/// Reads the answer. What is sealed between its two looks at a span is in the totals alone.
pub(super) fn answer(
    reader: &LedgerReader,
    query: &CountsQuery,
    patience: &Patience,
) -> Result<Counts, Refusal> {
    let span = Span::new(query.from, query.to).map_err(super::payload::PayloadError::from)?;
    let mut summary = reader.summary(0)?;
    let totals = match &query.camera {
        None => summary.totals,
        Some(camera) => summary
            .cameras
            .get(camera)
            .cloned()
            .ok_or_else(|| Refusal::UnknownCamera(camera.clone()))?,
    };
    let mut added = if span.is_always() {
        Added {
            reports: summary.sealed_reports,
            open_windows: summary.open.len() as u64,
            whole: totals.clone(),
            cameras: std::mem::take(&mut summary.cameras),
        }
    } else {
        add_up(reader, span, query, patience)?
    };
    let cameras = query.cameras.then(|| std::mem::take(&mut added.cameras));
    let mut counts = Counts {
        schema: SCHEMA,
        ledger: summary.ledger,
        from: query.from,
        to: query.to,
        camera: query.camera.clone(),
        reports: added.reports,
        open_windows: added.open_windows,
        carried_forward: summary.carried_forward,
        counts: added.whole.counts,
        frames: added.whole.frames,
        totals,
        cameras: query.cameras.then(BTreeMap::new),
        truncated: query.cameras.then_some(false),
    };
    let bytes = size(&counts);
    let Some(left) = MAX_ANSWER_BYTES.checked_sub(bytes) else {
        return Err(too_large("a sum of so many labels", bytes));
    };
    if let Some(cameras) = cameras {
        let (fitting, truncated) = fitting(cameras, query.after.as_deref(), left)?;
        counts.cameras = Some(fitting);
        counts.truncated = Some(truncated);
    }
    Ok(counts)
}

fn too_large(what: &'static str, bytes: usize) -> Refusal {
    Refusal::TooLarge {
        what,
        bytes,
        limit: MAX_ANSWER_BYTES,
        cure: CURE,
    }
}

/// As many cameras as fit, and whether more follow.
fn fitting(
    cameras: BTreeMap<String, Sums>,
    after: Option<&str>,
    mut left: usize,
) -> Result<(BTreeMap<String, Sums>, bool), Refusal> {
    let mut fitting = BTreeMap::new();
    for (name, sums) in cameras {
        if after.is_some_and(|after| name.as_str() <= after) {
            continue;
        }
        // And a colon and a comma.
        let bytes = size(&name) + size(&sums) + 2;
        match left.checked_sub(bytes) {
            Some(rest) => left = rest,
            None if fitting.is_empty() => return Err(too_large("a camera's sum", bytes)),
            None => return Ok((fitting, true)),
        }
        fitting.insert(name, sums);
    }
    Ok((fitting, false))
}

fn add_up(
    reader: &LedgerReader,
    span: Span,
    query: &CountsQuery,
    patience: &Patience,
) -> Result<Added, Refusal> {
    let mut added = Added::default();
    let mut export = reader.export(span)?;
    while let Some(rows) = export.next_chunk()? {
        patience.check()?;
        for row in rows {
            added.add(row, query);
        }
    }
    Ok(added)
}

impl Added {
    fn add(&mut self, row: WindowRow, query: &CountsQuery) {
        match row.kind {
            RowKind::Report => self.reports += 1,
            RowKind::Open => self.open_windows += 1,
            // It has no place in a span.
            RowKind::CarriedForward => return,
        }
        let mut cameras = row.cameras.unwrap_or_default();
        if let Some(camera) = &query.camera {
            if let Some(camera) = cameras.remove(camera) {
                self.whole.add(&camera.sums);
            }
            return;
        }
        self.whole.add(&Sums {
            counts: row.counts,
            frames: row.frames,
        });
        if query.cameras {
            for (id, camera) in cameras {
                self.cameras.entry(id).or_default().add(&camera.sums);
            }
        }
    }
}
