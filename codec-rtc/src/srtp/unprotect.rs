//! Decryption.

use super::header::{rtcp_ssrc, rtp_header_bytes, rtp_numbers};
use super::index::{Window, extend};
use super::keys::{self, ENCRYPTED, SessionKeys};
use super::{MAX_SOURCES, SrtpError, Suite};

/// Packet counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Accepted packets.
    pub accepted: u64,
    /// Malformed packets.
    pub malformed: u64,
    /// Packets that failed authentication.
    pub forged: u64,
    /// Replayed packets, or packets older than the replay window.
    pub replayed: u64,
    /// Authentic packets of SSRCs beyond [`MAX_SOURCES`].
    pub excess_sources: u64,
}

/// Authenticates and decrypts received packets with one key.
pub struct Unprotect {
    suite: Suite,
    rtp: SessionKeys,
    rtcp: SessionKeys,
    rtp_sources: Vec<(u32, Window)>,
    rtcp_sources: Vec<(u32, Window)>,
    counters: Counters,
}

impl std::fmt::Debug for Unprotect {
    /// Omits the keys.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Unprotect")
            .field("suite", &self.suite)
            .field("counters", &self.counters)
            .finish_non_exhaustive()
    }
}

impl Unprotect {
    /// Creates the state for a key. `material`: master key and salt, as decoded from `inline:` in
    /// `a=crypto`.
    ///
    /// # Errors
    /// Returns [`SrtpError::KeyLength`] if `material` does not have the length required by the
    /// suite.
    pub fn new(suite: Suite, material: &[u8]) -> Result<Self, SrtpError> {
        let (rtp, rtcp) = keys::derive(suite, material)?;
        let (rtp_sources, rtcp_sources) = (Vec::new(), Vec::new());
        Ok(Self { suite, rtp, rtcp, rtp_sources, rtcp_sources, counters: Counters::default() })
    }

    /// Crypto suite.
    #[must_use]
    pub fn suite(&self) -> Suite {
        self.suite
    }

    /// Counters since the start.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Decrypts an RTP packet in place. The first packet of a source is assumed to have rollover
    /// counter 0 (RFC 3711, section 3.3.1).
    ///
    /// # Errors
    /// Returns [`SrtpError`] and leaves the packet unchanged.
    pub fn rtp(&mut self, packet: &mut Vec<u8>) -> Result<(), SrtpError> {
        let result = self.decrypt_rtp(packet);
        self.count(result)
    }

    /// Decrypts an RTCP compound in place.
    ///
    /// # Errors
    /// Returns [`SrtpError`] and leaves the packet unchanged.
    pub fn rtcp(&mut self, packet: &mut Vec<u8>) -> Result<(), SrtpError> {
        let result = self.decrypt_rtcp(packet);
        self.count(result)
    }

    /// Sets the rollover counter and the next sequence number of a source, for receivers that join
    /// late.
    ///
    /// # Errors
    /// Returns [`SrtpError::TooManySources`] if there are already [`MAX_SOURCES`].
    pub fn set_rollover_counter(
        &mut self,
        ssrc: u32,
        wraps: u32,
        sequence: u16,
    ) -> Result<(), SrtpError> {
        self.rtp_sources.retain(|source| source.0 != ssrc);
        if self.rtp_sources.len() >= MAX_SOURCES {
            return Err(SrtpError::TooManySources);
        }
        let mut window = Window::default();
        // The previous index counts as received, this one does not.
        window.take((u64::from(wraps) << 16 | u64::from(sequence)).saturating_sub(1));
        self.rtp_sources.push((ssrc, window));
        Ok(())
    }

    /// Removes a source that has ended.
    pub fn remove(&mut self, ssrc: u32) {
        self.rtp_sources.retain(|source| source.0 != ssrc);
        self.rtcp_sources.retain(|source| source.0 != ssrc);
    }

    fn decrypt_rtp(&mut self, packet: &mut Vec<u8>) -> Result<(), SrtpError> {
        let header_bytes = rtp_header_bytes(packet).ok_or(SrtpError::Malformed)?;
        let (sequence, ssrc) = rtp_numbers(packet).ok_or(SrtpError::Malformed)?;
        let source = find(&mut self.rtp_sources, ssrc);
        let highest = source.as_ref().and_then(|window| window.highest());
        let index = highest.map_or(sequence.into(), |highest| extend(highest, sequence));
        if source.as_ref().is_some_and(|window| !window.is_new(index)) {
            return Err(SrtpError::Replayed);
        }
        self.rtp.decrypt_rtp(packet, header_bytes, ssrc, index)?;
        take(&mut self.rtp_sources, ssrc, index)
    }

    fn decrypt_rtcp(&mut self, packet: &mut Vec<u8>) -> Result<(), SrtpError> {
        let ssrc = rtcp_ssrc(packet).ok_or(SrtpError::Malformed)?;
        let word = self.rtcp.rtcp_word(packet).ok_or(SrtpError::Malformed)?;
        let index = u64::from(word & !ENCRYPTED);
        if find(&mut self.rtcp_sources, ssrc).is_some_and(|window| !window.is_new(index)) {
            return Err(SrtpError::Replayed);
        }
        self.rtcp.decrypt_rtcp(packet, ssrc, word)?;
        take(&mut self.rtcp_sources, ssrc, index)
    }

    fn count(&mut self, result: Result<(), SrtpError>) -> Result<(), SrtpError> {
        let counter = match result {
            Ok(()) => &mut self.counters.accepted,
            Err(SrtpError::Forged) => &mut self.counters.forged,
            Err(SrtpError::Replayed) => &mut self.counters.replayed,
            Err(SrtpError::TooManySources) => &mut self.counters.excess_sources,
            Err(_) => &mut self.counters.malformed,
        };
        *counter += 1;
        result
    }
}

fn find(sources: &mut [(u32, Window)], ssrc: u32) -> Option<&mut Window> {
    sources.iter_mut().find(|source| source.0 == ssrc).map(|source| &mut source.1)
}

fn take(sources: &mut Vec<(u32, Window)>, ssrc: u32, index: u64) -> Result<(), SrtpError> {
    if let Some(window) = find(sources, ssrc) {
        window.take(index);
        return Ok(());
    }
    if sources.len() >= MAX_SOURCES {
        return Err(SrtpError::TooManySources);
    }
    let mut window = Window::default();
    window.take(index);
    sources.push((ssrc, window));
    Ok(())
}
