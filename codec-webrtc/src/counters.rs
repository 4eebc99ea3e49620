//! Counters of a peer.

/// Datagram counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Datagrams received.
    pub received: u64,
    /// Datagrams sent.
    pub sent: u64,
    /// Datagrams that are too long, empty, or of no WebRTC protocol.
    pub malformed: u64,
    /// Datagrams other than connectivity checks from unverified addresses.
    pub unverified: u64,
    /// Connectivity checks with a wrong user name or integrity.
    pub forged_checks: u64,
    /// Datagrams beyond
    /// [`PeerLimits::unverified_per_second`](crate::PeerLimits::unverified_per_second).
    pub rate_limited: u64,
    /// RTP packets of unknown SSRCs that fail authentication: forged, or received before the keys
    /// are known.
    pub forged_media: u64,
    /// Authentic RTP packets of SSRCs beyond [`PeerLimits::sources`](crate::PeerLimits::sources).
    pub excess_sources: u64,
    /// Unencrypted DTLS alerts during the handshake, which could be forged.
    pub plain_alerts: u64,
    /// Datagrams rejected by the WebRTC stack with an error; the session continued.
    pub input_errors: u64,
    /// Datagrams and events dropped because they were not polled in time.
    pub overflowed: u64,
    /// FEC packets sent (ULPFEC).
    pub fec_sent: u64,
    /// Packets recovered by FEC.
    pub recovered: u64,
}
