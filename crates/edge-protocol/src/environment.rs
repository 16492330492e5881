//! The variables that edgeAgent gives to a module container, parsed once.
//!
//! The lookup is a function, so tests pass a map and nothing downstream reads the
//! process environment. All mistakes are reported together: an operator who mends one
//! name at a time restarts the module once per name.

use std::fmt;
use std::path::PathBuf;

use thiserror::Error;

use crate::identity::{Identity, IdentityError};

/// Every variable read here, in the order in which mistakes are reported.
pub const NAMES: [&str; 8] = [
    "IOTEDGE_WORKLOADURI",
    "IOTEDGE_AUTHSCHEME",
    "IOTEDGE_MODULEGENERATIONID",
    "IOTEDGE_IOTHUBHOSTNAME",
    "IOTEDGE_GATEWAYHOSTNAME",
    "IOTEDGE_DEVICEID",
    "IOTEDGE_MODULEID",
    "IOTEDGE_APIVERSION",
];

/// What edgeAgent tells a module about itself, its gateway and the workload API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EdgeEnvironment {
    /// Hub host, device and module.
    pub identity: Identity,
    /// `IOTEDGE_GATEWAYHOSTNAME`: where edgeHub listens, and the name its certificate
    /// must carry. A host name or an IP address.
    pub gateway_host: String,
    /// `IOTEDGE_MODULEGENERATIONID`: an opaque path segment of workload calls.
    pub generation_id: String,
    /// `IOTEDGE_WORKLOADURI`: where the workload API answers.
    pub workload_uri: WorkloadUri,
    /// `IOTEDGE_APIVERSION`: the workload API version the daemon offers, passed through
    /// as the Python SDK does.
    pub api_version: String,
}

impl EdgeEnvironment {
    /// Reads all of [`NAMES`] through `lookup`. A blank value counts as missing.
    ///
    /// `IOTEDGE_AUTHSCHEME` may be absent (not every SDK reads it); when it is there it
    /// must be `sasToken` in any case, the only scheme that exists.
    ///
    /// # Errors
    ///
    /// One [`EnvironmentError`] that lists every missing and every bad variable.
    pub fn parse(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, EnvironmentError> {
        let mut problems = Vec::new();
        let workload_uri = required(&lookup, "IOTEDGE_WORKLOADURI", &mut problems);
        if let Some(scheme) = present(&lookup, "IOTEDGE_AUTHSCHEME")
            && !scheme.eq_ignore_ascii_case("sasToken")
        {
            problems.push(Problem::bad("IOTEDGE_AUTHSCHEME", scheme, "sasToken"));
        }
        let generation_id = required(&lookup, "IOTEDGE_MODULEGENERATIONID", &mut problems);
        let hub_host = required(&lookup, "IOTEDGE_IOTHUBHOSTNAME", &mut problems);
        let gateway_host = required(&lookup, "IOTEDGE_GATEWAYHOSTNAME", &mut problems);
        let device_id = required(&lookup, "IOTEDGE_DEVICEID", &mut problems);
        let module_id = required(&lookup, "IOTEDGE_MODULEID", &mut problems);
        let api_version = required(&lookup, "IOTEDGE_APIVERSION", &mut problems);

        let workload_uri = workload_uri.and_then(|text| match WorkloadUri::parse(&text) {
            Some(uri) => Some(uri),
            None => {
                problems.push(Problem::bad("IOTEDGE_WORKLOADURI", text, WorkloadUri::FORM));
                None
            }
        });
        // Each id is checked alone first, so that two bad ids give two lines.
        let mut checked = |variable, value: Option<String>, identity: fn(&str) -> IdentityCheck| {
            value.filter(|text| match identity(text) {
                Ok(_) => true,
                Err(source) => {
                    problems.push(Problem::Identity { variable, source });
                    false
                }
            })
        };
        let hub_host = checked("IOTEDGE_IOTHUBHOSTNAME", hub_host, |h| {
            Identity::new(h, "d", None)
        });
        let device_id = checked("IOTEDGE_DEVICEID", device_id, |d| {
            Identity::new("h", d, None)
        });
        let module_id = checked("IOTEDGE_MODULEID", module_id, |m| {
            Identity::new("h", "d", Some(m.to_owned()))
        });

        match (
            hub_host,
            device_id,
            module_id,
            gateway_host,
            generation_id,
            workload_uri,
            api_version,
        ) {
            (
                Some(hub),
                Some(device),
                Some(module),
                Some(gateway),
                Some(generation),
                Some(uri),
                Some(version),
            ) if problems.is_empty() => match Identity::new(hub, device, Some(module)) {
                Ok(identity) => Ok(EdgeEnvironment {
                    identity,
                    gateway_host: gateway,
                    generation_id: generation,
                    workload_uri: uri,
                    api_version: version,
                }),
                Err(source) => Err(EnvironmentError {
                    problems: vec![Problem::Identity {
                        variable: "IOTEDGE_MODULEID",
                        source,
                    }],
                }),
            },
            _ => Err(EnvironmentError { problems }),
        }
    }
}

type IdentityCheck = Result<Identity, IdentityError>;

/// True when any of [`NAMES`] is set and not blank: the process was started by edgeAgent
/// (or by something that imitates it) and a missing name is a mistake. False means
/// standalone.
pub fn is_present(lookup: impl Fn(&str) -> Option<String>) -> bool {
    NAMES.iter().any(|name| present(&lookup, name).is_some())
}

/// Where the workload API listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorkloadUri {
    /// `unix:///path/to/workload.sock`, what edgeAgent gives.
    Unix(PathBuf),
    /// `http://host:port`, legal too; the port defaults to 80.
    Http {
        /// Host name or address, IPv6 without its brackets.
        host: String,
        /// TCP port.
        port: u16,
    },
}

