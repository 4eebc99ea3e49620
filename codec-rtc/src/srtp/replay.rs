//! Numbers that were seen (RFC 3711, section 3.3.2) and numbers without wraps (section 3.3.1).

/// Numbers below the highest that are remembered. Retransmissions and reordering stay within.
pub(super) const WINDOW: u64 = 1024;
const WORDS: usize = 16;

/// Which of the last numbers were taken.
#[derive(Clone, Debug, Default)]
pub(super) struct Window {
    /// Highest number taken.
    highest: Option<u64>,
    /// A bit for each number, at the number modulo the length.
    taken: [u64; WORDS],
}

impl Window {
    pub(super) fn highest(&self) -> Option<u64> {
        self.highest
    }

    /// Not taken yet, nor too old to tell.
    pub(super) fn is_new(&self, number: u64) -> bool {
        let Some(highest) = self.highest else { return true };
        if number > highest {
            return true;
        }
        let (word, bit) = place(number);
        highest - number < WINDOW && self.taken.get(word).is_some_and(|word| word & bit == 0)
    }

    /// The number has been taken.
    pub(super) fn take(&mut self, number: u64) {
        let highest = self.highest.unwrap_or(number);
        if number > highest {
            if number - highest >= WINDOW {
                self.taken = [0; WORDS];
            } else {
                for skipped in highest + 1..=number {
                    let (word, bit) = place(skipped);
                    if let Some(word) = self.taken.get_mut(word) {
                        *word &= !bit;
                    }
                }
            }
        }
        self.highest = Some(highest.max(number));
        let (word, bit) = place(number);
        if let Some(word) = self.taken.get_mut(word) {
            *word |= bit;
        }
    }
}

fn place(number: u64) -> (usize, u64) {
    let at = number % WINDOW;
    (usize::try_from(at / 64).unwrap_or(0), 1 << (at % 64))
}

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
    fn numbers_are_taken_once_within_the_window() {
        let mut window = Window::default();
        assert!(window.is_new(5000));
        window.take(5000);
        assert!(!window.is_new(5000) && window.is_new(4999) && window.is_new(5001));
        window.take(4990);
        assert!(!window.is_new(4990));
        window.take(6000);
        assert!(!window.is_new(5000) && !window.is_new(4990), "still remembered");
        assert!(window.is_new(4989));
        window.take(6023);
        assert!(!window.is_new(5000), "the oldest");
        assert!(!window.is_new(4999), "too old");
        window.take(6_000_000);
        assert!(!window.is_new(6023) && window.is_new(5_999_999));
        assert_eq!(window.highest(), Some(6_000_000));
        for number in 6_000_001..6_001_024 {
            window.take(number);
        }
        for number in 6_001_024..6_010_000 {
            assert!(window.is_new(number));
            window.take(number);
            assert!(!window.is_new(number) && !window.is_new(number - 1023));
        }
    }

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
