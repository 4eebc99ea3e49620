//! Numbers that tell sessions apart, and the comparison of tokens.

use std::hash::{BuildHasher, Hasher, RandomState};

/// A number that nobody else is likely to have, of the system's randomness by way of the standard
/// library's hash keys. Not a secret.
#[must_use]
pub fn number() -> u64 {
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u64(0);
    hasher.finish()
}

/// Whether two tokens are the same, in a time that depends on their lengths alone.
#[must_use]
pub fn same_token(given: &str, expected: &str) -> bool {
    let (given, expected) = (given.as_bytes(), expected.as_bytes());
    let pairs = given.iter().zip(expected);
    let difference = pairs.fold(0, |difference, (a, b)| difference | (a ^ b));
    std::hint::black_box(difference) == 0 && given.len() == expected.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_compared_whole() {
        assert!(same_token("abc", "abc"));
        for wrong in ["", "ab", "abd", "abcd"] {
            assert!(!same_token(wrong, "abc"), "{wrong}");
        }
        assert_ne!(number(), number());
    }
}
