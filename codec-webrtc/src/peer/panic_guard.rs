//! Panic containment: a panic in a peer, or in str0m, ends only that session.
//!
//! str0m parses untrusted input. A defect in str0m must not end other sessions of the process, so every
//! method that changes the state of a peer goes through [`Peer::contained`], and the others through
//! [`caught`]. The state left behind by a panic is not used again.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{Peer, State};
use crate::{ClosedReason, SdpError};

/// Maximum length of a kept panic message in characters.
const MESSAGE_CHARS: usize = 300;

/// Runs `work`; `Err` with the message if it panics.
pub(super) fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| message(&*panic))
}

/// Runs a negotiation; a panic becomes an error.
pub(super) fn negotiated<T>(work: impl FnOnce() -> Result<T, SdpError>) -> Result<T, SdpError> {
    caught(work).unwrap_or_else(|panic| Err(SdpError::Internal(panic)))
}

impl Peer {
    /// Runs `work` on this peer. A panic ends the session with [`ClosedReason::Internal`] and
    /// returns `otherwise`, as do all later calls.
    pub(super) fn contained<T>(&mut self, otherwise: T, work: impl FnOnce(&mut Self) -> T) -> T {
        if self.broken {
            return otherwise;
        }
        match caught(|| work(self)) {
            Ok(result) => result,
            Err(panic) => {
                self.close_after_panic(panic);
                otherwise
            }
        }
    }

    fn close_after_panic(&mut self, panic: String) {
        self.broken = true;
        self.push(crate::Event::Closed(ClosedReason::Internal(panic)));
        self.state = State::Closed;
        self.stack_time = None;
        self.hang_up = None;
    }
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
    text.chars().take(MESSAGE_CHARS).collect()
}
