//! What the allocator holds.

use super::{catalog::ALLOCATOR, sheet::Sheet};

/// Its name, for the page.
pub const NAME: &str = if cfg!(feature = "jemalloc") { "jemalloc" } else { "system" };

/// Writes it down.
pub fn write(sheet: &mut Sheet) {
    for (kind, bytes) in held() {
        sheet.count(&ALLOCATOR, &[kind], bytes);
    }
}

#[cfg(feature = "jemalloc")]
fn held() -> Vec<(&'static str, u64)> {
    use tikv_jemalloc_ctl::{epoch, stats};

    // The numbers are those of the last call of this.
    if epoch::advance().is_err() {
        return Vec::new();
    }
    let kinds = [
        ("allocated", stats::allocated::read()),
        ("active", stats::active::read()),
        ("metadata", stats::metadata::read()),
        ("resident", stats::resident::read()),
        ("mapped", stats::mapped::read()),
        ("retained", stats::retained::read()),
    ];
    kinds.into_iter().filter_map(|(kind, bytes)| Some((kind, bytes.ok()? as u64))).collect()
}

/// The system's tells nothing.
#[cfg(not(feature = "jemalloc"))]
fn held() -> [(&'static str, u64); 0] {
    []
}
