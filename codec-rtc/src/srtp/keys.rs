//! SRTP session keys derived from the master key (RFC 3711, section 4.3), and packet encryption
//! with them.

use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::cipher::{self, CounterMode, GCM_TAG_BYTES, Gcm, HmacSha1};
use super::{SrtpError, Suite};

/// Key derivation labels of RTP (section 4.3.1); the labels of RTCP are higher by three.
const ENCRYPTION: u8 = 0;
const AUTHENTICATION: u8 = 1;
const SALT: u8 = 2;
const RTCP: u8 = 3;

/// E flag of the SRTCP index: the packet is encrypted (section 3.4).
pub(super) const ENCRYPTED: u32 = 1 << 31;

/// Session keys of RTP or RTCP for one direction.
pub(super) enum SessionKeys {
    CounterMode(Box<CounterModeKeys>),
    Gcm { gcm: Gcm, salt: [u8; 12] },
}

pub(super) struct CounterModeKeys {
    aes: CounterMode,
    mac: HmacSha1,
    salt: [u8; 14],
    /// Tag length of RTP in bytes; for RTCP it is 10.
    tag_bytes: usize,
}

/// Derives the session keys of RTP and RTCP for one direction.
pub(super) fn derive(
    suite: Suite,
    material: &[u8],
) -> Result<(SessionKeys, SessionKeys), SrtpError> {
    let (needed, had) = (suite.material_bytes(), material.len());
    let length = SrtpError::KeyLength { needed, had };
    if had != needed {
        return Err(length);
    }
    let (master, salt) = material.split_at_checked(suite.key_bytes()).ok_or(length)?;
    let keys = |base: u8, tag_bytes: usize| {
        let mut session_salt = [0; 14];
        expand(master, salt, base + SALT, &mut session_salt[..suite.salt_bytes()]);
        let mut key = Zeroizing::new([0; 32]);
        let key = key.get_mut(..suite.key_bytes()).ok_or(length)?;
        expand(master, salt, base + ENCRYPTION, key);
        if suite.is_aead() {
            let gcm = Gcm::new(key).ok_or(length)?;
            let salt = *session_salt.first_chunk().ok_or(length)?;
            return Ok(SessionKeys::Gcm { gcm, salt });
        }
        let mut mac = Zeroizing::new([0; 20]);
        expand(master, salt, base + AUTHENTICATION, &mut *mac);
        let aes = CounterMode::new(key.first_chunk().ok_or(length)?);
        let mac = HmacSha1::new(&*mac);
        let keys = CounterModeKeys { aes, mac, salt: session_salt, tag_bytes };
        Ok(SessionKeys::CounterMode(Box::new(keys)))
    };
    let rtp_tag = if suite == Suite::AesCm128HmacSha1_32 { 4 } else { 10 };
    Ok((keys(0, rtp_tag)?, keys(RTCP, 10)?))
}

/// Derives the key stream of a label (sections 4.3.1, 4.3.3) with a key derivation rate of 0. A
/// salt of 96 bits is padded with zeros, as in other implementations.
pub(super) fn expand(master: &[u8], salt: &[u8], label: u8, out: &mut [u8]) {
    let mut counter = [0; 16];
    for (to, from) in counter.iter_mut().zip(salt) {
        *to = *from;
    }
    counter[7] ^= label;
    for (index, chunk) in (0u16..).zip(out.chunks_mut(16)) {
        let mut block = counter;
        [block[14], block[15]] = index.to_be_bytes();
        cipher::encrypt_block(master, &mut block);
        for (to, from) in chunk.iter_mut().zip(block) {
            *to = from;
        }
    }
}

impl SessionKeys {
    /// Encrypts the data after `header_bytes` and appends the tag. `index`: rollover counter and
    /// sequence number.
    pub(super) fn encrypt_rtp(
        &self,
        packet: &mut Vec<u8>,
        header_bytes: usize,
        ssrc: u32,
        index: u64,
    ) -> Result<(), SrtpError> {
        let (header, body) =
            packet.split_at_mut_checked(header_bytes).ok_or(SrtpError::Malformed)?;
        match self {
            Self::CounterMode(keys) => {
                let CounterModeKeys { aes, mac, salt, tag_bytes } = &**keys;
                aes.apply(&counter_mode_iv(salt, ssrc, index), body);
                let tag = mac.tag(&[packet, &roc(index)]);
                packet.extend_from_slice(&tag[..*tag_bytes]);
            }
            Self::Gcm { gcm, salt } => {
                let tag = gcm.encrypt(&gcm_rtp_iv(salt, ssrc, index), header, body);
                packet.extend_from_slice(&tag.ok_or(SrtpError::Malformed)?);
            }
        }
        Ok(())
    }

    /// Authenticates and decrypts; leaves the packet unchanged on error.
    pub(super) fn decrypt_rtp(
        &self,
        packet: &mut Vec<u8>,
        header_bytes: usize,
        ssrc: u32,
        index: u64,
    ) -> Result<(), SrtpError> {
        let tag_bytes = match self {
            Self::CounterMode(keys) => keys.tag_bytes,
            Self::Gcm { .. } => GCM_TAG_BYTES,
        };
        let body_end =
            packet.len().checked_sub(tag_bytes).filter(|body_end| *body_end >= header_bytes);
        let body_end = body_end.ok_or(SrtpError::Malformed)?;
        let (data, tag) = packet.split_at_mut(body_end);
        match self {
            Self::CounterMode(keys) => {
                let CounterModeKeys { aes, mac, salt, tag_bytes } = &**keys;
                let expected = mac.tag(&[data, &roc(index)]);
                if !bool::from(expected[..*tag_bytes].ct_eq(tag)) {
                    return Err(SrtpError::Forged);
                }
                aes.apply(&counter_mode_iv(salt, ssrc, index), &mut data[header_bytes..]);
            }
            Self::Gcm { gcm, salt } => {
                let (header, body) = data.split_at_mut(header_bytes);
                let tag = tag.first_chunk().ok_or(SrtpError::Malformed)?;
                gcm.decrypt(&gcm_rtp_iv(salt, ssrc, index), header, body, tag)
                    .map_err(|_| SrtpError::Forged)?;
            }
        }
        packet.truncate(body_end);
        Ok(())
    }

