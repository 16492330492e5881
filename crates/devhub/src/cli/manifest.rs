//! `devhub manifest build` and `check`: files and variables in, a file or findings out. What a
//! manifest is and what is wrong with one, the `manifest` crate knows.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, Subcommand};
use manifest::{BuildContext, Document, Finding, Terms};
use serde_json::json;

use super::duration::any_duration;

#[derive(Debug, Subcommand)]
pub(crate) enum ManifestMode {
    /// Write the manifest that `az iot edge set-modules` takes, as the IoT Edge tools do.
    ///
    /// $NAME and ${NAME} are taken from the environment, then from .env beside the template; unknown
    /// ones stay. The file is readable for its owner only, for it holds the registry's password.
    ///
    /// Example: devhub manifest build --platform arm64v8
    Build(BuildArguments),
    /// Say what is wrong with a deployment: above all, a route by which a picture could leave.
    ///
    /// FILE is a template or a built manifest. Exit status 0 when it may go out, 1 when it is
    /// refused, 2 when a file could not be read.
    ///
    /// Examples: devhub manifest check config/deployment.amd64.json;
    /// devhub manifest check layer.json --base fleet.json;
    /// devhub manifest build --output - | devhub manifest check -
    Check(CheckArguments),
}

#[derive(Debug, Args)]
pub(crate) struct BuildArguments {
    /// The template
    #[arg(value_name = "TEMPLATE", default_value = "deployment.template.json")]
    template: PathBuf,
    /// A platform that the modules' module.json files name
    #[arg(long, value_name = "PLATFORM", default_value = "amd64")]
    platform: String,
    /// Where to write it, `-` for standard output; without it config/NAME.PLATFORM.json beside the
    /// template
    #[arg(long, value_name = "FILE|-")]
    output: Option<PathBuf>,
    /// File with variables, one NAME=value a line; without it .env beside the template, if it is there
    #[arg(long, value_name = "FILE")]
    env_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArguments {
    /// The template or manifest with the highest priority, `-` for standard input
    #[arg(value_name = "FILE|-")]
    file: PathBuf,
    /// What applies to the same device with a lower priority, lowest first. Repeatable
    #[arg(long, value_name = "FILE", num_args = 1..)]
    base: Vec<PathBuf>,
    /// The name of the module that counts
    #[arg(long, value_name = "NAME", default_value = "FruitCounter")]
    module: String,
    /// How long pictures must wait for the module at least
    #[arg(long, value_name = "DURATION", default_value = "2h", value_parser = any_duration)]
    pictures_wait: Duration,
    /// How long counts must wait for the cloud at least
    #[arg(long, value_name = "DURATION", default_value = "720h", value_parser = any_duration)]
    counts_wait: Duration,
    /// Findings as one JSON object
    #[arg(long)]
    json: bool,
}

/// A deployment that is refused.
const REFUSED: u8 = 1;
/// A deployment that nobody can judge, because a file cannot be read.
const UNREADABLE: u8 = 2;

pub(crate) fn run(mode: ManifestMode) -> anyhow::Result<ExitCode> {
    match mode {
        ManifestMode::Build(arguments) => build(&arguments).map(|()| ExitCode::SUCCESS),
        ManifestMode::Check(arguments) => match findings(&arguments) {
            Ok(findings) => report(&arguments, &findings),
            Err(error) => {
                eprintln!("devhub: {error:#}");
                Ok(ExitCode::from(UNREADABLE))
            }
        },
    }
}

fn build(arguments: &BuildArguments) -> anyhow::Result<()> {
    let template = &arguments.template;
    let text = read(template)?;
    let folder = folder_of(template);
    let variables = Variables::beside(template, arguments.env_file.as_deref())?;
    let files = manifest::files_under(folder);
    let context = BuildContext {
        platform: &arguments.platform,
        read: &files,
    };
    let look_up = |name: &str| variables.get(name);
    let built = manifest::build_text(&text, &look_up, &context)
        .with_context(|| template.display().to_string())?;
    for name in variables.missing() {
        eprintln!(
            "devhub: ${name} is not set and stays as it is; set it in the environment or in .env"
        );
    }
    if arguments.output.as_deref() == Some(Path::new("-")) {
        return std::io::stdout()
            .write_all(built.as_bytes())
            .context("cannot write to standard output");
    }
    let output = arguments.output.clone().unwrap_or_else(|| {
        let name = template.file_name().unwrap_or_default().to_string_lossy();
        template
            .with_file_name("config")
            .join(manifest::manifest_name(&name, &arguments.platform))
    });
    write(&output, &built)?;
    println!("{}", output.display());
    Ok(())
}

/// Whole or not at all, and for its owner only.
fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let context = || format!("cannot write {}", path.display());
    let folder = folder_of(path);
    fs::create_dir_all(folder).with_context(context)?;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let new = folder.join(name);
    match fs::remove_file(&new) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(error).with_context(context);
        }
        _ => {}
    }
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&new)
        .with_context(context)?;
    file.write_all(text.as_bytes()).with_context(context)?;
    fs::rename(&new, path).with_context(context)
}

