//! One desired property as a value in use.

use std::fmt::Display;

use serde_json::Value;

use super::acknowledgement::Acknowledgement;
use super::desired::DesiredState;

/// A value that follows a desired property and is never anything but valid: a value that
/// cannot be read leaves the one before in use.
#[derive(Debug, Clone)]
pub struct Setting<T> {
    name: String,
    default: T,
    effective: T,
}

impl<T: Clone + Into<Value>> Setting<T> {
    /// The property `name`, at its default until something else is desired.
    #[must_use]
    pub fn new(name: impl Into<String>, default: T) -> Self {
        Setting {
            name: name.into(),
            effective: default.clone(),
            default,
        }
    }

    /// Name of the property.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value in use.
    #[must_use]
    pub fn value(&self) -> &T {
        &self.effective
    }

    /// Follows `desired` and says what to report under [`Setting::name`]. `read` makes a
    /// value of the desired one or says what is wrong with it; then the value in use
    /// stays. A property that is not desired is at its default.
    pub fn follow<E: Display>(
        &mut self,
        desired: &DesiredState,
        read: impl FnOnce(&Value) -> Result<T, E>,
    ) -> Acknowledgement {
        let version = desired.version;
        let Some(wanted) = desired.properties.get(&self.name) else {
            self.effective = self.default.clone();
            return Acknowledgement::default_value(self.in_use(), version);
        };
        match read(wanted) {
            Ok(value) => {
                self.effective = value;
                Acknowledgement::taken(self.in_use(), version)
            }
            Err(why) => Acknowledgement::refused(self.in_use(), version, &why.to_string()),
        }
    }

    fn in_use(&self) -> Value {
        self.effective.clone().into()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Map, json};

    use super::*;

    fn desired(version: u64, interval: Option<Value>) -> DesiredState {
        let properties = interval.map(|value| ("interval".to_owned(), value));
        DesiredState {
            version: Some(version),
            properties: Arc::new(Map::from_iter(properties)),
            ..DesiredState::default()
        }
    }

    fn seconds(value: &Value) -> Result<u64, &'static str> {
        value
            .as_u64()
            .filter(|n| *n > 0)
            .ok_or("expected seconds, at least 1")
    }

    #[test]
    fn checklist_38_an_invalid_desired_value_keeps_the_old_one_and_says_why() {
        let mut interval = Setting::new("interval", 60_u64);
        let taken = interval.follow(&desired(4, Some(json!(5))), seconds);
        assert_eq!((taken.code, *interval.value()), (200, 5));
        let refused = interval.follow(&desired(5, Some(json!("fast"))), seconds);
        assert_eq!(*interval.value(), 5);
        assert_eq!(
            refused.to_value(),
            json!({"value": 5, "ac": 400, "av": 5, "ad": "expected seconds, at least 1"})
        );
        let default = interval.follow(&desired(6, None), seconds);
        assert_eq!(*interval.value(), 60);
        assert_eq!((default.code, default.version), (203, 6));
    }
}
