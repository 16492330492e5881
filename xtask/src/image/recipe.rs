//! The command line of a build: what the Dockerfile cannot know, for each engine in its own words.

use super::commit::Commit;
use super::engine::Engine;
use super::model::Staged;
use super::platform::Platform;

/// The version of everything in the workspace.
pub(super) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// One image to be built.
#[derive(Debug)]
pub(super) struct Recipe<'a> {
    pub(super) platform: Platform,
    /// What this machine is; `None` if it is neither.
    pub(super) builder: Option<Platform>,
    pub(super) tag: &'a str,
    pub(super) commit: &'a Commit,
    /// In the place of the bundled model.
    pub(super) model: Option<&'a Staged>,
    /// The user's own options, last, so that they win.
    pub(super) extra: &'a [String],
}

impl Recipe<'_> {
    /// What the engine is called with, in the root of the clone.
    pub(super) fn arguments(&self, engine: Engine) -> Vec<String> {
        let Commit {
            revision,
            epoch,
            created,
        } = self.commit;
        let architecture = self.platform.architecture();
        let words: &[&str] = match engine {
            // The builder before BuildKit does not tell the Dockerfile for what it builds.
            Engine::Docker => &["build"],
            // OCI's own format has no HEALTHCHECK.
            Engine::Podman => &["build", "--layers", "--format", "docker"],
            Engine::Buildah => &["bud", "--layers", "--format", "docker"],
        };
        let mut arguments: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        let mut say = |option: &str, value: String| arguments.extend([option.to_owned(), value]);
        if matches!(engine, Engine::Podman | Engine::Buildah) {
            // For every file, as docker/assemble.sh has it: with the commit's time a box would fetch
            // every layer anew after each commit.
            say("--timestamp", "0".to_owned());
            if let Some(builder) = self.builder {
                // Their versions of Debian 12 read `FROM --platform` without the defaults of its
                // variables, and would compile in the other machine's base image. Docker can build on
                // a machine that is not this one, and tells the Dockerfile.
                let builder = builder.architecture();
                say("--build-arg", format!("BUILDER=linux/{builder}"));
            }
        }
        say("--platform", format!("linux/{architecture}"));
        let mut facts = vec![
            ("TARGETARCH", architecture.to_owned()),
            ("COMMIT_EPOCH", epoch.to_string()),
            ("VERSION", VERSION.to_owned()),
            ("REVISION", revision.clone()),
            ("CREATED", created.clone()),
        ];
        if let Some(Staged { folder, file }) = self.model {
            facts.push(("MODEL", folder.clone()));
            facts.push(("MODEL_FILE", file.clone()));
        }
        for (name, value) in facts {
            say("--build-arg", format!("{name}={value}"));
        }
        say("--file", "docker/Dockerfile".to_owned());
        say("--tag", self.tag.to_owned());
        arguments.extend(self.extra.iter().cloned());
        arguments.push(".".to_owned());
        arguments
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commit() -> Commit {
        Commit {
            revision: "abc".to_owned(),
            epoch: 1_700_000_000,
            created: "2023-11-14T22:13:20Z".to_owned(),
        }
    }

    #[track_caller]
    fn check(engine: Engine, platform: Platform, model: Option<&Staged>, expected: &[&str]) {
        let recipe = Recipe {
            platform,
            builder: Some(Platform::Amd64),
            tag: "t:1",
            commit: &commit(),
            model,
            extra: &["--no-cache".to_owned()],
        };
        let line = recipe.arguments(engine).join(" ");
        for words in expected {
            assert!(line.contains(words), "{words} is not in {line}");
        }
        assert!(
            line.ends_with("--file docker/Dockerfile --tag t:1 --no-cache ."),
            "{line}"
        );
    }

    #[test]
    fn every_engine_is_told_platform_commit_and_time() {
        for engine in [Engine::Docker, Engine::Podman, Engine::Buildah] {
            check(
                engine,
                Platform::Arm64v8,
                None,
                &[
                    "--platform linux/arm64 ",
                    "--build-arg TARGETARCH=arm64 ",
                    "--build-arg COMMIT_EPOCH=1700000000 ",
                    "--build-arg REVISION=abc ",
                    "--build-arg CREATED=2023-11-14T22:13:20Z ",
                ],
            );
        }
    }

    #[test]
    fn podman_and_buildah_keep_the_healthcheck_and_give_no_file_the_time_of_a_commit() {
        check(
            Engine::Podman,
            Platform::Amd64,
            None,
            &["build --layers --format docker --timestamp 0 "],
        );
        check(
            Engine::Buildah,
            Platform::Amd64,
            None,
            &["bud --layers --format docker --timestamp 0 "],
        );
        check(
            Engine::Docker,
            Platform::Amd64,
            None,
            &["build --platform linux/amd64"],
        );
    }

    #[test]
    fn podman_and_buildah_compile_on_this_machine_whatever_the_image_is_for() {
        for engine in [Engine::Podman, Engine::Buildah] {
            let expected = [
                "--build-arg BUILDER=linux/amd64 ",
                "--platform linux/arm64 ",
            ];
            check(engine, Platform::Arm64v8, None, &expected);
        }
    }

    #[test]
    fn a_model_of_the_users_takes_the_place_of_the_bundled_one() {
        let staged = Staged {
            folder: "target/image/model".to_owned(),
            file: "/export.zip".to_owned(),
        };
        let expected = [
            "--build-arg MODEL=target/image/model ",
            "--build-arg MODEL_FILE=/export.zip ",
        ];
        check(Engine::Docker, Platform::Amd64, Some(&staged), &expected);
    }
}