fn findings(arguments: &CheckArguments) -> anyhow::Result<Vec<Finding>> {
    let mut documents = Vec::new();
    for path in arguments.base.iter().chain([&arguments.file]) {
        let variables = Variables::beside(path, None)?;
        let name = path.display().to_string();
        let document = Document::parse(&name, &read(path)?, &|name| variables.get(name));
        documents.push(document.with_context(|| name.clone())?);
    }
    let seconds = |duration: Duration| u32::try_from(duration.as_secs()).unwrap_or(u32::MAX);
    let terms = Terms {
        module: arguments.module.clone(),
        pictures_secs: seconds(arguments.pictures_wait),
        counts_secs: seconds(arguments.counts_wait),
    };
    Ok(manifest::check(&documents, &terms))
}

fn report(arguments: &CheckArguments, findings: &[Finding]) -> anyhow::Result<ExitCode> {
    let refused = findings
        .iter()
        .filter(|finding| finding.is_refusal())
        .count();
    let warnings = findings.len() - refused;
    if arguments.json {
        let listed: Vec<_> = findings
            .iter()
            .map(|finding| {
                json!({
                    "rule": finding.rule.name(),
                    "refused": finding.is_refusal(),
                    "file": finding.document,
                    "path": finding.path,
                    "problem": finding.problem,
                    "cure": finding.cure,
                })
            })
            .collect();
        let all = json!({"refused": refused, "warnings": warnings, "findings": listed});
        writeln!(std::io::stdout(), "{all}").context("cannot write to standard output")?;
    } else {
        for finding in findings {
            eprintln!("{finding}");
        }
        let verdict = if refused == 0 {
            "may go out"
        } else {
            "is refused"
        };
        eprintln!(
            "{} {verdict}: {refused} to mend, {warnings} to know",
            arguments.file.display()
        );
    }
    Ok(if refused == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(REFUSED)
    })
}

/// The environment, then a file; and which names nobody knew.
struct Variables {
    file: Vec<(String, String)>,
    missing: RefCell<BTreeSet<String>>,
}

impl Variables {
    fn beside(document: &Path, named: Option<&Path>) -> anyhow::Result<Self> {
        let beside = folder_of(document).join(".env");
        let path = named.unwrap_or(&beside);
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if named.is_none() && error.kind() == ErrorKind::NotFound => String::new(),
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", path.display()));
            }
        };
        let file = manifest::parse_env_file(&text).with_context(|| path.display().to_string())?;
        Ok(Self {
            file,
            missing: RefCell::default(),
        })
    }

    fn get(&self, name: &str) -> Option<String> {
        let in_file = || {
            let found = self.file.iter().rfind(|(known, _)| known == name);
            found.map(|(_, value)| value.clone())
        };
        let value = std::env::var(name).ok().or_else(in_file);
        if value.is_none() {
            self.missing.borrow_mut().insert(name.to_owned());
        }
        value
    }

    /// Names that look like somebody's variables, and not like `$edgeHub` or `$upstream`.
    fn missing(&self) -> Vec<String> {
        /// Asked for by the build itself; both may be absent.
        const OPTIONAL: [&str; 2] = ["CONTAINER_TAG", "MODULES_PATH"];
        let is_variable = |name: &&String| {
            name.bytes()
                .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
                && !OPTIONAL.contains(&name.as_str())
        };
        self.missing
            .borrow()
            .iter()
            .filter(is_variable)
            .cloned()
            .collect()
    }
}

fn read(path: &Path) -> anyhow::Result<String> {
    if path == Path::new("-") {
        return std::io::read_to_string(std::io::stdin()).context("cannot read standard input");
    }
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// The folder that a file lies in; the current one has no name in `file.json`.
fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}
