//! A module's twin as plain values: what the operator desires, what the module reports.
//!
//! - [`TwinDocument`] and [`DesiredChange`]: what the hub sends;
//! - [`DesiredTracker`]: the desired properties, kept whole from documents and changes;
//! - [`ReportedPatch`]: what may be reported, held to the hub's limits beforehand;
//! - [`Setting`] and [`Acknowledgement`]: one desired property as a value in use, and
//!   what to report about it by the conventions of IoT Plug and Play.

mod acknowledgement;
mod desired;
mod document;
mod patch;
mod setting;

pub use acknowledgement::{Acknowledgement, DESCRIPTION_LIMIT};
pub use desired::{DesiredState, DesiredTracker, EARLY_CHANGES, Progress};
pub use document::{DesiredChange, DocumentError, Section, TwinDocument};
pub use patch::{
    DEPTH_LIMIT, INTEGER_MAX, INTEGER_MIN, NAME_LIMIT, PATCH_LIMIT, PatchError, PatchProblem,
    ReportedPatch, STRING_LIMIT,
};
pub use setting::Setting;
