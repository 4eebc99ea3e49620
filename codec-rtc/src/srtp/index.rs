//! Packet indices: sequence numbers extended by the rollover counter (RFC 3711, section 3.3.1), and
//! the replay window.

/// Replay window of 1024 packets, which covers retransmissions and reordering.
pub(super) type Window = crate::replay::Window<16>;

/// Returns the index with these low 16 bits nearest to the highest so far (section 3.3.1 and
/// appendix A). There are no negative indices: in that case, uses the rollover counter of
/// `highest`.
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
    // Negative rollover counter: a packet from before the start.
    wraps << 16 | sequence
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_index_is_chosen() {
        assert_eq!(extend(10, 11), 11);
        assert_eq!(extend(10, 9), 9);
        assert_eq!(extend(0xffff, 0), 0x1_0000);
        assert_eq!(extend(0x1_0000, 0xffff), 0xffff);
        assert_eq!(extend(0x5_ff00, 0x10), 0x6_0010);
        assert_eq!(extend(0x5_0010, 0xff00), 0x4_ff00);
        assert_eq!(extend(0x10, 0xff00), 0xff00);
    }
}
