//! The messages that leaf devices send: pictures with everything about them that
//! could be lost on the way, and the comparison with what arrived.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail, ensure};
use serde::Serialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// Sizes of what is sent; smaller and larger renderings are passed over.
const BYTES: std::ops::Range<u64> = 40_000..240_000;

/// One message, as the scripts of leaf devices read it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Message {
    pub(super) file: PathBuf,
    pub(super) id: String,
    pub(super) content_type: String,
    pub(super) properties: Map<String, Value>,
    #[serde(skip)]
    pub(super) bytes: u64,
    #[serde(skip)]
    pub(super) sha256: String,
}

/// What arrived of one message, whoever saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Arrived {
    pub(super) id: String,
    pub(super) content_type: String,
    pub(super) properties: Map<String, Value>,
    pub(super) bytes: u64,
    pub(super) sha256: String,
}

/// The command that renders pictures into `folder`.
pub(super) fn render(camera: &Path, folder: &Path) -> Command {
    let mut command = Command::new(camera);
    command.args(["render", "--quiet", "--seed", "7", "--count", "12"]);
    command.args(["--size", "800x600", "--out"]).arg(folder);
    command
}

/// The rendered pictures of a fitting size, in the order of their names.
pub(super) fn found(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut pictures = Vec::new();
    for truth in ["ripe", "unripe"] {
        let folder = folder.join(truth);
        for entry in
            fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?
        {
            let entry = entry?;
            if BYTES.contains(&entry.metadata()?.len()) {
                pictures.push(entry.path());
            }
        }
    }
    ensure!(
        pictures.len() >= 4,
        "only {} of the rendered pictures have a fitting size",
        pictures.len()
    );
    pictures.sort();
    Ok(pictures)
}

/// Properties with every character that some layer gives a meaning of its own.
pub(super) fn awkward_properties() -> Map<String, Value> {
    let mut properties = Map::new();
    for (key, value) in [
        ("plain", "north"),
        ("value", "a b+c%20d%&e=f/g$h?i#j;k,äöü€"),
        ("k ey+%&=/$ä", "awkward key"),
    ] {
        properties.insert(key.to_owned(), json!(value));
    }
    properties
}

/// One message for each picture; `round` tells those of one run from another's.
pub(super) fn list(round: &str, pictures: &[PathBuf]) -> anyhow::Result<Vec<Message>> {
    let mut messages = Vec::new();
    for (number, file) in pictures.iter().enumerate() {
        let body = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        messages.push(Message {
            file: file.clone(),
            id: format!("{round}:{number:03} %&=/$ä"),
            content_type: "image/jpeg".to_owned(),
            properties: awkward_properties(),
            bytes: body.len() as u64,
            sha256: sha256(&body),
        });
    }
    Ok(messages)
}

/// Lower-case hexadecimal.
pub(super) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Whether all bodies arrived byte for byte, with their sum and the number of copies.
pub(super) fn compare_bodies(sent: &[Message], arrived: &[Arrived]) -> anyhow::Result<String> {
    let mut copies = 0;
    let mut bytes = 0;
    for message in sent {
        let own: Vec<&Arrived> = arrived.iter().filter(|one| one.id == message.id).collect();
        let Some(first) = own.first() else {
            bail!("`{}` did not arrive", message.id);
        };
        for one in &own {
            ensure!(
                (one.bytes, &one.sha256) == (message.bytes, &message.sha256),
                "`{}` was sent with {} bytes and arrived with {}, sha256 {}",
                message.id,
                message.bytes,
                one.bytes,
                one.sha256
            );
        }
        copies += own.len() - 1;
        bytes += first.bytes;
    }
    Ok(format!(
        "{} of {} pictures, {} KB, byte for byte, {copies} twice",
        sent.len(),
        sent.len(),
        bytes / 1000
    ))
}

/// Whether id, content type and properties of all messages arrived as they were sent.
/// `is_added` tells the properties that the hub or the SDK adds.
pub(super) fn compare_properties(
    sent: &[Message],
    arrived: &[Arrived],
    is_added: impl Fn(&str) -> bool,
) -> anyhow::Result<String> {
    for message in sent {
        let one = arrived
            .iter()
            .find(|one| one.id == message.id)
            .with_context(|| format!("`{}` did not arrive", message.id))?;
        ensure!(
            one.content_type == message.content_type,
            "`{}` arrived with content type `{}`",
            message.id,
            one.content_type
        );
        let mut properties = one.properties.clone();
        properties.retain(|key, _| !is_added(key));
        ensure!(
            properties == message.properties,
            "`{}` was sent with {} and arrived with {}",
            message.id,
            json!(message.properties),
            json!(properties)
        );
    }
    let keys = sent.first().map_or(0, |message| message.properties.len());
    Ok(format!(
        "id, content type and {keys} properties with space + % & = / $ ? # ; , ä € as sent"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent() -> Message {
        Message {
            file: PathBuf::from("a.jpg"),
            id: "1".to_owned(),
            content_type: "image/jpeg".to_owned(),
            properties: awkward_properties(),
            bytes: 3,
            sha256: sha256(b"abc"),
        }
    }

    fn arrived() -> Arrived {
        let message = sent();
        Arrived {
            id: message.id,
            content_type: message.content_type,
            properties: message.properties,
            bytes: message.bytes,
            sha256: message.sha256,
        }
    }

    #[test]
    fn what_arrived_whole_passes_and_copies_are_told() {
        let twice = [arrived(), arrived()];
        let said = compare_bodies(&[sent()], &twice).unwrap();
        assert_eq!(said, "1 of 1 pictures, 0 KB, byte for byte, 1 twice");
        let mut more = arrived();
        more.properties.insert("$.cdid".to_owned(), json!("cam"));
        compare_properties(&[sent()], &[more.clone()], |key| key.starts_with("$.")).unwrap();
        assert!(compare_properties(&[sent()], &[more], |_| false).is_err());
    }

    #[test]
    fn every_difference_is_found() {
        assert!(compare_bodies(&[sent()], &[]).is_err());
        let damaged = Arrived {
            sha256: sha256(b"abd"),
            ..arrived()
        };
        assert!(compare_bodies(&[sent()], &[arrived(), damaged]).is_err());
        let mut changed = arrived();
        changed
            .properties
            .insert("value".to_owned(), json!("a b c"));
        assert!(compare_properties(&[sent()], &[changed], |_| false).is_err());
        let bare = Arrived {
            content_type: String::new(),
            ..arrived()
        };
        assert!(compare_properties(&[sent()], &[bare], |_| false).is_err());
    }
}
