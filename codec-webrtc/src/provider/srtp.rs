//! SRTP ciphers for str0m.

use std::fmt;

use str0m::crypto::{
    AeadAes128GcmCipher, AeadAes256GcmCipher, Aes128CmSha1_80Cipher, CryptoError, SrtpProvider,
    SupportedAeadAes128Gcm, SupportedAeadAes256Gcm, SupportedAes128CmSha1_80,
};

use codec_rtc::srtp::cipher::{self, CounterMode, GCM_TAG_BYTES, Gcm};

#[derive(Debug)]
pub(super) struct Srtp;

impl SrtpProvider for Srtp {
    fn aes_128_cm_sha1_80(&self) -> &'static dyn SupportedAes128CmSha1_80 {
        &Srtp
    }

    fn aead_aes_128_gcm(&self) -> &'static dyn SupportedAeadAes128Gcm {
        &Srtp
    }

    fn aead_aes_256_gcm(&self) -> &'static dyn SupportedAeadAes256Gcm {
        &Srtp
    }

    fn srtp_aes_128_ecb_round(&self, key: &[u8], input: &[u8], output: &mut [u8]) {
        round(key, input, output);
    }

    fn srtp_aes_256_ecb_round(&self, key: &[u8], input: &[u8], output: &mut [u8]) {
        round(key, input, output);
    }
}

/// Encrypts one block from `input` to `output`; bytes beyond it are unchanged.
fn round(key: &[u8], input: &[u8], output: &mut [u8]) {
    if let (Some(input), Some(output)) = (input.first_chunk(), output.first_chunk_mut::<16>()) {
        *output = *input;
        cipher::encrypt_block(key, output);
    }
}

impl SupportedAes128CmSha1_80 for Srtp {
    fn create_cipher(&self, key: [u8; 16], _encrypt: bool) -> Box<dyn Aes128CmSha1_80Cipher> {
        Box::new(Cm(CounterMode::new(&key)))
    }
}

impl SupportedAeadAes128Gcm for Srtp {
    fn create_cipher(&self, key: [u8; 16], _encrypt: bool) -> Box<dyn AeadAes128GcmCipher> {
        Box::new(Aead(Gcm::new(&key)))
    }
}

impl SupportedAeadAes256Gcm for Srtp {
    fn create_cipher(&self, key: [u8; 32], _encrypt: bool) -> Box<dyn AeadAes256GcmCipher> {
        Box::new(Aead(Gcm::new(&key)))
    }
}

struct Cm(CounterMode);

impl fmt::Debug for Cm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cm")
    }
}

impl Cm {
    fn apply(&self, iv: &[u8; 16], input: &[u8], output: &mut [u8]) -> Result<(), CryptoError> {
        let output = output.get_mut(..input.len()).ok_or_else(no_room)?;
        output.copy_from_slice(input);
        self.0.apply(iv, output);
        Ok(())
    }
}

impl Aes128CmSha1_80Cipher for Cm {
    fn encrypt(
        &mut self,
        iv: &[u8; 16],
        input: &[u8],
        output: &mut [u8],
    ) -> Result<(), CryptoError> {
        self.apply(iv, input, output)
    }

    fn decrypt(
        &mut self,
        iv: &[u8; 16],
        input: &[u8],
        output: &mut [u8],
    ) -> Result<(), CryptoError> {
        self.apply(iv, input, output)
    }
}

/// Never `None`: the keys have lengths that [`Gcm::new`] accepts.
struct Aead(Option<Gcm>);

impl fmt::Debug for Aead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Aead")
    }
}

impl Aead {
    fn gcm(&self) -> Result<&Gcm, CryptoError> {
        self.0.as_ref().ok_or_else(|| CryptoError::Other("invalid key length".into()))
    }

    fn encrypt_packet(
        &self,
        iv: &[u8; 12],
        aad: &[u8],
        input: &[u8],
        output: &mut [u8],
    ) -> Result<(), CryptoError> {
        let (data, rest) = output.split_at_mut_checked(input.len()).ok_or_else(no_room)?;
        let tag_room = rest.first_chunk_mut::<GCM_TAG_BYTES>().ok_or_else(no_room)?;
        data.copy_from_slice(input);
        let tag = self.gcm()?.encrypt(iv, aad, data);
        *tag_room = tag.ok_or_else(|| CryptoError::Other("packet too long".into()))?;
        Ok(())
    }

    fn decrypt_packet(
        &self,
        iv: &[u8; 12],
        aads: &[&[u8]],
        input: &[u8],
        output: &mut [u8],
    ) -> Result<usize, CryptoError> {
        let short = || CryptoError::Other("shorter than its tag".into());
        let (encrypted, tag) = input.split_last_chunk::<GCM_TAG_BYTES>().ok_or_else(short)?;
        let output = output.get_mut(..encrypted.len()).ok_or_else(no_room)?;
        output.copy_from_slice(encrypted);
        let joined;
        let aad = if let [only] = aads {
            *only
        } else {
            joined = aads.concat();
            &joined[..]
        };
        let opened = self.gcm()?.decrypt(iv, aad, output, tag);
        opened.map_err(|_| CryptoError::Other("the tag does not match".into()))?;
        Ok(encrypted.len())
    }
}

impl AeadAes128GcmCipher for Aead {
    fn encrypt(
        &mut self,
        iv: &[u8; 12],
        aad: &[u8],
        input: &[u8],
        output: &mut [u8],
    ) -> Result<(), CryptoError> {
        self.encrypt_packet(iv, aad, input, output)
    }

    fn decrypt(
        &mut self,
        iv: &[u8; 12],
        aads: &[&[u8]],
        input: &[u8],
        output: &mut [u8],
    ) -> Result<usize, CryptoError> {
        self.decrypt_packet(iv, aads, input, output)
    }
}

impl AeadAes256GcmCipher for Aead {
    fn encrypt(
        &mut self,
        iv: &[u8; 12],
        aad: &[u8],
        input: &[u8],
        output: &mut [u8],
    ) -> Result<(), CryptoError> {
        self.encrypt_packet(iv, aad, input, output)
    }

    fn decrypt(
        &mut self,
        iv: &[u8; 12],
        aads: &[&[u8]],
        input: &[u8],
        output: &mut [u8],
    ) -> Result<usize, CryptoError> {
        self.decrypt_packet(iv, aads, input, output)
    }
}

fn no_room() -> CryptoError {
    CryptoError::Other("output buffer too short".into())
}
