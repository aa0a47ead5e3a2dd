//! Encrypted connections to nodes. A node's certificate must name its address: that is how the driver
//! knows a node.

use crate::{OpenError, Tls};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, pem::PemObject};
use scylla::client::session::TlsContext;
use std::{path::Path, sync::Arc};

/// What connections are made with.
///
/// # Errors
/// When the authorities cannot be read.
pub fn context(tls: &Tls) -> Result<Option<TlsContext>, OpenError> {
    let roots = match tls {
        Tls::Off => return Ok(None),
        Tls::VerifyFull(Some(path)) => of_file(path)?,
        Tls::VerifyFull(None) => of_the_machine(),
    };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| OpenError::Database(format!("TLS cannot be used: {error}")))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Some(TlsContext::Rustls023(Arc::new(config))))
}

fn of_file(path: &Path) -> Result<RootCertStore, OpenError> {
    let bad = |why: &dyn std::fmt::Display| {
        let path = path.display();
        OpenError::Database(format!("the certificates of authorities in {path}: {why}"))
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| bad(&error))? {
        let certificate = certificate.map_err(|error| bad(&error))?;
        roots.add(certificate).map_err(|error| bad(&error))?;
    }
    if roots.is_empty() { Err(bad(&"there is none")) } else { Ok(roots) }
}

fn of_the_machine() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}
