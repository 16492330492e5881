//! The guides, followed: each of `docs/guides` in one shell, with the development hub in place of
//! the cloud.

use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use end_to_end::guide::{
    Guide, Place, Session, anchors, check_shell, command_names, links, programs,
};
use end_to_end::{Binary, binary, workspace_root};

/// All of them; each is followed by a test below.
const GUIDES: [&str; 8] = [
    "../dashboards.md",
    "cloud-commands.md",
    "first-counts.md",
    "from-custom-vision.md",
    "hardware.md",
    "many-boxes.md",
    "own-model.md",
    "troubleshooting.md",
];

/// The table with what stands here for each command of the cloud.
const TABLE: &str = "cloud-commands.md";

/// Long, because a guide may compile; what hangs is named all the same.
const LIMIT: Duration = Duration::from_secs(600);

fn folder() -> PathBuf {
    workspace_root().join("docs/guides")
}

fn guide(name: &str) -> Guide {
    Guide::read(&folder().join(name)).unwrap()
}

/// A port that is free, outside those that the system gives to outgoing connections.
fn port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 20_000 + u16::try_from(std::process::id() % 1000).unwrap() * 10;
    loop {
        let port = first + NEXT.fetch_add(1, Ordering::Relaxed);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Follows a guide to its end; gives what was to be seen, or nothing where a program is missing.
fn follow(name: &str) -> Option<String> {
    if let Err(missing) = programs(&["bash", "curl", "openssl", "python3"]) {
        println!("skipped: {missing}");
        return None;
    }
    let programs = binary(Binary::Devhub).unwrap();
    let programs = programs.parent().unwrap().display();
    let path = std::env::var("PATH").unwrap();
    let session = Session::new(&[
        ("PATH", format!("{programs}:{path}")),
        (
            "CLONE",
            workspace_root()
                .canonicalize()
                .unwrap()
                .display()
                .to_string(),
        ),
        ("HUB_PORT", port().to_string()),
        ("HTTP_PORT", port().to_string()),
        ("METRICS_PORT", port().to_string()),
    ])
    .unwrap();
    let guide = guide(name);
    let followed = session.follow(name, guide.steps(), LIMIT);
    Some(
        followed
            .unwrap_or_else(|error| panic!("{error:#}"))
            .transcript,
    )
}

#[test]
fn every_guide_is_followed_by_a_test_and_every_block_says_where_it_is_run() {
    let mut found: Vec<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".md") && name != "README.md")
        .collect();
    found.push("../dashboards.md".to_owned());
    found.sort();
    assert_eq!(found, GUIDES);
    let index = std::fs::read_to_string(folder().join("README.md")).unwrap();
    for name in GUIDES {
        assert!(
            index.contains(&format!("]({name})")),
            "README.md has no {name}"
        );
        let guide = guide(name);
        check_shell(&guide).unwrap_or_else(|error| panic!("{error:#}"));
        assert!(guide.steps().next().is_some(), "{name} runs nothing");
    }
}

#[test]
fn every_command_of_the_cloud_has_one_row_and_every_row_a_command() {
    let table = guide(TABLE);
    let rows: Vec<&str> = table.rows().collect();
    let mut used = Vec::new();
    for name in GUIDES {
        for (line, script) in guide(name).scripts(Place::Cloud) {
            for command in command_names(script) {
                let known = rows.iter().filter(|row| **row == command).count();
                // `cd` and `(` are the shell's own.
                if command != "cd" {
                    assert_eq!(
                        known, 1,
                        "{name}:{line}: {command:?} in the table of {TABLE}"
                    );
                    used.push(command);
                }
            }
        }
    }
    for row in rows {
        assert!(
            used.iter().any(|command| command == row),
            "no guide has {row:?}"
        );
    }
}

#[test]
fn every_link_of_a_guide_and_of_the_readme_leads_somewhere() {
    let pages = GUIDES.map(|name| folder().join(name));
    let indexes = [
        folder().join("README.md"),
        workspace_root().join("README.md"),
    ];
    for page in pages.iter().chain(&indexes) {
        let text = std::fs::read_to_string(page).unwrap();
        for (line, link) in links(&text) {
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = match file {
                "" => page.clone(),
                file => page.parent().unwrap().join(file),
            };
            let place = format!("{}:{line}: {link}", page.display());
            assert!(target.exists(), "{place} is not there");
            if !anchor.is_empty() {
                let text = std::fs::read_to_string(&target).unwrap();
                assert!(
                    anchors(&text).iter().any(|name| name == anchor),
                    "{place}: no such heading"
                );
            }
        }
    }
}

#[test]
fn the_first_guide_leads_from_nothing_to_counts_with_no_step_missing() {
    let Some(transcript) = follow("first-counts.md") else {
        return;
    };
    for seen in [
        "may go out: 0 to mend",
        "edge-ca.cert.pem: OK",
        "\"tagName\":\"ripe\"",
        "sent 20, confirmed 20",
        "cam-01 ripe 20\nfruit-box/LineCamera unripe 10\nhttp:gate ripe 2\n",
        "right: all of it agrees",
    ] {
        assert!(transcript.contains(seen), "{seen:?} in:\n{transcript}");
    }
}

#[test]
fn each_row_of_the_table_does_without_a_cloud_what_it_says() {
    follow(TABLE);
}

#[test]
fn the_guide_to_the_hardware_is_followed() {
    follow("hardware.md");
}

#[test]
fn the_guide_to_a_model_of_ones_own_is_followed() {
    follow("own-model.md");
}

#[test]
fn the_guide_to_many_boxes_is_followed() {
    follow("many-boxes.md");
}

#[test]
fn the_guide_from_custom_vision_is_followed() {
    follow("from-custom-vision.md");
}

#[test]
fn the_guide_to_dashboards_counts_once_and_shows_what_is_missing() {
    let Some(transcript) = follow("../dashboards.md") else {
        return;
    };
    assert!(transcript.contains("fruits 40\n"), "{transcript}");
}

#[test]
fn the_guide_to_mending_is_followed() {
    follow("troubleshooting.md");
}
