//! Round trips, and the packets printed in the RFCs.

use super::cipher::Gcm;
use super::keys::{ENCRYPTED, SessionKeys, expand};
use super::test_vectors::hex;
use super::{MAX_SOURCES, Protect, SrtpError, Suite, Unprotect};
use crate::rng::Rng;

fn material(suite: Suite) -> Vec<u8> {
    let mut rng = Rng::new(7);
    (0..suite.material_bytes()).map(|_| rng.byte()).collect()
}

fn pair(suite: Suite) -> (Protect, Unprotect) {
    let material = material(suite);
    (Protect::new(suite, &material).unwrap(), Unprotect::new(suite, &material).unwrap())
}

fn packet(ssrc: u32, sequence: u16) -> Vec<u8> {
    let mut packet = vec![0x91, 96];
    packet.extend(sequence.to_be_bytes());
    packet.extend([0, 0, 0, 9]);
    packet.extend(ssrc.to_be_bytes());
    packet.extend([1, 1, 1, 1, 0xbe, 0xde, 0, 1, 0x10, 9, 0, 0]);
    packet.extend([0x55; 100]);
    packet
}

/// RFC 3711, appendix B.3.
#[test]
fn session_keys_match_rfc3711() {
    let (key, salt) =
        (hex("E1F97A0D3E018BE0D64FA32C06DE4139"), hex("0EC675AD498AFEEBB6960B3AABE6"));
    let derived = |label, len| {
        let mut out = vec![0; len];
        expand(&key, &salt, label, &mut out);
        out
    };
    assert_eq!(derived(0, 16), hex("C61E7A93744F39EE10734AFE3FF7A087"));
    assert_eq!(derived(2, 14), hex("30CBBC08863D8C85D49DB34A9AE1"));
    let auth = "CEBE321F6FF7716B6FD4AB49AF256A15 6D38BAA48F0A0ACF3C34E2359E6CDBCE
        E049646C43D9327AD175578EF7227098 6371C10C9A369AC2F94A8C5FBCDDDC25
        6D6E919A48B610EF17C2041E47403576 6B68642C59BBFC2F34DB60DBDFB2";
    assert_eq!(derived(1, 94), hex(auth));
}

fn gcm_keys(bytes: u8) -> SessionKeys {
    let key: Vec<u8> = (0..bytes).collect();
    let salt = *hex("517569642070726f2071756f").first_chunk().unwrap();
    SessionKeys::Gcm { gcm: Gcm::new(&key).unwrap(), salt }
}

