//! The last good settings of the twin, on the disk beside the ledger, for a start without the hub.
//!
//! Only what was in force and came from the twin; never a key, since no key is a property. A file
//! that is missing, damaged or of another time is no reason not to start: the environment's settings
//! hold then until the hub answers.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Its name in the ledger's folder.
pub const FILE: &str = "settings.json";

const SCHEMA: &str = "fruit-settings/1";

/// No twin is larger: its 32 KB are counted without the signs of JSON.
const LONGEST: u64 = 256 << 10;

/// What is kept.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Kept {
    /// The version of the desired properties that these came with.
    pub version: Option<u64>,
    /// By name.
    pub properties: Map<String, Value>,
}

/// Why nothing could be read.
#[derive(Debug, thiserror::Error)]
pub enum KeptError {
    /// The file cannot be read.
    #[error("{FILE} beside the ledger cannot be read")]
    Read(#[source] io::Error),
    /// It holds something else.
    #[error("{FILE} beside the ledger is not what this program writes there ({0})")]
    Other(String),
}

#[derive(Serialize, Deserialize)]
struct Page {
    schema: String,
    version: Option<u64>,
    properties: Map<String, Value>,
}

/// Reads what a folder keeps; nothing where there is no file.
///
/// # Errors
/// [`KeptError`]; the caller says so and goes on without.
pub fn read(folder: &Path) -> Result<Kept, KeptError> {
    let path = folder.join(FILE);
    let length = match fs::metadata(&path) {
        Ok(found) => found.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Kept::default()),
        Err(error) => return Err(KeptError::Read(error)),
    };
    if length > LONGEST {
        return Err(KeptError::Other(format!("it has {length} bytes")));
    }
    let text = fs::read(&path).map_err(KeptError::Read)?;
    let page: Page =
        serde_json::from_slice(&text).map_err(|error| KeptError::Other(error.to_string()))?;
    if page.schema != SCHEMA {
        let schema: String = page.schema.chars().take(40).collect();
        return Err(KeptError::Other(format!("its schema is {schema:?}")));
    }
    Ok(Kept {
        version: page.version,
        properties: page.properties,
    })
}

/// Keeps this in place of what was kept: whole or not at all, whatever the power does.
///
/// # Errors
/// The file system's; what was kept before is then still there.
pub fn write(folder: &Path, kept: &Kept) -> io::Result<()> {
    let page = Page {
        schema: SCHEMA.to_owned(),
        version: kept.version,
        properties: kept.properties.clone(),
    };
    let text = serde_json::to_vec(&page)?;
    let beside = folder.join(format!("{FILE}.new"));
    let mut file = File::create(&beside)?;
    file.write_all(&text)?;
    file.sync_all()?;
    drop(file);
    fs::rename(&beside, folder.join(FILE))?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn kept() -> Kept {
        let Value::Object(properties) = json!({"reportInterval": "5s", "threads": 2}) else {
            unreachable!("an object was written there");
        };
        Kept {
            version: Some(7),
            properties,
        }
    }

    #[test]
    fn what_is_written_is_read_again_and_replaces_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read(folder.path()).unwrap(), Kept::default());
        write(folder.path(), &kept()).unwrap();
        assert_eq!(read(folder.path()).unwrap(), kept());
        write(folder.path(), &Kept::default()).unwrap();
        assert_eq!(read(folder.path()).unwrap(), Kept::default());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn the_largest_twin_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let names: Vec<_> = (0..1000)
            .map(|camera| json!({"camera": format!("cam-{camera}"), "name": "n".repeat(128)}))
            .collect();
        let mut kept = kept();
        kept.properties
            .insert("cameraNames".to_owned(), names.into());
        write(folder.path(), &kept).unwrap();
        assert_eq!(read(folder.path()).unwrap(), kept);
    }

    #[test]
    fn a_damaged_file_is_an_error_that_names_it_and_not_its_content() {
        let folder = tempfile::tempdir().unwrap();
        for text in ["", "{", "[]", r#"{"schema":"other/1","properties":{}}"#] {
            fs::write(folder.path().join(FILE), text).unwrap();
            let error = crate::error_chain(&read(folder.path()).unwrap_err());
            assert!(error.contains(FILE), "{error}");
        }
        fs::write(folder.path().join(FILE), vec![b' '; 1 << 20]).unwrap();
        assert!(read(folder.path()).is_err());
    }

    #[test]
    fn a_write_that_cannot_be_made_leaves_what_was_kept() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &kept()).unwrap();
        fs::create_dir(folder.path().join(format!("{FILE}.new"))).unwrap();
        assert!(write(folder.path(), &Kept::default()).is_err());
        assert_eq!(read(folder.path()).unwrap(), kept());
    }
}
