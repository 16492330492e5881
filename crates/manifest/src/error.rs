//! Why a document was refused, and where in it.

use std::io;
use std::path::PathBuf;

/// A refused template or manifest.
///
/// Paths into the document are written with slashes, as in
/// `modulesContent/$edgeAgent/properties.desired/modules/FruitCounter/status`.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The text is not JSON. The place is in the source error.
    #[error("the {what} is not JSON{hint}")]
    Json {
        /// Which text: "template", "manifest", or the path of a file or value.
        what: String,
        /// What may have led to it, empty if nothing is known.
        hint: &'static str,
        /// Line, column and reason.
        #[source]
        source: serde_json::Error,
    },
    /// A value that is not what it should be, or is missing.
    #[error("{path}: found {found}, expected {expected}")]
    Value {
        /// Where in the document.
        path: String,
        /// What stands there, shortened.
        found: String,
        /// What is accepted.
        expected: String,
    },
    /// `createOptions` that do not fit into a twin.
    #[error(
        "{path}: found createOptions of {found} characters, expected at most {limit} \
         (pieces of {} characters, {} of them)",
        crate::CHUNK_CHARS,
        crate::MAX_CHUNKS
    )]
    CreateOptionsTooLong {
        /// The module's settings in the document.
        path: String,
        /// Their length in characters, minified.
        found: usize,
        /// The most that fits.
        limit: usize,
    },
    /// An image placeholder for a platform that the module is not built for.
    #[error("{path}: found {placeholder} for platform \"{platform}\", expected one of {known}")]
    Platform {
        /// The image's place in the document.
        path: String,
        /// The placeholder as written.
        placeholder: String,
        /// The platform asked for.
        platform: String,
        /// The platforms of its `module.json`.
        known: String,
    },
    /// A `module.json` that cannot be read.
    #[error("{path}: cannot read {file}, which {placeholder} names")]
    ModuleFile {
        /// The image's place in the document.
        path: String,
        /// The placeholder as written.
        placeholder: String,
        /// The file, relative to the template's folder.
        file: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}
