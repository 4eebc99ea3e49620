//! End-to-end encryption (`--e2ee-key`): frames and audio are encrypted before they reach the
//! network, with a secret that both ends read from a file.

use std::fs;
use std::io::Read;
use std::path::Path;

use codec_net::random;
use codec_rtc::sdp::base64;
use codec_rtc::sframe::{
    DecryptCounters, Decryptor, Encryptor, Key, MAX_KEY_BYTES, MIN_KEY_BYTES, Suite,
};

use crate::failure::{Failure, Kind, Result};

/// Maximum size of a key file.
const MAX_FILE_BYTES: u64 = 4096;

/// Suffix of codec names in our framing for encrypted packets.
pub(super) const ENCRYPTED_SUFFIX: &str = "+sframe";

/// The shared secret.
#[derive(Clone, Debug)]
pub(crate) struct Secret {
    key: Key,
}

impl Secret {
    /// Reads the secret from a file, if one is given.
    pub(crate) fn of(path: Option<&Path>) -> Result<Option<Self>> {
        path.map(Self::read).transpose()
    }

    fn read(path: &Path) -> Result<Self> {
        let name = path.display();
        let wrong =
            |why: &str| Failure::new(Kind::Input, format!("invalid key file {name}: {why}"));
        let unreadable = |error: std::io::Error| {
            Failure::new(Kind::Input, format!("cannot read key file {name}: {error}"))
        };
        let file = fs::File::open(path).map_err(unreadable)?;
        let mut bytes = Vec::new();
        file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() as u64 > MAX_FILE_BYTES {
            return Err(wrong(
                "file too large for a key: expected 16 to 64 bytes in hexadecimal or base64",
            ));
        }
        Self::parse(&String::from_utf8_lossy(&bytes)).map_err(|why| wrong(&why))
    }

    /// Parses hexadecimal digits if there is nothing else, otherwise base64 in either alphabet.
    fn parse(text: &str) -> std::result::Result<Self, String> {
        let text = text.trim();
        let secret = match hex(text) {
            Some(secret) => secret,
            None => {
                let standard = text.replace('-', "+").replace('_', "/");
                base64::decode(&standard).ok_or("expected a key in hexadecimal or base64")?
            }
        };
        let suite = Suite::for_key_bytes(secret.len());
        let key = Key::new(suite, &secret).map_err(|_| {
            let had = secret.len();
            format!("got {had} bytes, expected {MIN_KEY_BYTES} to {MAX_KEY_BYTES}")
        })?;
        Ok(Self { key })
    }

    /// Returns an encryptor with its own key id: counters restart with each run, and repeating a
    /// counter under the same key would reveal the contents.
    pub(super) fn encryptor(&self) -> Result<Encryptor> {
        Encryptor::new(random::number(), &self.key).map_err(Failure::internal)
    }

    /// Returns a decryptor for any key id.
    pub(super) fn decryptor(&self) -> Result<Decryptor> {
        let mut decryptor = Decryptor::new();
        decryptor.set_shared_key(&self.key).map_err(Failure::internal)?;
        Ok(decryptor)
    }

    /// Name of the cipher suite.
    pub(crate) fn suite(&self) -> &'static str {
        self.key.suite().name()
    }
}

/// Parses pairs of hexadecimal digits; `None` for anything else.
fn hex(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|it| u8::try_from(it).ok());
    pairs.iter().map(|&[high, low]| Some(digit(high)? << 4 | digit(low)?)).collect()
}

/// Explains why nothing was decrypted, if the key is the reason.
pub(crate) fn explain(counters: Option<DecryptCounters>) -> Option<Failure> {
    let counters = counters.filter(|it| it.decrypted == 0 && it.rejected() > 0)?;
    let refused = counters.rejected();
    let message = format!(
        "cannot decrypt any of {refused} frames: the sender uses another --e2ee-key, or no key"
    );
    Some(Failure::new(Kind::Network, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_hexadecimal_or_base64() {
        let suite_of = |text: &str| Secret::parse(text).unwrap().suite();
        let digits = "000102030405060708090a0b0c0d0e0f";
        assert_eq!(suite_of(&format!("{digits}\n")), "AES_128_GCM_SHA256_128");
        assert_eq!(suite_of(&digits.repeat(2).to_uppercase()), "AES_256_GCM_SHA512_128");
        assert_eq!(suite_of("  AAECAwQFBgcICQoLDA0ODw==\r\n"), "AES_128_GCM_SHA256_128");
        let wide = "-_-_".repeat(11);
        assert_eq!(suite_of(&wide), "AES_256_GCM_SHA512_128");
        let same = |one: &str, other: &str| {
            let encrypted =
                Secret::parse(one).unwrap().encryptor().unwrap().encrypt_audio(b"x").unwrap();
            Secret::parse(other).unwrap().decryptor().unwrap().decrypt_audio(&encrypted).is_ok()
        };
        assert!(same(digits, "AAECAwQFBgcICQoLDA0ODw"));
        assert!(!same(digits, &digits.replace('f', "e")));
        for (text, why) in [
            ("", "got 0 bytes"),
            ("0123456789abcdef", "got 8 bytes"),
            ("00".repeat(65).as_str(), "got 65 bytes"),
            ("correct horse battery staple", "expected a key"),
        ] {
            let refused = Secret::parse(text).unwrap_err();
            assert!(refused.contains(why), "{text:?}: {refused}");
        }
    }

    #[test]
    fn every_run_encrypts_with_another_key() {
        let secret = Secret::parse(&"5a".repeat(32)).unwrap();
        let encrypted = || secret.encryptor().unwrap().encrypt_video(true, b"the same").unwrap();
        let (one, other) = (encrypted(), encrypted());
        assert_ne!(one, other);
        let mut decryptor = secret.decryptor().unwrap();
        assert!(decryptor.decrypt_video(&one).is_ok() && decryptor.decrypt_video(&other).is_ok());
    }
}
