//! Routes and times to live: what must be there, and lead somewhere.

use routes::{Origin, Reach, Route, RouteSpec, RoutedMessage, Senders, Sink, reach};

use super::modules::Modules;
use super::{Findings, Merged, Place, Rule, Terms, secrets};
use crate::manifest::{self, HUB_VERSIONS};

/// The routes of the hub that could be read, and its own time to live.
pub(super) struct Hub {
    pub(super) routes: Vec<FoundRoute>,
    time_to_live_secs: Option<u32>,
    /// Whether there are routes that could not be read: then none is missed.
    has_unread: bool,
}

/// A route and where it stands.
pub(super) struct FoundRoute {
    pub(super) name: String,
    pub(super) place: Place,
    pub(super) route: Route,
    time_to_live_secs: Option<u32>,
}

impl FoundRoute {
    /// Whether it leads into an input of the module of that name.
    pub(super) fn leads_into(&self, name: &str) -> bool {
        matches!(self.route.sink(), Sink::Input { module, .. } if module == name)
    }

    pub(super) fn leads_upstream(&self) -> bool {
        *self.route.sink() == Sink::Upstream
    }

    pub(super) fn reach(&self, senders: Senders<'_>) -> Reach {
        reach(&[&self.route], senders)
    }
}

/// Read every route; each that cannot be read is a finding of its own.
pub(super) fn read(merged: &Merged, findings: &mut Findings) -> Hub {
    let mut hub = Hub {
        routes: Vec::new(),
        time_to_live_secs: None,
        has_unread: false,
    };
    let whole = merged.place("$edgeHub", &[]);
    let Some(at) = merged.at("$edgeHub", &[]) else {
        findings.add(
            Rule::BadValue,
            &whole,
            "found nothing",
            "write the desired properties of edgeHub as in deployment.template.json",
        );
        return hub;
    };
    // Not `mqttBroker` of 1.2: a second way for messages, which no route would show.
    let known = [
        "schemaVersion",
        "routes",
        "storeAndForwardConfiguration",
        "integrity",
    ];
    merged.refuse_others("$edgeHub", &known, findings);
    let is_first = match manifest::schema_version(&at, &HUB_VERSIONS) {
        Ok(version) => version == "1.0",
        Err(error) => {
            findings.add_error(Rule::BadValue, &whole, &error);
            false
        }
    };
    match manifest::time_to_live(&at, is_first) {
        Ok(seconds) => hub.time_to_live_secs = Some(seconds),
        Err(error) => findings.add_error(Rule::BadValue, &whole, &error),
    }
    let members = match manifest::route_members(&at, is_first) {
        Ok(members) => members,
        Err(error) => {
            findings.add_error(Rule::BadValue, &whole, &error);
            hub.has_unread = merged.at("$edgeHub", &["routes"]).is_some();
            return hub;
        }
    };
    for (name, _) in members {
        let segments = ["routes", name];
        let place = merged.place("$edgeHub", &segments);
        let Some(at) = merged.at("$edgeHub", &segments) else {
            continue;
        };
        match manifest::route(&at, is_first) {
            Ok(spec) => match parsed(name, place, &spec, findings) {
                Some(route) => hub.routes.push(route),
                None => hub.has_unread = true,
            },
            Err(error) => {
                findings.add_error(Rule::BadValue, &place, &error);
                hub.has_unread = true;
            }
        }
    }
    hub
}

fn parsed(
    name: &str,
    place: Place,
    spec: &RouteSpec,
    findings: &mut Findings,
) -> Option<FoundRoute> {
    if let Some(kind) = secrets::secret(&spec.route) {
        // Nothing is said about it that would repeat it.
        findings.add(
            Rule::BadRoute,
            &place,
            format!("found {kind} in a route, which is not looked at further"),
            "take it out",
        );
        return None;
    }
    match Route::parse(&spec.route) {
        Ok(route) => Some(FoundRoute {
            name: name.to_owned(),
            place,
            route,
            time_to_live_secs: spec.time_to_live_secs,
        }),
        Err(error) => {
            findings.add(
                Rule::BadRoute,
                &place,
                error.to_string().trim_end().to_owned(),
                "mend it: edgeHub keeps all its old routes while one is bad (docs/routes.md)",
            );
            None
        }
    }
}

