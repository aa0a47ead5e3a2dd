//! Prepares what the tests of telemetry need and no package of the system brings.

use crate::servers::{self, Variable};

/// Makes what the cache lacks; the variables that say where it is.
///
/// # Errors
/// A sentence that says what is missing, or which command failed.
pub fn prepare() -> Result<Vec<Variable>, String> {
    servers::prepare()
}
