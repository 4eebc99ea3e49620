//! Encryption.

use super::header::{rtcp_ssrc, rtp_header_bytes, rtp_numbers};
use super::index::{Window, extend};
use super::keys::{self, ENCRYPTED, SessionKeys};
use super::{MAX_SOURCES, SrtpError, Suite};

/// Key lifetime in packets: 2^48 for RTP, 2^31 for RTCP (RFC 3711, section 9.2).
const RTP_NUMBERS: u64 = 1 << 48;

/// Encrypts and authenticates sent packets with one key.
pub struct Protect {
    suite: Suite,
    rtp: SessionKeys,
    rtcp: SessionKeys,
    sources: Vec<(u32, Window)>,
    rtcp_index: u32,
}

impl std::fmt::Debug for Protect {
    /// Omits the keys.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Protect").field("suite", &self.suite).finish_non_exhaustive()
    }
}

impl Protect {
    /// Creates the state for a key. `material`: master key and salt, as decoded from `inline:` in
    /// `a=crypto`.
    ///
    /// # Errors
    /// Returns [`SrtpError::KeyLength`] if `material` does not have the length required by the
    /// suite.
    pub fn new(suite: Suite, material: &[u8]) -> Result<Self, SrtpError> {
        let (rtp, rtcp) = keys::derive(suite, material)?;
        Ok(Self { suite, rtp, rtcp, sources: Vec::new(), rtcp_index: 0 })
    }

    /// Crypto suite.
    #[must_use]
    pub fn suite(&self) -> Suite {
        self.suite
    }

    /// Protects an RTP packet in place, which grows by [`Suite::rtp_overhead`]. Sequence numbers
    /// may wrap and be slightly out of order, but must not repeat.
    ///
    /// # Errors
    /// Returns [`SrtpError`] and leaves the packet unchanged.
    pub fn rtp(&mut self, packet: &mut Vec<u8>) -> Result<(), SrtpError> {
        let header_bytes = rtp_header_bytes(packet).ok_or(SrtpError::Malformed)?;
        let (sequence, ssrc) = rtp_numbers(packet).ok_or(SrtpError::Malformed)?;
        let known = self.sources.iter().position(|source| source.0 == ssrc);
        if known.is_none() && self.sources.len() >= MAX_SOURCES {
            return Err(SrtpError::TooManySources);
        }
        let window = known.and_then(|at| self.sources.get(at)).map(|(_, window)| window);
        let highest = window.and_then(Window::highest);
        let index = highest.map_or(sequence.into(), |highest| extend(highest, sequence));
        if index >= RTP_NUMBERS {
            return Err(SrtpError::KeyExhausted);
        }
        if window.is_some_and(|window| !window.is_new(index)) {
            return Err(SrtpError::Replayed);
        }
        self.rtp.encrypt_rtp(packet, header_bytes, ssrc, index)?;
        match known.and_then(|at| self.sources.get_mut(at)) {
            Some((_, window)) => window.take(index),
            None => {
                let mut window = Window::default();
                window.take(index);
                self.sources.push((ssrc, window));
            }
        }
        Ok(())
    }

    /// Protects an RTCP compound in place, which grows by [`Suite::rtcp_overhead`].
    ///
    /// # Errors
    /// Returns [`SrtpError`] and leaves the packet unchanged.
    pub fn rtcp(&mut self, packet: &mut Vec<u8>) -> Result<(), SrtpError> {
        let ssrc = rtcp_ssrc(packet).ok_or(SrtpError::Malformed)?;
        // One counter for all sources, so that no two packets have the same index.
        let index = self.rtcp_index;
        if index >= ENCRYPTED {
            return Err(SrtpError::KeyExhausted);
        }
        self.rtcp.encrypt_rtcp(packet, ssrc, index)?;
        self.rtcp_index += 1;
        Ok(())
    }

    /// Removes a source that has ended. It must not be used again with the same key.
    pub fn remove(&mut self, ssrc: u32) {
        self.sources.retain(|source| source.0 != ssrc);
    }
}
