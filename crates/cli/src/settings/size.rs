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

/// Bytes, from a whole number and a unit in any case; `None` for anything else.
pub fn parse(text: &str) -> Option<u64> {
    let digits = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = unit.trim().to_ascii_uppercase();
    let (_, bytes) = UNITS.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*bytes)
}

/// Bytes with the largest unit that leaves a whole number.
pub fn show(bytes: u64) -> String {
    const BINARY: &[(&str, u64)] = &[
        ("TiB", 1024_u64.pow(4)),
        ("GiB", 1024_u64.pow(3)),
        ("MiB", 1024_u64.pow(2)),
        ("KiB", 1024),
    ];
    match BINARY.iter().find(|(_, unit)| bytes > 0 && bytes.is_multiple_of(*unit)) {
        Some((name, unit)) => format!("{}{name}", bytes / unit),
        None => bytes.to_string(),
    }
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
            assert_eq!(parse(text), Some(bytes), "{text}");
        }
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for text in ["", "MiB", "-1", "1.5GiB", "1 x", "1MiBs", "99999999TiB", "1e3"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_size_is_shown_as_it_may_be_typed() {
        for (bytes, text) in [(0, "0"), (1000, "1000"), (2048, "2KiB"), (36 << 20, "36MiB")] {
            assert_eq!(show(bytes), text);
            assert_eq!(parse(text), Some(bytes));
        }
    }
}
