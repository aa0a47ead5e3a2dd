//! The settings of `broker serve`: one table, and the values that its sources give.
//!
//! `table.rs` has a row for every setting; arguments, resolution, `broker config`, the example file and
//! the tables of docs/configuration.md all come from it. A new setting is a new row.
//!
//! Sources, the strongest first: flag, environment, `.env`, TOML file, default. In environment and
//! `.env` a setting's own name beats the old names that stand for it.

mod alias;
mod arguments;
mod choices;
#[cfg(any(feature = "postgres", feature = "cassandra"))]
mod databases;
mod dotenv;
mod entry;
mod example;
mod forms;
mod inputs;
mod kind;
mod names;
#[cfg(test)]
mod page;
mod relations;
mod resolution;
mod setting;
mod side;
pub mod size;
mod source;
mod strangers;
mod table;
#[cfg(test)]
mod tests;
mod tomlfile;
mod traces;
mod values;
mod wrong;

pub use arguments::ServeArguments;
pub use choices::{LogFormat, StorageKind};
pub use entry::Entry;
pub use example::example;
pub use forms::{LOG_LEVELS, is_log_level};
pub use inputs::of_client;
pub use resolution::Resolved;
pub use side::Side;
pub use traces::Traces;
pub use values::Settings;
pub use wrong::Wrong;

use inputs::Inputs;

/// Reads every source and decides what holds.
///
/// # Errors
/// Everything that is wrong, a sentence each.
pub fn read(arguments: &ServeArguments) -> Result<Resolved, Wrong> {
    let mut wrong = Wrong::default();
    let inputs = Inputs::gather(arguments, &mut wrong);
    resolution::resolve(table::SETTINGS, &inputs, wrong)
}
