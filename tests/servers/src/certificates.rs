//! Certificates for servers that speak TLS.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use std::{fs, path::PathBuf};
use tempfile::TempDir;

/// An authority that a client may trust or not. Its files go with it.
pub struct Authority {
    folder: TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A server's certificate: PEM files in the authority's folder.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// The certificate.
    pub chain: PathBuf,
    /// Its key (PKCS#8).
    pub key: PathBuf,
}

impl Authority {
    /// A new one.
    pub fn new() -> Self {
        let folder = TempDir::with_prefix("certificates-").expect("a temporary folder");
        let mut parameters = CertificateParams::default();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.distinguished_name.push(DnType::CommonName, "an authority for tests");
        let key = KeyPair::generate().expect("keys can be made");
        let issuer = CertifiedIssuer::self_signed(parameters, key).expect("it signs itself");
        fs::write(folder.path().join("authority.pem"), issuer.pem()).expect("its folder is ours");
        Self { folder, issuer }
    }

    /// Its own certificate, as a PEM file: for clients that trust it.
    pub fn file(&self) -> PathBuf {
        self.path("authority.pem")
    }

    /// A certificate for a server of these names and addresses.
    pub fn issue(&self, names: &[&str]) -> Certificate {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let file = names.join(",");
        let parameters = CertificateParams::new(names).expect("they are names");
        let key = KeyPair::generate().expect("keys can be made");
        let certificate = parameters.signed_by(&key, &self.issuer).expect("it signs");
        let chain = self.path(&format!("{file}.pem"));
        let key_file = self.path(&format!("{file}.key"));
        fs::write(&chain, certificate.pem()).expect("its folder is ours");
        fs::write(&key_file, key.serialize_pem()).expect("its folder is ours");
        Certificate { chain, key: key_file }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}