impl WorkloadUri {
    const FORM: &'static str = "unix:///absolute/path or http://host:port";

    /// Parses `unix:///absolute/path` or `http://host[:port][/]`; `None` otherwise.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(path) = text.strip_prefix("unix://") {
            return (path.starts_with('/') && path.len() > 1)
                .then(|| WorkloadUri::Unix(PathBuf::from(path)));
        }
        let authority = text.strip_prefix("http://")?;
        let authority = authority.strip_suffix('/').unwrap_or(authority);
        let (host, port) = match authority.strip_prefix('[') {
            Some(rest) => {
                let (host, tail) = rest.split_once(']')?;
                (
                    host,
                    if tail.is_empty() {
                        None
                    } else {
                        Some(tail.strip_prefix(':')?)
                    },
                )
            }
            None => match authority.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (authority, None),
            },
        };
        let port = port.map_or(Ok(80), str::parse).ok()?;
        let plain = !host.is_empty() && !host.contains(['/', '?', '#', '@', ' ']);
        plain.then(|| WorkloadUri::Http {
            host: host.to_owned(),
            port,
        })
    }
}

impl fmt::Display for WorkloadUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WorkloadUri::Unix(path) => write!(f, "unix://{}", path.display()),
            WorkloadUri::Http { host, port } if host.contains(':') => {
                write!(f, "http://[{host}]:{port}")
            }
            WorkloadUri::Http { host, port } => write!(f, "http://{host}:{port}"),
        }
    }
}

/// All that is wrong with the environment, at least one problem, in [`NAMES`] order for
/// the missing ones.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the IoT Edge environment is incomplete: {}", list(problems))]
pub struct EnvironmentError {
    /// Each problem found.
    pub problems: Vec<Problem>,
}

/// One mistake in the environment.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Problem {
    /// A required variable is unset or blank.
    #[error("{variable} is not set")]
    Missing {
        /// Its name.
        variable: &'static str,
    },
    /// A variable has a value of the wrong form.
    #[error("{variable} is {value:?}, expected {expected}")]
    Bad {
        /// Its name.
        variable: &'static str,
        /// The value seen; none of these variables is a secret.
        value: String,
        /// The accepted form.
        expected: &'static str,
    },
    /// A variable cannot be part of an identity.
    #[error("{variable}: {source}")]
    Identity {
        /// Its name.
        variable: &'static str,
        /// What is wrong with it.
        source: IdentityError,
    },
}

impl Problem {
    fn bad(variable: &'static str, value: String, expected: &'static str) -> Self {
        Problem::Bad {
            variable,
            value,
            expected,
        }
    }
}

fn list(problems: &[Problem]) -> String {
    problems
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("; ")
}

fn present(lookup: impl Fn(&str) -> Option<String>, name: &str) -> Option<String> {
    lookup(name)
        .map(|value| value.trim().to_owned())
        .filter(|value| !value.is_empty())
}

