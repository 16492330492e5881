//! Names in another case. The agent and the container runtime read names of members in any case; this
//! check reads them as documented. What it would pass over and they would take is refused.

use serde_json::Value;

use super::{Findings, Merged, Place, Rule};
use crate::create_options;
use crate::reader::At;

const MODULE: [&str; 9] = [
    "version",
    "type",
    "status",
    "restartPolicy",
    "imagePullPolicy",
    "startupOrder",
    "settings",
    "env",
    "configuration",
];
const SETTINGS: [&str; 2] = ["image", "createOptions"];
const OPTIONS: [&str; 5] = ["Env", "HostConfig", "Entrypoint", "Cmd", "Volumes"];
const HOST: [&str; 5] = ["Binds", "Mounts", "Tmpfs", "VolumesFrom", "VolumeDriver"];
const MOUNT: [&str; 4] = ["Type", "Source", "Target", "ReadOnly"];

pub(super) fn check(merged: &Merged, findings: &mut Findings) {
    let mut search = Search {
        document: String::new(),
        findings,
    };
    for group in ["modules", "systemModules"] {
        search.document = merged.place("$edgeAgent", &[group]).document;
        if let Some(at) = merged.at("$edgeAgent", &[group])
            && group == "systemModules"
        {
            search.near(Rule::BadValue, &at, &["edgeAgent", "edgeHub"]);
        }
        for name in merged.names("$edgeAgent", &[group]) {
            let segments = [group, name.as_str()];
            search.document = merged.place("$edgeAgent", &segments).document;
            if let Some(at) = merged.at("$edgeAgent", &segments) {
                search.module(&at);
            }
        }
    }
}

struct Search<'f> {
    document: String,
    findings: &'f mut Findings,
}

impl Search<'_> {
    fn module(&mut self, module: &At<'_>) {
        self.near(Rule::BadValue, module, &MODULE);
        for (_, variable) in members(module, "env") {
            self.near(Rule::BadValue, &variable, &["value"]);
        }
        let Ok(Some(settings)) = module.get("settings") else {
            return;
        };
        self.near(Rule::BadValue, &settings, &SETTINGS);
        for (name, at) in settings.members().unwrap_or_default() {
            let of_options = name.get(..SETTINGS[1].len());
            if of_options.is_some_and(|start| near(start, SETTINGS[1]))
                && name.len() > SETTINGS[1].len()
            {
                self.refuse(Rule::BadValue, &at, name, SETTINGS[1]);
            }
        }
        // What cannot be put together is told of elsewhere.
        let Ok(options) = create_options::join(&settings) else {
            return;
        };
        let options = At {
            value: &options,
            path: format!("{}/createOptions", settings.path),
        };
        self.near(Rule::CreateOptions, &options, &OPTIONS);
        let Ok(Some(host)) = options.get("HostConfig") else {
            return;
        };
        self.near(Rule::CreateOptions, &host, &HOST);
        let mounts = host.value.get("Mounts").and_then(Value::as_array);
        for (index, value) in mounts.into_iter().flatten().enumerate() {
            let path = format!("{}/Mounts/{index}", host.path);
            self.near(Rule::CreateOptions, &At { value, path }, &MOUNT);
        }
    }

    /// Refuse members that are one of `known` but for the case.
    fn near(&mut self, rule: Rule, at: &At<'_>, known: &[&str]) {
        for (name, member) in at.members().unwrap_or_default() {
            if let Some(known) = known.iter().find(|known| near(name, known)) {
                self.refuse(rule, &member, name, known);
            }
        }
    }

    fn refuse(&mut self, rule: Rule, at: &At<'_>, name: &str, known: &str) {
        let place = Place {
            document: self.document.clone(),
            path: at.path.clone(),
        };
        self.findings.add(
            rule,
            &place,
            format!("found the member {name}, which the runtime takes for {known}"),
            format!("write {known}"),
        );
    }
}

fn near(name: &str, known: &str) -> bool {
    name != known && name.eq_ignore_ascii_case(known)
}

fn members<'v>(at: &At<'v>, name: &str) -> Vec<(&'v str, At<'v>)> {
    let member = at.get(name).ok().flatten();
    member
        .and_then(|member| member.members().ok())
        .unwrap_or_default()
}
