//! What the allocator holds.

use super::sheet::Sheet;

/// Its name, for the page.
pub const NAME: &str = if cfg!(feature = "jemalloc") { "jemalloc" } else { "system" };

/// Writes it down; the system's allocator tells nothing.
#[cfg(feature = "jemalloc")]
pub fn write(sheet: &mut Sheet) {
    use super::catalog::ALLOCATOR;
    use tikv_jemalloc_ctl::{epoch, stats};

    // The numbers are those of the last call of this.
    if epoch::advance().is_err() {
        return;
    }
    let kinds = [
        ("allocated", stats::allocated::read()),
        ("active", stats::active::read()),
        ("metadata", stats::metadata::read()),
        ("resident", stats::resident::read()),
        ("mapped", stats::mapped::read()),
        ("retained", stats::retained::read()),
    ];
    for (kind, bytes) in kinds {
        if let Ok(bytes) = bytes {
            sheet.count(&ALLOCATOR, &[kind], bytes as u64);
        }
    }
}

#[cfg(not(feature = "jemalloc"))]
pub fn write(_: &mut Sheet) {}