fn required(
    lookup: impl Fn(&str) -> Option<String>,
    variable: &'static str,
    problems: &mut Vec<Problem>,
) -> Option<String> {
    let value = present(lookup, variable);
    if value.is_none() {
        problems.push(Problem::Missing { variable });
    }
    value
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn sample() -> HashMap<&'static str, &'static str> {
        HashMap::from([
            (
                "IOTEDGE_WORKLOADURI",
                "unix:///var/run/iotedge/workload.sock",
            ),
            ("IOTEDGE_AUTHSCHEME", "sasToken"),
            ("IOTEDGE_MODULEGENERATIONID", "638012345678901234"),
            ("IOTEDGE_IOTHUBHOSTNAME", "hub1.azure-devices.net"),
            ("IOTEDGE_GATEWAYHOSTNAME", "edge-box-1"),
            ("IOTEDGE_DEVICEID", "edge-dev"),
            ("IOTEDGE_MODULEID", "ripeness"),
            ("IOTEDGE_APIVERSION", "2022-08-03"),
        ])
    }

    fn parse(map: &HashMap<&str, &str>) -> Result<EdgeEnvironment, EnvironmentError> {
        EdgeEnvironment::parse(|name| map.get(name).map(|value| (*value).to_owned()))
    }

    #[test]
    fn the_environment_of_edge_agent_is_understood() {
        let env = parse(&sample()).unwrap();
        assert_eq!(env.identity.client_id(), "edge-dev/ripeness");
        assert_eq!(env.gateway_host, "edge-box-1");
        assert_eq!(env.generation_id, "638012345678901234");
        assert_eq!(
            env.workload_uri.to_string(),
            "unix:///var/run/iotedge/workload.sock"
        );
        assert_eq!(env.api_version, "2022-08-03");
    }

    #[test]
    fn every_missing_name_is_in_one_error() {
        let error = parse(&HashMap::new()).unwrap_err();
        let text = error.to_string();
        for name in NAMES.iter().filter(|name| **name != "IOTEDGE_AUTHSCHEME") {
            assert!(text.contains(name), "{name} is not in {text}");
        }
        assert_eq!(error.problems.len(), NAMES.len() - 1);
    }

    #[test]
    fn missing_and_bad_names_are_reported_together() {
        let mut map = sample();
        map.remove("IOTEDGE_DEVICEID");
        map.insert("IOTEDGE_MODULEID", "a/b");
        map.insert("IOTEDGE_AUTHSCHEME", "x509");
        map.insert("IOTEDGE_WORKLOADURI", "ftp://x");
        map.insert("IOTEDGE_APIVERSION", "  ");
        let error = parse(&map).unwrap_err();
        assert_eq!(error.problems.len(), 5, "{error}");
    }

    #[test]
    fn the_auth_scheme_ignores_case_and_may_be_absent() {
        let mut map = sample();
        map.insert("IOTEDGE_AUTHSCHEME", "SASTOKEN");
        assert!(parse(&map).is_ok());
        map.remove("IOTEDGE_AUTHSCHEME");
        assert!(parse(&map).is_ok());
    }

    #[test]
    fn workload_uris_are_typed() {
        let http = |host: &str, port| {
            Some(WorkloadUri::Http {
                host: host.to_owned(),
                port,
            })
        };
        let check = |text: &str, expected| assert_eq!(WorkloadUri::parse(text), expected, "{text}");
        check(
            "unix:///a/b.sock",
            Some(WorkloadUri::Unix("/a/b.sock".into())),
        );
        check("http://127.0.0.1:8080", http("127.0.0.1", 8080));
        check("http://box", http("box", 80));
        check("http://box:81/", http("box", 81));
        check("http://[::1]:81", http("::1", 81));
        check("unix://relative", None);
        check("unix:///", None);
        check("https://box:81", None);
        check("http://box:port", None);
        check("http://:81", None);
        check("http://box/path", None);
    }

    #[test]
    fn standalone_means_that_no_name_is_set() {
        assert!(!is_present(|_| None));
        assert!(!is_present(|_| Some(" ".to_owned())));
        assert!(is_present(
            |name| (name == "IOTEDGE_MODULEID").then(|| "m".to_owned())
        ));
    }
}
