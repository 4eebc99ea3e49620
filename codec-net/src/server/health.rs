//! The health of a server: whether it still provides all services.

use std::any::Any;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Maximum number of unread notices; beyond it the oldest are dropped.
const MAX_NOTICES: usize = 64;
/// Maximum length of a panic message, in characters.
const MAX_MESSAGE_CHARS: usize = 300;

/// Failures inside a server.
#[derive(Debug, Default)]
pub(super) struct Health {
    /// Why calls cannot be served any more.
    calls: Mutex<Option<String>>,
    notices: Mutex<VecDeque<String>>,
}

impl Health {
    /// Records that calls cannot be served any more.
    pub(super) fn fail_calls(&self, why: String) {
        self.notice(format!("WebRTC is no longer available: {why}"));
        *lock(&self.calls) = Some(why);
    }

    /// Why calls cannot be served any more; `None` if they can.
    pub(super) fn calls_failure(&self) -> Option<String> {
        lock(&self.calls).clone()
    }

    /// Adds a line to the operator's log.
    pub(super) fn notice(&self, line: String) {
        let mut notices = lock(&self.notices);
        if notices.len() >= MAX_NOTICES {
            notices.pop_front();
        }
        notices.push_back(line);
    }

    /// Returns the next line for the log.
    pub(super) fn next_notice(&self) -> Option<String> {
        lock(&self.notices).pop_front()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Extracts the message of a panic.
pub(super) fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
    text.chars().take(MAX_MESSAGE_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notices_are_bounded_and_the_newest_are_kept() {
        let health = Health::default();
        for number in 0..100 {
            health.notice(number.to_string());
        }
        let kept: Vec<_> = std::iter::from_fn(|| health.next_notice()).collect();
        assert_eq!((kept.len(), kept[0].as_str(), kept[63].as_str()), (MAX_NOTICES, "36", "99"));
        assert_eq!(health.calls_failure(), None);
        health.fail_calls("gone".to_owned());
        assert_eq!(health.calls_failure().as_deref(), Some("gone"));
        assert!(health.next_notice().unwrap().contains("gone"));
    }
}
