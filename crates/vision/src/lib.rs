//! Picture bytes to verdict: decode, prepare, run, judge; and the packages that
//! models come in.
//!
//! ```text
//! bytes ─decode─► Pixels ─prepare─► Tensor ─run─► Scores ─verdict─► Verdict
//!                            ▲                 ▲
//!                     Preprocess ◄─ ModelPackage ─► Classifier
//! ```
//!
//! Each step takes one value and gives the next or a typed error, so a picture
//! that was not prepared cannot be judged. Rooms: [`decode()`] (bytes, limits,
//! refusals), [`Preparer`] (crop, resize, layout), [`ModelPackage`] (what an
//! export says), [`Classifier`] (the session), [`Provider`] (what runs it), [`Scores`] (the
//! judgement).
//!
//! What this crate must never do: write a picture, or any part of one, to a log
//! or an error; take time or memory without bound for bytes from outside; start
//! with a model that does not fit its package.
//!
//! The feature `runtime`, on by default, is what runs a model: [`Classifier`] and
//! the bindings under it. Without it the rest stands alone.
//!
#![cfg_attr(feature = "runtime", doc = "```no_run")]
#![cfg_attr(not(feature = "runtime"), doc = "```ignore")]
//! use std::path::Path;
//! use vision::{Classifier, DecodeLimits, ModelPackage, RuntimeOptions, Verdict, decode};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let package = ModelPackage::open(Path::new("model"))?;
//! let mut classifier = Classifier::load(&package, &RuntimeOptions::default())?;
//! let pixels = decode(&std::fs::read("banana.jpg")?, &DecodeLimits::default())?;
//! match classifier.classify(&pixels)?.verdict(0.6) {
//!     Verdict::Label { label, score } => println!("{label} ({score:.3})"),
//!     Verdict::Unsure { best, score } => println!("unsure, perhaps {best} ({score:.3})"),
//! }
//! # Ok(())
//! # }
//! ```
#![cfg_attr(
    not(feature = "runtime"),
    expect(
        dead_code,
        reason = "what a package says of its model is for the runtime"
    )
)]

#[cfg(feature = "runtime")]
mod classifier;
mod decode;
mod package;
mod pixels;
mod prepare;
mod preprocess;
#[cfg(feature = "runtime")]
mod provider;
#[cfg(feature = "runtime")]
mod runtime;
mod scores;
mod scratch;
mod tensor;

#[cfg(feature = "runtime")]
pub use classifier::{Classifier, InferenceError, ModelError, TrialError};
pub use decode::{
    DecodeError, DecodeErrorKind, DecodeLimits, Examined, Formats, Found, MAX_BLOCKS, MAX_SCANS,
    Measure, PictureFormat, decode, examine,
};
pub use package::{ModelPackage, NotOnnx, PackageError, PropertyError};
pub use pixels::{CHANNELS, Pixels};
pub use prepare::{MAX_INPUT_SIDE, Preparer, RecipeError};
pub use preprocess::{
    ALIGNMENT, AxisOrder, ChannelOrder, Filter, Fit, NamedRecipe, Origin, Preprocess, Size,
    UnknownRecipe, ValueRange,
};
#[cfg(feature = "runtime")]
pub use provider::{Provider, UnknownProvider, providers};
#[cfg(feature = "runtime")]
pub use runtime::{RuntimeError, RuntimeOptions, environment};
pub use scores::{ScoreFunction, Scores, Verdict};
pub use scratch::Scratch;
pub use tensor::Tensor;
