//! Record protection with AES-GCM and ChaCha20-Poly1305 (RFC 8446, section 5.2; RFC 5288).

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes128Gcm, Aes256Gcm};
use chacha20poly1305::ChaCha20Poly1305;
use rustls::crypto::cipher::{
    AeadKey, InboundOpaqueMessage, InboundPlainMessage, Iv, KeyBlockShape, MessageDecrypter,
    MessageEncrypter, NONCE_LEN, Nonce, OutboundOpaqueMessage, OutboundPlainMessage,
    PrefixedPayload, Tls12AeadAlgorithm, Tls13AeadAlgorithm, UnsupportedOperationError,
    make_tls12_aad, make_tls13_aad,
};
use rustls::{ConnectionTrafficSecrets, ContentType, Error, ProtocolVersion};

/// Bytes of a tag.
const TAG: usize = 16;
/// Bytes of the explicit part of a TLS 1.2 nonce.
const EXPLICIT: usize = 8;
/// Bytes of the fixed part of a TLS 1.2 nonce.
const FIXED: usize = NONCE_LEN - EXPLICIT;

/// An algorithm.
#[derive(Clone, Copy)]
pub(super) enum Aead {
    Aes128,
    Aes256,
    ChaCha20,
}

/// A cipher with its key. `None` is impossible, because keys have the requested length.
enum Cipher {
    Aes128(Box<Aes128Gcm>),
    Aes256(Box<Aes256Gcm>),
    ChaCha20(Box<ChaCha20Poly1305>),
    None,
}

impl Aead {
    fn cipher(self, key: &AeadKey) -> Cipher {
        let key = key.as_ref();
        let cipher = match self {
            Self::Aes128 => Aes128Gcm::new_from_slice(key).map(|it| Cipher::Aes128(Box::new(it))),
            Self::Aes256 => Aes256Gcm::new_from_slice(key).map(|it| Cipher::Aes256(Box::new(it))),
            Self::ChaCha20 => {
                ChaCha20Poly1305::new_from_slice(key).map(|it| Cipher::ChaCha20(Box::new(it)))
            }
        };
        cipher.unwrap_or(Cipher::None)
    }

    fn key_bytes(self) -> usize {
        match self {
            Self::Aes128 => 16,
            Self::Aes256 | Self::ChaCha20 => 32,
        }
    }

    fn secrets(self, key: AeadKey, iv: Iv) -> ConnectionTrafficSecrets {
        match self {
            Self::Aes128 => ConnectionTrafficSecrets::Aes128Gcm { key, iv },
            Self::Aes256 => ConnectionTrafficSecrets::Aes256Gcm { key, iv },
            Self::ChaCha20 => ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv },
        }
    }
}

impl Cipher {
    fn encrypt(&self, nonce: &Nonce, aad: &[u8], data: &mut [u8]) -> Result<[u8; TAG], Error> {
        let nonce = (&nonce.0).into();
        let tag = match self {
            Self::Aes128(cipher) => cipher.encrypt_inout_detached(nonce, aad, data.into()),
            Self::Aes256(cipher) => cipher.encrypt_inout_detached(nonce, aad, data.into()),
            Self::ChaCha20(cipher) => cipher.encrypt_inout_detached(nonce, aad, data.into()),
            Self::None => return Err(Error::EncryptError),
        };
        tag.map(Into::into).map_err(|_| Error::EncryptError)
    }

    /// Decrypts `data` with its tag; returns the length of the plaintext.
    fn open(&self, nonce: &Nonce, aad: &[u8], data: &mut [u8]) -> Result<usize, Error> {
        let (data, tag) = data.split_last_chunk_mut::<TAG>().ok_or(Error::DecryptError)?;
        let len = data.len();
        let (nonce, tag) = ((&nonce.0).into(), (&*tag).into());
        let opened = match self {
            Self::Aes128(cipher) => cipher.decrypt_inout_detached(nonce, aad, data.into(), tag),
            Self::Aes256(cipher) => cipher.decrypt_inout_detached(nonce, aad, data.into(), tag),
            Self::ChaCha20(cipher) => cipher.decrypt_inout_detached(nonce, aad, data.into(), tag),
            Self::None => return Err(Error::DecryptError),
        };
        opened.map(|()| len).map_err(|_| Error::DecryptError)
    }
}

impl Tls13AeadAlgorithm for Aead {
    fn encrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageEncrypter> {
        Box::new(Tls13 { cipher: self.cipher(&key), iv })
    }

    fn decrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageDecrypter> {
        Box::new(Tls13 { cipher: self.cipher(&key), iv })
    }

    fn key_len(&self) -> usize {
        self.key_bytes()
    }

    fn extract_keys(
        &self,
        key: AeadKey,
        iv: Iv,
    ) -> Result<ConnectionTrafficSecrets, UnsupportedOperationError> {
        Ok(self.secrets(key, iv))
    }
}

struct Tls13 {
    cipher: Cipher,
    iv: Iv,
}

