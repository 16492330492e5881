//! File handles: each HTTP connection takes one, and so do the ledger and the connection to edgeHub,
//! which must get theirs whatever comes by HTTP.

use rustix::process::{Resource, getrlimit, setrlimit};
use tracing::{debug, warn};

/// Handles for everything but HTTP: libraries, the ledger and its log, edgeHub, the workload API.
const BESIDE: u64 = 128;

/// How many of the wanted connections there are handles for, after asking the system for more where
/// they are too few. `fetching` more are for pictures that are fetched from their addresses.
pub(super) fn for_connections(wanted: usize, fetching: usize) -> usize {
    let needed = BESIDE + (wanted + fetching) as u64;
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < needed) {
        limit.current = Some(limit.maximum.map_or(needed, |most| needed.min(most)));
        match setrlimit(Resource::Nofile, limit) {
            Ok(()) => debug!(handles = limit.current, "more file handles"),
            Err(error) => {
                debug!(%error, "no more file handles");
                limit = getrlimit(Resource::Nofile);
            }
        }
    }
    let connections = within(wanted, fetching, limit.current);
    if connections < wanted {
        warn!(
            wanted,
            connections,
            handles = limit.current,
            "fewer HTTP connections at once than set: the process may have too few file handles \
             (ulimit -n, in a container --ulimit nofile)"
        );
    }
    connections
}

/// At least one, with what handles are there.
fn within(wanted: usize, fetching: usize, handles: Option<u64>) -> usize {
    let Some(handles) = handles else {
        return wanted;
    };
    let left = handles.saturating_sub(BESIDE + fetching as u64);
    let left = usize::try_from(left).unwrap_or(usize::MAX);
    wanted.min(left.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_handles_for_everything_else() {
        assert_eq!(within(1024, 16, None), 1024);
        assert_eq!(within(1024, 16, Some(4096)), 1024);
        assert_eq!(within(1024, 16, Some(1024)), 1024 - 16 - 128);
        assert_eq!(within(64, 16, Some(1024)), 64);
        assert_eq!(within(64, 16, Some(100)), 1);
    }

    #[test]
    fn more_handles_are_asked_for_where_they_are_too_few() {
        let limit = getrlimit(Resource::Nofile);
        let Some(most) = limit.maximum.filter(|most| *most < 1 << 20) else {
            println!("skipped: this process may have any number of file handles");
            return;
        };
        let wanted = usize::try_from(most).unwrap();
        assert!(for_connections(wanted, 0) < wanted);
        assert_eq!(getrlimit(Resource::Nofile).current, Some(most));
    }
}
