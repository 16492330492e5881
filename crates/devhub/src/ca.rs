//! Certificates: an authority of the hub's own, and a server certificate made of it at each start;
//! or files that somebody gives.
//!
//! The authority's name carries a part of its key's hash: two authorities of one name make clients
//! report a bad signature where an unknown issuer is meant. Its key never leaves the state
//! directory (mode 0600); a certificate given by file is copied, so that all find it in one place.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use ring::digest;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use thiserror::Error;

use crate::state::{PUBLIC, SECRET, StateDir, StateError};

/// The authority's certificate in the state directory: what clients are told to trust.
pub const CA_FILE: &str = "ca.pem";
const CA_KEY_FILE: &str = "ca-key.pem";

/// Why there is no certificate.
#[derive(Debug, Error)]
pub enum CaError {
    /// The state directory.
    #[error(transparent)]
    State(#[from] StateError),
    /// Making or reading a certificate failed.
    #[error("cannot {action}")]
    Certificate {
        /// What was tried.
        action: &'static str,
        /// Why not.
        #[source]
        source: rcgen::Error,
    },
    /// A given file cannot be read or does not hold what it should.
    #[error("{}: expected PEM with {expected}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What it should hold.
        expected: &'static str,
        /// Why not.
        #[source]
        source: rustls::pki_types::pem::Error,
    },
}

/// Files given on the command line in place of generated ones, all PEM.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// Server certificate, then its intermediates.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// The roots clients should trust.
    pub ca: PathBuf,
}

/// What the listener presents.
#[derive(Debug)]
pub struct ServerCredentials {
    /// The server's certificate first.
    pub chain: Vec<CertificateDer<'static>>,
    /// Its key.
    pub key: PrivateKeyDer<'static>,
}

/// A certificate authority that can issue.
pub struct Authority {
    certificate_pem: String,
    key: KeyPair,
}

impl Authority {
    /// A new one, with an ECDSA P-256 key.
    ///
    /// # Errors
    /// [`CaError::Certificate`].
    pub fn generate() -> Result<Self, CaError> {
        let key = KeyPair::generate().map_err(certificate("make a key"))?;
        let certificate_pem = authority_params(&key)
            .self_signed(&key)
            .map_err(certificate("sign the authority's certificate"))?
            .pem();
        Ok(Self {
            certificate_pem,
            key,
        })
    }

    /// The state directory's, made if absent, under the directory's lock.
    ///
    /// # Errors
    /// [`CaError`].
    pub fn load(state: &StateDir) -> Result<Self, CaError> {
        let _lock = state.lock()?;
        if let (Some(certificate_pem), Some(key)) = (state.read(CA_FILE)?, state.read(CA_KEY_FILE)?)
        {
            let key = KeyPair::from_pem(&key).map_err(certificate("read ca-key.pem"))?;
            return Ok(Self {
                certificate_pem,
                key,
            });
        }
        let authority = Self::generate()?;
        state.write(
            CA_KEY_FILE,
            authority.key.serialize_pem().as_bytes(),
            SECRET,
        )?;
        state.write(CA_FILE, authority.certificate_pem.as_bytes(), PUBLIC)?;
        Ok(authority)
    }

    /// The certificate clients trust, as PEM.
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// A server certificate for a gateway name or address; `edgeHub`, `localhost` and 127.0.0.1
    /// are in it as well.
    ///
    /// # Errors
    /// [`CaError::Certificate`], for example when the name is no DNS name.
    pub fn issue_server(&self, host: &str) -> Result<ServerCredentials, CaError> {
        let mut names = vec![host.to_owned()];
        for more in ["edgeHub", "localhost", "127.0.0.1"] {
            if !names.iter().any(|name| name.eq_ignore_ascii_case(more)) {
                names.push(more.to_owned());
            }
        }
        self.issue(host, names)
    }

    /// A server certificate under this authority for a name that nobody dials, for tests of who
    /// checks it.
    ///
    /// # Errors
    /// [`CaError::Certificate`].
    pub fn issue_wrong_name(&self) -> Result<ServerCredentials, CaError> {
        let host = "another-gateway.invalid";
        self.issue(host, vec![host.to_owned()])
    }

    fn issue(&self, host: &str, names: Vec<String>) -> Result<ServerCredentials, CaError> {
        let key = KeyPair::generate().map_err(certificate("make a key"))?;
        let mut params =
            CertificateParams::new(names).map_err(certificate("name the server certificate"))?;
        if host.parse::<IpAddr>().is_err() {
            params.distinguished_name.push(DnType::CommonName, host);
        }
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let issuer = Issuer::new(authority_params(&self.key), &self.key);
        let signed = params
            .signed_by(&key, &issuer)
            .map_err(certificate("sign a certificate"))?;
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        Ok(ServerCredentials {
            chain: vec![signed.into()],
            key,
        })
    }
}

/// Reads given files and copies the roots to [`CA_FILE`], where clients look for them.
///
/// # Errors
/// [`CaError::File`] and [`CaError::State`].
pub fn given(state: &StateDir, files: &TlsFiles) -> Result<ServerCredentials, CaError> {
    adopt_roots(state, &files.ca)?;
    let chain = certificates(&files.certificate)?;
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|source| CaError::File {
        path: files.key.clone(),
        expected: "a private key",
        source,
    })?;
    Ok(ServerCredentials { chain, key })
}

/// Copies given roots to [`CA_FILE`].
///
/// # Errors
/// [`CaError::File`] when no certificate is in the file, [`CaError::State`].
pub fn adopt_roots(state: &StateDir, ca: &Path) -> Result<(), CaError> {
    certificates(ca)?;
    let _lock = state.lock()?;
    let text = fs::read(ca).map_err(StateError::io("read", ca))?;
    Ok(state.write(CA_FILE, &text, PUBLIC)?)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, CaError> {
    let error = |source| CaError::File {
        path: path.to_owned(),
        expected: "one certificate or more",
        source,
    };
    let chain: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(error)?;
    if chain.is_empty() {
        return Err(error(rustls::pki_types::pem::Error::NoItemsFound));
    }
    Ok(chain)
}

/// Rebuilt from the key each time: the certificate on disk was made of the same values.
fn authority_params(key: &KeyPair) -> CertificateParams {
    let hash = digest::digest(&digest::SHA256, key.public_key_raw());
    let suffix: String = hash
        .as_ref()
        .iter()
        .take(4)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let mut params = CertificateParams::default();
    params.not_after = rcgen::date_time_ymd(2049, 12, 31);
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(
        DnType::CommonName,
        format!("devhub development CA {suffix}"),
    );
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn certificate(action: &'static str) -> impl FnOnce(rcgen::Error) -> CaError {
    move |source| CaError::Certificate { action, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_authority_stays_and_its_key_is_secret() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::open(folder.path()).unwrap();
        let first = Authority::load(&state).unwrap();
        let second = Authority::load(&state).unwrap();
        assert_eq!(first.certificate_pem(), second.certificate_pem());
        assert_eq!(first.key.serialize_der(), second.key.serialize_der());
        assert_ne!(
            Authority::generate().unwrap().certificate_pem(),
            first.certificate_pem()
        );
    }

    #[test]
    fn given_files_without_certificates_are_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::open(folder.path()).unwrap();
        let path = folder.path().join("empty.pem");
        fs::write(&path, "nothing").unwrap();
        let error = adopt_roots(&state, &path).unwrap_err();
        assert!(error.to_string().contains("empty.pem"), "{error}");
    }
}
