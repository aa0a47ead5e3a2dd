//! The dependencies that a Cargo.toml names.

/// The names under `[dependencies]`, `[build-dependencies]` and those of a target. Dev-dependencies
/// are left out: a test may know what its crate must not.
pub fn dependencies(manifest: &str) -> Vec<&str> {
    let (mut names, mut inside) = (Vec::new(), false);
    for line in manifest.lines().map(str::trim) {
        if let Some(header) = line.strip_prefix('[') {
            let header = header.trim_end_matches(']');
            inside = is_list(header);
            names.extend(
                header.rsplit_once('.').filter(|(list, _)| is_list(list)).map(|(_, name)| name),
            );
        } else if inside && !line.starts_with('#') {
            let end = line.find(['.', '=', ' ']).unwrap_or(0);
            names.extend((end > 0).then_some(&line[..end]));
        }
    }
    names
}

/// Whether a header opens a list of dependencies.
fn is_list(header: &str) -> bool {
    let last = header.rsplit('.').next().unwrap_or_default();
    matches!(last, "dependencies" | "build-dependencies")
        && (header == last || header.starts_with("target."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_way_to_name_a_dependency() {
        let manifest = r#"
[package]
name = "x"
[dependencies]
bytes.workspace = true
# tonic = "1"
tokio = { workspace = true, features = ["rt"] }
[dependencies.slab]
version = "1"
[build-dependencies]
protox = "1"
[target.'cfg(unix)'.dependencies]
rustix = "1"
[dev-dependencies]
proptest = "1"
[lints]
workspace = true
"#;
        assert_eq!(dependencies(manifest), ["bytes", "tokio", "slab", "protox", "rustix"]);
    }
}