pub(super) fn check(
    merged: &Merged,
    hub: &Hub,
    modules: &Modules,
    terms: &Terms,
    findings: &mut Findings,
) {
    inputs(hub, modules, findings);
    let cameras: Vec<_> = hub
        .routes
        .iter()
        .filter(|route| route.leads_into(&terms.module))
        .filter(|route| !route.reach(Senders::LeafDevices).is_never())
        .collect();
    let counts: Vec<_> = hub
        .routes
        .iter()
        .filter(|route| route.leads_upstream() && takes_counts(&route.route, &terms.module))
        .collect();
    let routes = merged.place("$edgeHub", &["routes"]);
    let module = &terms.module;
    if cameras.is_empty() && !hub.has_unread {
        findings.add(
            Rule::RouteMissing,
            &routes,
            format!("no route brings what leaf devices send to {module}"),
            format!(
                "add: FROM /messages/* WHERE NOT IS_DEFINED($connectionModuleId) INTO \
                 BrokeredEndpoint(\"/modules/{module}/inputs/images\")"
            ),
        );
    }
    let is_taken = counts
        .iter()
        .any(|route| takes_report(&route.route, &terms.module));
    if !is_taken && !hub.has_unread {
        let some = match counts.first() {
            Some(route) => format!(", \"{}\" takes only some of them", route.name),
            None => String::new(),
        };
        findings.add(
            Rule::RouteMissing,
            &routes,
            format!("no route brings all counts of {module} to IoT Hub{some}"),
            format!("add: FROM /messages/modules/{module}/outputs/counts INTO $upstream"),
        );
    }
    // A route that takes pictures too is to go, whatever its time.
    let counts: Vec<_> = counts
        .into_iter()
        .filter(|route| route.reach(Senders::LeafDevices).is_never())
        .collect();
    for (routes, least, what) in [
        (
            &cameras,
            terms.pictures_secs,
            "pictures wait for the module",
        ),
        (&counts, terms.counts_secs, "counts wait for the cloud"),
    ] {
        for route in routes {
            time_to_live(route, hub, least, what, findings);
        }
    }
}

fn inputs(hub: &Hub, modules: &Modules, findings: &mut Findings) {
    for route in &hub.routes {
        let Sink::Input { module, .. } = route.route.sink() else {
            continue;
        };
        if modules.names.contains(module) {
            continue;
        }
        let near = modules
            .names
            .iter()
            .find(|name| name.eq_ignore_ascii_case(module));
        let hint = match near {
            Some(near) => format!("write {near}: case counts here"),
            None => {
                "name a module of this deployment, or take the route out: what it takes waits for \
                     nobody until its time is over"
                    .to_owned()
            }
        };
        findings.add(
            Rule::InputUnknown,
            &route.place,
            format!("leads into the module \"{module}\", which is not there"),
            hint,
        );
    }
}

/// Whether a plain report of the module passes, one that counted nothing.
pub(super) fn takes_report(route: &Route, module: &str) -> bool {
    let text = |name: &str, value: &str| (name.to_owned(), Some(value.to_owned()));
    let system = [
        text("contentType", "application/json"),
        text("contentEncoding", "utf-8"),
        text("messageId", "5b0e-1"),
    ];
    let origin = Origin::Module {
        device: "edge",
        module,
        output: Some("counts"),
    };
    let body = br#"{"schema":"fruit-counts/1","counts":{"ripe":0,"unripe":0},"cameras":{}}"#;
    route.matches(&RoutedMessage::new(origin, &[], &system, body))
}

/// Whether a report on the module's output `counts` may pass.
fn takes_counts(route: &Route, module: &str) -> bool {
    let output = Route::parse(&format!(
        "FROM /messages/modules/{module}/outputs/counts INTO $upstream"
    ));
    match output {
        Ok(output) => !reach(&[route, &output], Senders::Module(module)).is_never(),
        // A name that cannot stand in a source; then the module as a whole has to do.
        Err(_) => !reach(&[route], Senders::Module(module)).is_never(),
    }
}

fn time_to_live(route: &FoundRoute, hub: &Hub, least: u32, what: &str, findings: &mut Findings) {
    let (seconds, whose) = match (route.time_to_live_secs, hub.time_to_live_secs) {
        (Some(seconds), _) => (seconds, "its own time to live"),
        (None, Some(seconds)) => (
            seconds,
            "the hub's time to live, for it has none of its own,",
        ),
        // It could not be read, which was told.
        (None, None) => return,
    };
    if seconds < least {
        findings.add(
            Rule::TimeToLive,
            &route.place,
            format!("{whose} is {seconds} s, and {what} for {least} s"),
            format!(
                "set \"timeToLiveSecs\": {least} in the route, or say with --pictures-wait or \
                     --counts-wait that less is meant"
            ),
        );
    }
}
