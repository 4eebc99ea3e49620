//! Encryption of video frames and audio packets, with the unencrypted key-frame flag.

use super::decrypt::DecryptError;
use super::{Decryptor, Encryptor, SframeError};

/// First byte of the metadata: kind of media.
const VIDEO: u8 = b'v';
const AUDIO: u8 = b's';
/// Unencrypted byte before a video frame.
const KEY_FRAME: u8 = 0;
const OTHER_FRAME: u8 = 1;

impl Encryptor {
    /// Encrypts a video frame; returns it with its unencrypted key-frame byte.
    ///
    /// # Errors
    /// Returns the errors of [`Self::encrypt`].
    pub fn encrypt_video(&mut self, is_key: bool, frame: &[u8]) -> Result<Vec<u8>, SframeError> {
        let clear = if is_key { KEY_FRAME } else { OTHER_FRAME };
        let mut encrypted = self.encrypt_with_metadata(&[VIDEO, clear], frame)?;
        encrypted.drain(..1);
        Ok(encrypted)
    }

    /// Encrypts an audio packet.
    ///
    /// # Errors
    /// Returns the errors of [`Self::encrypt`].
    pub fn encrypt_audio(&mut self, packet: &[u8]) -> Result<Vec<u8>, SframeError> {
        self.encrypt(&[AUDIO], packet)
    }
}

impl Decryptor {
    /// Decrypts a video frame; returns it with whether it was encrypted as a key frame.
    ///
    /// # Errors
    /// Returns the errors of [`Self::decrypt`].
    pub fn decrypt_video(&mut self, encrypted: &[u8]) -> Result<(Vec<u8>, bool), DecryptError> {
        // Empty input counts as malformed.
        let (clear, frame) = encrypted.split_first().unwrap_or((&KEY_FRAME, &[]));
        let decrypted = self.decrypt(&[VIDEO, *clear], frame)?;
        Ok((decrypted, *clear == KEY_FRAME))
    }

    /// Decrypts an audio packet.
    ///
    /// # Errors
    /// Returns the errors of [`Self::decrypt`].
    pub fn decrypt_audio(&mut self, encrypted: &[u8]) -> Result<Vec<u8>, DecryptError> {
        self.decrypt(&[AUDIO], encrypted)
    }
}
