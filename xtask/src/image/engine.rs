//! The programs that build images, and which of them works here.

use std::process::{Command, Stdio};

use thiserror::Error;

/// A program that builds images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Engine {
    /// Docker, with BuildKit or the builder before it.
    Docker,
    /// Podman.
    Podman,
    /// Buildah alone.
    Buildah,
}

/// In the order in which they are tried: what people have first.
const ALL: [Engine; 3] = [Engine::Docker, Engine::Podman, Engine::Buildah];

impl Engine {
    /// What it is called on the PATH.
    pub(super) fn program(self) -> &'static str {
        match self {
            Engine::Docker => "docker",
            Engine::Podman => "podman",
            Engine::Buildah => "buildah",
        }
    }

    /// A question that only an engine which can build answers: Docker's program is often there
    /// without a daemon.
    fn question(self) -> &'static [&'static str] {
        match self {
            Engine::Docker => &["version", "--format", "{{.Server.Version}}"],
            Engine::Podman | Engine::Buildah => &["info"],
        }
    }
}

/// No engine that can build.
#[derive(Debug, PartialEq, Eq, Error)]
#[error(
    "no engine here can build an image ({}); start Docker, or install podman or buildah (Debian, \
     Ubuntu: sudo apt-get install podman)",
    .0.join("; ")
)]
pub(crate) struct NoEngine(Vec<String>);

/// The engine that was asked for, else the first that works. `ask` says why one does not.
pub(super) fn choose(
    asked: Option<Engine>,
    ask: impl Fn(Engine) -> Result<(), String>,
) -> Result<Engine, NoEngine> {
    let mut reasons = Vec::new();
    for engine in asked.map_or(ALL.to_vec(), |one| vec![one]) {
        match ask(engine) {
            Ok(()) => return Ok(engine),
            Err(reason) => reasons.push(format!("{}: {reason}", engine.program())),
        }
    }
    Err(NoEngine(reasons))
}

/// Whether `docker` is the script of that name which calls podman.
fn is_podman() -> bool {
    let output = Command::new(Engine::Docker.program())
        .arg("--version")
        .stdin(Stdio::null())
        .output();
    output.is_ok_and(|output| says_podman(&String::from_utf8_lossy(&output.stdout)))
}

/// `podman version 4.3.1` in the place of `Docker version 20.10.24, build 297e128`.
fn says_podman(version: &str) -> bool {
    version
        .split_whitespace()
        .next()
        .is_some_and(|name| name.eq_ignore_ascii_case("podman"))
}

/// Asks the program itself.
pub(super) fn ask(engine: Engine) -> Result<(), String> {
    let output = Command::new(engine.program())
        .args(engine.question())
        .stdin(Stdio::null())
        .output()
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => "not installed".to_owned(),
            _ => error.to_string(),
        })?;
    if output.status.success() {
        return if engine == Engine::Docker && is_podman() {
            Err(
                "it is podman under Docker's name, which wants podman's options: --engine podman"
                    .to_owned(),
            )
        } else {
            Ok(())
        };
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().rfind(|line| !line.trim().is_empty());
    Err(last.map_or_else(|| output.status.to_string(), |line| line.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_engine_that_works_builds() {
        let ask = |engine| match engine {
            Engine::Docker => Err("no daemon".to_owned()),
            Engine::Podman | Engine::Buildah => Ok(()),
        };
        assert_eq!(choose(None, ask), Ok(Engine::Podman));
        assert_eq!(choose(Some(Engine::Buildah), ask), Ok(Engine::Buildah));
    }

    #[test]
    fn without_an_engine_each_says_why() {
        let ask = |engine: Engine| Err(format!("{engine:?} is ill"));
        let said = choose(None, ask).unwrap_err().to_string();
        for words in [
            "docker: Docker is ill",
            "podman: Podman is ill",
            "buildah: Buildah is ill",
        ] {
            assert!(said.contains(words), "{said}");
        }
        let said = choose(Some(Engine::Docker), ask).unwrap_err().to_string();
        assert!(
            said.contains("Docker is ill") && !said.contains("Podman is ill"),
            "{said}"
        );
    }

    #[test]
    fn podman_under_dockers_name_is_told_by_what_it_calls_itself() {
        assert!(says_podman("podman version 4.3.1\n"));
        assert!(!says_podman(
            "Docker version 20.10.24+dfsg1, build 297e128\n"
        ));
        assert!(!says_podman(""));
    }
}
