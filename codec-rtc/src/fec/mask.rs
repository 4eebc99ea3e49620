//! Protection masks: which media packets each repair packet covers.

/// Assignment of media packets to repair packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pattern {
    /// Every n-th packet belongs to the same repair packet, so that a burst of up to n losses can
    /// be recovered.
    #[default]
    Interleaved,
    /// Packets are covered by one repair packet, by two, by one, and so on. Recovers more pairs of
    /// random losses, but is more sensitive to lost repair packets.
    Overlapping,
}

/// Maximum number of packets in a group.
pub const MAX_GROUP: usize = 110;

/// Returns the masks of up to `repairs` repair packets over `packets` media packets; bit i is
/// packet i. At most [`MAX_GROUP`] media packets are covered, and there are no more repair packets
/// than media packets.
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
        // In the second round each packet is also covered by the next repair packet, in the third
        // by the one after it, and so on, so that two packets of one repair packet differ in the
        // other.
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
    fn masks_cover_every_packet_and_are_never_empty() {
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