impl MessageEncrypter for Tls13 {
    fn encrypt(
        &mut self,
        message: OutboundPlainMessage<'_>,
        sequence: u64,
    ) -> Result<OutboundOpaqueMessage, Error> {
        let total = self.encrypted_payload_len(message.payload.len());
        let mut payload = PrefixedPayload::with_capacity(total);
        payload.extend_from_chunks(&message.payload);
        payload.extend_from_slice(&[u8::from(message.typ)]);
        let nonce = Nonce::new(&self.iv, sequence);
        let tag = self.cipher.encrypt(&nonce, &make_tls13_aad(total), payload.as_mut())?;
        payload.extend_from_slice(&tag);
        let (kind, version) = (ContentType::ApplicationData, ProtocolVersion::TLSv1_2);
        Ok(OutboundOpaqueMessage::new(kind, version, payload))
    }

    fn encrypted_payload_len(&self, payload_len: usize) -> usize {
        payload_len + 1 + TAG
    }
}

impl MessageDecrypter for Tls13 {
    fn decrypt<'a>(
        &mut self,
        mut message: InboundOpaqueMessage<'a>,
        sequence: u64,
    ) -> Result<InboundPlainMessage<'a>, Error> {
        let aad = make_tls13_aad(message.payload.len());
        let nonce = Nonce::new(&self.iv, sequence);
        let len = self.cipher.open(&nonce, &aad, &mut message.payload)?;
        message.payload.truncate(len);
        message.into_tls13_unpadded_message()
    }
}

/// AES-GCM only.
impl Tls12AeadAlgorithm for Aead {
    fn encrypter(&self, key: AeadKey, iv: &[u8], extra: &[u8]) -> Box<dyn MessageEncrypter> {
        Box::new(Tls12 { cipher: self.cipher(&key), iv: joined(iv, extra) })
    }

    fn decrypter(&self, key: AeadKey, iv: &[u8]) -> Box<dyn MessageDecrypter> {
        Box::new(Tls12 { cipher: self.cipher(&key), iv: joined(iv, &[]) })
    }

    fn key_block_shape(&self) -> KeyBlockShape {
        KeyBlockShape {
            enc_key_len: self.key_bytes(),
            fixed_iv_len: FIXED,
            explicit_nonce_len: EXPLICIT,
        }
    }

    fn extract_keys(
        &self,
        key: AeadKey,
        iv: &[u8],
        explicit: &[u8],
    ) -> Result<ConnectionTrafficSecrets, UnsupportedOperationError> {
        Ok(self.secrets(key, Iv::from(joined(iv, explicit))))
    }
}

/// Joins the fixed and the explicit part of a nonce.
fn joined(fixed: &[u8], explicit: &[u8]) -> [u8; NONCE_LEN] {
    let mut iv = [0; NONCE_LEN];
    let (first, second) = iv.split_at_mut(FIXED);
    for (to, from) in first.iter_mut().zip(fixed).chain(second.iter_mut().zip(explicit)) {
        *to = *from;
    }
    iv
}

struct Tls12 {
    cipher: Cipher,
    iv: [u8; NONCE_LEN],
}

impl MessageEncrypter for Tls12 {
    fn encrypt(
        &mut self,
        message: OutboundPlainMessage<'_>,
        sequence: u64,
    ) -> Result<OutboundOpaqueMessage, Error> {
        let len = message.payload.len();
        let mut payload = PrefixedPayload::with_capacity(self.encrypted_payload_len(len));
        let nonce = Nonce::new(&Iv::from(self.iv), sequence);
        payload.extend_from_slice(nonce.0.get(FIXED..).unwrap_or_default());
        payload.extend_from_chunks(&message.payload);
        let aad = make_tls12_aad(sequence, message.typ, message.version, len);
        let data = payload.as_mut().get_mut(EXPLICIT..).ok_or(Error::EncryptError)?;
        let tag = self.cipher.encrypt(&nonce, &aad, data)?;
        payload.extend_from_slice(&tag);
        Ok(OutboundOpaqueMessage::new(message.typ, message.version, payload))
    }

    fn encrypted_payload_len(&self, payload_len: usize) -> usize {
        EXPLICIT + payload_len + TAG
    }
}

impl MessageDecrypter for Tls12 {
    fn decrypt<'a>(
        &mut self,
        mut message: InboundOpaqueMessage<'a>,
        sequence: u64,
    ) -> Result<InboundPlainMessage<'a>, Error> {
        let payload = &mut message.payload[..];
        let (explicit, data) =
            payload.split_first_chunk_mut::<EXPLICIT>().ok_or(Error::DecryptError)?;
        let len = data.len().checked_sub(TAG).ok_or(Error::DecryptError)?;
        let nonce = Nonce(joined(self.iv.get(..FIXED).unwrap_or_default(), explicit));
        let aad = make_tls12_aad(sequence, message.typ, message.version, len);
        let len = self.cipher.open(&nonce, &aad, data)?;
        Ok(message.into_plain_message_range(EXPLICIT..EXPLICIT + len))
    }
}
