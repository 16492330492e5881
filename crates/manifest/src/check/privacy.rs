//! Pictures stay: no route to IoT Hub takes what a camera sent.
//!
//! A picture is what a leaf device sends, and what any route brings to an input of the counting
//! module from anybody else. What the module itself sends is counts and nothing else. Each route
//! to `$upstream` is asked whether it can take such a message; only a proof that it cannot lets it
//! pass.

use routes::{Reach, Senders, reach};

use super::routing::{FoundRoute, Hub, takes_report};
use super::{Findings, Rule, Terms};

pub(super) fn check(hub: &Hub, terms: &Terms, findings: &mut Findings) {
    let module = terms.module.as_str();
    let into: Vec<_> = hub
        .routes
        .iter()
        .filter(|route| route.leads_into(module))
        .collect();
    for up in hub.routes.iter().filter(|route| route.leads_upstream()) {
        let of_cameras = up.reach(Senders::LeafDevices);
        if !of_cameras.is_never() {
            refuse(up, &of_cameras, "what leaf devices send", module, findings);
            continue;
        }
        for input in &into {
            let both = [Senders::OtherModules(module), Senders::TwinChanges]
                .into_iter()
                .map(|senders| reach(&[&input.route, &up.route], senders))
                .find(|found| !found.is_never());
            if let Some(found) = both {
                let what = format!("what the route \"{}\" brings to {module}", input.name);
                refuse(up, &found, &what, module, findings);
            }
        }
    }
    for input in &into {
        counts_return(input, module, findings);
    }
    elsewhere(hub, module, findings);
}

fn refuse(route: &FoundRoute, found: &Reach, what: &str, module: &str, findings: &mut Findings) {
    let why = match found {
        Reach::Possibly(example) => format!("can take {what} to IoT Hub: {example} passes"),
        Reach::Undecided(why) => format!("may take {what} to IoT Hub: {why}"),
        Reach::Never => return,
    };
    findings.add(
        Rule::PicturesUpstream,
        &route.place,
        why,
        format!(
            "take only the counts: FROM /messages/modules/{module}/outputs/counts INTO $upstream; or \
             ask who sent it: WHERE {{$connectionModuleId}} = 'NAME', with the braces, which no \
             camera passes that speaks as cameras do"
        ),
    );
}

/// A report that comes back as a picture is rejected, and makes the next report.
fn counts_return(input: &FoundRoute, module: &str, findings: &mut Findings) {
    if takes_report(&input.route, module) {
        findings.add(
            Rule::CountsReturn,
            &input.place,
            format!(
                "brings the reports of {module} back to it as pictures: each is rejected, and makes \
                 the next report"
            ),
            "take leaf devices alone: WHERE NOT IS_DEFINED($connectionModuleId)",
        );
    }
}

/// Modules of somebody else that get pictures, from a camera or from one another.
fn elsewhere(hub: &Hub, own: &str, findings: &mut Findings) {
    let mut holders: Vec<(&str, &FoundRoute)> = Vec::new();
    // Each route with how many holders it was asked about: none twice, whatever the number of modules.
    let mut asked: Vec<_> = hub
        .routes
        .iter()
        .filter_map(|route| match route.route.sink() {
            routes::Sink::Input { module, .. } if module != own => Some((route, module, 0)),
            _ => None,
        })
        .collect();
    for (route, module, _) in &asked {
        let is_known = holders.iter().any(|(known, _)| known == module);
        if !is_known && !route.reach(Senders::LeafDevices).is_never() {
            holders.push((module, route));
        }
    }
    loop {
        let further = asked.iter_mut().find_map(|(route, module, count)| {
            if holders.iter().any(|(known, _)| known == module) {
                return None;
            }
            let brings = holders[*count..]
                .iter()
                .any(|(holder, _)| !route.reach(Senders::Module(holder)).is_never());
            *count = holders.len();
            brings.then_some((module.as_str(), *route))
        });
        match further {
            Some(further) => holders.push(further),
            None => break,
        }
    }
    for (holder, by) in holders {
        let out = hub.routes.iter().find(|route| {
            route.leads_upstream() && !route.reach(Senders::Module(holder)).is_never()
        });
        let way = match out {
            Some(out) => format!(
                "and the route \"{}\" takes what it sends to IoT Hub",
                out.name
            ),
            None => "which may have ways out of its own".to_owned(),
        };
        findings.add(
            Rule::PicturesElsewhere,
            &by.place,
            format!("brings pictures to the module \"{holder}\", {way}"),
            "make sure that it passes none on, or take the route out",
        );
    }
}
