//! Whom we trust: the certificates of the trust bundle and nobody else.

use std::sync::Arc;

use rustls::client::Resumption;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use thiserror::Error;

/// The root certificates of an edge device. System roots are never among them.
#[derive(Debug, Clone)]
pub struct TrustAnchors {
    roots: Arc<RootCertStore>,
    origin: Origin,
}

/// Where roots come from, which says whether they may be replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// The operator chose them; they stay.
    Given,
    /// The workload API's trust bundle, of which there may be a newer one.
    TrustBundle,
}

impl TrustAnchors {
    /// Reads roots: one or several certificates in PEM. Other PEM blocks are passed over.
    /// A client keeps roots from here as they are, whatever the trust bundle says.
    ///
    /// # Errors
    ///
    /// [`TrustError`] when a block is damaged, a certificate cannot be a root, or there
    /// is none at all: without roots no connection could ever be made.
    pub fn from_pem(pem: &[u8]) -> Result<Self, TrustError> {
        Self::read(pem, Origin::Given)
    }

    /// As [`TrustAnchors::from_pem`], for roots that follow the workload API's bundle.
    pub(crate) fn from_trust_bundle(pem: &str) -> Result<Self, TrustError> {
        Self::read(pem.as_bytes(), Origin::TrustBundle)
    }

    fn read(pem: &[u8], origin: Origin) -> Result<Self, TrustError> {
        let mut roots = RootCertStore::empty();
        for (index, certificate) in CertificateDer::pem_slice_iter(pem).enumerate() {
            let ordinal = index + 1;
            let certificate = certificate.map_err(|source| TrustError::Pem {
                ordinal,
                detail: source.to_string(),
            })?;
            roots
                .add(certificate)
                .map_err(|source| TrustError::Certificate { ordinal, source })?;
        }
        if roots.is_empty() {
            return Err(TrustError::Empty { bytes: pem.len() });
        }
        Ok(TrustAnchors {
            roots: Arc::new(roots),
            origin,
        })
    }

    /// Whether they came from the workload API.
    pub(crate) fn is_trust_bundle(&self) -> bool {
        self.origin == Origin::TrustBundle
    }

    /// Whether both trust the same, in whatever order.
    pub(crate) fn same_roots(&self, other: &TrustAnchors) -> bool {
        let within = |a: &RootCertStore, b: &RootCertStore| {
            a.roots.iter().all(|root| b.roots.contains(root))
        };
        within(&self.roots, &other.roots) && within(&other.roots, &self.roots)
    }

    /// How many roots there are; at least one.
    #[must_use]
    pub fn count(&self) -> usize {
        self.roots.len()
    }

    /// TLS for one client: ring, these roots, no client certificate, no resumption (so
    /// that each connection checks the certificate again).
    pub(crate) fn tls_config(&self, tls12_only: bool) -> Result<Arc<ClientConfig>, rustls::Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let versions: &[&rustls::SupportedProtocolVersion] = if tls12_only {
            &[&rustls::version::TLS12]
        } else {
            &[&rustls::version::TLS13, &rustls::version::TLS12]
        };
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)?
            .with_root_certificates(Arc::clone(&self.roots))
            .with_no_client_auth();
        config.resumption = Resumption::disabled();
        Ok(Arc::new(config))
    }
}

/// Why a trust bundle cannot be used.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum TrustError {
    /// No certificate in it.
    #[error("the trust bundle ({bytes} bytes) holds no certificate, expected at least one in PEM")]
    Empty {
        /// Its length.
        bytes: usize,
    },
    /// A PEM block is damaged.
    #[error("certificate {ordinal} of the trust bundle is not PEM: {detail}")]
    Pem {
        /// Its place, counted from 1.
        ordinal: usize,
        /// What is wrong; the parser's error cannot be compared.
        detail: String,
    },
    /// A certificate cannot be a root.
    #[error("certificate {ordinal} of the trust bundle cannot be a root")]
    Certificate {
        /// Its place, counted from 1.
        ordinal: usize,
        /// Why.
        #[source]
        source: rustls::Error,
    },
}
