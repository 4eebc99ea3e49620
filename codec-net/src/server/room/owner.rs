//! The owner of a stream: another publisher with the same owner may take the stream over.

use std::fmt;

use super::super::auth::Identity;
use super::super::outcome::EndReason;

/// Who may take over a stream, and how its publisher is notified.
pub struct Owner {
    /// Publishers with the same identity may take over.
    pub identity: Identity,
    /// Ends the session of the replaced publisher.
    pub end: Box<dyn Fn(EndReason) + Send + Sync>,
}

impl fmt::Debug for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Owner").finish_non_exhaustive()
    }
}
