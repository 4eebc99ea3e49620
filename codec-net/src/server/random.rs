//! Bytes that nobody can guess, of the operating system.

/// Fills an array.
///
/// # Panics
/// If the operating system has no random numbers: nothing here would be safe.
#[must_use]
#[expect(clippy::expect_used, reason = "a server without random numbers must not run")]
pub(super) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives random numbers");
    bytes
}

/// A name of 128 random bits in hexadecimal.
#[must_use]
pub(super) fn name() -> String {
    hex(&bytes::<16>())
}

/// Bytes in hexadecimal.
#[must_use]
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
