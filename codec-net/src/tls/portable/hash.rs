//! SHA-2 and HMAC over it (FIPS 180-4, RFC 2104).

use std::marker::PhantomData;

use hmac::digest::block_api::{BlockSizeUser, EagerHash};
use hmac::digest::{Digest, KeyInit};
use hmac::{Hmac, Mac};
use rustls::crypto::hash::{Context, Hash, HashAlgorithm, Output};
use rustls::crypto::hmac::{Hmac as HmacProvider, Key, Tag};
use sha2::{Sha256, Sha384, Sha512};
use zeroize::Zeroize;

/// A SHA-2 hash function, selected at run time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sha2 {
    Sha256,
    Sha384,
    Sha512,
}

impl Sha2 {
    pub(super) fn digest(self, parts: &[&[u8]]) -> Vec<u8> {
        fn of<D: Digest>(parts: &[&[u8]]) -> Vec<u8> {
            let mut hash = D::new();
            for part in parts {
                hash.update(part);
            }
            hash.finalize().to_vec()
        }
        match self {
            Self::Sha256 => of::<Sha256>(parts),
            Self::Sha384 => of::<Sha384>(parts),
            Self::Sha512 => of::<Sha512>(parts),
        }
    }
}

pub(super) static SHA256: ShaHash<Sha256> = ShaHash(HashAlgorithm::SHA256, PhantomData);
pub(super) static SHA384: ShaHash<Sha384> = ShaHash(HashAlgorithm::SHA384, PhantomData);
pub(super) static HMAC_SHA256: ShaHmac<Sha256> = ShaHmac(PhantomData);
pub(super) static HMAC_SHA384: ShaHmac<Sha384> = ShaHmac(PhantomData);

/// A hash function for rustls.
pub(super) struct ShaHash<D>(HashAlgorithm, PhantomData<fn() -> D>);

impl<D: Digest + Clone + Send + Sync + 'static> Hash for ShaHash<D> {
    fn start(&self) -> Box<dyn Context> {
        Box::new(Running(D::new()))
    }

    fn hash(&self, data: &[u8]) -> Output {
        Output::new(&D::digest(data))
    }

    fn output_len(&self) -> usize {
        <D as Digest>::output_size()
    }

    fn algorithm(&self) -> HashAlgorithm {
        self.0
    }
}

struct Running<D>(D);

impl<D: Digest + Clone + Send + Sync + 'static> Context for Running<D> {
    fn fork_finish(&self) -> Output {
        Output::new(&self.0.clone().finalize())
    }

    fn fork(&self) -> Box<dyn Context> {
        Box::new(Self(self.0.clone()))
    }

    fn finish(self: Box<Self>) -> Output {
        Output::new(&self.0.finalize())
    }

    fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }
}

/// HMAC for rustls.
pub(super) struct ShaHmac<D>(PhantomData<fn() -> D>);

impl<D> HmacProvider for ShaHmac<D>
where
    D: EagerHash + Digest + BlockSizeUser + 'static,
    Hmac<D>: Mac + KeyInit + Clone + Send + Sync,
{
    fn with_key(&self, key: &[u8]) -> Box<dyn Key> {
        // A key longer than a block is hashed first (RFC 2104, section 2).
        let mut block = hmac::digest::Key::<Hmac<D>>::default();
        let hashed;
        let short = if key.len() > block.len() {
            hashed = <D as Digest>::digest(key);
            &hashed[..]
        } else {
            key
        };
        for (to, from) in block.iter_mut().zip(short) {
            *to = *from;
        }
        let mac = <Hmac<D> as KeyInit>::new(&block);
        block.as_mut_slice().zeroize();
        Box::new(Keyed(mac))
    }

    fn hash_output_len(&self) -> usize {
        <D as Digest>::output_size()
    }
}

struct Keyed<M>(M);

impl<M: Mac + Clone + Send + Sync> Key for Keyed<M> {
    fn sign_concat(&self, first: &[u8], middle: &[&[u8]], last: &[u8]) -> Tag {
        let mut mac = self.0.clone();
        mac.update(first);
        for part in middle {
            mac.update(part);
        }
        mac.update(last);
        Tag::new(&mac.finalize().into_bytes())
    }

    fn tag_len(&self) -> usize {
        M::output_size()
    }
}
