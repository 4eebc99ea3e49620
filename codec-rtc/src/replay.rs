//! Replay protection: a sliding window over received numbers, for SRTP packets (RFC 3711, section
//! 3.3.2) and `SFrame` frames (RFC 9605, section 9.3).

/// Sliding window of received numbers, with `WORDS` words of 64 bits.
#[derive(Clone, Debug)]
pub(crate) struct Window<const WORDS: usize> {
    /// Highest number accepted.
    highest: Option<u64>,
    /// One bit per number, at the number modulo the window length.
    taken: [u64; WORDS],
}

impl<const WORDS: usize> Default for Window<WORDS> {
    fn default() -> Self {
        Self { highest: None, taken: [0; WORDS] }
    }
}

impl<const WORDS: usize> Window<WORDS> {
    /// Window length.
    pub(crate) const LEN: u64 = 64 * WORDS as u64;

    #[cfg(feature = "srtp")]
    pub(crate) fn highest(&self) -> Option<u64> {
        self.highest
    }

    /// Whether the number was not accepted yet and is not older than the window.
    pub(crate) fn is_new(&self, number: u64) -> bool {
        let Some(highest) = self.highest else { return true };
        if number > highest {
            return true;
        }
        let (word, bit) = Self::place(number);
        highest - number < Self::LEN && self.taken.get(word).is_some_and(|word| word & bit == 0)
    }

    /// Marks a number as accepted, after its packet was authenticated.
    pub(crate) fn take(&mut self, number: u64) {
        let highest = self.highest.unwrap_or(number);
        if number > highest {
            if number - highest >= Self::LEN {
                self.taken = [0; WORDS];
            } else {
                for skipped in highest + 1..=number {
                    let (word, bit) = Self::place(skipped);
                    if let Some(word) = self.taken.get_mut(word) {
                        *word &= !bit;
                    }
                }
            }
        }
        self.highest = Some(highest.max(number));
        let (word, bit) = Self::place(number);
        if let Some(word) = self.taken.get_mut(word) {
            *word |= bit;
        }
    }

    fn place(number: u64) -> (usize, u64) {
        let at = number % Self::LEN;
        (usize::try_from(at / 64).unwrap_or(0), 1 << (at % 64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_accepted_once_within_the_window() {
        let mut window = Window::<16>::default();
        assert!(window.is_new(5000));
        window.take(5000);
        assert!(!window.is_new(5000) && window.is_new(4999) && window.is_new(5001));
        window.take(4990);
        assert!(!window.is_new(4990));
        window.take(6000);
        assert!(!window.is_new(5000) && !window.is_new(4990), "still in the window");
        assert!(window.is_new(4989));
        window.take(6023);
        assert!(!window.is_new(5000), "oldest in the window");
        assert!(!window.is_new(4999), "older than the window");
        window.take(6_000_000);
        assert!(!window.is_new(6023) && window.is_new(5_999_999));
        assert_eq!(window.highest, Some(6_000_000));
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
    fn range_limits_are_handled() {
        let mut window = Window::<64>::default();
        assert!(window.is_new(u64::MAX) && window.is_new(0));
        for counter in [5, 3, 70, 4] {
            assert!(window.is_new(counter), "{counter}");
            window.take(counter);
            assert!(!window.is_new(counter), "{counter}");
        }
        window.take(70 + 4095);
        assert!(!window.is_new(70) && window.is_new(71));
        assert!(!window.is_new(69), "older than the window");
        window.take(u64::MAX);
        assert!(!window.is_new(u64::MAX) && window.is_new(u64::MAX - 1) && !window.is_new(71));
    }
}
