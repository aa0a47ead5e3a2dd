//! The text form of a span, as W3C Trace Context defines it.

use super::TraceContext;
use std::fmt;

/// What a `traceparent` says: a span, and whether it is recorded. [`fmt::Display`] is that text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceParent {
    /// The span.
    pub context: TraceContext,
    /// Whether whoever wrote it records it.
    pub is_sampled: bool,
}

/// `00-` and 32 hexadecimal digits, `-` and 16, `-` and 2.
const LENGTH: usize = 55;

impl TraceParent {
    /// Reads a text; `None` for what the specification says to ignore.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let (known, rest) = text.split_at_checked(LENGTH)?;
        let dashes = [2, 35, 52].iter().all(|at| known[*at] == b'-');
        let version = hex(&known[..2])?;
        // Later versions may say more behind another dash.
        let is_whole = rest.is_empty() || (version > 0 && rest[0] == b'-');
        if !dashes || version == 0xff || !is_whole {
            return None;
        }
        let context = TraceContext {
            trace_id: hex(&known[3..35])?,
            span_id: u64::try_from(hex(&known[36..52])?).ok()?,
        };
        let is_sampled = hex(&known[53..])? & 1 == 1;
        let is_valid = context.trace_id != 0 && context.span_id != 0;
        is_valid.then_some(Self { context, is_sampled })
    }
}

/// Lower-case digits, at most 32 of them.
fn hex(digits: &[u8]) -> Option<u128> {
    digits.iter().try_fold(0, |number, digit| {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u128::from(digit))
    })
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TraceContext { trace_id, span_id } = self.context;
        write!(f, "00-{trace_id:032x}-{span_id:016x}-{:02x}", u8::from(self.is_sampled))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_text_comes_back() {
        let parent = TraceParent::parse(TEXT.as_bytes()).unwrap();
        assert_eq!(parent.context.trace_id, 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736);
        assert_eq!(parent.context.span_id, 0x00f0_67aa_0ba9_02b7);
        assert!(parent.is_sampled);
        assert_eq!(parent.to_string(), TEXT);
        let unsampled = TraceParent { is_sampled: false, ..parent };
        assert_eq!(TraceParent::parse(unsampled.to_string().as_bytes()), Some(unsampled));
    }

    #[test]
    fn other_flags_and_later_versions_are_understood() {
        for (text, is_sampled) in [
            (TEXT.replace("-01", "-03"), true),
            (TEXT.replace("-01", "-fe"), false),
            (TEXT.replace("00-4", "01-4"), true),
            (TEXT.replace("00-4", "cc-4") + "-what-comes-later", true),
        ] {
            let parent = TraceParent::parse(text.as_bytes());
            assert_eq!(parent.map(|parent| parent.is_sampled), Some(is_sampled), "{text}");
        }
    }

    #[test]
    fn what_is_no_parent_is_ignored() {
        for wrong in [
            String::new(),
            TEXT[..54].into(),
            TEXT.to_uppercase(),
            TEXT.to_owned() + "-more",
            TEXT.replace("00-4", "ff-4"),
            TEXT.replace("00-4", "01-4") + "more",
            TEXT.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
            TEXT.replace("00f067aa0ba902b7", &"0".repeat(16)),
            TEXT.replace('-', "_"),
            TEXT.replace("b7", "+7"),
            TEXT.replace("-01", "-0x"),
        ] {
            assert_eq!(TraceParent::parse(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
