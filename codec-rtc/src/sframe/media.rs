//! What of coded media is sealed, and what stands in the clear.

use super::open::Refused;
use super::{Opener, Sealer, SframeError};

/// First byte of the metadata: which of the two a frame is.
const VIDEO: u8 = b'v';
const SOUND: u8 = b's';
/// The byte before a video frame.
const KEY_FRAME: u8 = 0;
const OTHER_FRAME: u8 = 1;

impl Sealer {
    /// A sealed video frame, with its byte in the clear.
    ///
    /// # Errors
    /// As [`Self::seal`].
    pub fn seal_video(&mut self, is_key: bool, frame: &[u8]) -> Result<Vec<u8>, SframeError> {
        let clear = if is_key { KEY_FRAME } else { OTHER_FRAME };
        let mut sealed = self.seal_behind(&[VIDEO, clear], frame)?;
        sealed.drain(..1);
        Ok(sealed)
    }

    /// A sealed packet of sound.
    ///
    /// # Errors
    /// As [`Self::seal`].
    pub fn seal_sound(&mut self, packet: &[u8]) -> Result<Vec<u8>, SframeError> {
        self.seal(&[SOUND], packet)
    }
}

impl Opener {
    /// The video frame inside, and whether it was sealed as a key frame.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_video(&mut self, sealed: &[u8]) -> Result<(Vec<u8>, bool), Refused> {
        // Nothing at all is counted as malformed.
        let (clear, frame) = sealed.split_first().unwrap_or((&KEY_FRAME, &[]));
        let opened = self.open(&[VIDEO, *clear], frame)?;
        Ok((opened, *clear == KEY_FRAME))
    }

    /// The packet of sound inside.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_sound(&mut self, sealed: &[u8]) -> Result<Vec<u8>, Refused> {
        self.open(&[SOUND], sealed)
    }
}
