//! Ciphers of SRTP based on `RustCrypto`: AES in counter mode, AES-GCM, HMAC-SHA1.
//!
//! Public for stacks that implement SRTP themselves and only need ciphers, such as str0m in
//! `codec-webrtc`.

use std::fmt;

use aes::cipher::{
    BlockCipherEncrypt, InnerIvInit, KeyInit, StreamCipher, StreamCipherCoreWrapper,
};
use aes::{Aes128, Aes256};
use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes128Gcm, Aes256Gcm};
use ctr::CtrCore;
use ctr::flavors::Ctr128BE;
use hmac::{Hmac, Mac};
use sha1::Sha1;
use zeroize::Zeroize;

use super::fast_gcm::FastGcm;

/// Length of the AES-GCM authentication tag in bytes (RFC 7714, section 13.2).
pub const GCM_TAG_BYTES: usize = 16;

/// AES-128 in counter mode (RFC 3711, section 4.1.1).
pub struct CounterMode {
    aes: Aes128,
}

impl fmt::Debug for CounterMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CounterMode")
    }
}

impl CounterMode {
    /// The cipher under `key`.
    #[must_use]
    pub fn new(key: &[u8; 16]) -> Self {
        Self { aes: Aes128::new(key.into()) }
    }

    /// XORs the key stream that starts at block `counter` into `data`.
    pub fn apply(&self, counter: &[u8; 16], data: &mut [u8]) {
        let core: CtrCore<&Aes128, Ctr128BE> = CtrCore::inner_iv_init(&self.aes, counter.into());
        StreamCipherCoreWrapper::from_core(core).apply_keystream(data);
    }
}

/// AES-GCM with a key of 16 or 32 bytes (RFC 7714).
pub struct Gcm {
    keyed: Keyed,
    /// Encrypts faster, if the processor can.
    fast: Option<Box<FastGcm>>,
}

enum Keyed {
    Aes128(Box<Aes128Gcm>),
    Aes256(Box<Aes256Gcm>),
}

impl fmt::Debug for Gcm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gcm")
    }
}

/// Authentication failure: the tag did not match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forged;

impl fmt::Display for Forged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the authentication tag does not match")
    }
}

impl std::error::Error for Forged {}

impl Gcm {
    /// Creates a cipher; `None` for other key lengths.
    #[must_use]
    pub fn new(key: &[u8]) -> Option<Self> {
        let keyed = match key.len() {
            16 => Keyed::Aes128(Box::new(Aes128Gcm::new_from_slice(key).ok()?)),
            32 => Keyed::Aes256(Box::new(Aes256Gcm::new_from_slice(key).ok()?)),
            _ => return None,
        };
        Some(Self { keyed, fast: FastGcm::new(key).map(Box::new) })
    }

    /// Encrypts `data` in place and returns the tag; `None` if it is too long for GCM.
    #[must_use]
    pub fn encrypt(&self, iv: &[u8; 12], aad: &[u8], data: &mut [u8]) -> Option<[u8; 16]> {
        let fast = self.fast.as_ref().and_then(|fast| fast.encrypt(iv, aad, data));
        fast.or_else(|| self.encrypt_portably(iv, aad, data))
    }

    fn encrypt_portably(&self, iv: &[u8; 12], aad: &[u8], data: &mut [u8]) -> Option<[u8; 16]> {
        let tag = match &self.keyed {
            Keyed::Aes128(gcm) => gcm.encrypt_inout_detached(iv.into(), aad, data.into()),
            Keyed::Aes256(gcm) => gcm.encrypt_inout_detached(iv.into(), aad, data.into()),
        };
        tag.ok().map(Into::into)
    }

    /// Decrypts `data` in place if `tag` matches; otherwise leaves it unchanged.
    ///
    /// # Errors
    ///
    /// [`Forged`] if `tag` is not the tag of `data` and `aad`.
    pub fn decrypt(
        &self,
        iv: &[u8; 12],
        aad: &[u8],
        data: &mut [u8],
        tag: &[u8; 16],
    ) -> Result<(), Forged> {
        let (iv, data, tag) = (iv.into(), data.into(), tag.into());
        let result = match &self.keyed {
            Keyed::Aes128(gcm) => gcm.decrypt_inout_detached(iv, aad, data, tag),
            Keyed::Aes256(gcm) => gcm.decrypt_inout_detached(iv, aad, data, tag),
        };
        result.map_err(|_| Forged)
    }
}

/// HMAC-SHA1 with a fixed key (RFC 2104), whose key blocks are precomputed.
#[derive(Clone)]
pub struct HmacSha1(Hmac<Sha1>);

impl fmt::Debug for HmacSha1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HmacSha1")
    }
}

