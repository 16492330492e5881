//! The settings in force, as people may see them.
//!
//! The reader of the settings says what may be shown; a secret comes in without its value, so that it
//! cannot go out.

use std::collections::BTreeMap;

use super::{SETTINGS, Setting};

/// One setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownSetting {
    /// Its full name.
    pub name: &'static str,
    /// As it was set, cut short, or the default in words; of a secret only that it is set.
    pub value: String,
    /// Whether it was set; else the default holds.
    pub is_set: bool,
}

/// Longest value, in characters.
const LONGEST: usize = 500;

/// What was read so far.
#[derive(Debug, Default)]
pub(super) struct Seen(BTreeMap<&'static str, String>);

impl Seen {
    pub(super) fn value(&mut self, setting: Setting, text: &str) {
        let text = text.trim().chars().take(LONGEST).collect();
        self.0.insert(setting.name, text);
    }

    pub(super) fn secret(&mut self, setting: Setting) {
        self.0.insert(setting.name, "(set, not shown)".to_owned());
    }

    /// Every setting, in the order of the reference page.
    pub(super) fn all(&self) -> Vec<ShownSetting> {
        let shown = |setting: &Setting| {
            let set = self.0.get(setting.name);
            ShownSetting {
                name: setting.name,
                value: set.cloned().unwrap_or_else(|| setting.default.to_owned()),
                is_set: set.is_some(),
            }
        };
        SETTINGS.iter().map(shown).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    #[test]
    fn every_setting_is_shown_and_the_key_is_not() {
        let variables = [
            ("FRUIT_COUNTER_HTTP_KEY", "swordfish"),
            ("FRUIT_COUNTER_REPORT_INTERVAL", " 2s "),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let (settings, _) = Settings::read(variables, 2).unwrap();
        assert_eq!(settings.shown.len(), SETTINGS.len());
        let shown = |name: &str| {
            let found = settings.shown.iter().find(|shown| shown.name == name);
            let found = found.unwrap();
            (found.value.as_str(), found.is_set)
        };
        assert_eq!(shown("FRUIT_COUNTER_REPORT_INTERVAL"), ("2s", true));
        assert_eq!(shown("FRUIT_COUNTER_HEARTBEAT"), ("15m", false));
        assert_eq!(shown("FRUIT_COUNTER_HTTP_KEY"), ("(set, not shown)", true));
        assert!(!format!("{settings:?}").contains("swordfish"));
        let (unset, _) = Settings::read([], 2).unwrap();
        let key = unset.shown.iter().find(|one| one.name.ends_with("_KEY"));
        assert_eq!(key.unwrap().value, "none");
    }
}
