//! Random session numbers, secret random bytes, and constant-time comparison of tokens.

use std::hash::{BuildHasher, Hasher, RandomState};

/// Returns a number that is probably unique, from the standard library's random hash
/// keys. Not suitable as a secret.
#[must_use]
pub fn number() -> u64 {
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u64(0);
    hasher.finish()
}

/// Fills an array with cryptographically secure random bytes from the operating system.
///
/// # Panics
///
/// If the operating system provides no random numbers, without which nothing would be secure.
#[cfg(feature = "serve")]
#[must_use]
#[expect(clippy::expect_used, reason = "a server without random numbers must not run")]
pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives random numbers");
    bytes
}

/// Returns a name of 128 random bits in hexadecimal.
#[cfg(feature = "serve")]
#[must_use]
pub(crate) fn name() -> String {
    hex(&bytes::<16>())
}

/// Formats bytes in hexadecimal.
#[cfg(feature = "serve")]
#[must_use]
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Compares two tokens in a time that depends only on their lengths.
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
    fn whole_tokens_are_compared() {
        assert!(same_token("abc", "abc"));
        for wrong in ["", "ab", "abd", "abcd"] {
            assert!(!same_token(wrong, "abc"), "{wrong}");
        }
        assert_ne!(number(), number());
    }
}
