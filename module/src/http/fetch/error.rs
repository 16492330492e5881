//! Why a picture is not fetched.

use std::io;

use super::address::Special;
use super::target::TargetError;

/// A picture that was sent as an address is not here.
///
/// For whoever sent the address: the host is named, its IP address is not, nor what a server
/// said in its answer; inside a network that is nobody's business.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in super::super) enum FetchError {
    #[error(
        "pictures by address are off; send the picture itself to /image, or set \
         FRUIT_COUNTER_HTTP_URL to public or any"
    )]
    Off,
    #[error("{0}")]
    Target(TargetError),
    #[error("a redirect of {host} cannot be followed: {problem}; give the picture's own address")]
    Location { host: String, problem: TargetError },
    #[error("{host} has no IP address; check its spelling, and the box's DNS")]
    Resolve { host: String },
    #[error(
        "{host} is at {special} address, and only public ones are asked; send the picture itself \
         to /image, or set FRUIT_COUNTER_HTTP_URL to any"
    )]
    NotPublic { host: String, special: Special },
    #[error("{host} cannot be reached at port {port}: {kind}; check that the box can reach it")]
    Connect {
        host: String,
        port: u16,
        kind: io::ErrorKind,
    },
    #[error(
        "{host} has a certificate that is not its own, is out of date, or is not under a public \
         root; give an address whose certificate browsers accept, or send the picture itself to \
         /image"
    )]
    Certificate { host: String },
    #[error("{host} does not speak TLS 1.2 or 1.3 at this port; check the address")]
    Tls { host: String },
    #[error("{host} broke off or does not speak HTTP; check the address, or try again")]
    Broken { host: String },
    #[error("{host} answered {status} instead of a picture; check the address and its rights")]
    Status { host: String, status: u16 },
    #[error(
        "{host} redirects from https to http, which is not followed; give an address that stays \
         with https"
    )]
    Downgrade { host: String },
    #[error("more than {limit} redirects, the last by {host}; give the picture's own address")]
    Redirects { host: String, limit: usize },
    #[error(
        "the picture at {host} has more than {limit} bytes; give a smaller one, or raise \
         FRUIT_COUNTER_HTTP_MAX_BODY"
    )]
    TooLong { host: String, limit: usize },
    #[error("there is no room for one more picture; try again in a moment")]
    NoRoom,
    #[error(
        "the picture at {host} did not arrive in time; try again, or raise \
         FRUIT_COUNTER_HTTP_TIMEOUT"
    )]
    Late { host: String },
}