/// RFC 7714, sections 16.1.1, 16.1.2, 16.2.1, 16.2.2.
#[test]
fn gcm_packets_match_rfc7714() {
    let plain = hex("8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976
        69736120 696e2070 61727465 73207472 6573");
    let with_128 = hex("8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5
        0d294e6f 42a5f47a 51c7d19b 36de3adf 8833899d 7f27beb1 6a9152cf 765ee439 0cce");
    let with_256 = hex("8040f17b 8041f8d3 5501a0b2 32b1de78 a822fe12 ef9f78fa 332e33aa b1801238
        9a58e2f3 b50b2a02 76ffae0f 1ba63799 b87b7aa3 db36dfff d6b0f9bb 7878d7a7 6c13");
    for (bytes, encrypted) in [(16, with_128), (32, with_256)] {
        let keys = gcm_keys(bytes);
        let mut packet = plain.clone();
        keys.encrypt_rtp(&mut packet, 12, 0x5501_a0b2, 0xf17b).unwrap();
        assert_eq!(packet, encrypted);
        keys.decrypt_rtp(&mut packet, 12, 0x5501_a0b2, 0xf17b).unwrap();
        assert_eq!(packet, plain);
    }
}

/// RFC 7714, sections 17.1 and 17.3: encrypted, and authenticated only.
#[test]
fn gcm_rtcp_packets_match_rfc7714() {
    let plain = hex("81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61
        deadbeef deadbeef deadbeef deadbeef deadbeef");
    let encrypted = hex("81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d
        c676a5f1 730d6fda 4ce09b46 86303ded 0bb9275b c84aa458 96cf4d2f c5abf872 45d9eade 800005d4");
    let signed = hex("81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61
        deadbeef deadbeef deadbeef deadbeef deadbeef 841dd968 3dd78ec9 2ae58790 125f62b3 000005d4");
    let keys = gcm_keys(16);
    let mut packet = plain.clone();
    keys.encrypt_rtcp(&mut packet, 0x4d61_7273, 0x5d4).unwrap();
    assert_eq!(packet, encrypted);
    assert_eq!(keys.rtcp_word(&packet), Some(0x5d4 | ENCRYPTED));
    for (mut packet, word) in [(encrypted, 0x5d4 | ENCRYPTED), (signed, 0x5d4)] {
        keys.decrypt_rtcp(&mut packet, 0x4d61_7273, word).unwrap();
        assert_eq!(packet, plain);
    }
}

#[test]
fn protected_packets_round_trip() {
    for suite in Suite::ALL {
        let (mut out, mut inn) = pair(suite);
        for sequence in [65_000, 65_535, 0, 1] {
            let plain = packet(5, sequence);
            let mut sent = plain.clone();
            out.rtp(&mut sent).unwrap();
            assert_eq!(sent.len(), plain.len() + suite.rtp_overhead());
            assert_eq!(sent[..24], plain[..24], "the header is not encrypted");
            assert_ne!(sent[24..124], plain[24..]);
            inn.rtp(&mut sent).unwrap();
            assert_eq!(sent, plain);
            let mut report = vec![0x80, 201, 0, 1, 0, 0, 0, 5];
            out.rtcp(&mut report).unwrap();
            assert_eq!(report.len(), 8 + suite.rtcp_overhead());
            inn.rtcp(&mut report).unwrap();
            assert_eq!(report, [0x80, 201, 0, 1, 0, 0, 0, 5]);
        }
        assert_eq!(inn.counters().accepted, 8);
    }
}

#[test]
fn sequence_numbers_wrap_despite_loss_and_reordering() {
    let (mut out, mut inn) = pair(Suite::AesCm128HmacSha1_80);
    let mut rng = Rng::new(3);
    let mut waiting: Vec<Vec<u8>> = Vec::new();
    let mut opened = 0;
    // Five wraps, with losses.
    let mut number: u64 = 30_000;
    let mut sent = 0;
    while number < 360_000 {
        number += 1 + rng.below(20);
        #[expect(clippy::cast_possible_truncation, reason = "the sequence number wraps")]
        let mut packet = packet(5, number as u16);
        out.rtp(&mut packet).unwrap();
        sent += 1;
        waiting.push(packet);
        if waiting.len() > 4 {
            let mut packet = waiting.remove(rng.index(2));
            inn.rtp(&mut packet).unwrap();
            opened += 1;
        }
    }
    assert_eq!(opened + waiting.len(), sent);
    assert_eq!(inn.counters().accepted, u64::try_from(opened).unwrap());
}

#[test]
fn replayed_packets_are_rejected_and_counted() {
    for suite in Suite::ALL {
        let (mut out, mut inn) = pair(suite);
        let mut packets = Vec::new();
        for sequence in 0..2000 {
            let mut packet = packet(5, sequence);
            out.rtp(&mut packet).unwrap();
            inn.rtp(&mut packet.clone()).unwrap();
            packets.push(packet);
        }
        for mut packet in packets {
            let bytes = packet.clone();
            assert_eq!(inn.rtp(&mut packet), Err(SrtpError::Replayed));
            assert_eq!(packet, bytes);
        }
        let mut report = vec![0x80, 201, 0, 1, 0, 0, 0, 5];
        out.rtcp(&mut report).unwrap();
        inn.rtcp(&mut report.clone()).unwrap();
        assert_eq!(inn.rtcp(&mut report), Err(SrtpError::Replayed));
        assert_eq!(inn.counters().replayed, 2001);
        assert_eq!(out.rtp(&mut packet(5, 1999)), Err(SrtpError::Replayed));
    }
}

#[test]
fn any_modified_bit_is_detected() {
    for suite in Suite::ALL {
        let (mut out, mut inn) = pair(suite);
        let mut good = packet(5, 1);
        out.rtp(&mut good).unwrap();
        let mut report = vec![0x80, 201, 0, 1, 0, 0, 0, 5];
        out.rtcp(&mut report).unwrap();
        for at in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[at / 8] ^= 1 << (at % 8);
            let kept = bad.clone();
            assert!(inn.rtp(&mut bad).is_err(), "{suite:?} bit {at}");
            assert_eq!(bad, kept, "rejected packets are unchanged");
        }
        for at in 0..report.len() * 8 {
            let mut bad = report.clone();
            bad[at / 8] ^= 1 << (at % 8);
            assert!(inn.rtcp(&mut bad).is_err(), "{suite:?} bit {at}");
        }
        for len in 0..good.len() {
            assert!(inn.rtp(&mut good[..len].to_vec()).is_err());
        }
        for len in 0..report.len() {
            assert!(inn.rtcp(&mut report[..len].to_vec()).is_err());
        }
        assert_eq!(inn.rtp(&mut good), Ok(()), "forged packets do not change the state");
        assert_eq!(inn.rtcp(&mut report), Ok(()));
    }
}

#[test]
fn forged_sources_leave_no_state_and_sources_are_limited() {
    let suite = Suite::AeadAes128Gcm;
    let (mut out, mut inn) = pair(suite);
    let mut other = Protect::new(suite, &vec![9; suite.material_bytes()]).unwrap();
    for ssrc in 0..16 {
        let mut packet = packet(1000 + ssrc, 1);
        other.rtp(&mut packet).unwrap();
        assert_eq!(inn.rtp(&mut packet), Err(SrtpError::Forged));
    }
    for ssrc in 0..u32::try_from(MAX_SOURCES).unwrap() {
        let mut packet = packet(ssrc, 1);
        out.rtp(&mut packet).unwrap();
        assert_eq!(inn.rtp(&mut packet), Ok(()));
    }
    assert_eq!(out.rtp(&mut packet(99, 1)), Err(SrtpError::TooManySources));
    out.remove(0);
    let mut one_more = packet(99, 1);
    out.rtp(&mut one_more).unwrap();
    assert_eq!(inn.rtp(&mut one_more.clone()), Err(SrtpError::TooManySources));
    inn.remove(3);
    let mut again = packet(98, 1);
    out.remove(1);
    out.rtp(&mut again).unwrap();
    assert_eq!(inn.rtp(&mut again), Ok(()));
    assert_eq!((inn.counters().forged, inn.counters().excess_sources), (16, 1));
}

#[test]
fn rollover_counter_can_be_set_for_late_joiners() {
    let (mut out, mut inn) = pair(Suite::AesCm128HmacSha1_32);
    let mut number = 0;
    let mut last = Vec::new();
    while number < 150_000u32 {
        #[expect(clippy::cast_possible_truncation, reason = "the sequence number wraps")]
        let sequence = number as u16;
        last = packet(5, sequence);
        out.rtp(&mut last).unwrap();
        number += 20_000;
    }
    assert_eq!(inn.rtp(&mut last.clone()), Err(SrtpError::Forged));
    inn.set_rollover_counter(5, 2, 140_000u32.to_be_bytes()[3].into()).unwrap();
    assert_eq!(inn.rtp(&mut last), Ok(()));
}

#[test]
fn invalid_key_lengths_and_unknown_suites_are_rejected() {
    for suite in Suite::ALL {
        let needed = suite.material_bytes();
        for had in [0, needed - 1, needed + 1] {
            let error = SrtpError::KeyLength { needed, had };
            assert_eq!(Protect::new(suite, &vec![0; had]).err(), Some(error));
            assert_eq!(Unprotect::new(suite, &vec![0; had]).err(), Some(error));
        }
        assert_eq!(Suite::from_name(suite.name()), Some(suite));
    }
    assert_eq!(Suite::from_name("NULL_HMAC_SHA1_80"), None);
    assert_eq!(Suite::from_name("F8_128_HMAC_SHA1_80"), None);
}

#[test]
fn packets_without_payload_are_accepted() {
    for suite in Suite::ALL {
        let material = vec![7; suite.material_bytes()];
        let mut protect = Protect::new(suite, &material).unwrap();
        let mut unprotect = Unprotect::new(suite, &material).unwrap();
        let empty = [0x80, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1].to_vec();
        let mut packet = empty.clone();
        protect.rtp(&mut packet).unwrap();
        for len in 0..packet.len() {
            assert!(unprotect.rtp(&mut packet[..len].to_vec()).is_err(), "{suite:?} {len}");
        }
        unprotect.rtp(&mut packet).unwrap();
        assert_eq!(packet, empty);
    }
}
