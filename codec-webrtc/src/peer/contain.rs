//! A panic in this end of a call, or in the stack under it, ends that call alone.
//!
//! The stack reads what strangers send. A defect in it must not end the other calls of a process:
//! every method that runs it goes through [`Peer::contained`]. The state that a panic leaves behind
//! is not used again.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{Peer, State};
use crate::{ClosedReason, SdpError};

/// Longest message that is kept of a panic, in characters.
const MESSAGE_CHARS: usize = 300;

/// Runs `work`. `Err`: it panicked, with this message.
pub(super) fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| message(&*panic))
}

/// Runs a negotiation. A panic in it is an error.
pub(super) fn negotiated<T>(work: impl FnOnce() -> Result<T, SdpError>) -> Result<T, SdpError> {
    caught(work).unwrap_or_else(|panic| Err(SdpError::Internal(panic)))
}

impl Peer {
    /// Runs `work` on this end. A panic ends the call with [`ClosedReason::Internal`] and gives
    /// `otherwise`, and so does every later use.
    pub(super) fn contained<T>(&mut self, otherwise: T, work: impl FnOnce(&mut Self) -> T) -> T {
        if self.broken {
            return otherwise;
        }
        match caught(|| work(self)) {
            Ok(result) => result,
            Err(panic) => {
                self.give_up(panic);
                otherwise
            }
        }
    }

    fn give_up(&mut self, panic: String) {
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
