//! `cvexport.manifest`: what kind of export it is, when it was made, what its files are called.

use serde::Deserialize;

use super::PackageError;
use crate::NamedRecipe;

/// The file's name.
pub(super) const MANIFEST: &str = "cvexport.manifest";

/// The part that is used; the rest is ignored.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Manifest {
    domain_type: Option<String>,
    platform: Option<String>,
    exported_date: Option<String>,
    iteration_id: Option<String>,
    pub(super) model_file_name: Option<String>,
    pub(super) label_file_name: Option<String>,
    pub(super) metadata_props_file_name: Option<String>,
}

/// The month of the oldest container that has mscviplib (2.200731.16), as a date begins.
const MSCVIPLIB_SINCE: &str = "2020-08";

impl Manifest {
    /// Refuses exports that are no ONNX classifier.
    pub(super) fn refuse_other_kinds(&self) -> Result<(), PackageError> {
        if let Some(domain) = self.domain_type.as_deref()
            && domain.eq_ignore_ascii_case("ObjectDetection")
        {
            let sign = format!("{MANIFEST} says {domain}");
            return Err(PackageError::Detection { sign });
        }
        match self.platform.as_deref() {
            Some(platform) if !platform.eq_ignore_ascii_case("ONNX") => {
                let platform = platform.to_owned();
                Err(PackageError::OtherPlatform { platform })
            }
            _ => Ok(()),
        }
    }

    /// The container that an export without properties shipped with. Those without a manifest, or
    /// without a date in it, are taken for older ones.
    pub(super) fn era(&self) -> NamedRecipe {
        let date = self.exported_date.as_deref().unwrap_or_default();
        let is_date = date.starts_with("20") && date.as_bytes().get(4) == Some(&b'-');
        match date.get(..MSCVIPLIB_SINCE.len()) {
            Some(month) if is_date && month >= MSCVIPLIB_SINCE => NamedRecipe::Docker2020,
            _ => NamedRecipe::Docker2018,
        }
    }

    /// The iteration, where it is stated.
    pub(super) fn iteration(&self) -> Option<&str> {
        let id = self.iteration_id.as_deref()?;
        (!id.trim().is_empty()).then_some(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_of_the_export_tells_its_era() {
        fn check(date: Option<&str>, expected: NamedRecipe) {
            let manifest = Manifest {
                exported_date: date.map(str::to_owned),
                ..Manifest::default()
            };
            assert_eq!(manifest.era(), expected, "{date:?}");
        }
        check(None, NamedRecipe::Docker2018);
        check(Some("2018-11-05T10:00:00Z"), NamedRecipe::Docker2018);
        check(Some("2020-07-31T23:59:59Z"), NamedRecipe::Docker2018);
        check(
            Some("2020-08-01T00:00:00.0000000Z"),
            NamedRecipe::Docker2020,
        );
        check(Some("2021-02-03T00:00:00Z"), NamedRecipe::Docker2020);
        for other in [
            "",
            "yesterday",
            "20201105",
            "8/1/2021",
            "20é0-08-01",
            "2020",
        ] {
            check(Some(other), NamedRecipe::Docker2018);
        }
    }
}
