//! The counts read back by the command for people, beside the running module and without one.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use end_to_end::{Binary, Site, binary, wait_for};
use ledger::{
    Clock, FrameKey, FrameRecord, Ledger, LedgerOptions, ModelInfo, Now, Outcome, Repeat, ReusedId,
    Software,
};
use serde_json::Value;
use time::macros::datetime;

use crate::faults::send_steadily;

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(binary(Binary::FruitCounter).unwrap());
    command
        .arg("ledger")
        .args(arguments)
        .env("FRUIT_COUNTER_LEDGER", folder)
        .stdin(Stdio::null());
    command
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    command(folder, arguments).output().unwrap()
}

/// What a command writes that ends with 0.
fn answer(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, arguments);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn json_lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// A ledger of three windows, the last of them open, with these cameras: a frame each in each.
fn ledger_of(cameras: &[&str]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let at = |minute: u8| Now {
        wall: datetime!(2026-11-23 10:00 UTC) + time::Duration::minutes(minute.into()),
        clock: Clock::Plausible,
    };
    let model = ModelInfo {
        name: "bundled".into(),
        version: "1".into(),
        sha256: "ab".repeat(32),
    };
    let software = Software {
        version: "0.1.0".into(),
    };
    let mut ledger = Ledger::open(dir.path(), LedgerOptions::default(), at(0)).unwrap();
    for minute in 0..3 {
        for (number, camera) in (0..).zip(cameras) {
            let frame = FrameRecord {
                key: FrameKey {
                    camera: (*camera).to_owned(),
                    input: "images".into(),
                    message_id: Some(format!("{minute}-{number}")),
                    created: None,
                    digest: [minute; 32],
                    repeat: Repeat::No,
                    reused_id: ReusedId::CountsAsNew,
                },
                stamp: None,
                arrival: at(minute).wall,
                clock: Clock::Plausible,
                outcome: Outcome::Classified {
                    label: "ripe".into(),
                },
                reply: None,
            };
            ledger.record(&frame, &model).unwrap();
        }
        ledger.seal_due(at(minute), &software).unwrap();
    }
    ledger.mark_sent(1, at(2)).unwrap();
    dir
}

#[test]
fn the_counts_are_read_beside_the_running_module_and_after_it() {
    let mut site = Site::builder().device("cam-01").start().unwrap();
    let mut camera = send_steadily(&site, "cam-01", "20");
    site.wait_until_counted("cam-01", 3).unwrap();
    // In the middle of the counting the proof holds, and the module goes on.
    let verdict: Value =
        serde_json::from_str(&answer(&site.ledger(), &["verify", "--json"])).unwrap();
    assert_eq!(verdict["right"], true, "{verdict:#}");
    assert!(verdict["received"].as_u64() >= Some(3), "{verdict:#}");
    assert_eq!(camera.confirmed().unwrap(), 20);
    site.wait_until_counted("cam-01", 20).unwrap();

    let check = |site: &Site| {
        let upstream = site.upstream().camera("cam-01").unwrap();
        let shown = answer(&site.ledger(), &["show", "--json", "--cameras"]);
        let shown: Value = serde_json::from_str(&shown).unwrap();
        assert_eq!(shown["totals"]["frames"]["received"], upstream.received);
        let of_camera = &shown["cameras"]["cam-01"];
        assert_eq!(of_camera["counts"], serde_json::json!(upstream.counts));
        let reports = site.upstream().reports().unwrap();
        assert_eq!(shown["ledger"], reports[0]["ledger"]);
        let rows = json_lines(&answer(&site.ledger(), &["export", "--json", "--cameras"]));
        assert_eq!(rows.len(), reports.len(), "{rows:#?}");
        for (row, report) in rows.iter().zip(&reports) {
            for key in ["reportId", "windowStart", "counts", "frames", "cameras"] {
                assert_eq!(row[key], report[key]);
            }
        }
    };
    wait_for("the last report to be noted as sent", || {
        let shown: Value = serde_json::from_str(&answer(&site.ledger(), &["show", "--json"]))?;
        Ok((shown["unsentReports"] == 0).then_some(()))
    })
    .unwrap();
    check(&site);
    assert!(site.stop_agent().unwrap().success());
    check(&site);
    assert!(answer(&site.ledger(), &["verify"]).ends_with("right: all of it agrees\n"));
    let log = site.module_log();
    assert!(!log.contains("<3>"), "{log}");
}

