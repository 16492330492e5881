//! A loopback address for each hub.
//!
//! The SDKs dial port 8883 and no other, so hubs that run side by side need
//! addresses of their own. All of 127.0.0.0/8 is this machine's on Linux.

use std::net::Ipv4Addr;

/// The address of hub number `hub` in the process `process`: another one for
/// each hub, and for most other processes.
pub(super) fn of(hub: u8, process: u32) -> Ipv4Addr {
    let [_, _, high, low] = process.to_be_bytes();
    // 127.0.x.y and 127.1.x.y are taken by other habits of people.
    Ipv4Addr::new(127, 100 + hub, high, low.clamp(2, 254))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hubs_of_a_process_do_not_meet() {
        assert_eq!(of(0, 0x1_0203), Ipv4Addr::new(127, 100, 2, 3));
        assert_eq!(of(1, 0x1_0203), Ipv4Addr::new(127, 101, 2, 3));
        // Broadcast and network addresses are spared.
        assert_eq!(of(2, 0xff00), Ipv4Addr::new(127, 102, 255, 2));
        assert_eq!(of(2, 0xffff), Ipv4Addr::new(127, 102, 255, 254));
    }
}
