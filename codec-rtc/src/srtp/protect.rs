//! The sending direction.

use super::header::{rtcp_ssrc, rtp_header_bytes, rtp_numbers};
use super::index::{Window, extend};
use super::keys::{self, ENCRYPTED, SessionKeys};
use super::{MAX_SOURCES, SrtpError, Suite};

/// Numbers that a key lasts for: 2^48 of RTP, 2^31 of RTCP (RFC 3711, section 9.2).
const RTP_NUMBERS: u64 = 1 << 48;

/// Encrypts and signs what is sent under one key.
pub struct Protect {
    suite: Suite,
    rtp: SessionKeys,
    rtcp: SessionKeys,
    sources: Vec<(u32, Window)>,
    rtcp_index: u32,
}

impl std::fmt::Debug for Protect {
    /// Without keys.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Protect").field("suite", &self.suite).finish_non_exhaustive()
    }
}

impl Protect {
    /// `material`: master key and salt as in `inline:` of `a=crypto`, decoded.
    ///
    /// # Errors
    /// [`SrtpError::KeyLength`].
    pub fn new(suite: Suite, material: &[u8]) -> Result<Self, SrtpError> {
        let (rtp, rtcp) = keys::derive(suite, material)?;
        Ok(Self { suite, rtp, rtcp, sources: Vec::new(), rtcp_index: 0 })
    }

    /// Which ciphers.
    #[must_use]
    pub fn suite(&self) -> Suite {
        self.suite
    }

    /// Protects an RTP packet in place; it grows by [`Suite::rtp_overhead`]. Sequence numbers may
    /// wrap and come in any order near one another, each once.
    ///
    /// # Errors
    /// [`SrtpError`]; the packet is as it was.
    pub fn rtp(&mut self, packet: &mut Vec<u8>) -> Result<(), SrtpError> {
        let header_bytes = rtp_header_bytes(packet).ok_or(SrtpError::Malformed)?;
        let (sequence, ssrc) = rtp_numbers(packet).ok_or(SrtpError::Malformed)?;
        let known = self.sources.iter().position(|source| source.0 == ssrc);
        if known.is_none() && self.sources.len() >= MAX_SOURCES {
            return Err(SrtpError::TooManySources);
        }
        let mut window =
            known.and_then(|at| self.sources.get(at)).map(|it| it.1.clone()).unwrap_or_default();
        let index = window.highest().map_or(sequence.into(), |highest| extend(highest, sequence));
        if index >= RTP_NUMBERS {
            return Err(SrtpError::KeyExhausted);
        }
        if !window.is_new(index) {
            return Err(SrtpError::Replayed);
        }
        self.rtp.seal_rtp(packet, header_bytes, ssrc, index)?;
        window.take(index);
        match known.and_then(|at| self.sources.get_mut(at)) {
            Some(source) => source.1 = window,
            None => self.sources.push((ssrc, window)),
        }
        Ok(())
    }

    /// Protects an RTCP compound in place; it grows by [`Suite::rtcp_overhead`].
    ///
    /// # Errors
    /// [`SrtpError`]; the packet is as it was.
    pub fn rtcp(&mut self, packet: &mut Vec<u8>) -> Result<(), SrtpError> {
        let ssrc = rtcp_ssrc(packet).ok_or(SrtpError::Malformed)?;
        // One counter for all sources: then no two packets share a number.
        let index = self.rtcp_index;
        if index >= ENCRYPTED {
            return Err(SrtpError::KeyExhausted);
        }
        self.rtcp.seal_rtcp(packet, ssrc, index)?;
        self.rtcp_index += 1;
        Ok(())
    }

    /// Forgets a source that has ended. It must not come back under the same key.
    pub fn remove(&mut self, ssrc: u32) {
        self.sources.retain(|source| source.0 != ssrc);
    }
}
