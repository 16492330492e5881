//! Where a route leads: upstream, or into an input of a module.

use std::fmt;

use crate::error::RouteErrorKind;
use crate::message::same_name;

/// A route's endpoint. Two routes with equal sinks share one copy of a message.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Sink {
    /// `$upstream`: IoT Hub, or the parent edge device.
    Upstream,
    /// `BrokeredEndpoint("/modules/{module}/inputs/{input}")`. The module need
    /// not exist: its queue waits for it.
    Input {
        /// The module's id; case counts.
        module: String,
        /// The input's name; case counts.
        input: String,
    },
}

/// What a sink may be, for error messages.
pub(crate) const SINKS: &str =
    "$upstream or BrokeredEndpoint(\"/modules/{module}/inputs/{input}\")";

impl Sink {
    /// From a `$name`, as edgeHub's endpoint factory reads it: case is ignored.
    pub(crate) fn system(name: &str) -> Result<Self, RouteErrorKind> {
        if same_name(name, "$upstream") {
            Ok(Self::Upstream)
        } else {
            Err(RouteErrorKind::UnknownSink {
                found: name.to_owned(),
            })
        }
    }

    /// From a function call; one slash at each end of the path may be missing
    /// or present.
    pub(crate) fn function(name: &str, path: &str) -> Result<Self, RouteErrorKind> {
        if !same_name(name, "BrokeredEndpoint") {
            return Err(RouteErrorKind::UnknownSink {
                found: name.to_owned(),
            });
        }
        let refused = || RouteErrorKind::EndpointPath {
            found: path.to_owned(),
        };
        let trimmed = path.trim();
        let trimmed = trimmed.strip_prefix('/').unwrap_or(trimmed);
        let trimmed = trimmed.strip_suffix('/').unwrap_or(trimmed);
        let mut segments = trimmed.split('/');
        match (
            segments.next(),
            segments.next(),
            segments.next(),
            segments.next(),
            segments.next(),
        ) {
            (Some(modules), Some(module), Some(inputs), Some(input), None)
                if same_name(modules, "modules")
                    && same_name(inputs, "inputs")
                    && !module.is_empty()
                    && !input.is_empty() =>
            {
                Ok(Self::Input {
                    module: module.to_owned(),
                    input: input.to_owned(),
                })
            }
            _ => Err(refused()),
        }
    }
}

impl fmt::Display for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Upstream => f.write_str("$upstream"),
            Self::Input { module, input } => {
                write!(f, "BrokeredEndpoint(\"/modules/{module}/inputs/{input}\")")
            }
        }
    }
}
