//! Image placeholders: `${MODULES.name…}` and `${MODULEDIR<path>…}`.
//!
//! Both lead to a `module.json`, which knows the repository, the version and
//! the platforms. The image is `repository:version[-tag]-platform`, its
//! repository in lower case and `tag` the variable `CONTAINER_TAG`.
//!
//! | Placeholder | `module.json` | platform |
//! |---|---|---|
//! | `${MODULES.name}` | `MODULES_PATH/name/` (default `modules/name/`) | the build's |
//! | `${MODULES.name.amd64}` | the same | `amd64` |
//! | `${MODULES.name.debug}` | the same | the build's, `.debug` behind it |
//! | `${MODULEDIR<path>}`, `${MODULEDIR<path>.amd64}` | `path/` | as above |
//!
//! Only an image that is nothing but a placeholder is one, as in the tools.

use std::path::Path;

use serde_json::Value;

use crate::build::BuildContext;
use crate::error::ManifestError;
use crate::reader::At;
use crate::variables;

/// The image that stands at `path`, resolved; `None` if it is no placeholder.
pub(crate) fn resolve(
    image: &str,
    path: &str,
    variables: &dyn Fn(&str) -> Option<String>,
    context: &BuildContext<'_>,
) -> Result<Option<String>, ManifestError> {
    let Some(inner) = image
        .strip_prefix("${")
        .and_then(|image| image.strip_suffix('}'))
    else {
        return Ok(None);
    };
    let (folder, suffix) = if let Some(rest) = inner.strip_prefix("MODULES.") {
        let (name, suffix) = rest.split_once('.').unwrap_or((rest, ""));
        let modules = variables("MODULES_PATH").unwrap_or_else(|| "modules".to_owned());
        (Path::new(&modules).join(name), suffix)
    } else if let Some((folder, suffix)) = inner
        .strip_prefix("MODULEDIR<")
        .and_then(|rest| rest.split_once('>'))
    {
        let Some(suffix) = suffix
            .strip_prefix('.')
            .or_else(|| suffix.is_empty().then_some(""))
        else {
            return Ok(None);
        };
        (Path::new(folder).to_owned(), suffix)
    } else {
        return Ok(None);
    };

    let file = folder.join("module.json");
    let text = (context.read)(&file).map_err(|source| ManifestError::ModuleFile {
        path: path.to_owned(),
        placeholder: image.to_owned(),
        file: file.clone(),
        source,
    })?;
    let what = file.display().to_string();
    let module: Value =
        serde_json::from_str(&variables::expand(&text, variables)).map_err(|source| {
            ManifestError::Json {
                what: what.clone(),
                hint: "",
                source,
            }
        })?;
    let described = At {
        value: &module,
        path: what,
    }
    .require("image", "an object")?;
    let repository = described.require("repository", "text")?;
    let tag = described.require("tag", "an object")?;
    let version = tag.require("version", "text")?;
    let platforms = tag.require("platforms", "an object of Dockerfiles")?;

    let platform = match suffix {
        "" => context.platform.to_owned(),
        "debug" => format!("{}.debug", context.platform),
        other => other.to_owned(),
    };
    if !platforms.object()?.contains_key(&platform) {
        let known: Vec<_> = platforms.object()?.keys().map(String::as_str).collect();
        return Err(ManifestError::Platform {
            path: path.to_owned(),
            placeholder: image.to_owned(),
            platform,
            known: known.join(", "),
        });
    }
    let container_tag = variables("CONTAINER_TAG").filter(|tag| !tag.is_empty());
    let container_tag = container_tag
        .map(|tag| format!("-{tag}"))
        .unwrap_or_default();
    let (repository, version) = (repository.text()?.to_lowercase(), version.text()?);
    Ok(Some(format!(
        "{repository}:{version}{container_tag}-{platform}"
    )))
}