#[test]
fn a_table_names_totals_windows_and_what_waits() {
    let dir = ledger_of(&["cam-01"]);
    let shown = answer(dir.path(), &["show"]);
    for line in [
        "began     2026-11-23T10:00:00Z",
        "reports   2 sealed, the first 0 of them carried forward, 1 unsent",
        "totals    3 received: ripe 3",
        "2026-11-23T10:00:00Z  2026-11-23T10:01:00Z  report 1                   1  ripe 1",
        "2026-11-23T10:01:00Z  2026-11-23T10:02:00Z  report 2, unsent           1  ripe 1",
        "2026-11-23T10:02:00Z  2026-11-23T10:03:00Z  open                       1  ripe 1",
    ] {
        assert!(
            shown.lines().any(|seen| seen == line),
            "{line:?} is not in\n{shown}"
        );
    }
    let span = ["show", "--json", "--from", "2026-11-23T10:01:00Z"];
    let shown: Value = serde_json::from_str(&answer(dir.path(), &span)).unwrap();
    let span = &shown["span"];
    assert_eq!(
        (&span["reports"], &span["openWindows"]),
        (&1.into(), &1.into()),
        "{span:#}"
    );
    assert_eq!(span["counts"]["ripe"], 2);
}

#[test]
fn a_spreadsheet_gets_no_formula_and_every_name_on_one_row() {
    let dir = ledger_of(&["=HYPERLINK(\"http://x\")", "shed 2, left", "-cam"]);
    let csv = answer(dir.path(), &["export", "--format", "csv", "--cameras"]);
    let lines: Vec<&str> = csv.split("\r\n").collect();
    assert_eq!(
        lines[0],
        "kind,sequence,report_id,window_start,window_end,clock,lot,sent,model,model_version,camera,\
         received,classified,unsure,ignored,duplicate,rejected,count.ripe"
    );
    assert_eq!(lines.len(), 1 + 3 * 3 + 1, "{csv}");
    assert!(lines[1].contains(",'-cam,1,1,0,0,0,0,1"), "{csv}");
    assert!(
        lines[2].contains(",\"'=HYPERLINK(\"\"http://x\"\")\",1,1,"),
        "{csv}"
    );
    assert!(lines[3].contains(",\"shed 2, left\",1,1,"), "{csv}");
    assert!(
        lines[9].starts_with("open,,,2026-11-23T10:02:00Z,"),
        "{csv}"
    );
    let day = ["export", "--json", "--from", "2026-11-24"];
    assert_eq!(answer(dir.path(), &day), "");
}

#[test]
fn each_failure_has_its_exit_code_and_says_where() {
    let check = |folder: &Path, arguments: &[&str], code: i32, said: &str| {
        let output = run(folder, arguments);
        let text = String::from_utf8_lossy(&output.stderr).into_owned()
            + &String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
        assert!(text.contains(said), "{arguments:?}: {text}");
    };
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("counts.db").display().to_string();
    for command in ["show", "export", "verify"] {
        check(
            dir.path(),
            &[command],
            1,
            &format!("there is no ledger {file}"),
        );
        check(dir.path(), &[command, "--sideways"], 2, "--sideways");
    }
    check(
        dir.path(),
        &["show", "--from", "noon"],
        2,
        "is no time, expected RFC 3339",
    );
    let backwards = ["export", "--from", "2026-11-24", "--to", "2026-11-24"];
    check(dir.path(), &backwards, 2, "expected from before to");
    std::fs::write(&file, "garbage ".repeat(1000)).unwrap();
    check(dir.path(), &["show"], 1, &file);

    let dir = ledger_of(&["cam-01"]);
    let tool = rusqlite::Connection::open(dir.path().join("counts.db")).unwrap();
    tool.execute("UPDATE named_sum SET number = 9 WHERE scope = 0", [])
        .unwrap();
    check(
        dir.path(),
        &["verify"],
        3,
        "totals of camera \"cam-01\" are",
    );
    tool.pragma_update(None, "user_version", 99).unwrap();
    check(
        dir.path(),
        &["verify"],
        1,
        "has format 99, expected at most",
    );
}

#[test]
fn a_pipe_that_is_closed_early_is_no_mistake() {
    let dir = ledger_of(&["cam-01"]);
    let mut child = command(dir.path(), &["export", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}
