//! What a report says of one camera.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::camera_names::CameraNames;
use crate::sums::{CameraSums, FrameSums, Sums};

/// What was counted of one camera, and what people call it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(from = "Fields")]
#[cfg_attr(test, schemars(!from))]
pub struct ReportedCamera {
    /// What people called the camera when the report was sealed; absent where it had no name. The
    /// key, not the name, says which camera it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "String", default))]
    pub name: Option<String>,
    /// What was counted.
    #[serde(flatten)]
    pub sums: Sums,
}

/// Cameras of a report, by id.
pub(crate) type ReportedCameras = BTreeMap<String, ReportedCamera>;

/// The fields as they are read: serde would hold flattened ones twice.
#[derive(Deserialize)]
struct Fields {
    #[serde(default)]
    name: Option<String>,
    counts: BTreeMap<String, u64>,
    frames: FrameSums,
}

impl From<Fields> for ReportedCamera {
    fn from(fields: Fields) -> Self {
        let Fields {
            name,
            counts,
            frames,
        } = fields;
        Self {
            name,
            sums: Sums { counts, frames },
        }
    }
}

/// Gives cameras their names.
pub(crate) fn named(cameras: CameraSums, names: &CameraNames) -> ReportedCameras {
    let named = cameras.into_iter().map(|(camera, sums)| {
        let name = names.get(&camera).map(str::to_owned);
        (camera, ReportedCamera { name, sums })
    });
    named.collect()
}

/// The sum of all cameras.
pub(crate) fn whole(cameras: &ReportedCameras) -> Sums {
    let mut whole = Sums::default();
    for camera in cameras.values() {
        whole.add(&camera.sums);
    }
    whole
}
