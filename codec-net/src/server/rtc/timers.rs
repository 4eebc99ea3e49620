//! Timeouts of the calls, in order of time: only calls whose timeout has expired take CPU time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The timeout of each call.
#[derive(Debug, Default)]
pub(super) struct Timers {
    of_calls: BTreeMap<u64, Duration>,
    in_order: BTreeSet<(Duration, u64)>,
}

impl Timers {
    /// Sets the timeout of a call; `None` if it has none.
    pub(super) fn set(&mut self, id: u64, due: Option<Duration>) {
        let before = match due {
            Some(due) => self.of_calls.insert(id, due),
            None => self.of_calls.remove(&id),
        };
        if before == due {
            return;
        }
        if let Some(before) = before {
            self.in_order.remove(&(before, id));
        }
        if let Some(due) = due {
            self.in_order.insert((due, id));
        }
    }

    /// The first timeout.
    pub(super) fn next(&self) -> Option<Duration> {
        self.in_order.first().map(|(due, _)| *due)
    }

    /// The calls whose timeout has come.
    pub(super) fn due(&self, now: Duration) -> Vec<u64> {
        self.in_order.range(..=(now, u64::MAX)).map(|(_, id)| *id).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Option<Duration> {
        Some(Duration::from_millis(ms))
    }

    #[test]
    fn calls_are_due_in_order_of_their_last_timeout() {
        let mut timers = Timers::default();
        assert_eq!((timers.next(), timers.due(Duration::MAX)), (None, vec![]));
        timers.set(1, ms(30));
        timers.set(2, ms(10));
        timers.set(3, ms(20));
        timers.set(u64::MAX, ms(20));
        assert_eq!(timers.next(), ms(10));
        assert_eq!(timers.due(Duration::from_millis(9)), [0; 0]);
        assert_eq!(timers.due(Duration::from_millis(20)), [2, 3, u64::MAX]);
        timers.set(2, ms(40));
        timers.set(2, ms(40));
        timers.set(3, None);
        timers.set(3, None);
        assert_eq!(timers.due(Duration::from_millis(40)), [u64::MAX, 1, 2]);
        timers.set(1, None);
        timers.set(2, None);
        timers.set(u64::MAX, None);
        assert_eq!(timers.next(), None);
    }
}
