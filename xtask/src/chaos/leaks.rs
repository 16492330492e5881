//! Looks for secrets and pictures in everything that the processes of a run wrote.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};

use super::search::Search;
use super::secrets;
use super::site::Ground;

/// Processes that certainly wrote something.
const SPEAKERS: [&str; 3] = ["hub.log", "agent.log", "module.log"];

/// What the search came to.
#[derive(Debug, Default)]
pub(super) struct Leaks {
    /// Each with its file and line, and without what it looks like.
    pub(super) found: Vec<String>,
    /// Bytes that were searched.
    pub(super) searched: u64,
    /// Things that were looked for.
    pub(super) looked_for: usize,
}

/// Searches all logs of a run, and what went upstream. `pictures` are some of those that were sent.
pub(super) fn search(ground: &Ground, pictures: &[PathBuf]) -> anyhow::Result<Leaks> {
    let mut search = secrets::marks();
    let state = ground.state();
    let identities: serde_json::Value =
        serde_json::from_str(&read(&state.join("identities.json"))?)
            .context("cannot understand the hub's identities")?;
    secrets::add_keys(&mut search, "", &identities);
    let pem = read(&state.join("ca-key.pem"))?;
    secrets::add_pem(&mut search, "the key of the hub's CA", &pem);
    secrets::add_text(&mut search, "the HTTP key", &ground.http_key);
    secrets::add_text(&mut search, "a wrong HTTP key", &ground.wrong_http_key());
    for picture in pictures {
        let bytes = fs::read(picture).with_context(|| format!("{}", picture.display()))?;
        let name = format!("a part of the picture {}", picture.display());
        secrets::add_picture(&mut search, &name, &bytes);
    }
    let leaks = in_files(&search, &ground.folder)?;
    for speaker in SPEAKERS {
        let path = ground.folder.join(speaker);
        let said = fs::metadata(&path).map_or(0, |file| file.len());
        ensure!(said > 0, "{} is empty: nothing to search", path.display());
    }
    Ok(leaks)
}

/// Searches the logs and records in a run's folder and in its folder of cameras.
fn in_files(search: &Search, folder: &Path) -> anyhow::Result<Leaks> {
    let mut leaks = Leaks {
        looked_for: search.len(),
        ..Leaks::default()
    };
    for path in written_files(folder)? {
        let text = fs::read(&path).with_context(|| format!("{}", path.display()))?;
        leaks.searched += text.len() as u64;
        let name = path.strip_prefix(folder).unwrap_or(&path).display();
        let found = search.in_text(&text).into_iter();
        leaks
            .found
            .extend(found.map(|found| format!("{name}, line {}: {}", found.line, found.name)));
    }
    Ok(leaks)
}

/// The logs of all processes, the hub's journal, what went upstream and the cameras' reports.
fn written_files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for place in [folder.to_owned(), folder.join("cameras")] {
        let entries = fs::read_dir(&place).with_context(|| format!("{}", place.display()))?;
        for entry in entries {
            let path = entry?.path();
            let extension = path.extension().and_then(OsStr::to_str);
            if matches!(extension, Some("log" | "jsonl")) {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

fn read(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

#[cfg(test)]
mod tests {
    use crate::rig::programs::Programs;

    use super::*;

    const KEY: &str = "6LDyHQNdtFq2/qStiIuEplDeHGnW1o28+6ZEgKU7rPM=";

    /// A run that leaked nothing.
    fn clean(folder: &Path) -> (Ground, Vec<PathBuf>) {
        let ground = Ground {
            root: folder.to_owned(),
            programs: Programs {
                module: PathBuf::new(),
                devhub: PathBuf::new(),
                camera: PathBuf::new(),
            },
            onnxruntime: PathBuf::new(),
            folder: folder.to_owned(),
            cameras: 1,
            http_key: "chaos/0123456789abcdef+key".to_owned(),
        };
        fs::create_dir_all(ground.state()).unwrap();
        fs::create_dir_all(folder.join("cameras")).unwrap();
        let identities = format!("{{\"devices\":{{\"cam-0000\":{{\"key\":{KEY:?}}}}}}}");
        fs::write(ground.state().join("identities.json"), identities).unwrap();
        let pem = "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqG\n";
        fs::write(ground.state().join("ca-key.pem"), pem).unwrap();
        for name in ["hub.log", "agent.log", "module.log", "cameras/cam-0000.log"] {
            fs::write(folder.join(name), "<6> all is well\n").unwrap();
        }
        let picture: Vec<u8> = (0_u32..5000).map(|n| (n * n % 251) as u8).collect();
        fs::write(folder.join("picture.jpg"), picture).unwrap();
        (ground, vec![folder.join("picture.jpg")])
    }

    #[test]
    fn a_planted_leak_is_found_in_the_log_of_each_process_and_named_without_being_shown() {
        let folder = tempfile::tempdir().unwrap();
        let (ground, pictures) = clean(folder.path());
        let leaks = search(&ground, &pictures).unwrap();
        assert!(leaks.found.is_empty(), "{:?}", leaks.found);
        assert!(leaks.searched >= 4 * 16 && leaks.looked_for > 100);
        let key = &ground.http_key;
        let part = fs::read(&pictures[0]).unwrap()[2000..2040].to_vec();
        let planted: [(&str, Vec<u8>, &str); 6] = [
            ("hub.log", KEY.into(), "the key of cam-0000"),
            ("agent.log", key.as_str().into(), "the HTTP key"),
            ("module.log", part, "a part of the picture"),
            (
                "module.log",
                key.replace('+', "%2B").replace('/', "%2F").into(),
                "the HTTP key",
            ),
            ("cameras/cam-0000.log", b"?sig=x".to_vec(), "a signature"),
            (
                "upstream.jsonl",
                b"/9j/4AAQSkZJRgABAQ".to_vec(),
                "a JPEG in base64",
            ),
        ];
        for (file, leak, name) in planted {
            let path = folder.path().join(file);
            let before = fs::read(&path).unwrap_or_default();
            fs::write(&path, [&before[..], &b"<6> seen: "[..], &leak[..]].concat()).unwrap();
            let found = search(&ground, &pictures).unwrap().found;
            let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
            assert_eq!(found.len(), 1, "{file} {name}: {found:?}");
            assert!(
                found[0].starts_with(&format!("{file}, line {line}: {name}")),
                "{found:?}"
            );
            assert!(!found[0].contains(key) && !found[0].contains(KEY));
            fs::write(&path, before).unwrap();
        }
    }

    #[test]
    fn a_run_whose_module_wrote_nothing_was_not_searched() {
        let folder = tempfile::tempdir().unwrap();
        let (ground, pictures) = clean(folder.path());
        fs::write(folder.path().join("module.log"), "").unwrap();
        let error = search(&ground, &pictures).unwrap_err();
        assert!(error.to_string().contains("module.log"), "{error:#}");
    }
}
