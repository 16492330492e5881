//! Parts of a window that each fit into a report.
//!
//! Reports add up, so a window may become any number of them: cameras are dealt out in order, and
//! one whose labels are too many for a report alone is dealt out itself, its frames with the first
//! piece and its fruits label by label. Pure. This room must never leave anything out: where even
//! one label does not fit, it is dealt out all the same, and [`needed`] tells beforehand.

use std::collections::BTreeSet;

use time::OffsetDateTime;

use crate::frame::{Clock, MAX_NAME_BYTES, ModelInfo, RejectReason, Software};
use crate::report::{Report, ReportedCamera, ReportedCameras, SCHEMA, report_id};
use crate::sums::{FrameSums, Sums};
use crate::wording;

/// Deals out cameras so that the body of no report exceeds `limit` bytes, if that can be.
///
/// `empty` is the report without cameras, counts and frames, its `totals` being those after the
/// whole window and its sequence the longest.
pub(crate) fn split(
    cameras: ReportedCameras,
    empty: &Report,
    limit: usize,
) -> serde_json::Result<Vec<ReportedCameras>> {
    let mut dealer = Dealer {
        room: limit.saturating_sub(fixed_bytes(empty)?),
        totals: &empty.totals,
        parts: Vec::new(),
    };
    for (id, camera) in cameras {
        dealer.deal(&id, camera)?;
    }
    Ok(dealer.parts.into_iter().map(|part| part.cameras).collect())
}

/// A report but for its cameras and counts. No part has more frames than the totals say.
fn fixed_bytes(empty: &Report) -> serde_json::Result<usize> {
    bytes(&Report {
        frames: empty.totals.frames.clone(),
        ..empty.clone()
    })
}

struct Dealer<'a> {
    /// Bytes for the cameras and counts of one part.
    room: usize,
    /// No number in a part is larger than the one here.
    totals: &'a Sums,
    parts: Vec<Part>,
}

#[derive(Default)]
struct Part {
    cameras: ReportedCameras,
    /// The labels that the part's own counts have.
    labels: BTreeSet<String>,
    left: usize,
}

impl Dealer<'_> {
    fn deal(&mut self, id: &str, camera: ReportedCamera) -> serde_json::Result<()> {
        let own = camera_bytes(id, &camera)?;
        if let Some(part) = self.parts.last_mut() {
            let size = own + new_label_bytes(part, &camera.sums, self.totals)?;
            if size <= part.left {
                put(part, id, camera, size);
                return Ok(());
            }
        }
        let mut part = self.empty_part();
        let size = own + new_label_bytes(&part, &camera.sums, self.totals)?;
        if size <= part.left {
            put(&mut part, id, camera, size);
            self.parts.push(part);
            return Ok(());
        }
        self.deal_in_pieces(id, camera)
    }

    /// Each piece shows the name, since it may be the only one that somebody sees.
    fn deal_in_pieces(&mut self, id: &str, camera: ReportedCamera) -> serde_json::Result<()> {
        let ReportedCamera { name, sums } = camera;
        let with_name = |sums| ReportedCamera {
            name: name.clone(),
            sums,
        };
        let mut piece = with_name(Sums {
            frames: sums.frames,
            ..Sums::default()
        });
        let mut left = self.room.saturating_sub(camera_bytes(id, &piece)?);
        for (label, number) in sums.counts {
            let total = self.totals.counts.get(&label).copied();
            // Once in the camera's counts, once in the report's.
            let size = entry_bytes(&label, number)? + entry_bytes(&label, total.unwrap_or(number))?;
            if size > left && !piece.sums.is_empty() {
                let full = std::mem::replace(&mut piece, with_name(Sums::default()));
                self.push_piece(id, full, left);
                left = self.room.saturating_sub(camera_bytes(id, &piece)?);
            }
            left = left.saturating_sub(size);
            piece.sums.counts.insert(label, number);
        }
        self.push_piece(id, piece, left);
        Ok(())
    }

    fn push_piece(&mut self, id: &str, piece: ReportedCamera, left: usize) {
        let mut part = self.empty_part();
        put(&mut part, id, piece, 0);
        part.left = left;
        self.parts.push(part);
    }

    fn empty_part(&self) -> Part {
        Part {
            left: self.room,
            ..Part::default()
        }
    }
}

