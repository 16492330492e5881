//! The check on good and bad samples, and on the templates of this repository.
//!
//! A sample is a file, or a folder of files that apply to one device, lowest priority first.
//! Beside each that something is said about stands what is said, as `NAME.txt`;
//! `UPDATE_SAMPLES=1` writes these anew. Good ones are not refused, bad ones are.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use manifest::{Document, Finding, Rule, Terms, check};

fn samples(kind: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/samples")
        .join(kind);
    let mut found: Vec<_> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_none_or(|extension| extension != "txt"))
        .collect();
    found.sort();
    found
}

fn document(path: &Path) -> Document {
    let text = fs::read_to_string(path).expect("a sample");
    let name = path.file_name().expect("a name").to_string_lossy();
    Document::parse(&name, &text, &|_| None).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn findings(sample: &Path) -> Vec<Finding> {
    let mut files = vec![sample.to_owned()];
    if sample.is_dir() {
        files = fs::read_dir(sample)
            .expect("a folder")
            .map(|entry| entry.expect("an entry").path())
            .collect();
        files.sort();
    }
    let documents: Vec<_> = files.iter().map(|path| document(path)).collect();
    check(&documents, &Terms::default())
}

/// What is said about a sample, held to its file.
fn held(sample: &Path, findings: &[Finding]) {
    let said: String = findings
        .iter()
        .map(|finding| format!("{finding}\n"))
        .collect();
    let golden = sample.with_extension("txt");
    if std::env::var_os("UPDATE_SAMPLES").is_some() {
        if said.is_empty() {
            let _ = fs::remove_file(&golden);
        } else {
            fs::write(&golden, &said).expect("written");
        }
    }
    let expected = fs::read_to_string(&golden).unwrap_or_default();
    assert_eq!(said, expected, "{}", sample.display());
}

#[test]
fn good_samples_may_go_out_and_are_warned_of_as_written_beside_them() {
    let samples = samples("good");
    assert!(samples.len() >= 6, "{samples:?}");
    for sample in samples {
        let findings = findings(&sample);
        let refusals: Vec<_> = findings
            .iter()
            .filter(|finding| finding.is_refusal())
            .collect();
        assert!(refusals.is_empty(), "{}: {refusals:?}", sample.display());
        held(&sample, &findings);
    }
}

#[test]
fn bad_samples_are_refused_as_written_beside_them() {
    let samples = samples("bad");
    assert!(samples.len() >= 25, "{samples:?}");
    for sample in samples {
        let findings = findings(&sample);
        let is_refused = findings.iter().any(Finding::is_refusal);
        assert!(is_refused, "{}", sample.display());
        held(&sample, &findings);
    }
}

#[test]
fn every_rule_has_a_sample_that_it_speaks_about_and_a_section_that_tells_the_cure() {
    let all = samples("good").into_iter().chain(samples("bad"));
    let seen: BTreeSet<_> = all
        .flat_map(|sample| findings(&sample))
        .map(|finding| finding.rule.name())
        .collect();
    let rules: BTreeSet<_> = Rule::ALL.iter().map(|rule| rule.name()).collect();
    assert_eq!(seen, rules);
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/manifests.md");
    let guide = fs::read_to_string(guide).expect("docs/manifests.md");
    let tables = guide
        .split_once("### Refusals")
        .and_then(|(_, behind)| behind.split_once("### How a route is judged"))
        .map(|(tables, _)| tables)
        .expect("the tables of rules");
    let told: BTreeSet<_> = tables
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(name, _)| name)
        .collect();
    assert_eq!(told, rules, "docs/manifests.md");
}

#[test]
fn no_secret_is_repeated_in_what_is_said_about_it() {
    for sample in [
        "bad/keys-of-devices.json",
        "bad/secrets.template.json",
        "good/warned.json",
    ] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/samples")
            .join(sample);
        let said: String = findings(&path).iter().map(ToString::to_string).collect();
        assert!(said.contains("in clear"), "{sample}: {said}");
        for secret in ["AAAAAAAA", "swordfish", "not-a-real-password"] {
            assert!(!said.contains(secret), "{sample}: {said}");
        }
    }
}

#[test]
fn less_time_and_another_name_are_taken_where_they_are_asked_for() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples/bad");
    let terms = Terms {
        pictures_secs: 7199,
        counts_secs: 7200,
        ..Terms::default()
    };
    assert_eq!(
        check(&[document(&root.join("short-times.json"))], &terms),
        []
    );
    let terms = Terms {
        module: "ImageClassifier".to_owned(),
        ..Terms::default()
    };
    let found = check(&[document(&root.join("lesson.json"))], &terms);
    let rules: BTreeSet<_> = found.iter().map(|finding| finding.rule.name()).collect();
    assert!(!rules.contains("module-missing"), "{rules:?}");
    assert!(
        rules.contains("pictures-upstream") && rules.contains("ledger-volume"),
        "{rules:?}"
    );
}
