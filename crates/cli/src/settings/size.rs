//! Numbers of bytes as they are typed: `64MiB`, `2GB`, `1000`.

const UNITS: &[(&str, u64)] = &[
    ("", 1),
    ("B", 1),
    ("KB", 1000),
    ("MB", 1000_u64.pow(2)),
    ("GB", 1000_u64.pow(3)),
    ("TB", 1000_u64.pow(4)),
    ("KIB", 1024),
    ("MIB", 1024_u64.pow(2)),
    ("GIB", 1024_u64.pow(3)),
    ("TIB", 1024_u64.pow(4)),
];

/// Bytes, from a whole number and a unit in any case.
pub fn parse(text: &str) -> Result<u64, String> {
    let digits = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = unit.trim().to_ascii_uppercase();
    let unit = UNITS.iter().find(|(name, _)| *name == unit).map(|(_, bytes)| *bytes);
    let number: Option<u64> = number.parse().ok();
    match (number, unit) {
        (Some(number), Some(unit)) => number.checked_mul(unit),
        _ => None,
    }
    .ok_or_else(|| "expected a size such as 64MiB, 2GB or 1000 (bytes)".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units_of_either_kind() {
        for (text, bytes) in [
            ("0", 0),
            ("1000", 1000),
            ("7B", 7),
            ("2kb", 2000),
            ("2 KiB", 2048),
            ("64MiB", 64 << 20),
            ("1GiB", 1 << 30),
            ("3TB", 3_000_000_000_000),
        ] {
            assert_eq!(parse(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for text in ["", "MiB", "-1", "1.5GiB", "1 x", "1MiBs", "99999999TiB", "1e3"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
