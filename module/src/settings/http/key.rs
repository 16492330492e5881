//! The Prediction-Key: out of a variable, or out of a file that is mounted into the container.
//!
//! A variable is seen by whoever may read the deployment or inspect the container; a file by whom its
//! mode lets. Of both the hash alone is kept, and no message shows what was in them.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::{Reader, Setting, Unit};

pub(in crate::settings) const KEY: Setting = Setting {
    name: "FRUIT_COUNTER_HTTP_KEY",
    twin: None,
    unit: Unit::None,
    accepts: "1 to 256 visible ASCII characters",
    default: "none",
    effect: "the Prediction-Key that each picture by HTTP must come with; a secret",
    cost: "none",
};
pub(in crate::settings) const KEY_FILE: Setting = Setting {
    name: "FRUIT_COUNTER_HTTP_KEY_FILE",
    twin: None,
    unit: Unit::None,
    accepts: "path from / on of a file with 1 to 256 visible ASCII characters, and one line break after them at most",
    default: "none",
    effect: "where the Prediction-Key is read from, once at the start, in place of FRUIT_COUNTER_HTTP_KEY",
    cost: "none",
};

/// Longest key, in bytes.
const LONGEST: usize = 256;

/// A key as it is compared: its hash, so that neither the time of a comparison nor a log can tell
/// anything of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PredictionKey([u8; 32]);

impl PredictionKey {
    /// Of the key itself.
    #[must_use]
    pub fn new(key: &[u8]) -> Self {
        PredictionKey(Sha256::digest(key).into())
    }
}

/// Never the key, nor its hash.
impl fmt::Debug for PredictionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PredictionKey(..)")
    }
}

impl Reader {
    /// The key, from where it is set.
    pub(super) fn key(&mut self) -> Option<PredictionKey> {
        if [KEY, KEY_FILE].map(|one| self.lookup(one.name).is_some()) == [true, true] {
            self.mistakes.push(format!(
                "{} and {} are both set; set one of them",
                KEY.name, KEY_FILE.name
            ));
        }
        let own = self.secret(KEY, |text| parse(text.as_bytes()));
        // Whoever takes it for the variable of the key itself must not find that in a log.
        let is_path = self
            .lookup(KEY_FILE.name)
            .is_none_or(|text| text.trim().starts_with('/'));
        let of_file = if is_path {
            self.optional(KEY_FILE, |path| from_file(Path::new(path)))
        } else {
            self.secret(
                KEY_FILE,
                |_shown| Err("it does not begin with /".to_owned()),
            )
        };
        own.or(of_file)
    }
}

/// Its hash alone is kept.
fn parse(key: &[u8]) -> Result<PredictionKey, String> {
    if (1..=LONGEST).contains(&key.len()) && key.iter().all(u8::is_ascii_graphic) {
        Ok(PredictionKey::new(key))
    } else {
        Err("it has none, too many or other characters".to_owned())
    }
}

fn from_file(path: &Path) -> Result<PredictionKey, String> {
    let content = read(path).map_err(|failure| format!("the file cannot be read: {failure}"))?;
    parse(without_line_break(&content)).map_err(|_shown| {
        "the file, whose content is not shown, has none, too many or other characters".to_owned()
    })
}

/// No more than a key and what may be after it, and one byte that shows that there is more.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    // A pipe without a writer would keep the module from starting, and without a word.
    if !path.metadata()?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let mut content = Vec::new();
    let most = LONGEST + b"\r\n".len() + 1;
    File::open(path)?
        .take(most as u64)
        .read_to_end(&mut content)?;
    Ok(content)
}

/// Editors and `echo` end a file with a line break.
fn without_line_break(content: &[u8]) -> &[u8] {
    match content.strip_suffix(b"\n") {
        Some(line) => line.strip_suffix(b"\r").unwrap_or(line),
        None => content,
    }
}

#[cfg(test)]
mod tests {
    use crate::settings::{PredictionKey, Settings, SettingsError};

    fn read(variables: &[(&str, &str)]) -> Result<Option<PredictionKey>, SettingsError> {
        let variables = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let (settings, _) = Settings::read(variables, 2)?;
        Ok(settings.http.unwrap().key)
    }

    /// What is read of a file with this content.
    fn of_file(content: &[u8]) -> Result<Option<PredictionKey>, SettingsError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        let path = file.path().to_str().unwrap();
        read(&[("FRUIT_COUNTER_HTTP_KEY_FILE", path)])
    }

    fn mistake(found: Result<Option<PredictionKey>, SettingsError>) -> String {
        let error = found.unwrap_err();
        assert_eq!(error.mistakes.len(), 1, "{error}");
        error.to_string()
    }

    #[test]
    fn a_key_of_a_file_is_its_content_without_one_line_break() {
        let longest = "k".repeat(256);
        for (content, key) in [
            ("swordfish", "swordfish"),
            ("swordfish\n", "swordfish"),
            ("swordfish\r\n", "swordfish"),
            (&longest, &longest),
            (&format!("{longest}\r\n"), &longest),
        ] {
            let expected = PredictionKey::new(key.as_bytes());
            assert_eq!(of_file(content.as_bytes()), Ok(Some(expected)), "{key}");
        }
    }

    #[test]
    fn a_file_without_a_usable_key_is_a_mistake_that_shows_none_of_it() {
        let too_long = "swordfish".repeat(29);
        let much_too_long = "swordfish".repeat(100_000);
        for content in [
            "",
            "\n",
            "\r\n",
            "sword fish",
            "swordfish\n\n",
            "swordfish\r",
            "\nswordfish",
            "swordfish\0",
            "swordf\u{ef}sh",
            &too_long,
            &much_too_long,
        ] {
            let said = mistake(of_file(content.as_bytes()));
            assert!(
                said.contains("FRUIT_COUNTER_HTTP_KEY_FILE is \"/"),
                "{said}"
            );
            assert!(said.contains("1 to 256 visible ASCII characters"), "{said}");
            assert!(!said.contains("sword"), "{said}");
        }
        let said = mistake(of_file(b"swordfish\xff"));
        assert!(!said.contains("sword"), "{said}");
    }

    #[test]
    fn a_file_that_cannot_be_read_is_a_mistake_that_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let absent = folder.path().join("absent");
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        for (path, why) in [
            (absent.as_path(), "No such file"),
            (folder.path(), "it is no file"),
            (pipe.as_path(), "it is no file"),
        ] {
            let path = path.to_str().unwrap();
            let said = mistake(read(&[("FRUIT_COUNTER_HTTP_KEY_FILE", path)]));
            assert!(said.contains(path) && said.contains(why), "{said}");
        }
        let said = mistake(read(&[("FRUIT_COUNTER_HTTP_KEY_FILE", " ")]));
        assert!(said.contains("it is empty"), "{said}");
    }

    #[test]
    fn a_key_in_both_places_is_a_mistake_even_if_it_is_the_same() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "swordfish").unwrap();
        let said = mistake(read(&[
            ("FRUIT_COUNTER_HTTP_KEY", "swordfish"),
            ("FRUIT_COUNTER_HTTP_KEY_FILE", file.path().to_str().unwrap()),
        ]));
        assert!(said.contains("both set"), "{said}");
        assert!(!said.contains("swordfish"), "{said}");
    }
}
