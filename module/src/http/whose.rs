//! Whose a picture is whose request names no camera.
//!
//! Pure. Programs that were written for the exported container cannot name one; a setting lets them
//! be counted all the same, by what each request has anyway.

use std::net::IpAddr;

use percent_encoding::percent_decode_str;

use super::names::Name;
use crate::settings::CountMode;

/// The camera, or none: then the picture is answered only. `project` is as the path has it.
pub(super) fn camera(mode: CountMode, project: Option<&str>, sender: IpAddr) -> Option<Name> {
    match mode {
        CountMode::Named => None,
        CountMode::Project => Some(of_project(project)),
        CountMode::Address => Some(of_address(sender)),
    }
}

/// A path without a project, or with one that can be no camera's name, is counted as a camera of its
/// own: whoever asked to count all would miss it, and a refusal would break programs that work.
fn of_project(project: Option<&str>) -> Name {
    let decoded = percent_decode_str(project.unwrap_or_default()).decode_utf8_lossy();
    Name::parse(&decoded).unwrap_or_else(|_no_name| Name::unnamed())
}

/// An IPv4 address is a name as it stands, also one that comes as IPv6. Of another the colons become
/// dashes, of which it has none.
fn of_address(address: IpAddr) -> Name {
    let text = address.to_canonical().to_string().replace(':', "-");
    Name::parse(&text).unwrap_or_else(|_no_name| Name::unnamed())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENDER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn name(text: &str) -> Option<Name> {
        Some(Name::parse(text).unwrap())
    }

    #[test]
    fn by_default_a_picture_without_a_name_is_nobodys() {
        assert_eq!(camera(CountMode::Named, Some("P"), SENDER), None);
    }

    #[test]
    fn a_project_is_the_camera_if_it_can_be_a_name() {
        let longest = "p".repeat(64);
        for (project, expected) in [
            (Some("packing-line"), "packing-line"),
            (
                Some("2f9c1a7e-53d4-4be0-9d55-8a1f6c1f3a10"),
                "2f9c1a7e-53d4-4be0-9d55-8a1f6c1f3a10",
            ),
            (Some("line%2D1"), "line-1"),
            (Some(longest.as_str()), longest.as_str()),
            (Some("My%20Project"), "unnamed"),
            (Some("a%2Fb"), "unnamed"),
            (Some("obst-\u{e4}pfel"), "unnamed"),
            (Some("%ff"), "unnamed"),
            (Some("%00"), "unnamed"),
            (Some(""), "unnamed"),
            (Some(&"p".repeat(65)), "unnamed"),
            (None, "unnamed"),
        ] {
            let found = camera(CountMode::Project, project, SENDER);
            assert_eq!(found, name(expected), "{project:?}");
        }
    }

    #[test]
    fn an_address_is_a_name_of_its_own() {
        for (address, expected) in [
            ("192.168.1.20", "192.168.1.20"),
            ("::ffff:192.168.1.20", "192.168.1.20"),
            ("::1", "--1"),
            ("fe80::a:1", "fe80--a-1"),
            (
                "2001:db8:1111:2222:3333:4444:5555:6666",
                "2001-db8-1111-2222-3333-4444-5555-6666",
            ),
        ] {
            let found = camera(CountMode::Address, Some("P"), address.parse().unwrap());
            assert_eq!(found, name(expected), "{address}");
        }
    }
}
