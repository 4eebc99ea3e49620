//! Numbers that tell sessions apart, bytes that nobody can guess, and the comparison of tokens.

use std::hash::{BuildHasher, Hasher, RandomState};

/// A number that nobody else is likely to have, of the system's randomness by way of the standard
/// library's hash keys. Not a secret.
#[must_use]
pub fn number() -> u64 {
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u64(0);
    hasher.finish()
}

/// Fills an array with bytes that nobody can guess, of the operating system.
///
/// # Panics
/// If the operating system has no random numbers: nothing here would be safe.
#[cfg(feature = "serve")]
#[must_use]
#[expect(clippy::expect_used, reason = "a server without random numbers must not run")]
pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives random numbers");
    bytes
}

/// A name of 128 random bits in hexadecimal.
#[cfg(feature = "serve")]
#[must_use]
pub(crate) fn name() -> String {
    hex(&bytes::<16>())
}

/// Bytes in hexadecimal.
#[cfg(feature = "serve")]
#[must_use]
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
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
