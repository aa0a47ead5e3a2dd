//! How a connection to a database is protected.

use std::path::PathBuf;
#[cfg(any(feature = "postgres", feature = "cassandra"))]
use {
    rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs},
    rustls_pki_types::{CertificateDer, pem::PemObject},
    std::{path::Path, sync::Arc},
};

/// Whether and how a connection to a database is encrypted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Tls {
    /// Not at all.
    #[default]
    Off,
    /// Encrypted; the server's certificate must be valid for its name, and signed by an authority of
    /// this file (PEM) or, without one, by one that the machine trusts.
    VerifyFull(Option<PathBuf>),
}

/// How a client encrypts; `None`: not at all.
///
/// # Errors
/// One sentence on the authorities that cannot be read.
#[cfg(any(feature = "postgres", feature = "cassandra"))]
pub(crate) fn client(tls: &Tls) -> Result<Option<ClientConfig>, String> {
    let roots = match tls {
        Tls::Off => return Ok(None),
        Tls::VerifyFull(Some(file)) => read(file)?,
        Tls::VerifyFull(None) => native()?,
    };
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS cannot be set up: {error}"))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Some(config))
}

#[cfg(any(feature = "postgres", feature = "cassandra"))]
fn read(file: &Path) -> Result<RootCertStore, String> {
    let unreadable = |error: &dyn std::fmt::Display| {
        format!("the authorities of {} cannot be read: {error}", file.display())
    };
    let certificates = CertificateDer::pem_file_iter(file).map_err(|error| unreadable(&error))?;
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        let certificate = certificate.map_err(|error| unreadable(&error))?;
        roots.add(certificate).map_err(|error| unreadable(&error))?;
    }
    if roots.is_empty() {
        return Err(format!("{} holds no certificate", file.display()));
    }
    Ok(roots)
}

#[cfg(any(feature = "postgres", feature = "cassandra"))]
fn native() -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        return Err("this machine trusts no authority; name a file with one".into());
    }
    Ok(roots)
}
