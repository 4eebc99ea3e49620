//! Counters that were seen (RFC 9605, section 9.3: replay).

/// Counters below the highest that are remembered. Pictures that wait for repair are behind the
/// sound of the same sender: 20 s of both are within.
pub const REPLAY_WINDOW: u64 = 4096;
const WORDS: usize = 64;

/// Which of the last counters were taken.
#[derive(Clone, Debug)]
pub(super) struct Window {
    highest: Option<u64>,
    /// A bit for each counter, at the counter modulo the length.
    taken: [u64; WORDS],
}

impl Default for Window {
    fn default() -> Self {
        Self { highest: None, taken: [0; WORDS] }
    }
}

impl Window {
    /// Not taken yet, nor too old to tell.
    pub(super) fn is_new(&self, counter: u64) -> bool {
        let Some(highest) = self.highest else { return true };
        if counter > highest {
            return true;
        }
        let (word, bit) = place(counter);
        highest - counter < REPLAY_WINDOW
            && self.taken.get(word).is_some_and(|word| word & bit == 0)
    }

    /// The frame with that counter was authentic.
    pub(super) fn take(&mut self, counter: u64) {
        let highest = self.highest.unwrap_or(counter);
        if counter > highest {
            if counter - highest >= REPLAY_WINDOW {
                self.taken = [0; WORDS];
            } else {
                for skipped in highest + 1..=counter {
                    let (word, bit) = place(skipped);
                    if let Some(word) = self.taken.get_mut(word) {
                        *word &= !bit;
                    }
                }
            }
        }
        self.highest = Some(highest.max(counter));
        let (word, bit) = place(counter);
        if let Some(word) = self.taken.get_mut(word) {
            *word |= bit;
        }
    }
}

fn place(counter: u64) -> (usize, u64) {
    let at = counter % REPLAY_WINDOW;
    (usize::try_from(at / 64).unwrap_or(0), 1 << (at % 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_counts_once_and_within_the_window() {
        let mut window = Window::default();
        assert!(window.is_new(u64::MAX) && window.is_new(0));
        for counter in [5, 3, 70, 4] {
            assert!(window.is_new(counter), "{counter}");
            window.take(counter);
            assert!(!window.is_new(counter), "{counter}");
        }
        window.take(70 + REPLAY_WINDOW - 1);
        assert!(!window.is_new(70) && window.is_new(71));
        assert!(!window.is_new(69), "too old to tell");
        window.take(u64::MAX);
        assert!(!window.is_new(u64::MAX) && window.is_new(u64::MAX - 1) && !window.is_new(71));
    }
}
