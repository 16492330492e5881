//! What must outlive a container: edgeHub's queue and the module's ledger.

use serde_json::Value;

use super::modules::{Found, Modules};
use super::{Findings, Merged, Rule, Terms};

/// Where the module keeps its ledger if nothing else is said.
const LEDGER: &str = "/var/lib/fruit-counter";

/// The variable that says something else.
const LEDGER_VARIABLE: &str = "FRUIT_COUNTER_LEDGER";

/// Folders of a box that are empty after a boot.
const EMPTIED: [&str; 7] = [
    "/tmp",
    "/run",
    "/var/run",
    "/var/lock",
    "/dev",
    "/sys",
    "/proc",
];

pub(super) fn check(merged: &Merged, modules: &Modules, terms: &Terms, findings: &mut Findings) {
    if let Some(hub) = modules.system("edgeHub") {
        storage(hub, findings);
    } else if modules.has_system
        && !merged
            .names("$edgeAgent", &["systemModules"])
            .contains(&"edgeHub".to_owned())
    {
        findings.add(
            Rule::HubStorage,
            &merged.place("$edgeAgent", &["systemModules", "edgeHub"]),
            "found no edgeHub",
            "add it as in deployment.template.json, with storage on the box's disk",
        );
    }
    if let Some(module) = modules.find(&terms.module) {
        ledger(module, findings);
    }
}

fn storage(hub: &Found, findings: &mut Findings) {
    let cure = "set the variable storageFolder, and bind a folder of the box's disk there: \
                \"Binds\": [\"/var/lib/iotedge-hub-storage:/iotedge/storage\"]";
    for (name, means) in [
        ("UsePersistentStorage", "pictures and counts wait in memory"),
        (
            "storeAndForwardEnabled",
            "pictures and counts do not wait at all",
        ),
    ] {
        let value = hub.variable_in_any_case(name);
        if value.is_some_and(|value| !value.eq_ignore_ascii_case("true")) {
            findings.add(
                Rule::HubStorage,
                &hub.place,
                format!("{name} is not true: {means}"),
                "leave the variable out",
            );
        }
    }
    match hub.variable_in_any_case("storageFolder") {
        None | Some("") => findings.add(
            Rule::HubStorage,
            &hub.place,
            "no storageFolder is set: what waits in edgeHub ends with its container",
            cure,
        ),
        Some(folder) => {
            if let Err(problem) = lasting(&hub.module.create_options, folder) {
                findings.add(
                    Rule::HubStorage,
                    &hub.place,
                    format!("storageFolder {folder} {problem}"),
                    cure,
                );
            }
        }
    }
}

fn ledger(module: &Found, findings: &mut Findings) {
    let folder = module.variable(LEDGER_VARIABLE).unwrap_or(LEDGER);
    if let Err(problem) = lasting(&module.module.create_options, folder) {
        findings.add(
            Rule::LedgerVolume,
            &module.place,
            format!("the ledger's folder {folder} {problem}"),
            format!("give it a volume with a name: \"Binds\": [\"fruit-counter-ledger:{folder}\"]"),
        );
    }
}

/// Whether what is written to `folder` outlives the container; else what becomes of it. What is mounted
/// below it counts too: edgeHub and the ledger write into folders of theirs.
fn lasting(create_options: &Value, folder: &str) -> Result<(), String> {
    let folder = cleaned(folder);
    let places = mounts(create_options);
    for (target, kept) in &places {
        if *target != folder
            && is_at_or_below(target, &folder)
            && let Err(problem) = kept
        {
            return Err(format!("has {target} below it, which {problem}"));
        }
    }
    // The mount that lies deepest is the one that is written to; of equal ones a bind.
    let found = places
        .into_iter()
        .rev()
        .filter(|(target, _)| is_at_or_below(&folder, target))
        .max_by_key(|(target, _)| target.len());
    match found {
        Some((_, kept)) => kept,
        None => Err("is inside the container, with no bind or volume there".to_owned()),
    }
}

/// Where something is mounted into the container.
pub(super) fn targets(create_options: &Value) -> Vec<String> {
    let places = mounts(create_options).into_iter();
    places.map(|(target, _)| target).collect()
}

