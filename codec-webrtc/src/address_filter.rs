//! Protection against floods of forged datagrams: a rate limit for addresses that no connectivity
//! check has verified, and removal of unencrypted DTLS alerts.

use std::net::SocketAddr;
use std::time::Duration;

use codec_rtc::demux::{self, Datagram};

/// Maximum number of verified addresses; ICE needs one or two.
const MAX_VERIFIED: usize = 16;

/// Protocols multiplexed on a port (RFC 7983).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Stun,
    Dtls,
    Rtp,
}

/// Classifies a datagram by its first byte (RFC 7983, section 7).
pub(super) fn protocol(datagram: &[u8]) -> Option<Protocol> {
    match datagram.first()? {
        0..=3 => Some(Protocol::Stun),
        20..=63 => Some(Protocol::Dtls),
        128..=191 => Some(Protocol::Rtp),
        _ => None,
    }
}

/// SSRC of an RTP packet, which is not encrypted by SRTP; `None` for RTCP.
pub(super) fn rtp_source(datagram: &[u8]) -> Option<u32> {
    if demux::classify(datagram) != Datagram::Rtp {
        return None;
    }
    datagram.get(8..12)?.try_into().ok().map(u32::from_be_bytes)
}

/// Verified addresses, and a token bucket shared by all others.
#[derive(Clone, Debug)]
pub(super) struct AddressFilter {
    verified: Vec<SocketAddr>,
    per_second: u32,
    /// Tokens in millionths of a datagram.
    allowance: u64,
    at: Duration,
}

impl AddressFilter {
    pub(super) fn new(per_second: u32, now: Duration) -> Self {
        let full = u64::from(per_second) * 1_000_000;
        Self { verified: Vec::new(), per_second, allowance: full, at: now }
    }

    pub(super) fn is_verified(&self, source: SocketAddr) -> bool {
        self.verified.contains(&source)
    }

    /// Marks `source` as verified by a connectivity check. If there are too many, the oldest is
    /// removed.
    pub(super) fn verify(&mut self, source: SocketAddr) {
        if self.is_verified(source) {
            return;
        }
        if self.verified.len() >= MAX_VERIFIED {
            self.verified.remove(0);
        }
        self.verified.push(source);
    }

    /// Takes a token for a datagram from an unverified address; `false` if it is to be dropped.
    pub(super) fn allow(&mut self, now: Duration) -> bool {
        let micros = u64::try_from(now.saturating_sub(self.at).as_micros()).unwrap_or(u64::MAX);
        let full = u64::from(self.per_second) * 1_000_000;
        let gained = micros.saturating_mul(u64::from(self.per_second));
        self.allowance = self.allowance.saturating_add(gained).min(full);
        self.at = self.at.max(now);
        match self.allowance.checked_sub(1_000_000) {
            Some(left) => {
                self.allowance = left;
                true
            }
            None => false,
        }
    }
}

/// Removes unencrypted alerts (RFC 6347, section 4.1.2.7) from a datagram of DTLS records.
///
/// They would end a handshake although they are not authenticated. Returns the remaining records,
/// and the description of the last alert removed.
pub(super) fn without_plain_alerts(datagram: &[u8]) -> (Vec<u8>, Option<u8>) {
    const HEADER: usize = 13;
    const ALERT: u8 = 21;
    let (mut kept, mut alert, mut rest) = (Vec::with_capacity(datagram.len()), None, datagram);
    while let Some((header, after)) = rest.split_first_chunk::<HEADER>() {
        let [kind, _, _, epoch_high, epoch_low, .., high, low] = *header;
        let len = usize::from(u16::from_be_bytes([high, low]));
        let plain_alert = kind == ALERT && epoch_high == 0 && epoch_low == 0;
        let encrypted = kind >= 32;
        let Some((body, next)) = after.split_at_checked(len).filter(|_| !encrypted) else { break };
        if plain_alert {
            alert = Some(body.get(1).copied().unwrap_or(0));
        } else {
            kept.extend_from_slice(header);
            kept.extend_from_slice(body);
        }
        rest = next;
    }
    // An incomplete record is left to the DTLS implementation, unless it starts like an alert.
    if rest.first() == Some(&ALERT) {
        alert = alert.or(Some(0));
    } else {
        kept.extend_from_slice(rest);
    }
    (kept, alert)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: u8, epoch: u16, body: &[u8]) -> Vec<u8> {
        let mut record = vec![kind, 0xfe, 0xfd];
        record.extend(epoch.to_be_bytes());
        record.extend([0; 6]);
        record.extend(u16::try_from(body.len()).unwrap().to_be_bytes());
        record.extend(body);
        record
    }

    #[test]
    fn only_unencrypted_alerts_are_removed() {
        let hello = record(22, 0, &[1, 2, 3]);
        let alert = record(21, 0, &[2, 40]);
        let encrypted = record(21, 1, &[9; 30]);
        let all = [hello.clone(), alert.clone(), encrypted.clone()].concat();
        let expected = [hello.clone(), encrypted].concat();
        assert_eq!(without_plain_alerts(&all), (expected, Some(40)));
        assert_eq!(without_plain_alerts(&alert), (vec![], Some(40)));
        assert_eq!(without_plain_alerts(&hello), (hello.clone(), None));
        // Truncated, empty, and the unified header of DTLS 1.3.
        assert_eq!(without_plain_alerts(&alert[..14]), (vec![], Some(0)));
        assert_eq!(without_plain_alerts(&hello[..14]), (hello[..14].to_vec(), None));
        assert_eq!(without_plain_alerts(&[]), (vec![], None));
        let unified = [0x2f, 0, 1, 0, 9, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1];
        assert_eq!(without_plain_alerts(&unified), (unified.to_vec(), None));
    }

    #[test]
    fn unverified_addresses_are_rate_limited() {
        let mut guard = AddressFilter::new(10, Duration::ZERO);
        let now = Duration::from_secs(5);
        assert_eq!((0..100).filter(|_| guard.allow(now)).count(), 10);
        let later = now + Duration::from_millis(300);
        assert_eq!((0..100).filter(|_| guard.allow(later)).count(), 3);
        assert!(!guard.allow(now), "no tokens if time goes backwards");
    }

    #[test]
    fn number_of_verified_addresses_is_bounded() {
        let mut guard = AddressFilter::new(10, Duration::ZERO);
        let address = |port| SocketAddr::from(([127, 0, 0, 1], port));
        for port in 1..=100 {
            guard.verify(address(port));
        }
        assert!(guard.is_verified(address(100)) && !guard.is_verified(address(1)));
        assert_eq!(guard.verified.len(), MAX_VERIFIED);
    }
}