impl HmacSha1 {
    /// Accepts a key of any length.
    #[must_use]
    pub fn new(key: &[u8]) -> Self {
        // A key longer than a block is hashed first (RFC 2104, section 2).
        let mut block = [0; 64];
        let hashed: [u8; 20];
        let short = if key.len() > block.len() {
            hashed = <Sha1 as sha1::Digest>::digest(key).into();
            &hashed[..]
        } else {
            key
        };
        for (to, from) in block.iter_mut().zip(short) {
            *to = *from;
        }
        let mac = Self(<Hmac<Sha1> as KeyInit>::new(&block.into()));
        block.zeroize();
        mac
    }

    /// Returns the tag of the concatenated `parts`.
    #[must_use]
    pub fn tag(&self, parts: &[&[u8]]) -> [u8; 20] {
        let mut mac = self.0.clone();
        for part in parts {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

/// Encrypts one AES block with a key of 16 or 32 bytes; does nothing for other key lengths.
pub fn encrypt_block(key: &[u8], block: &mut [u8; 16]) {
    match key.len() {
        16 => {
            if let Ok(aes) = Aes128::new_from_slice(key) {
                aes.encrypt_block(block.into());
            }
        }
        32 => {
            if let Ok(aes) = Aes256::new_from_slice(key) {
                aes.encrypt_block(block.into());
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::srtp::test_vectors::hex;

    /// RFC 3711, appendix B.2.
    #[test]
    fn counter_mode_matches_rfc3711() {
        let key = hex("2B7E151628AED2A6ABF7158809CF4F3C").try_into().unwrap();
        let aes = CounterMode::new(&key);
        let salted: [u8; 16] = hex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD0000").try_into().unwrap();
        let mut stream = vec![0; 48];
        aes.apply(&salted, &mut stream);
        let expected = "E03EAD0935C95E80E166B16DD92B4EB4\
                        D23513162B02D0F72A43A2FE4A5F97AB\
                        41E95B3BB0A2E8DD477901E4FCA894C0";
        assert_eq!(stream, hex(expected));
        let mut far = vec![0; 0xff02 * 16];
        aes.apply(&salted, &mut far);
        let last = "EC8CDF7398607CB0F2D21675EA9EA1E4\
                    362B7C3C6773516318A077D7FC5073AE\
                    6A2CC3787889374FBEB4C81B17BA6C44";
        assert_eq!(far[0xfeff * 16..], hex(last));
    }

    /// RFC 2202, section 3, cases 1, 2 and 6 (a key longer than a block).
    #[test]
    fn hmac_sha1_matches_rfc2202() {
        let tag = |key: &[u8], data: &[u8]| HmacSha1::new(key).tag(&[data]).to_vec();
        let expected = hex("b617318655057264e28bc0b6fb378c8ef146be00");
        assert_eq!(tag(&[0x0b; 20], b"Hi There"), expected);
        let expected = hex("effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
        assert_eq!(tag(b"Jefe", b"what do ya want for nothing?"), expected);
        let long = b"Test Using Larger Than Block-Size Key - Hash Key First";
        assert_eq!(tag(&[0xaa; 80], long), hex("aa4ae5e15272d00e95705637ce8a3b55ed402112"));
    }

    #[test]
    fn both_encryptions_agree_for_all_lengths() {
        for key in [&[7; 16][..], &[9; 32][..]] {
            let gcm = Gcm::new(key).unwrap();
            for len in (0..300).chain([1000, 1200, 70_000]) {
                let plain: Vec<u8> = (0..len).map(|at: usize| at.to_le_bytes()[0]).collect();
                let (mut one, mut other) = (plain.clone(), plain.clone());
                let aad = &plain[..len.min(13)];
                let tag = gcm.encrypt(&[1; 12], aad, &mut one).unwrap();
                assert_eq!(gcm.encrypt_portably(&[1; 12], aad, &mut other), Some(tag), "{len}");
                assert_eq!(one, other);
                assert_eq!(gcm.decrypt(&[1; 12], aad, &mut one, &tag), Ok(()));
                assert_eq!(one, plain);
            }
        }
    }

    /// RFC 7714, section 16.1.1, has the packet; this test checks that a wrong tag leaves the data
    /// unchanged.
    #[test]
    fn gcm_round_trips_and_rejects_wrong_tags() {
        for key in [&[7; 16][..], &[7; 32][..]] {
            let gcm = Gcm::new(key).unwrap();
            let mut data = *b"sixteen and more";
            let tag = gcm.encrypt(&[1; 12], b"aad", &mut data).unwrap();
            let encrypted = data;
            assert_eq!(gcm.decrypt(&[1; 12], b"other", &mut data, &tag), Err(Forged));
            assert_eq!(data, encrypted);
            assert_eq!(gcm.decrypt(&[1; 12], b"aad", &mut data, &tag), Ok(()));
            assert_eq!(data, *b"sixteen and more");
        }
        assert!(Gcm::new(&[0; 24]).is_none());
    }
}
