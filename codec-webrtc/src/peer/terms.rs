//! The codecs and the use of simulcast that an endpoint accepts in the offers of a session.

use crate::Codecs;

/// Media that this endpoint accepts in later offers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    pub(super) codecs: Codecs,
    pub(super) simulcast: bool,
}
