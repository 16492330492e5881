//! A certificate authority and a server certificate under it, of a test's own.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

/// PEM texts.
#[derive(Debug, Clone)]
pub struct Certificates {
    /// The root, which clients trust.
    pub ca: String,
    /// The server's certificate.
    pub certificate: String,
    /// Its private key.
    pub key: String,
}

impl Certificates {
    /// A server certificate for `name` alone, under a root of its own. Costs two key pairs.
    ///
    /// # Errors
    /// When `name` can be in no certificate.
    pub fn for_name(name: &str) -> Result<Self, rcgen::Error> {
        let mut authority = CertificateParams::new(Vec::new())?;
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority
            .distinguished_name
            .push(DnType::CommonName, "a certificate authority of the test");
        let authority_key = KeyPair::generate()?;
        let ca = authority.self_signed(&authority_key)?.pem();
        let issuer = Issuer::new(authority, authority_key);
        let key = KeyPair::generate()?;
        let leaf = CertificateParams::new(vec![name.to_owned()])?;
        Ok(Self {
            ca,
            certificate: leaf.signed_by(&key, &issuer)?.pem(),
            key: key.serialize_pem(),
        })
    }
}
