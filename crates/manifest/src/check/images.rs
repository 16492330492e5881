//! Versions of edgeAgent and edgeHub.

use super::modules::{Found, Modules};
use super::{Findings, Merged, Rule};

/// The oldest version with support, major and minor: 1.5 ended on 10 November 2026, 1.6 lasts until
/// 14 November 2028.
const OLDEST: (u32, u32) = (1, 6);

/// Versions of edgeHub that can leave a CONNECT without an answer.
const HANGING: [&str; 2] = ["1.6.0", "1.6.1"];

pub(super) fn check(merged: &Merged, modules: &Modules, findings: &mut Findings) {
    for name in ["edgeAgent", "edgeHub"] {
        if let Some(found) = modules.system(name) {
            image(name, found, findings);
        }
    }
    // edgeHub has a rule of its own for not being there.
    let names = merged.names("$edgeAgent", &["systemModules"]);
    if modules.has_system && !names.iter().any(|name| name == "edgeAgent") {
        findings.add(
            Rule::BadValue,
            &merged.place("$edgeAgent", &["systemModules", "edgeAgent"]),
            "found no edgeAgent",
            "add it as in deployment.template.json",
        );
    }
}

fn image(name: &str, found: &Found, findings: &mut Findings) {
    let image = &found.module.image;
    let mut place = found.place.clone();
    place.path.push_str("/settings/image");
    let current = format!("{}.{}", OLDEST.0, OLDEST.1);
    let cure = format!(
        "take mcr.microsoft.com/azureiotedge-{}:{current}, which follows its patches",
        name.trim_start_matches("edge").to_lowercase()
    );
    let Some(tag) = tag(image, name) else {
        findings.add(
            Rule::SystemImageUnknown,
            &place,
            if name == "edgeHub" && !is_microsofts(image, name) {
                "found an image that is not called azureiotedge-hub: neither its version nor how it \
                 routes can be told"
                    .to_owned()
            } else {
                "found an image whose version cannot be told".to_owned()
            },
            cure,
        );
        return;
    };
    match version(tag) {
        None => findings.add(
            Rule::SystemImageUnknown,
            &place,
            format!("found the tag {tag}, which names no version"),
            cure,
        ),
        Some(version) if version < OLDEST => findings.add(
            Rule::SystemImageOld,
            &place,
            format!(
                "found version {}.{}, which is out of support",
                version.0, version.1
            ),
            cure,
        ),
        Some(_) => {
            let patch = tag.split('-').next().unwrap_or(tag);
            if name == "edgeHub" && HANGING.contains(&patch) {
                findings.add(
                    Rule::HubMayHang,
                    &place,
                    format!("found version {patch}, which can leave a client's CONNECT unanswered"),
                    cure,
                );
            }
        }
    }
}

/// The tag of Microsoft's image, whichever registry it comes from.
fn tag<'i>(image: &'i str, name: &str) -> Option<&'i str> {
    let last = image.rsplit('/').next()?;
    let (_, tag) = last.split_once(':')?;
    (is_microsofts(image, name) && !tag.contains('@')).then_some(tag)
}

/// Whether the image is called as Microsoft's, whichever registry it comes from.
fn is_microsofts(image: &str, name: &str) -> bool {
    let last = image.rsplit('/').next().unwrap_or(image);
    let repository = last.split([':', '@']).next().unwrap_or(last);
    let short = name.trim_start_matches("edge").to_lowercase();
    repository.strip_prefix("azureiotedge-") == Some(&short)
}

/// Major and minor version of a tag like `1.6`, `1.6.2` or `1.6.2-linux-arm64v8`.
fn version(tag: &str) -> Option<(u32, u32)> {
    let mut numbers = tag.split(['.', '-']);
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_any_registry_and_numerically() {
        for (image, expected) in [
            ("mcr.microsoft.com/azureiotedge-hub:1.6", Some((1, 6))),
            ("$upstream:443/azureiotedge-hub:1.10.3", Some((1, 10))),
            (
                "reg:5000/a/azureiotedge-hub:1.5.44-linux-amd64",
                Some((1, 5)),
            ),
            ("mcr.microsoft.com/azureiotedge-hub:latest", None),
            ("mcr.microsoft.com/azureiotedge-hub", None),
            ("mcr.microsoft.com/azureiotedge-agent:1.6", None),
            ("reg/hub:1.6", None),
        ] {
            assert_eq!(tag(image, "edgeHub").and_then(version), expected, "{image}");
        }
        assert!(Some((1, 10)) > Some(OLDEST));
    }
}
