//! Packet indices: numbers without wraps (RFC 3711, section 3.3.1), and those that were seen.

/// Indices that were seen: 1024 below the highest are remembered. Retransmissions and reordering
/// stay within.
pub(super) type Window = crate::replay::Window<16>;

/// The number with these low 16 bits that is nearest to the highest so far (section 3.3.1 and
/// appendix A). Below 0 there is nothing: then it is the one with the wraps of `highest`.
pub(super) fn extend(highest: u64, sequence: u16) -> u64 {
    let wraps = highest >> 16;
    let last = highest & 0xffff;
    let sequence = u64::from(sequence);
    let wraps = if last < 0x8000 && sequence > last + 0x8000 {
        wraps.saturating_sub(1)
    } else if last >= 0x8000 && sequence < last - 0x8000 {
        wraps + 1
    } else {
        wraps
    };
    // One wrap less than none: the packet is from before the beginning.
    wraps << 16 | sequence
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_number_is_meant() {
        assert_eq!(extend(10, 11), 11);
        assert_eq!(extend(10, 9), 9);
        assert_eq!(extend(0xffff, 0), 0x1_0000);
        assert_eq!(extend(0x1_0000, 0xffff), 0xffff);
        assert_eq!(extend(0x5_ff00, 0x10), 0x6_0010);
        assert_eq!(extend(0x5_0010, 0xff00), 0x4_ff00);
        assert_eq!(extend(0x10, 0xff00), 0xff00);
    }
}
