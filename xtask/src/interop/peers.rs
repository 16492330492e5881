//! The peers: their names, what they promise to show, what each needs.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::ValueEnum;

use super::install::Node;
use super::sdk::Sdk;
use super::sheet::{Line, Outcome, Sheet};
use super::stage::Stage;
use super::{broker, custom_vision, dashboards, dtdl, install, paho, rust_sdk, sdk};
use crate::{build, setup};

/// A program that shares no code with us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Peer {
    /// azure-iot-device from PyPI, against the hub.
    Python,
    /// azure-iot-device from npm, against the hub.
    Node,
    /// paho-mqtt from PyPI, against the hub.
    Paho,
    /// Debian's mosquitto, against our client.
    Mosquitto,
    /// The crate azure_iot_sdk, against the hub.
    #[value(name = "azure_iot_sdk")]
    AzureIotSdk,
    /// azure-cognitiveservices-vision-customvision from PyPI, against the module.
    CustomVision,
    /// @azure/dtdl-parser from npm, on the models in docs/.
    Dtdl,
    /// Kusto's parser from npm and DuckDB from PyPI, on docs/dashboards and real reports.
    Dashboards,
}

/// A peer whose needs are met, or the reason why they are not.
pub(super) enum Ready {
    Sdk(Sdk),
    Paho { python: PathBuf },
    Mosquitto { tests: PathBuf },
    AzureIotSdk { camera: PathBuf },
    CustomVision(custom_vision::Needs),
    Dtdl(Node),
    Dashboards(dashboards::Needs),
    Skipped(String),
}

impl Peer {
    /// Those asked for, each once, or all.
    pub(super) fn chosen(asked: &[Self]) -> Vec<Self> {
        Self::value_variants()
            .iter()
            .filter(|peer| asked.is_empty() || asked.contains(peer))
            .copied()
            .collect()
    }

    /// As it is called on the command line.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::Node => "node",
            Self::Paho => "paho",
            Self::Mosquitto => "mosquitto",
            Self::AzureIotSdk => "azure_iot_sdk",
            Self::CustomVision => "custom-vision",
            Self::Dtdl => "dtdl",
            Self::Dashboards => "dashboards",
        }
    }

    /// What it shows: exactly one line for each.
    pub(super) fn capabilities(self) -> &'static [&'static str] {
        match self {
            Self::Python | Self::Node => &sdk::CAPABILITIES,
            Self::Paho => &paho::CAPABILITIES,
            Self::Mosquitto => &broker::CAPABILITIES,
            Self::AzureIotSdk => &rust_sdk::CAPABILITIES,
            Self::CustomVision => &custom_vision::CAPABILITIES,
            Self::Dtdl => &dtdl::CAPABILITIES,
            Self::Dashboards => &dashboards::CAPABILITIES,
        }
    }

    /// Installs or builds what it needs. An error is a fault of ours; what is missing on this
    /// machine makes the peer a skipped one.
    pub(super) fn prepare(self, stage: &Stage<'_>) -> anyhow::Result<Ready> {
        let ready = match self {
            Self::Python => install::python(stage, "python")
                .map(|python| Ready::Sdk(Sdk::python(stage, &python))),
            Self::Node => {
                install::node(stage, "node").map(|node| Ready::Sdk(Sdk::node(stage, &node)))
            }
            Self::Paho => install::python(stage, "paho").map(|python| Ready::Paho { python }),
            Self::Mosquitto => match install::mosquitto() {
                Ok(()) => return client_tests(stage.root()),
                Err(missing) => Err(missing),
            },
            Self::AzureIotSdk => match install::openssl(stage) {
                Ok(()) => return rust_sdk_camera(stage.root()),
                Err(missing) => Err(missing),
            },
            Self::CustomVision => match install::python(stage, "custom_vision") {
                Ok(python) => {
                    let (module, onnxruntime) = module(stage.root())?;
                    Ok(Ready::CustomVision(custom_vision::Needs {
                        python,
                        module,
                        onnxruntime,
                    }))
                }
                Err(missing) => Err(missing),
            },
            Self::Dtdl => install::node(stage, "dtdl").map(Ready::Dtdl),
            Self::Dashboards => match for_dashboards(stage) {
                Ok((node, python)) => {
                    let (module, onnxruntime) = module(stage.root())?;
                    Ok(Ready::Dashboards(dashboards::Needs {
                        node,
                        python,
                        module,
                        onnxruntime,
                    }))
                }
                Err(missing) => Err(missing),
            },
        };
        Ok(ready.unwrap_or_else(|missing| Ready::Skipped(format!("{missing:#}"))))
    }
}

