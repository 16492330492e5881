//! Template to manifest, as the IoT Edge tools do it.
//!
//! In this order: variables are put into the text, the text is parsed, image
//! placeholders are resolved through `module.json`, `createOptions` become
//! pieces of text, `$schema-template` goes. Layered templates (`content` at the
//! root, dotted keys) are built the same way.

use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::create_options;
use crate::error::ManifestError;
use crate::image;
use crate::json::Json;
use crate::variables;

/// What a build needs beside the template and its variables.
pub struct BuildContext<'a> {
    /// The platform to build for, a name of `module.json`: `amd64`, `arm64v8`.
    pub platform: &'a str,
    /// Reads a file, its path relative to the template's folder. Only
    /// `module.json` files are asked for. [`files_under`] makes one.
    pub read: &'a dyn Fn(&Path) -> io::Result<String>,
}

/// A reader for [`BuildContext::read`] of the files below `folder`.
pub fn files_under(folder: impl Into<PathBuf>) -> impl Fn(&Path) -> io::Result<String> {
    let folder = folder.into();
    move |path| std::fs::read_to_string(folder.join(path))
}

/// The file name of the manifest that a template of this name becomes, as the tools name it:
/// `deployment.layered.template.json` becomes `deployment.layered.amd64.json`.
pub fn manifest_name(template: &str, platform: &str) -> String {
    let stem = template
        .strip_suffix(".template.json")
        .or_else(|| template.strip_suffix(".json"))
        .unwrap_or("deployment");
    format!("{stem}.{platform}.json")
}

/// Build the manifest of a template.
///
/// `variables` answers what `$NAME` and `${NAME}` stand for (environment and
/// `.env` of the caller). `CONTAINER_TAG` and `MODULES_PATH` mean what they
/// mean to the tools.
///
/// # Errors
/// [`ManifestError`] with the path in the document.
pub fn build(
    template: &str,
    variables: &dyn Fn(&str) -> Option<String>,
    context: &BuildContext<'_>,
) -> Result<Value, ManifestError> {
    built(template, variables, context).map(|manifest| manifest.to_value())
}

/// Like [`build`], as the text of a file: members in the template's order,
/// indented by two spaces, ASCII only, a line end behind.
///
/// # Errors
/// As [`build`].
pub fn build_text(
    template: &str,
    variables: &dyn Fn(&str) -> Option<String>,
    context: &BuildContext<'_>,
) -> Result<String, ManifestError> {
    built(template, variables, context).map(|manifest| manifest.pretty())
}

fn built(
    template: &str,
    variables: &dyn Fn(&str) -> Option<String>,
    context: &BuildContext<'_>,
) -> Result<Json, ManifestError> {
    let mut document = parsed(template, variables)?;
    if let Json::Object(members) = &mut document {
        members.retain(|(key, _)| key != "$schema-template");
    }
    let (content, path) = if document.get("content").is_some() {
        let content = document
            .get_mut("content")
            .and_then(|c| c.get_mut("modulesContent"));
        (content, "content/modulesContent")
    } else {
        (document.get_mut("modulesContent"), "modulesContent")
    };
    let Some(content) = content else {
        return Err(missing(path));
    };
    let path = format!("{path}/$edgeAgent");
    let Some(Json::Object(agent)) = content.get_mut("$edgeAgent") else {
        return Err(missing(&path));
    };
    for (path, module) in modules(agent, &path) {
        let settings_path = format!("{path}/settings");
        let Some(Json::Object(settings)) = module.get_mut("settings") else {
            return Err(missing(&settings_path));
        };
        for (key, value) in settings.iter_mut().filter(|(key, _)| key == "image") {
            let path = format!("{settings_path}/{key}");
            let resolved = value
                .as_str()
                .map(|image| image::resolve(image, &path, variables, context));
            if let Some(resolved) = resolved.transpose()?.flatten() {
                *value = Json::String(resolved);
            }
        }
        create_options::split(settings, &settings_path)?;
    }
    Ok(document)
}

/// A template's tree, variables put in.
pub(crate) fn parsed(
    template: &str,
    variables: &dyn Fn(&str) -> Option<String>,
) -> Result<Json, ManifestError> {
    let text = variables::expand(template, variables);
    Json::parse(&text, "template").map_err(|error| match error {
        ManifestError::Json { what, source, .. } if text != template => ManifestError::Json {
            what,
            hint: " after its variables were put in",
            source,
        },
        other => other,
    })
}

fn missing(path: &str) -> ManifestError {
    ManifestError::Value {
        path: path.to_owned(),
        found: "nothing or no object".to_owned(),
        expected: "an object".to_owned(),
    }
}

/// Every module of `$edgeAgent` with its path: those of a full manifest under
/// `properties.desired`, those of a layer under dotted keys.
fn modules<'j>(agent: &'j mut [(String, Json)], path: &str) -> Vec<(String, &'j mut Json)> {
    const DESIRED: &str = "properties.desired";
    let mut found = Vec::new();
    for (key, value) in agent {
        let path = format!("{path}/{key}");
        let Some(below) = key.strip_prefix(DESIRED) else {
            continue;
        };
        let mut segments = below.split('.').skip(1);
        match (segments.next(), segments.next(), segments.next()) {
            (None, ..) => {
                let Json::Object(desired) = value else {
                    continue;
                };
                for (kind, group) in desired.iter_mut().filter(|(kind, _)| is_group(kind)) {
                    found.extend(members(group, &format!("{path}/{kind}")));
                }
            }
            (Some(kind), None, _) if is_group(kind) => found.extend(members(value, &path)),
            (Some(kind), Some(_), None) if is_group(kind) => found.push((path, value)),
            _ => {}
        }
    }
    found
}

fn is_group(key: &str) -> bool {
    matches!(key, "modules" | "systemModules")
}

fn members<'j>(group: &'j mut Json, path: &str) -> Vec<(String, &'j mut Json)> {
    match group {
        Json::Object(members) => members
            .iter_mut()
            .map(|(name, value)| (format!("{path}/{name}"), value))
            .collect(),
        _ => Vec::new(),
    }
}
