//! Follows a guide: one shell for all its steps, in a folder of its own, for a bounded time; and
//! whatever it started is over afterwards.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tempfile::TempDir;

/// Between two looks at the shell.
const LOOK: Duration = Duration::from_millis(50);
/// After the last step, what it ended may go on for so long.
const SETTLING: Duration = Duration::from_secs(2);
/// What is told to end gets so long.
const ENDING: Duration = Duration::from_secs(10);
/// Begins each step in the transcript.
const STEP: &str = "### ";

/// Where and how a guide is followed.
#[derive(Debug)]
pub struct Session {
    folder: TempDir,
    environment: Vec<(String, String)>,
}

/// A guide that was followed to its end.
#[derive(Debug)]
pub struct Followed {
    /// Each step with what it wrote.
    pub transcript: String,
}

impl Session {
    /// A folder, and a shell's environment: that of the test without what is about cargo's package,
    /// this project or a proxy, with `environment`, and with the folder as the reader's `SITE`.
    ///
    /// # Errors
    /// When there can be no folder.
    pub fn new(environment: &[(&str, String)]) -> anyhow::Result<Self> {
        // Short: a unix socket's path has room for 107 bytes.
        let folder = tempfile::Builder::new().prefix("fc").tempdir()?;
        let site = folder.path().join("site").display().to_string();
        let given = environment
            .iter()
            .map(|(n, v)| ((*n).to_owned(), v.clone()));
        let environment = std::env::vars()
            .filter(|(name, _)| !is_foreign(name))
            .chain([
                ("SITE".to_owned(), site),
                ("NO_PROXY".to_owned(), "*".to_owned()),
            ])
            .chain(given)
            .collect();
        Ok(Session {
            folder,
            environment,
        })
    }

    /// The folder, in which the shell begins.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs the steps, each with the line where it stands in `guide`.
    ///
    /// # Errors
    /// When a step fails, when all of them take longer than `limit`, or when something is left
    /// running; the message has the transcript of the last step and the ends of the logs.
    pub fn follow<'a>(
        &self,
        guide: &str,
        steps: impl Iterator<Item = (usize, &'a str)>,
        limit: Duration,
    ) -> anyhow::Result<Followed> {
        let transcript = self.folder().join("transcript");
        let script = self.folder().join("script");
        fs::write(&script, shell_script(guide, steps))?;
        let out = File::create(&transcript)?;
        let mut shell = Command::new("bash")
            .arg(&script)
            .current_dir(self.folder())
            .env_clear()
            .envs(self.environment.iter().map(|(n, v)| (n, v)))
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .process_group(0)
            .spawn()
            .context("starting bash")?;
        let status = wait(&mut shell, limit);
        let left = self.end(&shell);
        let text = fs::read_to_string(&transcript)?;
        let outcome = match status? {
            None => Err(format!("took longer than {} s", limit.as_secs())),
            Some(status) if !status.success() => Err(format!("failed with {status}")),
            Some(_) if !left.is_empty() => Err(format!("left running: {}", left.join(", "))),
            Some(_) => Ok(()),
        };
        match outcome {
            Ok(()) => Ok(Followed { transcript: text }),
            Err(why) => {
                let step = text
                    .rfind(&format!("\n{STEP}"))
                    .map_or(&*text, |at| &text[at + 1..]);
                bail!("{guide} {why}, at\n{step}{}", self.logs())
            }
        }
    }

    /// Ends the shell's group and all that came of it; says what there was to end.
    fn end(&self, shell: &Child) -> Vec<String> {
        // What the last step told to end may need a moment.
        let left = self.left_after(SETTLING);
        let group = Pid::from_child(shell);
        // None of the group may be left; then there is nobody to tell.
        let _ = kill_process_group(group, Signal::TERM);
        for (pid, _) in &left {
            let _ = kill_process(*pid, Signal::TERM);
        }
        for (pid, _) in self.left_after(ENDING) {
            let _ = kill_process(pid, Signal::KILL);
        }
        left.into_iter().map(|(_, name)| name).collect()
    }

