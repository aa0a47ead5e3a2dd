//! What a publisher says about a message beside its body.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use std::fmt;

/// Most headers on one message.
pub const MAX_HEADERS: usize = 1_024;

/// Keys and values of a message, sorted by key, each key once. Cheap to clone.
///
/// Held in the form in which stores keep them, so that nothing is built where nobody looks:
/// for each header a `u32` length and the key, a `u32` length and the value, little-endian.
/// No header is no byte.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Headers(Bytes);

/// Why a list of keys and values is no [`Headers`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// More than [`MAX_HEADERS`].
    #[error("{0} headers, the limit is {MAX_HEADERS}")]
    TooMany(usize),
    /// A header without a name.
    #[error("a header's key is empty")]
    EmptyKey,
    /// A key with a character of Unicode category Cc.
    #[error("the header key {0:?} has a control character")]
    ControlCharacter(String),
    /// Bytes that are not the form described at [`Headers`].
    #[error("headers are damaged")]
    Damaged,
}

impl Headers {
    /// Makes headers of keys and values in any order; of equal keys the last one wins.
    ///
    /// # Errors
    /// Says which rule the list breaks.
    pub fn from_pairs<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, HeaderError> {
        let mut list: Vec<(&str, &str)> = pairs.into_iter().collect();
        if list.is_empty() {
            return Ok(Self::default());
        }
        // A stable sort keeps equal keys in their order, so the last of a run is the last given.
        list.sort_by_key(|(key, _)| *key);
        let mut kept: Vec<(&str, &str)> = Vec::with_capacity(list.len());
        for pair in list {
            check_key(pair.0)?;
            match kept.last_mut() {
                Some(last) if last.0 == pair.0 => *last = pair,
                _ => kept.push(pair),
            }
        }
        if kept.len() > MAX_HEADERS {
            return Err(HeaderError::TooMany(kept.len()));
        }
        let mut bytes =
            BytesMut::with_capacity(kept.iter().map(|(k, v)| 8 + k.len() + v.len()).sum());
        for (key, value) in kept {
            put_text(&mut bytes, key);
            put_text(&mut bytes, value);
        }
        Ok(Self(bytes.freeze()))
    }

    /// These and one more, or another value of it.
    ///
    /// # Errors
    /// Says which rule is broken.
    pub fn with(&self, key: &str, value: &str) -> Result<Self, HeaderError> {
        Self::from_pairs(self.iter().chain([(key, value)]))
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        // None is the usual case.
        if self.0.is_empty() {
            return None;
        }
        let mut from = self.iter().skip_while(|(known, _)| *known < key);
        from.next().filter(|(known, _)| *known == key).map(|(_, value)| value)
    }

    /// Takes back what [`Headers::as_bytes`] gave.
    ///
    /// # Errors
    /// [`HeaderError::Damaged`] for anything else.
    pub fn from_bytes(bytes: Bytes) -> Result<Self, HeaderError> {
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            for _ in 0..2 {
                take_text(&mut rest).ok_or(HeaderError::Damaged)?;
            }
        }
        Ok(Self(bytes))
    }

    /// The form in which stores keep headers.
    #[must_use]
    pub fn as_bytes(&self) -> &Bytes {
        &self.0
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Keys and values, sorted by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut rest = &self.0[..];
        std::iter::from_fn(move || Some((take_text(&mut rest)?, take_text(&mut rest)?)))
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

fn check_key(key: &str) -> Result<(), HeaderError> {
    if key.is_empty() {
        Err(HeaderError::EmptyKey)
    } else if key.contains(char::is_control) {
        Err(HeaderError::ControlCharacter(key.to_owned()))
    } else {
        Ok(())
    }
}

fn put_text(bytes: &mut BytesMut, text: &str) {
    // A message is far below 4 GiB, so the length always fits.
    bytes.put_u32_le(u32::try_from(text.len()).unwrap_or(u32::MAX));
    bytes.put_slice(text.as_bytes());
}

fn take_text<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    let length = rest.try_get_u32_le().ok()? as usize;
    let (text, after) = rest.split_at_checked(length)?;
    *rest = after;
    std::str::from_utf8(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_come_back_sorted_and_the_last_of_equal_keys_wins() {
        let headers = Headers::from_pairs([("b", "1"), ("a", ""), ("b", "2")]).unwrap();
        assert_eq!(headers.iter().collect::<Vec<_>>(), [("a", ""), ("b", "2")]);
        assert_eq!([headers.get("a"), headers.get("b")], [Some(""), Some("2")]);
        assert_eq!([headers.get(""), headers.get("ab"), headers.get("c")], [None; 3]);
        let more = headers.with("ab", "3").unwrap();
        assert_eq!(more.iter().collect::<Vec<_>>(), [("a", ""), ("ab", "3"), ("b", "2")]);
        assert_eq!(Headers::from_bytes(headers.as_bytes().clone()), Ok(headers));
    }

    #[test]
    fn bad_keys_and_too_many_are_refused() {
        assert_eq!(Headers::from_pairs([("", "x")]), Err(HeaderError::EmptyKey));
        assert!(Headers::from_pairs([("a\nb", "x")]).is_err());
        let keys: Vec<String> = (0..=MAX_HEADERS).map(|n| n.to_string()).collect();
        let pairs = || keys.iter().map(|key| (key.as_str(), ""));
        assert!(Headers::from_pairs(pairs().take(MAX_HEADERS)).is_ok());
        assert_eq!(Headers::from_pairs(pairs()), Err(HeaderError::TooMany(MAX_HEADERS + 1)));
        let full = Headers::from_pairs(pairs().take(MAX_HEADERS)).unwrap();
        assert_eq!(full.with("one", ""), Err(HeaderError::TooMany(MAX_HEADERS + 1)));
    }

    #[test]
    fn damaged_bytes_are_refused() {
        for bytes in [&b"\x01"[..], b"\x05\0\0\0ab", b"\x01\0\0\0a", b"\x01\0\0\0\xFF\0\0\0\0"] {
            let bytes = Bytes::copy_from_slice(bytes);
            assert_eq!(Headers::from_bytes(bytes), Err(HeaderError::Damaged));
        }
    }
}
