//! Initial sequence numbers.

use crate::rng::Rng;

/// Initial sequence numbers are in the lower quarter. An SRTP receiver assumes that the first
/// packet received has rollover counter 0 (RFC 3711, section 3.3.1); if the numbers had wrapped
/// before, it could not decrypt.
const FIRST_NUMBERS: u64 = 1 << 14;

/// Returns a random initial sequence number.
pub(super) fn first_sequence(rng: &mut Rng) -> u16 {
    u16::try_from(rng.next_u64() % FIRST_NUMBERS).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initial_sequence_numbers_are_random_and_far_from_a_wrap() {
        let mut rng = Rng::new(1);
        let numbers: Vec<u16> = (0..1000).map(|_| first_sequence(&mut rng)).collect();
        assert!(numbers.iter().all(|number| *number < 0x4000));
        assert!(numbers.iter().collect::<std::collections::BTreeSet<_>>().len() > 900);
    }
}