    /// What still runs when all is over or `patience` is.
    fn left_after(&self, patience: Duration) -> Vec<(Pid, String)> {
        let deadline = Instant::now() + patience;
        loop {
            let left = self.left();
            if left.is_empty() || Instant::now() > deadline {
                return left;
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Processes that have this session's folder in their environment or work in it.
    fn left(&self) -> Vec<(Pid, String)> {
        let folder = self.folder().as_os_str().as_encoded_bytes();
        let is_ours = |process: &Path| {
            let environment = fs::read(process.join("environ")).unwrap_or_default();
            let inside = fs::read_link(process.join("cwd"))
                .is_ok_and(|place| place.starts_with(self.folder()));
            inside || environment.windows(folder.len()).any(|part| part == folder)
        };
        let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
        processes
            .filter_map(|entry| {
                let pid = Pid::from_raw(entry.file_name().to_str()?.parse().ok()?)?;
                let process = entry.path();
                is_ours(&process).then_some(())?;
                let name = fs::read_to_string(process.join("comm")).ok()?;
                Some((pid, format!("{} ({})", name.trim(), pid.as_raw_nonzero())))
            })
            .collect()
    }

    /// The ends of the logs in the folder, for the message of a failure.
    fn logs(&self) -> String {
        let mut text = String::new();
        for path in logs_below(self.folder()) {
            let log = fs::read_to_string(&path).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            let end = &lines[lines.len().saturating_sub(20)..];
            let _ = write!(text, "\n--- {}\n{}\n", path.display(), end.join("\n"));
        }
        text
    }
}

fn logs_below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .flat_map(|entry| match entry.file_type() {
            Ok(kind) if kind.is_dir() => logs_below(&entry.path()),
            Ok(_)
                if entry
                    .path()
                    .extension()
                    .is_some_and(|ending| ending == "log") =>
            {
                vec![entry.path()]
            }
            _ => Vec::new(),
        })
        .collect()
}

/// What a reader's shell would not have, or what would change the guide's commands.
fn is_foreign(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    upper.ends_with("_PROXY")
        || [
            "BASH_ENV",
            "DEVHUB_STATE",
            "EDGEHUBCONNECTIONSTRING",
            "EDGEMODULECACERTIFICATEFILE",
        ]
        .contains(&&*upper)
        || [
            "CARGO_PKG_",
            "CARGO_MANIFEST_",
            "FRUIT_COUNTER_",
            "IOTEDGE_",
            "CAMERA_COMPARE_",
        ]
        .iter()
        .any(|prefix| upper.starts_with(prefix))
}

/// Waits for the shell to end; `None` when the time is over.
fn wait(shell: &mut Child, limit: Duration) -> anyhow::Result<Option<ExitStatus>> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(status) = shell.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() > deadline {
            // Without it the step would go on while the rest is being ended.
            shell.kill()?;
            shell.wait()?;
            return Ok(None);
        }
        std::thread::sleep(LOOK);
    }
}

/// All steps as one script, each announced and shown before it is run.
fn shell_script<'a>(guide: &str, steps: impl Iterator<Item = (usize, &'a str)>) -> String {
    let mut script = "set -euo pipefail\n".to_owned();
    for (line, step) in steps {
        let shown = format!("{STEP}{guide}:{line}\n{step}");
        let quoted = shown.replace('\'', r"'\''");
        let _ = write!(script, "printf '\\n%s\\n' '{quoted}'\n{step}\n");
    }
    script
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(60);

    fn follow(steps: &[&str], limit: Duration) -> anyhow::Result<String> {
        let session = Session::new(&[("GIVEN", "a value".to_owned())]).unwrap();
        let steps = steps.iter().zip(1..).map(|(step, line)| (line, *step));
        let followed = session.follow("g.md", steps, limit)?;
        Ok(followed.transcript)
    }

    #[track_caller]
    fn fails(steps: &[&str], limit: Duration, words: &[&str]) -> String {
        let error = format!("{:#}", follow(steps, limit).unwrap_err());
        for words in words {
            assert!(error.contains(words), "{words:?} in: {error}");
        }
        error
    }

    #[test]
    fn steps_share_a_shell_and_are_shown() {
        let text = follow(&["A='it'\n", "echo \"$A is $GIVEN in $PWD\"\n"], LIMIT).unwrap();
        assert!(text.contains("### g.md:1\nA='it'\n"), "{text}");
        assert!(text.contains("it is a value in /"), "{text}");
    }

    #[test]
    fn a_failing_step_is_named_and_the_next_is_not_run() {
        let steps = [
            "echo one\n",
            "echo why > x.log; false | cat\n",
            "echo three\n",
        ];
        let error = fails(&steps, LIMIT, &["g.md:2", "exit status: 1", "x.log\nwhy"]);
        assert!(
            !error.contains("three") && !error.contains("one"),
            "{error}"
        );
        fails(&["echo \"$NO_SUCH_NAME\"\n"], LIMIT, &["unbound"]);
    }

    #[test]
    fn a_step_that_never_ends_is_ended() {
        let short = Duration::from_millis(300);
        fails(&["sleep 1000\n"], short, &["longer", "sleep 1000"]);
    }

    #[test]
    fn what_is_left_running_is_ended_and_told() {
        fails(&["sleep 1000 &\n"], LIMIT, &["left running: sleep ("]);
        // In a group and an environment of its own, as the agent starts modules.
        let away = "setsid env -i sleep 1000 < /dev/null > /dev/null 2>&1 &\nsleep 0.3\n";
        let error = fails(&[away], LIMIT, &["left running: sleep ("]);
        let (_, rest) = error.split_once("sleep (").unwrap();
        let (pid, _) = rest.split_once(')').unwrap();
        // Empty for one that has ended and that nobody has asked about yet.
        let command = format!("/proc/{pid}/cmdline");
        crate::wait_for("the end of what was killed", || {
            let command = fs::read(&command).unwrap_or_default();
            Ok(command.is_empty().then_some(()))
        })
        .unwrap();
    }
}
