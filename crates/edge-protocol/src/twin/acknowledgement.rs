//! What a module reports about a desired property, in the form of IoT Plug and Play:
//! `{"value":…,"ac":…,"av":…,"ad":…}`. [IoT Plug and Play conventions, writable
//! properties]

use serde_json::{Value, json};

/// Longest description, in characters; a longer one is cut.
pub const DESCRIPTION_LIMIT: usize = 512;

/// An answer to one desired property.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledgement {
    /// `value`: the value in use, which for a refused one is the value kept.
    pub value: Value,
    /// `ac`, as in HTTP: 200 taken, 203 a default of the module's own, 400 refused.
    pub code: u16,
    /// `av`: the `$version` of the desired properties answered; 0 when there is none.
    pub version: u64,
    /// `ad`: why, for people. `None` is left out.
    pub description: Option<String>,
}

impl Acknowledgement {
    /// The desired value is in use.
    #[must_use]
    pub fn taken(value: Value, version: Option<u64>) -> Self {
        Acknowledgement::new(value, 200, version, None)
    }

    /// Nothing is desired, so a default is in use.
    #[must_use]
    pub fn default_value(value: Value, version: Option<u64>) -> Self {
        Acknowledgement::new(value, 203, version, Some("default"))
    }

    /// The desired value is not used; `kept` is, and `why` says what is wrong.
    #[must_use]
    pub fn refused(kept: Value, version: Option<u64>, why: &str) -> Self {
        Acknowledgement::new(kept, 400, version, Some(why))
    }

    fn new(value: Value, code: u16, version: Option<u64>, description: Option<&str>) -> Self {
        let cut = |text: &str| text.chars().take(DESCRIPTION_LIMIT).collect();
        Acknowledgement {
            value,
            code,
            version: version.unwrap_or(0),
            description: description.map(cut),
        }
    }

    /// The reported value of the property.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let mut reported = json!({
            "value": self.value,
            "ac": self.code,
            "av": self.version,
        });
        if let Some(description) = &self.description {
            reported["ad"] = Value::from(description.as_str());
        }
        reported
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_four_members_are_those_of_plug_and_play() {
        let taken = Acknowledgement::taken(json!(30), Some(7));
        assert_eq!(taken.to_value(), json!({"value": 30, "ac": 200, "av": 7}));
        let refused = Acknowledgement::refused(json!(30), Some(8), "expected seconds");
        assert_eq!(
            refused.to_value(),
            json!({"value": 30, "ac": 400, "av": 8, "ad": "expected seconds"})
        );
    }

    #[test]
    fn a_long_description_is_cut_to_what_a_twin_takes() {
        let why = "ä".repeat(5000);
        let refused = Acknowledgement::refused(json!(1), None, &why);
        let description = refused.description.clone().unwrap();
        assert_eq!(description.chars().count(), DESCRIPTION_LIMIT);
        let patch = json!({ "interval": refused.to_value() });
        assert!(crate::twin::ReportedPatch::new(&patch).is_ok());
    }
}