    /// Encrypts the data after the first eight bytes; appends tag and index (RFC 3711, section 3.4;
    /// RFC 7714, section 9).
    pub(super) fn encrypt_rtcp(
        &self,
        packet: &mut Vec<u8>,
        ssrc: u32,
        index: u32,
    ) -> Result<(), SrtpError> {
        let word = (index | ENCRYPTED).to_be_bytes();
        let (header, body) = packet.split_first_chunk_mut::<8>().ok_or(SrtpError::Malformed)?;
        match self {
            Self::CounterMode(keys) => {
                let CounterModeKeys { aes, mac, salt, .. } = &**keys;
                aes.apply(&counter_mode_iv(salt, ssrc, index.into()), body);
                packet.extend_from_slice(&word);
                let tag = mac.tag(&[packet]);
                packet.extend_from_slice(&tag[..10]);
            }
            Self::Gcm { gcm, salt } => {
                let aad = [&header[..], &word].concat();
                let tag = gcm.encrypt(&gcm_rtcp_iv(salt, ssrc, index), &aad, body);
                packet.extend_from_slice(&tag.ok_or(SrtpError::Malformed)?);
                packet.extend_from_slice(&word);
            }
        }
        Ok(())
    }

    /// Index word of a packet, not yet authenticated.
    pub(super) fn rtcp_word(&self, packet: &[u8]) -> Option<u32> {
        let before_tag = match self {
            Self::CounterMode(_) => packet.get(..packet.len().checked_sub(10)?)?,
            Self::Gcm { .. } => packet,
        };
        before_tag.last_chunk().copied().map(u32::from_be_bytes)
    }

    /// Authenticates and decrypts; leaves the packet unchanged on error. `word`: index and E flag.
    pub(super) fn decrypt_rtcp(
        &self,
        packet: &mut Vec<u8>,
        ssrc: u32,
        word: u32,
    ) -> Result<(), SrtpError> {
        let index = word & !ENCRYPTED;
        let encrypted = word & ENCRYPTED != 0;
        match self {
            Self::CounterMode(keys) => {
                let CounterModeKeys { aes, mac, salt, .. } = &**keys;
                let signed = packet.len().checked_sub(10).filter(|signed| *signed >= 12);
                let signed = signed.ok_or(SrtpError::Malformed)?;
                let (data, tag) = packet.split_at_mut(signed);
                if !bool::from(mac.tag(&[data])[..10].ct_eq(tag)) {
                    return Err(SrtpError::Forged);
                }
                packet.truncate(signed - 4);
                if encrypted {
                    aes.apply(&counter_mode_iv(salt, ssrc, index.into()), &mut packet[8..]);
                }
            }
            Self::Gcm { gcm, salt } => {
                let body_end = packet.len().checked_sub(20).filter(|body_end| *body_end >= 8);
                let body_end = body_end.ok_or(SrtpError::Malformed)?;
                let (data, rest) = packet.split_at_mut(body_end);
                let (tag, word) = rest.split_first_chunk().ok_or(SrtpError::Malformed)?;
                let clear = if encrypted { 8 } else { body_end };
                let (header, body) = data.split_at_mut(clear);
                let aad = [&*header, word].concat();
                gcm.decrypt(&gcm_rtcp_iv(salt, ssrc, index), &aad, body, tag)
                    .map_err(|_| SrtpError::Forged)?;
                packet.truncate(body_end);
            }
        }
        Ok(())
    }
}

/// Rollover counter, which is authenticated but not sent (RFC 3711, section 4.2).
fn roc(index: u64) -> [u8; 4] {
    let [_, _, a, b, c, d, _, _] = index.to_be_bytes();
    [a, b, c, d]
}

/// RFC 3711, section 4.1.1.
fn counter_mode_iv(salt: &[u8; 14], ssrc: u32, index: u64) -> [u8; 16] {
    let mut iv = [0; 16];
    iv[..14].copy_from_slice(salt);
    mix(&mut iv[4..8], &ssrc.to_be_bytes());
    mix(&mut iv[8..14], &index.to_be_bytes()[2..]);
    iv
}

/// RFC 7714, section 8.1.
fn gcm_rtp_iv(salt: &[u8; 12], ssrc: u32, index: u64) -> [u8; 12] {
    let mut iv = *salt;
    mix(&mut iv[2..6], &ssrc.to_be_bytes());
    mix(&mut iv[6..12], &index.to_be_bytes()[2..]);
    iv
}

/// RFC 7714, section 9.1.
fn gcm_rtcp_iv(salt: &[u8; 12], ssrc: u32, index: u32) -> [u8; 12] {
    let mut iv = *salt;
    mix(&mut iv[2..6], &ssrc.to_be_bytes());
    mix(&mut iv[8..12], &index.to_be_bytes());
    iv
}

fn mix(to: &mut [u8], from: &[u8]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to ^= from;
    }
}
