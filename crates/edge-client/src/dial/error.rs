//! What can go wrong between the wish for a connection and the connection.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use rustls::CertificateError;
use thiserror::Error;

use crate::workload::WorkloadError;

/// Why no connection could be made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DialError {
    /// No token.
    #[error("no token could be signed")]
    Token {
        /// Why.
        #[source]
        source: WorkloadError,
    },
    /// The gateway's name leads nowhere.
    #[error("the gateway name {host:?} cannot be resolved")]
    Resolve {
        /// The name.
        host: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// TCP failed at the last address tried. The source is
    /// [`io::ErrorKind::TimedOut`] when it did not answer within
    /// [`crate::Timings::address_deadline`].
    #[error("no TCP connection to {host} at {address}")]
    Connect {
        /// The name.
        host: String,
        /// The address tried.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The gateway's name is neither a DNS name nor an IP address.
    #[error("{host:?} is not a name a certificate can carry ({detail}), expected DNS name or IP")]
    Name {
        /// The name.
        host: String,
        /// What is wrong with it.
        detail: String,
    },
    /// The certificate is not acceptable.
    #[error("the certificate of {host} was refused: {problem}")]
    Certificate {
        /// The name we dialled.
        host: String,
        /// What is wrong with it.
        problem: CertificateProblem,
    },
    /// Another TLS failure.
    #[error("the TLS handshake with {host} failed")]
    Tls {
        /// The name we dialled.
        host: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The whole of it took longer than [`crate::Timings::dial_deadline`].
    #[error("no connection to {host}{} within {after:?}: {step} did not end", at(*.address))]
    TimedOut {
        /// The name.
        host: String,
        /// What it was waiting for at the end.
        step: DialStep,
        /// The address it was at; `None` before there was one.
        address: Option<SocketAddr>,
        /// The limit.
        after: Duration,
    },
    /// TLS could not be set up on our side.
    #[error("TLS could not be set up")]
    Setup {
        /// Why.
        #[source]
        source: rustls::Error,
    },
}

fn at(address: Option<SocketAddr>) -> String {
    address.map_or_else(String::new, |address| format!(" at {address}"))
}

/// The steps from a wish to a connection, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DialStep {
    /// The workload API is asked for the trust bundle again, after the hub showed a
    /// certificate that is not under our roots.
    TrustBundle,
    /// The token is being signed.
    Token,
    /// The gateway's name is being resolved.
    Resolve,
    /// TCP's own handshake.
    Tcp,
    /// The TLS handshake.
    Tls,
}

impl fmt::Display for DialStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DialStep::TrustBundle => "fetching the trust bundle",
            DialStep::Token => "signing the token",
            DialStep::Resolve => "resolving the name",
            DialStep::Tcp => "the TCP handshake",
            DialStep::Tls => "the TLS handshake",
        })
    }
}

/// What is wrong with the hub's certificate.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum CertificateProblem {
    /// It is for other names.
    #[error("expected the name {expected}, found {}", found.join(", "))]
    WrongName {
        /// The gateway's name.
        expected: String,
        /// The names it carries.
        found: Vec<String>,
    },
    /// Its issuer is not in the trust bundle.
    #[error("its issuer is not among the roots of the trust bundle")]
    UnknownRoot,
    /// It names a root of the trust bundle but is not signed by its key. So it looks when
    /// the edge CA was renewed under its old name.
    #[error("it names a root of the trust bundle but is not signed with its key ({0:?})")]
    WrongSignature(CertificateError),
    /// Anything else: expired, not yet valid, not for servers.
    #[error("{0:?}")]
    Other(CertificateError),
}

impl CertificateProblem {
    pub(super) fn of(error: &CertificateError) -> Self {
        match error {
            CertificateError::NotValidForNameContext {
                expected,
                presented,
            } => CertificateProblem::WrongName {
                expected: expected.to_str().into_owned(),
                found: presented.clone(),
            },
            CertificateError::UnknownIssuer => CertificateProblem::UnknownRoot,
            // The second: a renewed CA may also have a key of another kind.
            CertificateError::BadSignature
            | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
                CertificateProblem::WrongSignature(error.clone())
            }
            other => CertificateProblem::Other(other.clone()),
        }
    }

    /// True when newer roots than ours might accept the certificate.
    pub(super) fn casts_doubt_on_roots(&self) -> bool {
        match self {
            CertificateProblem::UnknownRoot | CertificateProblem::WrongSignature(_) => true,
            CertificateProblem::WrongName { .. } | CertificateProblem::Other(_) => false,
        }
    }
}
