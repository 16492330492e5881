//! Where a route listens: a prefix of message paths.

use std::fmt;

use crate::message::{Origin, same_name};

/// The path after `FROM`.
///
/// It matches every message path that begins with its segments, case ignored.
/// Stars at the end add nothing (`/messages/modules/m`, `/messages/modules/m*`
/// and `/messages/modules/m/*` are the same source, with and without outputs); a
/// star elsewhere is part of an ordinary name that no message has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    segments: Vec<String>,
}

impl Source {
    /// From the items between the slashes, as written.
    pub(crate) fn new(mut segments: Vec<String>) -> Self {
        if let Some(last) = segments.pop() {
            let name = last.trim_end_matches('*');
            if !name.is_empty() {
                segments.push(name.to_owned());
            }
        }
        Self { segments }
    }

    /// The segments that a message path must begin with; empty for `/*`, which
    /// takes everything, twin change notifications included.
    pub fn segments(&self) -> &[String] {
        &self.segments
    }

    /// Whether a message of this origin passes through this source.
    pub fn matches(&self, origin: &Origin<'_>) -> bool {
        let mut path = origin.path();
        self.segments
            .iter()
            .all(|wanted| path.next().is_some_and(|seen| same_name(wanted, seen)))
    }

    /// Whether this source is `/twinChangeNotifications`, the only one that
    /// `twin_change_includes` may stand behind.
    pub fn is_twin_change(&self) -> bool {
        matches!(&self.segments[..], [only] if same_name(only, "twinChangeNotifications"))
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.segments.is_empty() {
            return f.write_str("/*");
        }
        self.segments
            .iter()
            .try_for_each(|segment| write!(f, "/{segment}"))
    }
}
