//! What this endpoint accepts in later offers of a session: which codecs, and whether simulcast.

use crate::Codecs;

/// Media that this endpoint accepts in later offers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    pub(super) codecs: Codecs,
    pub(super) simulcast: bool,
}