/// Every mount: where, and whether what is written there lasts.
fn mounts(create_options: &Value) -> Vec<(String, Result<(), String>)> {
    let host = &create_options["HostConfig"];
    let mut places: Vec<(&str, Result<(), String>)> = Vec::new();
    for bind in texts(&host["Binds"]) {
        let mut parts = bind.split(':');
        if let (Some(source), Some(target)) = (parts.next(), parts.next()) {
            let is_read_only = parts
                .flat_map(|options| options.split(','))
                .any(|o| o == "ro");
            places.push((target, of_source(source, is_read_only)));
        }
    }
    for mount in host["Mounts"].as_array().into_iter().flatten() {
        let text = |key: &str| mount[key].as_str().unwrap_or_default();
        let kept = match text("Type") {
            "tmpfs" => Err("is in memory (a mount of type tmpfs)".to_owned()),
            "volume" if text("Source").is_empty() => Err(NAMELESS.to_owned()),
            _ => of_source(text("Source"), mount["ReadOnly"] == true),
        };
        places.push((text("Target"), kept));
    }
    for target in host["Tmpfs"].as_object().into_iter().flatten() {
        places.push((target.0, Err("is in memory (Tmpfs)".to_owned())));
    }
    for target in create_options["Volumes"].as_object().into_iter().flatten() {
        places.push((target.0, Err(NAMELESS.to_owned())));
    }
    places
        .into_iter()
        .filter(|(target, _)| !target.is_empty())
        .map(|(target, kept)| (cleaned(target), kept))
        .collect()
}

/// Whether a cleaned path is `folder` or lies in it.
pub(super) fn is_at_or_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || folder.ends_with('/'))
}

/// A path without `.`, `..` and needless slashes.
fn cleaned(path: &str) -> String {
    let mut names: Vec<&str> = Vec::new();
    for name in path.split('/') {
        match name {
            "" | "." => {}
            ".." => {
                names.pop();
            }
            name => names.push(name),
        }
    }
    let root = if path.starts_with('/') { "/" } else { "" };
    format!("{root}{}", names.join("/"))
}

const NAMELESS: &str = "is on a volume without a name, which the next container does not get";

fn of_source(source: &str, is_read_only: bool) -> Result<(), String> {
    let on_box = cleaned(source);
    let emptied = EMPTIED
        .iter()
        .find(|emptied| is_at_or_below(&on_box, emptied));
    match emptied {
        _ if is_read_only => Err("cannot be written (bound read-only)".to_owned()),
        _ if source.is_empty() => Err(NAMELESS.to_owned()),
        Some(emptied) => Err(format!(
            "lies under {emptied} of the box, which a boot empties"
        )),
        None => Ok(()),
    }
}

fn texts(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(options: &Value, expected: Result<(), &str>) {
        let found = lasting(options, "/data/ledger");
        match expected {
            Ok(()) => assert_eq!(found, Ok(()), "{options}"),
            Err(part) => {
                let problem = found.expect_err(&options.to_string());
                assert!(problem.contains(part), "{options}: {problem}");
            }
        }
    }

    #[test]
    fn a_bind_or_a_named_volume_at_or_above_the_folder_lasts() {
        check(
            &json!({"HostConfig": {"Binds": ["ledger:/data/ledger"]}}),
            Ok(()),
        );
        check(
            &json!({"HostConfig": {"Binds": ["/srv/x:/data/:rw,z"]}}),
            Ok(()),
        );
        let volume = json!({"Type": "volume", "Source": "ledger", "Target": "/data/ledger"});
        check(&json!({"HostConfig": {"Mounts": [volume]}}), Ok(()));
        // An image's own volume gives way to the bind.
        check(
            &json!({"Volumes": {"/data/ledger": {}}, "HostConfig": {"Binds": ["l:/data/ledger"]}}),
            Ok(()),
        );
    }

    #[test]
    fn what_ends_with_the_container_or_the_boot_is_told_apart() {
        check(&json!({}), Err("inside the container"));
        check(
            &json!({"HostConfig": {"Binds": ["x:/data/led", "y:/other"]}}),
            Err("inside"),
        );
        check(&json!({"Volumes": {"/data": {}}}), Err("without a name"));
        check(
            &json!({"HostConfig": {"Binds": ["x:/data:ro"]}}),
            Err("read-only"),
        );
        check(
            &json!({"HostConfig": {"Binds": ["/tmp/x:/data"]}}),
            Err("/tmp"),
        );
        check(&json!({"HostConfig": {"Binds": ["/tmpx:/data"]}}), Ok(()));
        check(
            &json!({"HostConfig": {"Binds": ["/srv/../tmp/x:/data"]}}),
            Err("/tmp"),
        );
        check(
            &json!({"HostConfig": {"Binds": ["x:/data/../other"]}}),
            Err("inside"),
        );
        check(
            &json!({"HostConfig": {"Binds": ["x:/data"], "Tmpfs": {"//data/ledger/./a": ""}}}),
            Err("has /data/ledger/a below it, which is in memory"),
        );
        check(
            &json!({"HostConfig": {"Tmpfs": {"/data/ledger": ""}}}),
            Err("memory"),
        );
        let memory = json!({"Type": "tmpfs", "Target": "/data/ledger"});
        check(
            &json!({"HostConfig": {"Binds": ["x:/data"], "Mounts": [memory]}}),
            Err("memory"),
        );
    }
}
