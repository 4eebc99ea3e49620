//! Encryption of video frames and audio packets, with the unencrypted key-frame flag.

use super::open::Refused;
use super::{Opener, Sealer, SframeError};

/// First byte of the metadata: kind of media.
const VIDEO: u8 = b'v';
const SOUND: u8 = b's';
/// Unencrypted byte before a video frame.
const KEY_FRAME: u8 = 0;
const OTHER_FRAME: u8 = 1;

impl Sealer {
    /// Encrypts a video frame; returns it with its unencrypted key-frame byte.
    ///
    /// # Errors
    /// As [`Self::seal`].
    pub fn seal_video(&mut self, is_key: bool, frame: &[u8]) -> Result<Vec<u8>, SframeError> {
        let clear = if is_key { KEY_FRAME } else { OTHER_FRAME };
        let mut sealed = self.seal_behind(&[VIDEO, clear], frame)?;
        sealed.drain(..1);
        Ok(sealed)
    }

    /// Encrypts an audio packet.
    ///
    /// # Errors
    /// As [`Self::seal`].
    pub fn seal_sound(&mut self, packet: &[u8]) -> Result<Vec<u8>, SframeError> {
        self.seal(&[SOUND], packet)
    }
}

impl Opener {
    /// Decrypts a video frame; returns it with whether it was encrypted as a key frame.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_video(&mut self, sealed: &[u8]) -> Result<(Vec<u8>, bool), Refused> {
        // Empty input counts as malformed.
        let (clear, frame) = sealed.split_first().unwrap_or((&KEY_FRAME, &[]));
        let opened = self.open(&[VIDEO, *clear], frame)?;
        Ok((opened, *clear == KEY_FRAME))
    }

    /// Decrypts an audio packet.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_sound(&mut self, sealed: &[u8]) -> Result<Vec<u8>, Refused> {
        self.open(&[SOUND], sealed)
    }
}
