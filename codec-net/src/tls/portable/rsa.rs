//! Verification of RSA signatures (RFC 8017). No signing, so no secrets are involved.

use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, Odd};

use super::hash::Sha2;

/// Minimum size of a modulus in bits.
const MIN_BITS: u32 = 2048;
/// Maximum size of a modulus in bits.
const MAX_BITS: u32 = 8192;
/// Maximum size of a public exponent in bytes: larger ones only cost time.
const MAX_EXPONENT_BYTES: usize = 4;

/// The padding of a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Padding {
    /// RFC 8017, section 9.2.
    Pkcs1,
    /// RFC 8017, section 9.1; the salt is as long as the hash.
    Pss,
}

/// Verifies `signature` of `hash` with a key (`RSAPublicKey`, RFC 8017, appendix A.1.1).
pub(super) fn is_valid(
    key: &[u8],
    padding: Padding,
    sha: Sha2,
    hash: &[u8],
    signature: &[u8],
) -> bool {
    check(key, padding, sha, hash, signature).is_some()
}

fn check(key: &[u8], padding: Padding, sha: Sha2, hash: &[u8], signature: &[u8]) -> Option<()> {
    let (modulus, exponent) = numbers(key)?;
    let bits = u32::try_from(modulus.len()).ok()? * 8 - modulus.first()?.leading_zeros();
    let is_odd = |number: &[u8]| number.last().is_some_and(|last| last & 1 == 1);
    let is_large = |exponent: &[u8]| exponent.len() > 1 || exponent.first() > Some(&2);
    let fits = (MIN_BITS..=MAX_BITS).contains(&bits) && exponent.len() <= MAX_EXPONENT_BYTES;
    // With equal lengths, byte order comparison equals numeric comparison.
    let is_below = signature.len() == modulus.len() && signature < modulus;
    if !(fits && is_odd(modulus) && is_odd(exponent) && is_large(exponent) && is_below) {
        return None;
    }
    let message = power(signature, exponent, modulus)?;
    match padding {
        Padding::Pkcs1 => (message == pkcs1(sha, hash, message.len())?).then_some(()),
        Padding::Pss => is_pss(sha, hash, &message, bits - 1),
    }
}

/// Computes `base` to the power of `exponent` modulo `modulus`, with the modulus's number of bytes.
fn power(base: &[u8], exponent: &[u8], modulus: &[u8]) -> Option<Vec<u8>> {
    let precision = u32::try_from(modulus.len()).ok()?.next_multiple_of(8) * 8;
    let number = |bytes| BoxedUint::from_be_slice(bytes, precision).ok();
    let odd: Odd<BoxedUint> = Option::from(Odd::new(number(modulus)?))?;
    let params = BoxedMontyParams::new_vartime(odd);
    let base = BoxedMontyForm::new(number(base)?, &params);
    let exponent = BoxedUint::from_be_slice(exponent, 64).ok()?;
    let result = base.pow(&exponent).retrieve().to_be_bytes();
    result.get(result.len().checked_sub(modulus.len())?..).map(<[u8]>::to_vec)
}

/// Modulus and exponent of a DER key, without leading zeros.
fn numbers(key: &[u8]) -> Option<(&[u8], &[u8])> {
    let (sequence, rest) = element(key, 0x30)?;
    let (modulus, after) = element(sequence, 0x02)?;
    let (exponent, end) = element(after, 0x02)?;
    if !rest.is_empty() || !end.is_empty() {
        return None;
    }
    Some((unsigned(modulus)?, unsigned(exponent)?))
}

/// A positive number without its sign byte.
fn unsigned(bytes: &[u8]) -> Option<&[u8]> {
    match bytes {
        [0, rest @ ..] => rest.first().is_some_and(|first| *first >= 0x80).then_some(rest),
        [first, ..] => (*first < 0x80).then_some(bytes),
        [] => None,
    }
}

/// The contents of a DER element with this tag, and the rest (ITU-T X.690, section 8.1).
fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (head, rest) = bytes.split_first_chunk::<2>()?;
    let (len, rest) = match *head {
        [found, _] if found != tag => return None,
        [_, short @ 0..=0x7f] => (usize::from(short), rest),
        [_, 0x81] => rest.split_first().map(|(len, rest)| (usize::from(*len), rest))?,
        [_, 0x82] => {
            let (len, rest) = rest.split_first_chunk()?;
            (usize::from(u16::from_be_bytes(*len)), rest)
        }
        _ => return None,
    };
    rest.split_at_checked(len)
}

/// Pads a hash to `len` bytes (RFC 8017, section 9.2).
fn pkcs1(sha: Sha2, hash: &[u8], len: usize) -> Option<Vec<u8>> {
    let (kind, bytes) = match sha {
        Sha2::Sha256 => (1, 32),
        Sha2::Sha384 => (2, 48),
        Sha2::Sha512 => (3, 64),
    };
    // DigestInfo: the object identifier of the hash, then the hash.
    let mut info = vec![0x30, 0x11 + bytes, 0x30, 0x0d, 0x06, 0x09];
    info.extend([0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, kind, 0x05, 0x00, 0x04, bytes]);
    info.extend_from_slice(hash);
    let filler = len.checked_sub(info.len() + 3).filter(|filler| *filler >= 8)?;
    let mut padded = vec![0, 1];
    padded.resize(2 + filler, 0xff);
    padded.push(0);
    padded.append(&mut info);
    Some(padded)
}

/// Whether a message of `bits` bits is a padded hash (RFC 8017, section 9.1.2).
fn is_pss(sha: Sha2, hash: &[u8], message: &[u8], bits: u32) -> Option<()> {
    let len = usize::try_from(bits.div_ceil(8)).ok()?;
    let (beyond, encoded) = message.split_at_checked(message.len().checked_sub(len)?)?;
    let (data, rest) = encoded.split_at_checked(len.checked_sub(hash.len() + 1)?)?;
    let (seed, trailer) = rest.split_at_checked(hash.len())?;
    let spare = u32::try_from(len).ok()? * 8 - bits;
    let unused = !(0xff_u8 >> spare);
    if beyond.iter().any(|byte| *byte != 0) || trailer != [0xbc] || data.first()? & unused != 0 {
        return None;
    }
    let mut data: Vec<u8> = data.iter().zip(mask(sha, seed)).map(|(a, b)| a ^ b).collect();
    *data.first_mut()? &= !unused;
    let (zeros, salt) = data.split_at_checked(data.len().checked_sub(hash.len())?)?;
    let (one, zeros) = zeros.split_last()?;
    let expected = sha.digest(&[&[0; 8], hash, salt]);
    (*one == 1 && zeros.iter().all(|byte| *byte == 0) && expected == seed).then_some(())
}

/// MGF1 (RFC 8017, appendix B.2.1), endless.
fn mask(sha: Sha2, seed: &[u8]) -> impl Iterator<Item = u8> + use<'_> {
    (0_u32..).flat_map(move |counter| sha.digest(&[seed, &counter.to_be_bytes()]))
}
