//! SRTP keys from a URL or an SDP description. Both directions can use one master key, because their
//! SSRCs differ (RFC 3711, section 8.2).

use codec_net::url::Url;
use codec_rtc::sdp::{Crypto, MediaDescription, base64};
use codec_rtc::srtp::{Protect, SrtpError, Suite, Unprotect};

use crate::failure::{Failure, Result};

/// Options of `srtp://`.
pub(super) const OPTIONS: &[&str] = &["plain", "key", "suite"];

/// The default suite, which all implementations support.
const DEFAULT_SUITE: Suite = Suite::AesCm128HmacSha1_80;

/// A master key with its salt.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Keys {
    suite: Suite,
    material: Vec<u8>,
}

impl std::fmt::Debug for Keys {
    /// Does not print the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys").field("suite", &self.suite).finish_non_exhaustive()
    }
}

impl Keys {
    /// Parses `?key=BASE64&suite=NAME`, if there is a key. The key is base64 in the standard or
    /// URL-safe alphabet.
    pub(super) fn of_url(url: &Url) -> Result<Option<Self>> {
        let wrong = |what: &str| Failure::usage(format!("invalid URL {url}: {what}"));
        let suite = suite_of_url(url)?;
        let Some(text) = url.option("key") else { return Ok(None) };
        let usual: String = text
            .chars()
            .map(|letter| match letter {
                '-' => '+',
                '_' => '/',
                other => other,
            })
            .collect();
        let material = base64::decode(&usual).ok_or_else(|| wrong("key: expected base64"))?;
        let needed = suite.material_bytes();
        if material.len() != needed {
            let had = material.len();
            let what = format!("key: got {had} bytes, expected {needed} for {}", suite.name());
            return Err(wrong(&what));
        }
        Ok(Some(Self { suite, material }))
    }

    /// Generates a key for the suite that the URL names.
    pub(super) fn random(url: &Url) -> Result<Self> {
        let suite = suite_of_url(url)?;
        let mut material = vec![0; suite.material_bytes()];
        getrandom::fill(&mut material).map_err(Failure::internal)?;
        Ok(Self { suite, material })
    }

    /// Returns the first supported key of a media line.
    pub(super) fn of_line(line: &MediaDescription) -> Option<Self> {
        line.crypto.iter().find_map(|crypto| {
            let suite = Suite::from_name(&crypto.suite)?;
            let [key] = crypto.keys.as_slice() else { return None };
            let usable = key.mki.is_none() && crypto.session_params.is_empty();
            let fits = key.key_and_salt.len() == suite.material_bytes();
            (usable && fits).then(|| Self { suite, material: key.key_and_salt.clone() })
        })
    }

    /// Returns the line for a description.
    pub(super) fn crypto(&self) -> Option<Crypto> {
        let suite = codec_rtc::sdp::Suite::from_name(self.suite.name())?;
        Some(Crypto::new(1, suite, &self.material))
    }

    /// Returns the encryption state for the key.
    pub(super) fn guard(&self) -> Result<SrtpState> {
        let refused = |error: SrtpError| Failure::usage(error.to_string());
        Ok(SrtpState {
            keys: self.clone(),
            protect: Protect::new(self.suite, &self.material).map_err(refused)?,
            unprotect: self.unprotect().map_err(refused)?,
            forged_before: 0,
        })
    }

    fn unprotect(&self) -> std::result::Result<Unprotect, SrtpError> {
        Unprotect::new(self.suite, &self.material)
    }
}

fn suite_of_url(url: &Url) -> Result<Suite> {
    let Some(name) = url.option("suite") else { return Ok(DEFAULT_SUITE) };
    Suite::from_name(name).ok_or_else(|| {
        let names = Suite::ALL.map(Suite::name).join(", ");
        Failure::usage(format!("invalid URL {url}: suite {name}: expected one of {names}"))
    })
}

/// The encryption state of both directions.
pub(super) struct SrtpState {
    keys: Keys,
    protect: Protect,
    unprotect: Unprotect,
    /// Packets that failed authentication before `unprotect` was replaced.
    forged_before: u64,
}

impl SrtpState {
    /// Encrypts a datagram; `None` if it must not be sent.
    pub(super) fn protect(&mut self, datagram: &[u8]) -> Option<Vec<u8>> {
        let mut bytes = datagram.to_vec();
        let protected = match codec_rtc::demux::classify(datagram) {
            codec_rtc::demux::Datagram::Rtcp => self.protect.rtcp(&mut bytes),
            _ => self.protect.rtp(&mut bytes),
        };
        protected.ok().map(|()| bytes)
    }

