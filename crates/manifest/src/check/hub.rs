//! edgeHub has to be started as it is: routes that it does not read hold nothing back.

use serde_json::Value;

use super::modules::Modules;
use super::volumes;
use super::{Findings, Merged, Place, Rule};
use crate::create_options;
use crate::module::{RestartPolicy, Status};

/// Where edgeHub's program and its own configuration lie in the image.
const PROGRAM: &str = "/app";

/// The variable that makes edgeHub read its routes from elsewhere.
const SOURCE: &str = "configSource";

pub(super) fn check(merged: &Merged, modules: &Modules, findings: &mut Findings) {
    for name in merged.names("$edgeAgent", &["systemModules"]) {
        let segments = ["systemModules", name.as_str()];
        if name.eq_ignore_ascii_case("edgeHub")
            && let Some(at) = merged.at("$edgeAgent", &segments)
        {
            source(at.value, &merged.place("$edgeAgent", &segments), findings);
        }
    }
    let Some(hub) = modules.system("edgeHub") else {
        return;
    };
    program(&hub.module.create_options, &hub.place, findings);
    if let Some((first, second)) = hub.variable_in_two_cases() {
        findings.add(
            Rule::BadValue,
            &hub.place,
            format!("found the variables {first} and {second}, which are one to edgeHub"),
            "write one of them",
        );
    }
    if hub.module.status == Status::Stopped || hub.module.restart_policy == RestartPolicy::Never {
        findings.add(
            Rule::BadValue,
            &hub.place,
            "is not kept running: no picture arrives and no count leaves without edgeHub",
            "write \"status\": \"running\" and \"restartPolicy\": \"always\"",
        );
    }
}

/// An edgeHub that does not read its twin has a route of its own: everything to IoT Hub. The variable
/// is looked for in any spelling, wherever it stands.
fn source(module: &Value, place: &Place, findings: &mut Findings) {
    let joined = module.get("settings").and_then(create_options::joined);
    let options: Option<Value> = joined.and_then(|text| serde_json::from_str(&text).ok());
    if is_elsewhere(module) || options.is_some_and(|options| is_elsewhere(&options)) {
        findings.add(
            Rule::PicturesUpstream,
            place,
            format!(
                "the variable {SOURCE} is something else than \"twin\": edgeHub then takes its routes \
                 from a file of its own, FROM /* INTO $upstream, and not from here"
            ),
            "leave the variable out",
        );
    }
}

/// Whether `configSource` has another value than `twin` somewhere in `value`.
fn is_elsewhere(value: &Value) -> bool {
    match value {
        Value::String(text) => text.split_once('=').is_some_and(|(name, value)| {
            name.trim().eq_ignore_ascii_case(SOURCE) && !is_twin(value)
        }),
        Value::Array(items) => items.iter().any(is_elsewhere),
        Value::Object(members) => members.iter().any(|(name, member)| {
            let is_source = name.trim().eq_ignore_ascii_case(SOURCE);
            (is_source && !says_twin(member)) || is_elsewhere(member)
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn says_twin(variable: &Value) -> bool {
    match variable {
        Value::String(text) => is_twin(text),
        Value::Object(members) => {
            !members.is_empty()
                && members
                    .values()
                    .all(|value| value.as_str().is_some_and(is_twin))
        }
        _ => false,
    }
}

fn is_twin(text: &str) -> bool {
    text.eq_ignore_ascii_case("twin")
}

/// What starts another program in edgeHub's container, or gives it other files.
fn program(options: &Value, place: &Place, findings: &mut Findings) {
    let is_set = |value: &Value| match value {
        Value::Null => false,
        Value::Array(items) => !items.is_empty(),
        Value::String(text) => !text.is_empty(),
        Value::Object(_) | Value::Bool(_) | Value::Number(_) => true,
    };
    let mut found: Vec<String> = ["Entrypoint", "Cmd"]
        .into_iter()
        .filter(|name| is_set(&options[*name]))
        .map(str::to_owned)
        .collect();
    if is_set(&options["HostConfig"]["VolumesFrom"]) {
        found.push("HostConfig/VolumesFrom".to_owned());
    }
    let over = volumes::targets(options)
        .into_iter()
        .filter(|target| volumes::is_at_or_below(target, PROGRAM));
    found.extend(over.map(|target| format!("a mount at {target}")));
    if !found.is_empty() {
        findings.add(
            Rule::PicturesUpstream,
            place,
            format!(
                "createOptions have {}: edgeHub may then run with another configuration, and its \
                 routes are not those from here",
                found.join(" and ")
            ),
            "take it out: edgeHub runs as its image starts it",
        );
    }
}
