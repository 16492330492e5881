//! The store-and-forward configuration of edgeHub, beside its times to live.

use super::{Findings, Merged, Rule};

/// The least that edgeHub's queue must hold: some hundred pictures of the greatest size.
const LEAST_BYTES: u64 = 100_000_000;

/// Members of `storeAndForwardConfiguration` in other spellings, and a queue that holds next to nothing.
pub(super) fn check(merged: &Merged, findings: &mut Findings) {
    const STORE: &str = "storeAndForwardConfiguration";
    for (segments, known) in [
        (&[STORE][..], &["timeToLiveSecs", "storeLimits"][..]),
        (
            &[STORE, "storeLimits"],
            &["maxSizeBytes", "checkFrequencySecs"],
        ),
    ] {
        for name in merged.names("$edgeHub", segments) {
            if !known.contains(&name.as_str()) {
                let path = [segments, &[name.as_str()]].concat();
                findings.add(
                    Rule::BadValue,
                    &merged.place("$edgeHub", &path),
                    format!("found the member {name}"),
                    format!("write only {}", known.join(", ")),
                );
            }
        }
    }
    let path = [STORE, "storeLimits", "maxSizeBytes"];
    if let Some(limit) = merged.at("$edgeHub", &path)
        && let Some(bytes) = limit.value.as_u64()
        && bytes < LEAST_BYTES
    {
        findings.add(
            Rule::HubStorage,
            &merged.place("$edgeHub", &path),
            format!("{bytes} bytes are all that may wait in edgeHub, which then takes no more"),
            format!("write {LEAST_BYTES} or more, or leave storeLimits out"),
        );
    }
}
