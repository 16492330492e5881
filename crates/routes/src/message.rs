//! What a route sees of a message: where it came from, its properties, its body.
//!
//! A view with borrowed parts, made for one evaluation and dropped after it.
//! It never copies a body: a picture of 250 KB is looked at only when a
//! condition asks with `$body.…` and the message says that it is JSON.

use std::cell::OnceCell;

use serde_json::Value as Json;

use crate::body;

/// Who sent a message, and by which door; it decides the message's path, which
/// `FROM` is compared with.
///
/// | Origin | Path |
/// |---|---|
/// | leaf device | `/messages` |
/// | module, no output | `/messages/modules/{module}` |
/// | module with output | `/messages/modules/{module}/outputs/{output}` |
/// | change of reported properties | `/twinChangeNotifications` |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin<'a> {
    /// Telemetry of a leaf device.
    Leaf {
        /// The device's id.
        device: &'a str,
    },
    /// Telemetry of a module.
    Module {
        /// The id of the device that the module runs on.
        device: &'a str,
        /// The module's id.
        module: &'a str,
        /// The output it was sent to (`$.on`), if it named one.
        output: Option<&'a str>,
    },
    /// A device's or module's reported properties changed.
    TwinChange {
        /// The device's id.
        device: &'a str,
        /// The module's id, if it is a module's twin.
        module: Option<&'a str>,
    },
}

impl<'a> Origin<'a> {
    /// The segments of the message's path, without slashes.
    pub fn path(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let segments = match *self {
            Origin::Leaf { .. } => [Some("messages"), None, None, None, None],
            Origin::Module {
                module,
                output: None,
                ..
            } => [Some("messages"), Some("modules"), Some(module), None, None],
            Origin::Module {
                module,
                output: Some(output),
                ..
            } => [
                Some("messages"),
                Some("modules"),
                Some(module),
                Some("outputs"),
                Some(output),
            ],
            Origin::TwinChange { .. } => [Some("twinChangeNotifications"), None, None, None, None],
        };
        segments.into_iter().flatten()
    }

    /// The id of the sending device.
    pub fn device(&self) -> &'a str {
        match *self {
            Origin::Leaf { device }
            | Origin::Module { device, .. }
            | Origin::TwinChange { device, .. } => device,
        }
    }

    /// The id of the sending module; `None` for a leaf device.
    pub fn module(&self) -> Option<&'a str> {
        match *self {
            Origin::Leaf { .. } => None,
            Origin::Module { module, .. } => Some(module),
            Origin::TwinChange { module, .. } => module,
        }
    }

    /// The output the message was sent to, if any.
    pub fn output(&self) -> Option<&'a str> {
        match *self {
            Origin::Module { output, .. } => output,
            Origin::Leaf { .. } | Origin::TwinChange { .. } => None,
        }
    }
}

/// A message as conditions see it.
///
/// Names are compared without regard to case; of two equal ones the first
/// counts. A value of `None` is a property that was sent without one (`key`
/// alone in a topic): it is defined, and null.
#[derive(Debug)]
pub struct RoutedMessage<'a> {
    origin: Origin<'a>,
    properties: &'a [(String, Option<String>)],
    system: &'a [(String, Option<String>)],
    body: &'a [u8],
    /// The body as JSON, parsed at most once per message; `Some(None)` means
    /// "asked for, but not a JSON object in a known encoding".
    document: OnceCell<Option<Json>>,
}

impl<'a> RoutedMessage<'a> {
    /// A view of one message.
    ///
    /// `system` holds system properties by their *internal* names
    /// (`contentType`, `messageId`, …, not `$.ct`). `connectionDeviceId`,
    /// `connectionModuleId` and `outputName` are answered from `origin` alone,
    /// whatever the list says: a sender cannot choose them.
    pub fn new(
        origin: Origin<'a>,
        properties: &'a [(String, Option<String>)],
        system: &'a [(String, Option<String>)],
        body: &'a [u8],
    ) -> Self {
        Self {
            origin,
            properties,
            system,
            body,
            document: OnceCell::new(),
        }
    }

    /// Who sent it.
    pub fn origin(&self) -> Origin<'a> {
        self.origin
    }

    /// An application property: `None` if absent, `Some(None)` if null.
    pub fn property(&self, name: &str) -> Option<Option<&'a str>> {
        find(self.properties, name)
    }

    /// A system property by internal name: `None` if absent, `Some(None)` if null.
    pub fn system_property(&self, name: &str) -> Option<Option<&'a str>> {
        if same_name(name, "connectionDeviceId") {
            Some(Some(self.origin.device()))
        } else if same_name(name, "connectionModuleId") {
            self.origin.module().map(Some)
        } else if same_name(name, "outputName") {
            self.origin.output().map(Some)
        } else {
            find(self.system, name)
        }
    }

    /// The body as a JSON object, if the message may be asked about its body.
    ///
    /// It costs one parse of the body at the first call and nothing after it.
    pub(crate) fn document(&self) -> Option<&Json> {
        self.document
            .get_or_init(|| {
                let content_type = self.system_property("contentType").flatten();
                let encoding = self.system_property("contentEncoding").flatten();
                body::document(content_type, encoding, self.body)
            })
            .as_ref()
    }
}

fn find<'a>(properties: &'a [(String, Option<String>)], name: &str) -> Option<Option<&'a str>> {
    properties
        .iter()
        .find(|(key, _)| same_name(key, name))
        .map(|(_, value)| value.as_deref())
}

/// Equality without regard to case, character by character, as .NET's
/// `OrdinalIgnoreCase` has it: no culture, no expansion (`ß` is not `SS`).
pub(crate) fn same_name(left: &str, right: &str) -> bool {
    left == right || left.chars().map(upper).eq(right.chars().map(upper))
}

/// A character's upper case form where that is one character, else itself.
pub(crate) fn upper(character: char) -> char {
    let mut upper = character.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(single), None) => single,
        _ => character,
    }
}

/// A character's lower case form where that is one character, else itself.
pub(crate) fn lower(character: char) -> char {
    let mut lower = character.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(single), None) => single,
        _ => character,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_cannot_choose_who_it_is() {
        let forged = [
            ("connectionDeviceId".to_owned(), Some("other".to_owned())),
            (
                "connectionModuleId".to_owned(),
                Some("FruitCounter".to_owned()),
            ),
            ("outputName".to_owned(), Some("counts".to_owned())),
        ];
        let message = RoutedMessage::new(Origin::Leaf { device: "cam-01" }, &[], &forged, b"");
        assert_eq!(
            message.system_property("connectionDeviceId"),
            Some(Some("cam-01"))
        );
        assert_eq!(message.system_property("connectionModuleId"), None);
        assert_eq!(message.system_property("outputName"), None);
    }

    #[test]
    fn property_names_ignore_case_and_a_key_alone_is_null() {
        let properties = [
            ("Key".to_owned(), None),
            ("größe".to_owned(), Some("7".to_owned())),
        ];
        let message = RoutedMessage::new(Origin::Leaf { device: "d" }, &properties, &[], b"");
        assert_eq!(message.property("KEY"), Some(None));
        assert_eq!(message.property("GRÖßE"), Some(Some("7")));
        assert_eq!(message.property("other"), None);
    }
}
