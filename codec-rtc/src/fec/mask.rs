//! Which media packets each repair packet covers.

/// How packets are spread over repair packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pattern {
    /// Every n-th packet: of a burst as long as there are repair packets, each loses one.
    #[default]
    Interleaved,
    /// Packets are in one repair packet, in two, in one, ...: more pairs of random losses can be
    /// told apart, and a lost repair packet costs more.
    Overlapping,
}

/// Most packets of a group.
pub const MAX_GROUP: usize = 110;

/// The masks of `repairs` repair packets over `packets` media packets, of which at most
/// [`MAX_GROUP`] are covered: bit i is packet i. No more repair packets than packets, none without
/// packets.
#[must_use]
pub fn masks(packets: usize, repairs: usize, pattern: Pattern) -> Vec<u128> {
    let packets = packets.min(MAX_GROUP);
    let repairs = repairs.min(packets);
    let mut masks = vec![0_u128; repairs];
    let mut put = |repair: usize, packet: usize| {
        if let Some(mask) = masks.get_mut(repair) {
            *mask |= 1 << packet;
        }
    };
    if repairs == 0 {
        return Vec::new();
    }
    for packet in 0..packets {
        let (own, round) = (packet % repairs, packet / repairs);
        put(own, packet);
        // In the second round each is also in the next repair packet, in the third in the one
        // after, ...: two packets of the same repair packet differ in the other.
        let step = round % repairs;
        if pattern == Pattern::Overlapping && step > 0 {
            put((own + step) % repairs, packet);
        }
    }
    masks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_packet_is_covered_and_every_repair_packet_used() {
        for pattern in [Pattern::Interleaved, Pattern::Overlapping] {
            for packets in 0..=130 {
                for repairs in 0..=packets + 2 {
                    let masks = masks(packets, repairs, pattern);
                    let covered = packets.min(MAX_GROUP);
                    assert_eq!(masks.len(), repairs.min(covered));
                    let all = masks.iter().fold(0, |all, mask| all | mask);
                    let expected = if repairs == 0 { 0 } else { covered };
                    assert_eq!(all.count_ones() as usize, expected);
                    assert!(masks.iter().all(|&mask| mask != 0));
                    let bits: u32 = masks.iter().map(|mask| mask.count_ones()).sum();
                    assert!(pattern == Pattern::Overlapping || bits as usize == expected);
                }
            }
        }
    }
}