impl Ready {
    /// Runs the peer to its end.
    pub(super) fn run(&self, stage: &Stage<'_>, mut sheet: Sheet) -> Vec<Line> {
        let played = match self {
            Self::Sdk(sdk) => sdk.run(stage, &mut sheet),
            Self::Paho { python } => paho::run(stage, python, &mut sheet),
            Self::Mosquitto { tests } => broker::run(stage, tests, &mut sheet),
            Self::AzureIotSdk { camera } => rust_sdk::run(stage, camera, &mut sheet),
            Self::CustomVision(needs) => custom_vision::run(stage, needs, &mut sheet),
            Self::Dtdl(node) => dtdl::run(stage, node, &mut sheet),
            Self::Dashboards(needs) => dashboards::run(stage, needs, &mut sheet),
            Self::Skipped(why) => return sheet.close(Outcome::Skipped, why),
        };
        match played {
            Ok(()) => sheet.close(Outcome::Failed, "not reached"),
            Err(error) => sheet.close(Outcome::Failed, &format!("not reached: {error:#}")),
        }
    }
}

/// The tests of `edge-client` as a program.
fn client_tests(root: &Path) -> anyhow::Result<Ready> {
    let built = build::run(root, &["test", "-p", "edge-client", "--lib", "--no-run"])?;
    let tests = built.program("edge_client")?;
    Ok(Ready::Mosquitto { tests })
}

/// The module and its runtime.
fn module(root: &Path) -> anyhow::Result<(PathBuf, PathBuf)> {
    let onnxruntime = setup::run(root)?;
    let built = build::run(root, &["build", "-p", "fruit-counter", "--bins"])?;
    Ok((built.program("fruit-counter")?, onnxruntime))
}

/// The parser and the engine.
fn for_dashboards(stage: &Stage<'_>) -> anyhow::Result<(Node, PathBuf)> {
    Ok((
        install::node(stage, "kusto")?,
        install::python(stage, "dashboards")?,
    ))
}

/// The example has a lock file of its own, and dependencies that the rest does without.
fn rust_sdk_camera(root: &Path) -> anyhow::Result<Ready> {
    let folder = root.join("examples").join("azure-iot-sdk-camera");
    let target = super::folder::all(root).join("azure-iot-sdk-camera");
    let target = target
        .to_str()
        .with_context(|| format!("{} is not UTF-8", target.display()))?;
    let arguments = ["build", "--locked", "--bins", "--target-dir", target];
    let camera = build::run(&folder, &arguments)?.program("azure-iot-sdk-camera")?;
    Ok(Ready::AzureIotSdk { camera })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_on_the_command_line_and_in_the_lines_are_the_same() {
        for peer in Peer::value_variants() {
            let named = peer.to_possible_value().unwrap();
            assert_eq!(named.get_name(), peer.name());
        }
    }

    #[test]
    fn peers_are_run_once_and_in_their_order() {
        assert_eq!(Peer::chosen(&[]).len(), Peer::value_variants().len());
        let chosen = Peer::chosen(&[Peer::Paho, Peer::Python, Peer::Paho]);
        assert_eq!(chosen, [Peer::Python, Peer::Paho]);
    }
}
