//! Modules of the deployment, each read as the agent reads it.

use super::{Findings, Merged, Place, Rule, Terms};
use crate::create_options::{self, CHUNK_CHARS};
use crate::error::ManifestError;
use crate::manifest::{self, AGENT_VERSIONS, Form};
use crate::module::{Module, RestartPolicy, Status};
use crate::reader::At;
use crate::unique;

/// A module and where it stands.
pub(super) struct Found {
    pub(super) module: Module,
    pub(super) place: Place,
}

impl Found {
    /// A variable of the container as Linux knows it: of `env`, else of `createOptions.Env`.
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        let mut all = self.variables();
        all.find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    }

    /// The same, its name in any case: so does edgeHub read its own.
    pub(super) fn variable_in_any_case(&self, name: &str) -> Option<&str> {
        let mut all = self.variables();
        all.find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// The first two variables whose names differ in case alone.
    pub(super) fn variable_in_two_cases(&self) -> Option<(&str, &str)> {
        let names: Vec<_> = self.variables().map(|(name, _)| name).collect();
        names.iter().enumerate().find_map(|(index, first)| {
            let is_twin = |other: &&&str| *other != first && other.eq_ignore_ascii_case(first);
            let second = names[index + 1..].iter().find(is_twin)?;
            Some((*first, *second))
        })
    }

    fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        let own = self.module.env.iter().rev();
        let own = own.map(|(known, value)| (known.as_str(), value.as_str()));
        let options = self.module.create_options["Env"].as_array();
        let options = options.into_iter().flatten().rev();
        own.chain(options.filter_map(|pair| pair.as_str()?.split_once('=')))
    }
}

/// The modules of a deployment that could be read.
pub(super) struct Modules {
    pub(super) own: Vec<Found>,
    pub(super) system: Vec<Found>,
    /// Whether the system modules are an object, if there are any: else none of them is missed.
    pub(super) has_system: bool,
    /// The names of all, those that could not be read too.
    pub(super) names: Vec<String>,
}

impl Modules {
    pub(super) fn find(&self, name: &str) -> Option<&Found> {
        self.own.iter().find(|found| found.module.name == name)
    }

    pub(super) fn system(&self, name: &str) -> Option<&Found> {
        self.system.iter().find(|found| found.module.name == name)
    }
}

/// Read every module; each that cannot be read is a finding of its own.
pub(super) fn read(merged: &Merged, terms: &Terms, findings: &mut Findings) -> Modules {
    if let Some(agent) = merged.at("$edgeAgent", &[])
        && let Err(error) = manifest::schema_version(&agent, &AGENT_VERSIONS)
    {
        let place = merged.place("$edgeAgent", &["schemaVersion"]);
        findings.add_error(Rule::BadValue, &place, &error);
    }
    let known = ["schemaVersion", "runtime", "systemModules", "modules"];
    merged.refuse_others("$edgeAgent", &known, findings);
    let are_listed = listed(merged, "modules", findings);
    let modules = Modules {
        has_system: listed(merged, "systemModules", findings),
        own: group(merged, "modules", findings),
        system: group(merged, "systemModules", findings),
        names: merged.names("$edgeAgent", &["modules"]),
    };
    if are_listed && !modules.names.contains(&terms.module) {
        let near = modules
            .names
            .iter()
            .find(|name| name.eq_ignore_ascii_case(&terms.module));
        let found = match near {
            Some(near) => format!("\"{near}\""),
            None if modules.names.is_empty() => "none".to_owned(),
            None => modules.names.join(", "),
        };
        findings.add(
            Rule::ModuleMissing,
            &merged.place("$edgeAgent", &["modules", &terms.module]),
            format!("no module \"{}\" is there, found {found}", terms.module),
            "add it as in deployment.template.json, or say with --module which one counts",
        );
    }
    twins_by_case(merged, &modules, terms, findings);
    if let Some(own) = modules.find(&terms.module) {
        let module = &own.module;
        if module.status == Status::Stopped || module.restart_policy == RestartPolicy::Never {
            findings.add(
                Rule::BadValue,
                &own.place,
                "is not kept running: pictures wait until their time is over, and nobody counts them",
                "write \"status\": \"running\" and \"restartPolicy\": \"always\"",
            );
        }
    }
    modules
}

