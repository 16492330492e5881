//! The addresses behind the gateway's name, and the order in which to try them.
//!
//! One address of several may swallow everything sent to it. It must cost no more than
//! its own share of the time, and the next attempt begins elsewhere, so every address is
//! reached sooner or later however the resolver sorts them.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;

/// Addresses that were tried and led to no finished handshake, oldest trial first.
#[derive(Debug, Default)]
pub(super) struct Suspects(Vec<SocketAddr>);

impl Suspects {
    /// Puts the addresses never suspected first, in their order, then the others, the one
    /// tried longest ago first. Forgets what is no longer among them, so that it stays as
    /// small as the resolver's answer.
    pub(super) fn order(&mut self, addresses: &mut [SocketAddr]) {
        self.0.retain(|suspect| addresses.contains(suspect));
        addresses.sort_by_key(|address| self.0.iter().position(|suspect| suspect == address));
    }

    /// An address is about to be tried. Noted before the outcome is known, because an
    /// attempt that runs out of time says nothing any more.
    pub(super) fn suspect(&mut self, address: SocketAddr) {
        self.clear(address);
        self.0.push(address);
    }

    /// The handshakes at this address ended well.
    pub(super) fn clear(&mut self, address: SocketAddr) {
        self.0.retain(|suspect| *suspect != address);
    }
}

/// Connects to one address, or fails with [`io::ErrorKind::TimedOut`].
pub(super) async fn connect(address: SocketAddr, deadline: Duration) -> io::Result<TcpStream> {
    tokio::time::timeout(deadline, TcpStream::connect(address))
        .await
        .unwrap_or_else(|_elapsed| {
            let text = format!("no answer within {deadline:?}");
            Err(io::Error::new(io::ErrorKind::TimedOut, text))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(ports: &[u16]) -> Vec<SocketAddr> {
        let of = |port: &u16| SocketAddr::from(([10, 0, 0, 1], *port));
        ports.iter().map(of).collect()
    }

    #[test]
    fn every_address_is_reached_though_each_attempt_has_time_for_one() {
        let mut suspects = Suspects::default();
        let mut tried = Vec::new();
        for attempt in 0..6 {
            let mut order = addresses(&[1, 2, 3]);
            // The resolver turns its answer round each time, which alone would make us
            // try the same one again and again.
            order.rotate_right(attempt % 3);
            suspects.order(&mut order);
            suspects.suspect(order[0]);
            tried.push(order[0].port());
        }
        assert_eq!(tried[..3], [1, 3, 2]);
        assert_eq!(tried[3..], [1, 3, 2], "then the one tried longest ago");
    }

    #[test]
    fn an_address_that_works_comes_first_again_and_a_lost_one_is_forgotten() {
        let mut suspects = Suspects::default();
        let [one, two] = addresses(&[1, 2])[..] else {
            panic!("two addresses")
        };
        suspects.suspect(one);
        suspects.suspect(two);
        suspects.clear(one);
        let mut order = [two, one];
        suspects.order(&mut order);
        assert_eq!(order, [one, two]);
        suspects.order(&mut [one]);
        assert!(suspects.0.is_empty());
    }
}
