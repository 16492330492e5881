//! Which cameras there are: one truth for each, so that the counts of a camera
//! can be compared with what it was shown.
//!
//! Everything is settled here before the first process starts, from the options
//! and the names of folders. Reads folder names, never pictures.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};

/// The truths of rendered scenes, in the order in which cameras get them.
pub(super) const RENDERED_TRUTHS: [&str; 2] = ["ripe", "unripe"];

/// One camera of the demo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Camera {
    /// Its device id, such as `cam-ripe-1`.
    pub(super) id: String,
    /// The label that is right for every picture it sends.
    pub(super) truth: String,
    /// Where its pictures come from.
    pub(super) source: Source,
}

/// Where a camera has its pictures from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// Scenes rendered from this seed.
    Rendered {
        /// The camera's own seed, derived from the one of the demo.
        seed: u64,
    },
    /// Part `index` (from 1) of `of` of the pictures in a folder, each once.
    Folder {
        /// The folder of one label.
        folder: PathBuf,
        /// Which part, from 1 to `of`.
        index: usize,
        /// How many cameras share the folder.
        of: usize,
    },
}

/// `count` cameras with rendered pictures; truths take turns.
pub(super) fn rendered(count: usize, seed: u64) -> Vec<Camera> {
    (0..count)
        .map(|number| {
            let truth = RENDERED_TRUTHS[number % RENDERED_TRUTHS.len()];
            Camera {
                id: device_id(truth, number / RENDERED_TRUTHS.len() + 1),
                truth: truth.to_owned(),
                source: Source::Rendered {
                    seed: derived(seed, number),
                },
            }
        })
        .collect()
}

/// `count` cameras over the labels found as folders in `pictures`; each label
/// has at least one, so there can be more cameras than asked for.
pub(super) fn from_pictures(pictures: &Path, count: usize) -> anyhow::Result<Vec<Camera>> {
    let labels = labels_in(pictures)?;
    ensure!(
        !labels.is_empty(),
        "{} has no subfolder; pictures are expected in one subfolder for each label, such as {}",
        pictures.display(),
        pictures.join("ripe").display()
    );
    let spelled: BTreeSet<String> = labels.keys().map(|label| device_id(label, 1)).collect();
    if spelled.len() < labels.len() {
        bail!(
            "two subfolders of {} differ only in characters that a device id cannot have; rename one",
            pictures.display()
        );
    }
    let mut cameras = Vec::new();
    for (turn, (label, folder)) in labels.iter().enumerate() {
        // Labels take turns: with five cameras and two labels the first has three.
        let of = ((count + labels.len() - 1 - turn) / labels.len()).max(1);
        cameras.extend((1..=of).map(|index| Camera {
            id: device_id(label, index),
            truth: label.clone(),
            source: Source::Folder {
                folder: folder.clone(),
                index,
                of,
            },
        }));
    }
    Ok(cameras)
}

fn labels_in(pictures: &Path) -> anyhow::Result<BTreeMap<String, PathBuf>> {
    let entries = fs::read_dir(pictures)
        .with_context(|| format!("cannot read the folder of pictures {}", pictures.display()))?;
    let mut labels = BTreeMap::new();
    for entry in entries {
        let path = entry?.path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .map(str::to_owned);
        match name {
            Some(name) if path.is_dir() && !name.starts_with('.') => labels.insert(name, path),
            _ => None,
        };
    }
    Ok(labels)
}

/// `cam-<label>-<number>` with the label reduced to what a device id may hold.
fn device_id(label: &str, number: usize) -> String {
    let label: String = label
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                '-'
            }
        })
        .collect();
    format!("cam-{label}-{number}")
}

/// The seed of one camera: far from its neighbours', so that no two cameras
/// render the same scene. The finalizer of SplitMix64 (Steele, Lea, Flood 2014),
/// kept below 2^53 so that JSON readers with doubles can repeat it.
pub(super) fn derived(seed: u64, number: usize) -> u64 {
    let mut z = seed.wrapping_add(0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(number as u64 + 1));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (z ^ (z >> 31)) >> 11
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(cameras: &[Camera]) -> Vec<&str> {
        cameras.iter().map(|camera| camera.id.as_str()).collect()
    }

    #[test]
    fn truths_take_turns_over_rendered_cameras() {
        let cameras = rendered(5, 7);
        assert_eq!(
            ids(&cameras),
            [
                "cam-ripe-1",
                "cam-unripe-1",
                "cam-ripe-2",
                "cam-unripe-2",
                "cam-ripe-3"
            ]
        );
        assert_eq!(cameras[3].truth, "unripe");
    }

    #[test]
    fn every_camera_renders_from_a_seed_of_its_own() {
        let mut seen = BTreeSet::new();
        for seed in [0, 1, 2, u64::MAX] {
            for camera in rendered(20, seed) {
                let Source::Rendered { seed } = camera.source else {
                    panic!("rendered")
                };
                assert!(seed < 1 << 53);
                assert!(seen.insert(seed), "seed {seed} twice");
            }
        }
        assert_eq!(
            rendered(4, 9),
            rendered(4, 9),
            "the same seed gives the same plan"
        );
    }

    #[test]
    fn pictures_of_a_label_are_shared_by_its_cameras() {
        let folder = tempfile::tempdir().unwrap();
        for label in ["ripe", "unripe", "Over Ripe"] {
            fs::create_dir(folder.path().join(label)).unwrap();
        }
        fs::write(folder.path().join("README"), "not a label").unwrap();
        let cameras = from_pictures(folder.path(), 4).unwrap();
        assert_eq!(
            ids(&cameras),
            [
                "cam-over-ripe-1",
                "cam-over-ripe-2",
                "cam-ripe-1",
                "cam-unripe-1"
            ]
        );
        assert_eq!(cameras[1].truth, "Over Ripe");
        assert_eq!(
            cameras[1].source,
            Source::Folder {
                folder: folder.path().join("Over Ripe"),
                index: 2,
                of: 2
            }
        );
        assert_eq!(
            from_pictures(folder.path(), 1).unwrap().len(),
            3,
            "one for each label at least"
        );
    }

    #[test]
    fn labels_that_make_one_device_id_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        for label in ["over ripe", "over-ripe"] {
            fs::create_dir(folder.path().join(label)).unwrap();
        }
        assert!(from_pictures(folder.path(), 2).is_err());
    }

    #[test]
    fn folder_without_labels_says_what_is_expected() {
        let folder = tempfile::tempdir().unwrap();
        let said = from_pictures(folder.path(), 2).unwrap_err().to_string();
        assert!(said.contains("one subfolder for each label"), "{said}");
    }
}
