//! Frames and sound that are encrypted end to end, where that is asked for ([`crate::sframe`]);
//! without the feature everything passes as it is.

use std::borrow::Cow;
use std::time::Duration;

use crate::rtp::Malformed;
#[cfg(feature = "sframe")]
use crate::sframe::{OpenCounters, Opener, Refused, Sealer, SframeError};

/// Requests for key frames that bring nothing that opens become rarer up to this many times.
const MOST_SLOWER: u32 = 5;

/// The sender's side.
#[derive(Debug, Default)]
pub(super) struct Sealing {
    #[cfg(feature = "sframe")]
    pub(super) sealer: Option<Sealer>,
}

#[cfg(feature = "sframe")]
fn unsealed(error: SframeError) -> Malformed {
    let what = match error {
        SframeError::Exhausted => "the counter of sealed frames is used up",
        _ => "the frame could not be sealed",
    };
    Malformed::Field { what }
}

#[cfg_attr(
    not(feature = "sframe"),
    expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "nothing is sealed")
)]
impl Sealing {
    /// What goes into packets in place of a frame; `None`: the frame as it is.
    pub(super) fn video(
        &mut self,
        is_key: bool,
        frame: &[u8],
    ) -> Result<Option<Vec<u8>>, Malformed> {
        #[cfg(feature = "sframe")]
        if let Some(sealer) = &mut self.sealer {
            if frame.is_empty() {
                return Err(Malformed::EmptyPayload);
            }
            return sealer.seal_video(is_key, frame).map(Some).map_err(unsealed);
        }
        let _ = (is_key, frame);
        Ok(None)
    }

    /// What goes into a packet of sound.
    pub(super) fn sound<'a>(&mut self, packet: &'a [u8]) -> Result<Cow<'a, [u8]>, Malformed> {
        #[cfg(feature = "sframe")]
        if let Some(sealer) = &mut self.sealer {
            return sealer.seal_sound(packet).map(Cow::Owned).map_err(unsealed);
        }
        Ok(Cow::Borrowed(packet))
    }
}

/// The receiver's side.
#[derive(Debug, Default)]
pub(super) struct Opening {
    #[cfg(feature = "sframe")]
    pub(super) opener: Option<Opener>,
    /// The last frame had a key that is not there.
    #[cfg(feature = "sframe")]
    unknown: Option<u64>,
    /// Key frames that were asked for since the last frame that opened, if one did not since.
    in_vain: Option<u32>,
}

impl Opening {
    /// The frame in what came out of packets; `None` if it does not open.
    pub(super) fn video(&mut self, frame: Vec<u8>) -> Option<Vec<u8>> {
        #[cfg(feature = "sframe")]
        if let Some(opener) = &mut self.opener {
            return match opener.open_video(&frame) {
                Ok((opened, _)) => {
                    (self.unknown, self.in_vain) = (None, None);
                    Some(opened)
                }
                Err(refused) => {
                    self.unknown = match refused {
                        Refused::UnknownKey { id } => Some(id),
                        _ => None,
                    };
                    self.in_vain.get_or_insert(0);
                    None
                }
            };
        }
        Some(frame)
    }

    /// The packet of sound in a payload; `None` if it does not open.
    pub(super) fn sound<'a>(&mut self, payload: &'a [u8]) -> Option<Cow<'a, [u8]>> {
        #[cfg(feature = "sframe")]
        if let Some(opener) = &mut self.opener {
            return opener.open_sound(payload).ok().map(Cow::Owned);
        }
        Some(Cow::Borrowed(payload))
    }

    /// The same of a redundant copy: `None` also if the packet itself was there.
    pub(super) fn copy<'a>(&mut self, payload: &'a [u8]) -> Option<Cow<'a, [u8]>> {
        #[cfg(feature = "sframe")]
        if self.opener.as_ref().is_some_and(|opener| opener.has_opened(payload)) {
            return None;
        }
        self.sound(payload)
    }

    /// Whether a key frame would be of use: not while there is no key for it.
    pub(super) fn could_open(&self) -> bool {
        #[cfg(feature = "sframe")]
        if let (Some(id), Some(opener)) = (self.unknown, &self.opener) {
            return opener.knows(id);
        }
        true
    }

    /// A key frame was asked for.
    pub(super) fn asked(&mut self) {
        if let Some(times) = &mut self.in_vain {
            *times = times.saturating_add(1);
        }
    }

    /// The time between two requests, `usual` as long as what comes opens.
    pub(super) fn interval(&self, usual: Duration) -> Duration {
        // One may get lost, so that the second comes as usual.
        let times = self.in_vain.unwrap_or(0).saturating_sub(1);
        usual * (1 << times.min(MOST_SLOWER))
    }

    #[cfg(feature = "sframe")]
    pub(super) fn counters(&self) -> Option<OpenCounters> {
        self.opener.as_ref().map(Opener::counters)
    }
}