fn put(part: &mut Part, id: &str, camera: ReportedCamera, size: usize) {
    part.left -= size;
    part.labels.extend(camera.sums.counts.keys().cloned());
    part.cameras.insert(id.to_owned(), camera);
}

/// What the labels of a camera that a part does not have yet add to the part's own counts.
fn new_label_bytes(part: &Part, sums: &Sums, totals: &Sums) -> serde_json::Result<usize> {
    let mut size = 0;
    for (label, number) in &sums.counts {
        if !part.labels.contains(label) {
            size += entry_bytes(label, *totals.counts.get(label).unwrap_or(number))?;
        }
    }
    Ok(size)
}

/// The id, a colon, all of the camera and a comma.
fn camera_bytes(id: &str, camera: &ReportedCamera) -> serde_json::Result<usize> {
    Ok(bytes(id)? + bytes(camera)? + 2)
}

/// The label, a colon, the number and a comma.
fn entry_bytes(label: &str, number: u64) -> serde_json::Result<usize> {
    Ok(bytes(label)? + bytes(&number)? + 2)
}

fn bytes<T: serde::Serialize + ?Sized>(value: &T) -> serde_json::Result<usize> {
    serde_json::to_vec(value).map(|json| json.len())
}

/// The largest body that a report over these labels may need, however much is counted, when its
/// window is split as far as it can be: the totals name every label, a part at least one. The lot and
/// the camera's name are taken as long as they may be, names of another kind, but for labels, as
/// [`MAX_NAME_BYTES`] long, each byte written as six.
pub(crate) fn needed(labels: &BTreeSet<String>) -> serde_json::Result<usize> {
    let longest = "\u{1}".repeat(MAX_NAME_BYTES);
    let most = i64::MAX.unsigned_abs();
    let frames = FrameSums {
        received: most,
        classified: most,
        unsure: most,
        ignored: most,
        duplicate: most,
        rejected: RejectReason::ALL
            .into_iter()
            .map(|reason| (reason.to_string(), most))
            .collect(),
    };
    let totals = Sums {
        counts: labels.iter().map(|label| (label.clone(), most)).collect(),
        frames: frames.clone(),
    };
    let empty = Report {
        schema: SCHEMA.to_owned(),
        // An id has 16 hexadecimal digits.
        report_id: report_id(&"f".repeat(16), u64::MAX),
        sequence: u64::MAX,
        ledger: "f".repeat(16),
        window_start: OffsetDateTime::UNIX_EPOCH,
        window_end: OffsetDateTime::UNIX_EPOCH,
        clock: Clock::Plausible,
        lot: Some(wording::longest()),
        counts: Default::default(),
        frames: FrameSums::default(),
        cameras: ReportedCameras::new(),
        totals,
        model: ModelInfo {
            name: longest.clone(),
            version: longest.clone(),
            sha256: longest.clone(),
        },
        module: Software {
            version: longest.clone(),
        },
    };
    let first = camera_bytes(
        &longest,
        &ReportedCamera {
            name: Some(wording::longest()),
            sums: Sums {
                frames,
                ..Sums::default()
            },
        },
    )?;
    let mut one_label = 0;
    for label in labels {
        one_label = one_label.max(2 * entry_bytes(label, most)?);
    }
    Ok(fixed_bytes(&empty)? + first + one_label)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::collection::{btree_map, btree_set};
    use proptest::prelude::*;

    use super::*;
    use crate::camera_names::CameraNames;
    use crate::report::{named, whole};
    use crate::sums::CameraSums;

    fn empty(totals: Sums) -> Report {
        Report {
            schema: SCHEMA.to_owned(),
            report_id: report_id("0123456789abcdef", u64::MAX),
            sequence: u64::MAX,
            ledger: "0123456789abcdef".into(),
            window_start: OffsetDateTime::UNIX_EPOCH,
            window_end: OffsetDateTime::UNIX_EPOCH,
            clock: Clock::Unsure,
            lot: None,
            counts: BTreeMap::new(),
            frames: FrameSums::default(),
            cameras: ReportedCameras::new(),
            totals,
            model: ModelInfo {
                name: "m".into(),
                version: "1".into(),
                sha256: "ab".repeat(32),
            },
            module: Software {
                version: "1".into(),
            },
        }
    }

    /// As the sealing room makes it.
    fn body(empty: &Report, part: &ReportedCameras) -> usize {
        let Sums { counts, frames } = whole(part);
        let report = Report {
            counts,
            frames,
            cameras: part.clone(),
            ..empty.clone()
        };
        bytes(&report).unwrap()
    }

    fn unnamed<const N: usize>(cameras: [(String, Sums); N]) -> ReportedCameras {
        named(CameraSums::from(cameras), &CameraNames::default())
    }

    /// The smallest limit at which a camera's frames and one label of it are sure to fit.
    fn least(empty: &Report, cameras: &ReportedCameras) -> usize {
        let piece = |(id, camera): (&String, &ReportedCamera)| {
            let piece = ReportedCamera {
                name: camera.name.clone(),
                sums: Sums {
                    frames: camera.sums.frames.clone(),
                    ..Sums::default()
                },
            };
            let label = camera
                .sums
                .counts
                .keys()
                .map(|label| 2 * entry_bytes(label, empty.totals.counts[label]).unwrap());
            camera_bytes(id, &piece).unwrap() + label.max().unwrap_or(0)
        };
        fixed_bytes(empty).unwrap() + cameras.iter().map(piece).max().unwrap()
    }

    fn labels() -> impl Strategy<Value = Vec<String>> {
        // Control characters are written as six bytes, quotes as two.
        btree_set("[a-z\"\u{1}é]{1,40}", 1..60).prop_map(|labels| labels.into_iter().collect())
    }

    fn cameras() -> impl Strategy<Value = (Vec<String>, ReportedCameras)> {
        // Numbers of every length, few enough that no sum of theirs leaves the range.
        let number = (0..58_u32).prop_flat_map(|bits| 1..=(1_u64 << bits));
        let sums = btree_map(0..60_usize, number.clone(), 0..60).prop_flat_map(move |counts| {
            (Just(counts), proptest::collection::vec(number.clone(), 3))
        });
        let name = proptest::option::of("[a-z\"\\\\é]{1,64}");
        let cameras = btree_map("[a-z\"\\\\]{1,100}", (name, sums), 1..8);
        (labels(), cameras).prop_map(|(labels, cameras)| {
            let cameras = cameras.into_iter().map(|(id, (name, (counts, frames)))| {
                let counts = counts
                    .into_iter()
                    .filter_map(|(label, number)| Some((labels.get(label)?.clone(), number)))
                    .collect();
                let frames = FrameSums {
                    received: frames[0] + frames[1] + frames[2],
                    classified: frames[0],
                    duplicate: frames[1],
                    rejected: [("undecodable".to_owned(), frames[2])].into(),
                    ..FrameSums::default()
                };
                let sums = Sums { counts, frames };
                (id, ReportedCamera { name, sums })
            });
            let cameras = cameras.collect();
            (labels, cameras)
        })
    }

    proptest! {
        #[test]
        fn parts_add_up_and_each_fits_where_the_labels_do(
            (labels, cameras) in cameras(),
            spare in prop_oneof![0..100_usize, 0..4000_usize],
            before in prop_oneof![Just(0_u64), 0..1_u64 << 61],
        ) {
            let labels: BTreeSet<String> = labels.into_iter().collect();
            let mut totals = whole(&cameras);
            let labels = labels.into_iter().filter(|_| before > 0);
            for label in labels {
                // Counted in windows before.
                *totals.counts.entry(label).or_default() += before;
            }
            let enough = needed(&totals.counts.keys().cloned().collect()).unwrap();
            let empty = empty(totals);
            let limit = least(&empty, &cameras) + spare;
            prop_assert!(limit - spare <= enough, "{limit} {enough}");
            let parts = split(cameras.clone(), &empty, limit).unwrap();
            let mut together = ReportedCameras::new();
            for part in &parts {
                prop_assert!(body(&empty, part) <= limit, "{} > {limit}", body(&empty, part));
                for (id, ReportedCamera { name, sums }) in part {
                    prop_assert!(!sums.is_empty());
                    prop_assert_eq!(name, &cameras[id].name);
                    let known = together.entry(id.clone()).or_default();
                    let frames_come_once =
                        sums.frames == FrameSums::default() || known.sums.is_empty();
                    prop_assert!(frames_come_once, "frames in the first piece only");
                    known.name.clone_from(name);
                    known.sums.add(sums);
                }
            }
            prop_assert_eq!(together, cameras);
        }
    }

    #[test]
    fn the_longest_names_of_everything_fit_what_is_needed() {
        let most = i64::MAX.unsigned_abs();
        let longest = "\u{1}".repeat(MAX_NAME_BYTES);
        let sums = Sums {
            counts: [("ripe".to_owned(), most), ("unripe".to_owned(), most)].into(),
            frames: FrameSums {
                received: most,
                classified: most,
                unsure: most,
                ignored: most,
                duplicate: most,
                rejected: RejectReason::ALL
                    .map(|reason| (reason.to_string(), most))
                    .into(),
            },
        };
        let enough = needed(&sums.counts.keys().cloned().collect()).unwrap();
        let empty = Report {
            lot: Some(wording::longest()),
            clock: Clock::Plausible,
            model: ModelInfo {
                name: longest.clone(),
                version: longest.clone(),
                sha256: longest.clone(),
            },
            module: Software {
                version: longest.clone(),
            },
            ..empty(sums.clone())
        };
        let name = Some(wording::longest());
        let cameras = ReportedCameras::from([(longest, ReportedCamera { name, sums })]);
        let parts = split(cameras, &empty, enough).unwrap();
        let largest = parts.iter().map(|part| body(&empty, part)).max().unwrap();
        assert!(largest <= enough, "{largest} > {enough}");
        assert!(largest + 40 > enough, "{largest} is far from {enough}");
    }

    #[test]
    fn a_camera_is_split_only_where_it_must_be() {
        let sums = Sums {
            counts: (0..200)
                .map(|label| (format!("label-{label:03}"), 7))
                .collect(),
            frames: FrameSums {
                received: 1400,
                classified: 1400,
                ..FrameSums::default()
            },
        };
        let cameras = unnamed([("a".to_owned(), sums.clone()), ("b".to_owned(), sums)]);
        let empty = empty(whole(&cameras));
        let one = split(cameras.clone(), &empty, 20_000).unwrap();
        assert_eq!(one.len(), 1, "both in one");
        assert_eq!(one[0], cameras);
        let fits_one = body(
            &empty,
            &ReportedCameras::from([("a".into(), cameras["a"].clone())]),
        );
        let two = split(cameras.clone(), &empty, fits_one + 250).unwrap();
        assert_eq!(two.len(), 2);
        assert!(
            two.iter()
                .all(|part| part.len() == 1 && whole(part).counts.len() == 200)
        );
        let four = split(cameras, &empty, fits_one * 3 / 4).unwrap();
        assert!(four.len() > 2, "{}", four.len());
    }

    #[test]
    fn nothing_is_left_out_where_nothing_fits() {
        let sums = Sums {
            counts: [("ripe".to_owned(), 1), ("unripe".to_owned(), 2)].into(),
            frames: FrameSums {
                received: 3,
                classified: 3,
                ..FrameSums::default()
            },
        };
        let cameras = unnamed([("a".to_owned(), sums)]);
        let empty = empty(whole(&cameras));
        let parts = split(cameras.clone(), &empty, 10).unwrap();
        assert_eq!(parts.len(), 3, "the frames, and each label");
        let mut together = Sums::default();
        for part in &parts {
            together.add(&part["a"].sums);
        }
        assert_eq!(together, cameras["a"].sums);
    }
}
