//! The name a message is published under.

use std::{borrow::Borrow, fmt, sync::Arc};

/// Longest subject, in bytes of UTF-8.
pub const MAX_SUBJECT_BYTES: usize = 255;

/// A valid subject: 1 to [`MAX_SUBJECT_BYTES`] bytes of UTF-8 without control characters
/// (Unicode category Cc). Cheap to clone. Orders by bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject(Arc<str>);

/// Why a text is no subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SubjectError {
    /// The empty text.
    #[error("subject is empty")]
    Empty,
    /// Longer than [`MAX_SUBJECT_BYTES`].
    #[error("subject has {0} bytes, the limit is {MAX_SUBJECT_BYTES}")]
    TooLong(usize),
    /// A character of Unicode category Cc at this byte.
    #[error("subject has a control character at byte {0}")]
    ControlCharacter(usize),
    /// Not UTF-8 from this byte on.
    #[error("subject is not UTF-8 from byte {0}")]
    NotUtf8(usize),
}

impl Subject {
    /// Checks a text and makes it a subject.
    ///
    /// # Errors
    /// Says which rule the text breaks.
    pub fn new(text: &str) -> Result<Self, SubjectError> {
        if text.is_empty() {
            return Err(SubjectError::Empty);
        }
        if text.len() > MAX_SUBJECT_BYTES {
            return Err(SubjectError::TooLong(text.len()));
        }
        if let Some(at) = text.find(char::is_control) {
            return Err(SubjectError::ControlCharacter(at));
        }
        Ok(Self(text.into()))
    }

    /// Checks bytes as they come from a wire or a file.
    ///
    /// # Errors
    /// Says which rule the bytes break.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SubjectError> {
        if bytes.len() > MAX_SUBJECT_BYTES {
            return Err(SubjectError::TooLong(bytes.len()));
        }
        let text = std::str::from_utf8(bytes)
            .map_err(|error| SubjectError::NotUtf8(error.valid_up_to()))?;
        Self::new(text)
    }

    /// The subject's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The subject's UTF-8 bytes, which give subjects their order.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl Borrow<str> for Subject {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_is_counted_in_bytes() {
        assert!(Subject::new(&"a".repeat(255)).is_ok());
        assert_eq!(Subject::new(&"a".repeat(256)), Err(SubjectError::TooLong(256)));
        assert_eq!(Subject::new(&"é".repeat(128)), Err(SubjectError::TooLong(256)));
        assert_eq!(Subject::new(""), Err(SubjectError::Empty));
    }

    #[test]
    fn every_control_character_is_refused_and_nothing_else() {
        for code in 0..=0x2FFu32 {
            let Some(c) = char::from_u32(code) else { continue };
            let control = code < 0x20 || (0x7F..=0x9F).contains(&code);
            assert_eq!(Subject::new(&format!("a{c}")).is_err(), control, "U+{code:04X}");
        }
    }

    #[test]
    fn bytes_that_are_not_utf8_are_named() {
        assert_eq!(Subject::from_bytes(b"ab\xFF"), Err(SubjectError::NotUtf8(2)));
        assert_eq!(Subject::from_bytes(b"\xC0\x80"), Err(SubjectError::NotUtf8(0)));
    }
}
