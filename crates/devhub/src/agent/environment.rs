//! The environment a module is started with: what edgeAgent gives (sheet 1.1), and nothing else of
//! ours but the four variables a bare process cannot live without.

use std::collections::BTreeMap;

/// Passed on from the agent's own environment: where programs and libraries are.
pub const INHERITED: &[&str] = &["PATH", "HOME", "LD_LIBRARY_PATH", "ORT_DYLIB_PATH"];

/// Version of the workload API that the daemon names.
const API_VERSION: &str = "2022-08-03";

/// What edgeAgent knows of one module.
#[derive(Debug, Clone, Copy)]
pub struct EdgeValues<'a> {
    /// `unix://…`
    pub workload_uri: &'a str,
    /// Opaque.
    pub generation_id: &'a str,
    /// Name of the pretended IoT Hub.
    pub hub_host: &'a str,
    /// Name the module dials.
    pub gateway_host: &'a str,
    /// Edge device id.
    pub device: &'a str,
    /// Module id.
    pub module: &'a str,
}

/// The module's whole environment. Variables of the deployment come first, edgeAgent's win over
/// them, and `extra` (given on the command line for this machine) over all.
pub fn environment(
    edge: EdgeValues<'_>,
    deployment: &[(String, String)],
    extra: &[(String, String)],
    inherited: impl Fn(&str) -> Option<String>,
) -> BTreeMap<String, String> {
    let mut environment: BTreeMap<String, String> = INHERITED
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), inherited(name)?)))
        .collect();
    environment.insert("RuntimeLogLevel".into(), "info".into());
    environment.extend(deployment.iter().cloned());
    for (name, value) in [
        ("IOTEDGE_WORKLOADURI", edge.workload_uri),
        ("IOTEDGE_AUTHSCHEME", "sasToken"),
        ("IOTEDGE_MODULEGENERATIONID", edge.generation_id),
        ("IOTEDGE_IOTHUBHOSTNAME", edge.hub_host),
        ("IOTEDGE_GATEWAYHOSTNAME", edge.gateway_host),
        ("IOTEDGE_DEVICEID", edge.device),
        ("IOTEDGE_MODULEID", edge.module),
        ("IOTEDGE_APIVERSION", API_VERSION),
    ] {
        environment.insert(name.into(), value.into());
    }
    environment.extend(extra.iter().cloned());
    environment
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_gets_exactly_what_edge_agent_gives() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let environment = environment(
            EdgeValues {
                workload_uri: "unix:///s/workload.sock",
                generation_id: "7",
                hub_host: "devhub.azure-devices.net",
                gateway_host: "localhost",
                device: "edge-dev",
                module: "FruitCounter",
            },
            &[
                pair("IOTEDGE_DEVICEID", "forged"),
                pair("A", "1"),
                pair("B", "1"),
            ],
            &[pair("B", "2")],
            |name| (name == "PATH").then(|| "/bin".to_owned()),
        );
        let text: Vec<_> = environment
            .iter()
            .map(|(k, v)| format!("{k}={v}"))
            .collect();
        assert_eq!(
            text,
            [
                "A=1",
                "B=2",
                "IOTEDGE_APIVERSION=2022-08-03",
                "IOTEDGE_AUTHSCHEME=sasToken",
                "IOTEDGE_DEVICEID=edge-dev",
                "IOTEDGE_GATEWAYHOSTNAME=localhost",
                "IOTEDGE_IOTHUBHOSTNAME=devhub.azure-devices.net",
                "IOTEDGE_MODULEGENERATIONID=7",
                "IOTEDGE_MODULEID=FruitCounter",
                "IOTEDGE_WORKLOADURI=unix:///s/workload.sock",
                "PATH=/bin",
                "RuntimeLogLevel=info",
            ]
        );
    }
}
