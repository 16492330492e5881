//! Our client against Debian's mosquitto. The tests stand in `edge-client`; here
//! each is run by its name, and has passed only if it ran.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{anyhow, ensure};

use super::sheet::Sheet;
use super::stage::Stage;

/// What is shown, and the test that shows it.
const TESTS: [(&str, &str); 4] = [
    (
        "messages confirmed",
        "mosquitto_confirms_our_messages_and_keeps_our_session",
    ),
    (
        "deliveries back",
        "a_delivery_that_was_not_acknowledged_comes_back_from_mosquitto",
    ),
    (
        "broker restart",
        "a_restarted_mosquitto_finds_us_again_and_resumes_the_session",
    ),
    (
        "password changed",
        "a_changed_password_shuts_us_out_until_we_have_the_new_one",
    ),
];

/// The capabilities of [`TESTS`].
pub(super) const CAPABILITIES: [&str; 4] = [TESTS[0].0, TESTS[1].0, TESTS[2].0, TESTS[3].0];

const WITHIN: Duration = Duration::from_secs(60);

/// Runs the tests, one after the other.
pub(super) fn run(stage: &Stage<'_>, tests: &Path, sheet: &mut Sheet) -> anyhow::Result<()> {
    for (capability, test) in TESTS {
        sheet.check(capability, run_one(stage, tests, test));
    }
    Ok(())
}

fn run_one(stage: &Stage<'_>, tests: &Path, test: &str) -> anyhow::Result<String> {
    let mut command = Command::new(tests);
    command.args([
        "--exact",
        "--nocapture",
        &format!("tests::mosquitto::{test}"),
    ]);
    let ended = stage.call(test, &mut command, &format!("mosquitto-{test}"), WITHIN)?;
    ensure!(ended.status.success(), "{}", ended.last_words());
    verdict(&ended.text)?;
    Ok(test.replace('_', " "))
}

/// A test that skipped itself, or one that no longer has this name, has shown nothing.
fn verdict(text: &str) -> anyhow::Result<()> {
    if let Some(line) = text.lines().find(|line| line.contains("skipped: ")) {
        return Err(anyhow!("the test skipped itself: {line}"));
    }
    ensure!(
        text.contains("test result: ok. 1 passed"),
        "the test was not run:\n{text}"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_test_that_ran_counts() {
        verdict("test a ... ok\n\ntest result: ok. 1 passed; 0 failed; 7 filtered out").unwrap();
        for text in [
            "test result: ok. 0 passed; 0 failed; 8 filtered out",
            "test a ... skipped: mosquitto is not installed\nok\n\ntest result: ok. 1 passed; 0 failed",
        ] {
            assert!(verdict(text).is_err(), "{text}");
        }
    }
}
