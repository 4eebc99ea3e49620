//! A person, who may be in a room with several devices.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::random::{self, hex};

/// Allowed number of bytes of the key of a person. The minimum makes it impossible to guess.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 16..=128;
/// Bytes of an id.
const ID_BYTES: usize = 16;

/// The public id of a person in a room. It is derived from a secret, so that everyone may see the id and
/// only the person can present it. Ids of the same person in two rooms differ.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) struct Person([u8; ID_BYTES]);

impl Person {
    /// The person in `room` with a secret. `kind` names the origin of the secret: persons with
    /// secrets of different kinds are never the same.
    pub(in super::super) fn of(room: &str, kind: &str, secret: &str) -> Self {
        let mut hash = Sha256::new();
        for part in ["codec person", room, kind, secret] {
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(part);
        }
        Self::from_digest(&hash.finalize())
    }

    /// The person with a key that a client chose.
    ///
    /// # Errors
    ///
    /// If the key is too short, too long or has invisible characters.
    pub(in super::super) fn with_key(room: &str, key: &str) -> Result<Self, String> {
        if !KEY_BYTES.contains(&key.len()) || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            let (len, least, most) = (key.len(), KEY_BYTES.start(), KEY_BYTES.end());
            return Err(format!(
                "invalid person key: got {len} bytes, expected {least} to {most} visible ASCII characters"
            ));
        }
        Ok(Self::of(room, "key", key))
    }

    /// A person without a key: with one device, and without a read mark of earlier visits.
    pub(in super::super) fn unknown() -> Self {
        Self(random::bytes())
    }

    /// The person with this id.
    pub(super) fn parse(id: &str) -> Option<Self> {
        let mut bytes = [0; ID_BYTES];
        if id.len() != 2 * ID_BYTES || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(id.get(2 * index..2 * index + 2)?, 16).ok()?;
        }
        Some(Self(bytes))
    }

    /// The id in hexadecimal.
    pub(in super::super) fn id(self) -> String {
        hex(&self.0)
    }

    fn from_digest(digest: &[u8]) -> Self {
        let mut id = [0; ID_BYTES];
        id.iter_mut().zip(digest).for_each(|(to, from)| *to = *from);
        Self(id)
    }
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Person({})", self.id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_hide_the_key_and_differ_by_room_and_kind() {
        let key = "0123456789abcdef";
        let person = Person::with_key("team", key).unwrap();
        assert_eq!(person, Person::with_key("team", key).unwrap());
        assert_eq!(Person::parse(&person.id()), Some(person));
        assert!(!person.id().contains(key) && !format!("{person:?}").contains(key));
        assert_ne!(person, Person::with_key("other", key).unwrap());
        assert_ne!(person, Person::of("team", "subject", key));
        assert_ne!(Person::of("team", "a", "bc"), Person::of("team", "ab", "c"));
        assert_ne!(Person::unknown(), Person::unknown());
    }

    #[test]
    fn weak_and_damaged_keys_are_rejected_by_name() {
        for wrong in ["", "too short", "0123456789 abcdef", &"x".repeat(129), "0123456789abcdé€"]
        {
            let error = Person::with_key("team", wrong).unwrap_err();
            assert!(error.starts_with("invalid person key: got "), "{error}");
        }
        for wrong in
            ["", "00", "zz000000000000000000000000000000", "0000000000000000000000000000000é"]
        {
            assert_eq!(Person::parse(wrong), None, "{wrong}");
        }
    }
}
