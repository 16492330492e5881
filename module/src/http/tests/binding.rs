//! What is said of an address that cannot be bound.

use std::io;

use crate::http::DoorError;

fn said(address: &str, kind: io::ErrorKind) -> String {
    let error = DoorError::Bind {
        address: address.parse().unwrap(),
        source: kind.into(),
    };
    error.to_string()
}

#[test]
fn a_low_port_that_is_refused_is_told_with_the_sysctl_and_a_higher_port() {
    for address in ["0.0.0.0:80", "[::]:1023"] {
        let said = said(address, io::ErrorKind::PermissionDenied);
        for part in [
            address,
            "net.ipv4.ip_unprivileged_port_start=0",
            r#""Sysctls": {"net.ipv4.ip_unprivileged_port_start": "0"}"#,
            "8080",
        ] {
            assert!(said.contains(part), "{part} is not in: {said}");
        }
    }
}

#[test]
fn the_sysctl_is_named_for_nothing_else() {
    for (address, kind) in [
        ("0.0.0.0:80", io::ErrorKind::AddrInUse),
        ("192.0.2.1:80", io::ErrorKind::AddrNotAvailable),
        ("0.0.0.0:1024", io::ErrorKind::PermissionDenied),
    ] {
        let said = said(address, kind);
        assert!(!said.contains("sysctl"), "{said}");
        assert!(
            said.contains(address) && said.contains("FRUIT_COUNTER_HTTP"),
            "{said}"
        );
    }
}
