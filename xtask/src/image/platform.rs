//! What an image is for, by the names that IoT Edge's tools have.

use thiserror::Error;

/// A platform that the image is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Platform {
    /// 64-bit Intel and AMD.
    Amd64,
    /// 64-bit ARM.
    Arm64v8,
}

impl Platform {
    /// In `module.json` and at the end of tags.
    pub(super) fn name(self) -> &'static str {
        match self {
            Platform::Amd64 => "amd64",
            Platform::Arm64v8 => "arm64v8",
        }
    }

    /// As registries and builders call the architecture.
    pub(super) fn architecture(self) -> &'static str {
        match self {
            Platform::Amd64 => "amd64",
            Platform::Arm64v8 => "arm64",
        }
    }
}

/// There is no image for that.
#[derive(Debug, PartialEq, Eq, Error)]
pub(crate) enum NoImage {
    /// A 32-bit ARM processor or system.
    #[error(
        "ONNX Runtime has no library for 32-bit ARM ({0}); on a Raspberry Pi 3 or newer install a \
         64-bit system and build for arm64v8"
    )]
    Arm32(String),
    /// Anything else.
    #[error("no image is made for {0}; amd64 and arm64v8 are what there is")]
    Other(String),
}

/// Reads a platform as people, IoT Edge's tools and Docker write it.
pub(crate) fn parse(text: &str) -> Result<Platform, NoImage> {
    let name = text.strip_prefix("linux/").unwrap_or(text);
    match name {
        "amd64" | "x86_64" => Ok(Platform::Amd64),
        "arm64v8" | "arm64" | "arm64/v8" | "aarch64" => Ok(Platform::Arm64v8),
        _ if name.starts_with("arm") => Err(NoImage::Arm32(text.to_owned())),
        _ => Err(NoImage::Other(text.to_owned())),
    }
}

/// What this machine is, named as in `std::env::consts`.
pub(super) fn of_machine(arch: &str) -> Result<Platform, NoImage> {
    parse(arch)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn both_platforms_are_known_by_every_name_they_have() {
        for name in ["amd64", "linux/amd64", "x86_64"] {
            assert_eq!(parse(name), Ok(Platform::Amd64), "{name}");
        }
        for name in [
            "arm64v8",
            "arm64",
            "linux/arm64",
            "linux/arm64/v8",
            "aarch64",
        ] {
            assert_eq!(parse(name), Ok(Platform::Arm64v8), "{name}");
        }
    }

    #[test]
    fn the_iot_edge_tools_are_told_the_same_recipe_version_and_platforms() {
        let module = Path::new(env!("CARGO_MANIFEST_DIR")).join("../module");
        let text = std::fs::read_to_string(module.join("module.json")).unwrap();
        let image = &serde_json::from_str::<serde_json::Value>(&text).unwrap()["image"];
        assert_eq!(image["tag"]["version"], env!("CARGO_PKG_VERSION"));
        let platforms = image["tag"]["platforms"].as_object().unwrap();
        let names: Vec<_> = platforms
            .keys()
            .map(|name| parse(name).unwrap().name())
            .collect();
        assert_eq!(names, ["amd64", "arm64v8"]);
        for recipe in platforms.values() {
            let recipe = module.join(recipe.as_str().unwrap());
            assert!(
                recipe.ends_with("docker/Dockerfile") && recipe.is_file(),
                "{recipe:?}"
            );
        }
        let context = module.join(image["contextPath"].as_str().unwrap());
        assert!(context.join("Cargo.lock").is_file(), "{context:?}");
    }

    #[test]
    fn arm_of_32_bits_is_refused_by_name_with_a_way_round() {
        for name in ["arm32v7", "arm", "armhf", "linux/arm/v7", "linux/arm/v6"] {
            let said = parse(name).unwrap_err().to_string();
            assert!(said.contains("32-bit ARM") && said.contains(name), "{said}");
            assert!(said.contains("64-bit system"), "{said}");
        }
        assert_eq!(parse("riscv64"), Err(NoImage::Other("riscv64".to_owned())));
        assert_eq!(parse(""), Err(NoImage::Other(String::new())));
    }
}
