//! Encrypted connections.

use crate::{Tls, tls};
use tokio_postgres_rustls::MakeRustlsConnect;

/// How connections are encrypted; `None`: not at all.
///
/// # Errors
/// One sentence on the authorities that cannot be read.
pub fn connect(tls: &Tls) -> Result<Option<MakeRustlsConnect>, String> {
    Ok(tls::client(tls)?.map(MakeRustlsConnect::new))
}
