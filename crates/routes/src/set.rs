//! All routes of a hub, and where a message goes.
//!
//! A set is made whole or not at all: one bad route refuses the new
//! configuration, and whoever holds the old set keeps using it.

use std::fmt;

use crate::error::RouteError;
use crate::message::RoutedMessage;
use crate::route::Route;
use crate::sink::Sink;

/// The priority of a route that states none: after every stated one (0 to 9).
pub const DEFAULT_PRIORITY: u32 = 2_000_000_000;

/// A route as a deployment manifest writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteSpec {
    /// The route's text.
    pub route: String,
    /// Delivery order inside one endpoint's queue, smallest first. 0 to 9, or
    /// `None` for [`DEFAULT_PRIORITY`].
    pub priority: Option<u32>,
    /// How long a message waits for its endpoint, in seconds; `None` for the
    /// hub's own time to live. A stated 0 means `None` too.
    pub time_to_live_secs: Option<u32>,
}

impl RouteSpec {
    /// A route with the default priority and the hub's time to live.
    pub fn new(route: impl Into<String>) -> Self {
        Self {
            route: route.into(),
            priority: None,
            time_to_live_secs: None,
        }
    }
}

/// A parsed route with its name and terms.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedRoute {
    name: String,
    route: Route,
    priority: u32,
    time_to_live_secs: Option<u32>,
}

impl NamedRoute {
    /// Its name in the manifest.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The route itself.
    pub fn route(&self) -> &Route {
        &self.route
    }

    /// Its priority, [`DEFAULT_PRIORITY`] if none was stated.
    pub fn priority(&self) -> u32 {
        self.priority
    }

    /// Its own time to live in seconds; `None` for the hub's. Never 0.
    pub fn time_to_live_secs(&self) -> Option<u32> {
        self.time_to_live_secs
    }
}

/// One endpoint that wants a message, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target<'s> {
    /// The name of the route that brought it here: of several to the same
    /// endpoint, the one with the smallest priority, then the first.
    pub route: &'s str,
    /// The endpoint.
    pub sink: &'s Sink,
    /// That route's priority.
    pub priority: u32,
    /// That route's time to live in seconds; `None` for the hub's.
    pub time_to_live_secs: Option<u32>,
}

/// The routes of a hub.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RouteSet {
    routes: Vec<NamedRoute>,
}

impl RouteSet {
    /// Parse all routes of a configuration.
    ///
    /// Priorities are taken as they are; whether 0 to 9 is kept to is the
    /// manifest's business.
    ///
    /// # Errors
    /// [`RouteSetError`] with every bad route and its name, so that one run
    /// shows all mistakes.
    pub fn parse<N, I>(routes: I) -> Result<Self, RouteSetError>
    where
        N: Into<String>,
        I: IntoIterator<Item = (N, RouteSpec)>,
    {
        let mut set = Vec::new();
        let mut refused = Vec::new();
        for (name, spec) in routes {
            let name = name.into();
            match Route::parse(&spec.route) {
                Ok(route) => set.push(NamedRoute {
                    name,
                    route,
                    priority: spec.priority.unwrap_or(DEFAULT_PRIORITY),
                    time_to_live_secs: spec.time_to_live_secs.filter(|seconds| *seconds > 0),
                }),
                Err(error) => refused.push(RefusedRoute { name, error }),
            }
        }
        if refused.is_empty() {
            Ok(Self { routes: set })
        } else {
            Err(RouteSetError { refused })
        }
    }

    /// The routes, in the order they were given.
    pub fn routes(&self) -> &[NamedRoute] {
        &self.routes
    }

    /// The endpoints that want `message`, each once, in the order in which
    /// their first route was given. Empty: no route takes it.
    ///
    /// It evaluates every route; the body is parsed at most once.
    pub fn targets<'s>(&'s self, message: &RoutedMessage<'_>) -> Vec<Target<'s>> {
        let mut targets: Vec<Target<'s>> = Vec::new();
        for named in self
            .routes
            .iter()
            .filter(|named| named.route.matches(message))
        {
            let target = Target {
                route: &named.name,
                sink: named.route.sink(),
                priority: named.priority,
                time_to_live_secs: named.time_to_live_secs,
            };
            match targets.iter_mut().find(|known| known.sink == target.sink) {
                Some(known) if target.priority < known.priority => *known = target,
                Some(_) => {}
                None => targets.push(target),
            }
        }
        targets
    }
}

/// A route that was refused, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct RefusedRoute {
    /// Its name in the manifest.
    pub name: String,
    /// What is wrong with it, and where.
    pub error: RouteError,
}

/// A configuration that was refused: every bad route of it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub struct RouteSetError {
    /// The bad routes, in the order they were given; at least one.
    pub refused: Vec<RefusedRoute>,
}

impl fmt::Display for RouteSetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, RefusedRoute { name, error }) in self.refused.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "route \"{name}\": {error}")?;
        }
        Ok(())
    }
}