    /// Decrypts a datagram; `None` if it is forged, replayed or not SRTP. Replay protection
    /// remembers SSRCs; if there are too many, old ones are forgotten unless a session `is_live`.
    pub(super) fn open(&mut self, datagram: &[u8], is_live: bool) -> Option<Vec<u8>> {
        let mut bytes = datagram.to_vec();
        let mut opened = self.unprotect(&mut bytes);
        if opened == Err(SrtpError::TooManySources) && !is_live {
            let forged = self.forged();
            self.unprotect = self.keys.unprotect().ok()?;
            self.forged_before = forged;
            bytes = datagram.to_vec();
            opened = self.unprotect(&mut bytes);
        }
        opened.ok().map(|()| bytes)
    }

    fn unprotect(&mut self, bytes: &mut Vec<u8>) -> std::result::Result<(), SrtpError> {
        match codec_rtc::demux::classify(bytes) {
            codec_rtc::demux::Datagram::Rtcp => self.unprotect.rtcp(bytes),
            codec_rtc::demux::Datagram::Rtp => self.unprotect.rtp(bytes),
            _ => Err(SrtpError::Malformed),
        }
    }

    /// Packets that failed authentication.
    pub(super) fn forged(&self) -> u64 {
        self.forged_before + self.unprotect.counters().forged
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(query: &str) -> Result<Option<Keys>> {
        Keys::of_url(&format!("srtp://127.0.0.1:5004?{query}").parse().unwrap())
    }

    #[test]
    fn keys_are_parsed_from_urls_and_descriptions() {
        let text = base64::encode(&[7; 30]).replace('+', "-").replace('/', "_");
        let found = keys(&format!("key={text}")).unwrap().unwrap();
        assert_eq!((found.suite, found.material.as_slice()), (DEFAULT_SUITE, [7; 30].as_slice()));
        let mut line = MediaDescription::default();
        line.crypto.push(found.crypto().unwrap());
        assert_eq!(Keys::of_line(&line), Some(found));
        assert_eq!(keys("").unwrap(), None);
        for wrong in ["key=AAAA", "key=*", "suite=NULL", "suite=AEAD_AES_128_GCM&key=AAAA"] {
            assert!(keys(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn packets_decrypt_once_and_only_unchanged() {
        let url = "srtp://h:1?suite=AEAD_AES_128_GCM".parse().unwrap();
        let keys = Keys::random(&url).unwrap();
        let (mut here, mut there) = (keys.guard().unwrap(), keys.guard().unwrap());
        let mut packet = Vec::new();
        let header = codec_rtc::rtp::Header { payload_type: 96, ssrc: 5, ..Default::default() };
        codec_rtc::rtp::write(&header, &mut packet);
        packet.extend([1, 2, 3]);
        let protected = here.protect(&packet).unwrap();
        let mut forged = protected.clone();
        forged[14] ^= 1;
        assert_eq!(there.open(&forged, true), None);
        assert_eq!(there.open(&protected, true), Some(packet));
        assert_eq!(there.open(&protected, true), None);
    }
    #[test]
    fn old_sources_are_forgotten_only_without_a_live_session() {
        let keys = Keys::random(&"srtp://h:1".parse().unwrap()).unwrap();
        let mut there = keys.guard().unwrap();
        let packet = |ssrc: u32| {
            let mut packet = Vec::new();
            let header = codec_rtc::rtp::Header { payload_type: 96, ssrc, ..Default::default() };
            codec_rtc::rtp::write(&header, &mut packet);
            packet.push(1);
            keys.guard().unwrap().protect(&packet).unwrap()
        };
        let most = u32::try_from(codec_rtc::srtp::MAX_SOURCES).unwrap();
        for ssrc in 0..most {
            assert!(there.open(&packet(ssrc), false).is_some());
        }
        let mut forged = packet(77);
        *forged.last_mut().unwrap() ^= 1;
        assert_eq!((there.open(&forged, false), there.forged()), (None, 1));
        assert_eq!(there.open(&packet(most), true), None);
        assert_eq!(there.open(&packet(0), true), None, "replayed");
        assert!(there.open(&packet(most), false).is_some());
        assert_eq!(there.forged(), 1);
    }
}
