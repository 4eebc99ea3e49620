//! Where sequence numbers begin.

use crate::rng::Rng;

/// First numbers lie in the lower quarter. A receiver of SRTP takes the first packet that it gets for
/// one before any wrap (RFC 3711, section 3.3.1): if the numbers wrapped before it heard any, it
/// could not decrypt anything.
const FIRST_NUMBERS: u64 = 1 << 14;

/// A random first sequence number.
pub(super) fn first_sequence(rng: &mut Rng) -> u16 {
    u16::try_from(rng.next_u64() % FIRST_NUMBERS).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_numbers_are_far_from_a_wrap_and_differ() {
        let mut rng = Rng::new(1);
        let numbers: Vec<u16> = (0..1000).map(|_| first_sequence(&mut rng)).collect();
        assert!(numbers.iter().all(|number| *number < 0x4000));
        assert!(numbers.iter().collect::<std::collections::BTreeSet<_>>().len() > 900);
    }
}