/// Whether the modules of a kind are members of an object, if there are any.
fn listed(merged: &Merged, kind: &str, findings: &mut Findings) -> bool {
    let Some(at) = merged.at("$edgeAgent", &[kind]) else {
        return true;
    };
    match at.object() {
        Ok(_) => true,
        Err(error) => {
            let place = merged.place("$edgeAgent", &[kind]);
            findings.add_error(Rule::BadValue, &place, &error);
            false
        }
    }
}

/// Routes ignore case where they name a sender: for them two such modules are one.
fn twins_by_case(merged: &Merged, modules: &Modules, terms: &Terms, findings: &mut Findings) {
    let is_twin =
        |name: &&String| name.eq_ignore_ascii_case(&terms.module) && **name != terms.module;
    if modules.names.contains(&terms.module)
        && let Some(twin) = modules.names.iter().find(is_twin)
    {
        findings.add(
            Rule::BadValue,
            &merged.place("$edgeAgent", &["modules", twin]),
            format!(
                "found a second module of the name \"{}\", in another case: routes take what it \
                 sends for counts",
                terms.module
            ),
            "give it another name",
        );
    }
}

fn group(merged: &Merged, kind: &str, findings: &mut Findings) -> Vec<Found> {
    let mut read = Vec::new();
    for name in merged.names("$edgeAgent", &[kind]) {
        let segments = [kind, name.as_str()];
        let Some(at) = merged.at("$edgeAgent", &segments) else {
            continue;
        };
        let place = merged.place("$edgeAgent", &segments);
        let form = merged.form("$edgeAgent", &segments);
        if let Err(error) = options(&at, form, &place, findings) {
            findings.add_error(Rule::CreateOptions, &place, &error);
            continue;
        }
        // As a template: what is not in pieces was told of, and is read all the same.
        match manifest::module(&name, &at, Form::Template) {
            Ok(module) => read.push(Found { module, place }),
            Err(error) => findings.add_error(Rule::BadValue, &place, &error),
        }
    }
    read
}

/// What is wrong with a module's `createOptions` alone.
fn options(
    at: &At<'_>,
    form: Form,
    place: &Place,
    findings: &mut Findings,
) -> Result<(), ManifestError> {
    let Some(settings) = at
        .get("settings")?
        .filter(|settings| settings.value.is_object())
    else {
        // The module's reader says what is missing.
        return Ok(());
    };
    for (key, piece) in settings.members()? {
        if !key.starts_with("createOptions") {
            continue;
        }
        let place = Place {
            document: place.document.clone(),
            path: piece.path.clone(),
        };
        match piece.value.as_str().map(|text| text.chars().count()) {
            None if form == Form::Manifest => {
                findings.add(
                    Rule::CreateOptions,
                    &place,
                    "found an object, where the agent reads text",
                    "let `devhub manifest build` write the manifest from the template",
                );
                // Readable all the same, so that what it says is checked too.
            }
            Some(characters) if characters > CHUNK_CHARS && form == Form::Manifest => {
                findings.add(
                    Rule::CreateOptions,
                    &place,
                    format!("found {characters} characters in one piece"),
                    format!(
                        "cut it into createOptions, createOptions01, … of {CHUNK_CHARS} at most, as \
                         `devhub manifest build` does"
                    ),
                );
            }
            Some(_) | None => {}
        }
    }
    create_options::join(&settings)?;
    if let Some(text) = create_options::joined(settings.value)
        && !text.trim().is_empty()
    {
        unique::check(&text).map_err(|source| ManifestError::Json {
            what: format!("text of {}/createOptions", settings.path),
            hint: "",
            source,
        })?;
    }
    Ok(())
}
