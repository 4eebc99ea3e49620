use super::test_vectors::{BASE_KEY, COUNTER, HEADERS, KEY_ID, METADATA, PLAIN, SEALED};
use super::*;

fn hex(text: &str) -> Vec<u8> {
    let digits = text.chars().map(|digit| u8::try_from(digit.to_digit(16).unwrap()).unwrap());
    let digits: Vec<u8> = digits.collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn key(byte: u8) -> Key {
    Key::new(Suite::Aes128GcmSha256Tag128, &[byte; 16]).unwrap()
}

fn opener(id: u64, key: &Key) -> Opener {
    let mut opener = Opener::new();
    opener.set_key(id, key).unwrap();
    opener
}

#[test]
fn rfc9605_vectors_match() {
    for (name, sealed) in SEALED {
        let suite = Suite::from_name(name).unwrap();
        let key = Key::new(suite, &BASE_KEY).unwrap();
        let sealed = hex(sealed);
        let mut sealer = Sealer::new(KEY_ID, &key).unwrap().starting_at(COUNTER);
        assert_eq!(sealer.seal(METADATA, PLAIN).unwrap(), sealed, "{name}");
        assert_eq!(opener(KEY_ID, &key).open(METADATA, &sealed).unwrap(), PLAIN, "{name}");
        assert_eq!(sealed.len(), 6 + PLAIN.len() - 1 + suite.tag_bytes(), "{name}");
    }
}

#[test]
fn headers_match_rfc9605() {
    let key = key(1);
    for &(id, counter, header) in HEADERS {
        let mut nobody = Opener::new();
        assert_eq!(nobody.open(&[], header), Err(Refused::UnknownKey { id }));
        let all = (0..header.len()).map(|len| nobody.open(&[], &header[..len]));
        assert!(all.into_iter().all(|it| it == Err(Refused::Malformed)), "{header:x?}");
        let mut sealer = Sealer::new(id, &key).unwrap().starting_at(counter);
        match sealer.seal(&[], &[1, 2, 3]) {
            Ok(sealed) => assert_eq!(&sealed[..header.len()], header),
            Err(error) => {
                assert_eq!(error, SframeError::Exhausted);
                assert!(counter > MAX_COUNTER);
            }
        }
    }
}

#[test]
fn short_tags_are_not_supported() {
    assert_eq!(Suite::from_name("AES_128_CTR_HMAC_SHA256_32"), None);
    assert!(Suite::ALL.iter().all(|suite| suite.tag_bytes() >= 8));
    for suite in Suite::ALL {
        assert_eq!(Suite::from_name(suite.name()), Some(suite));
    }
    assert_eq!(Suite::for_key_bytes(16).name(), "AES_128_GCM_SHA256_128");
    assert_eq!(Suite::for_key_bytes(32).name(), "AES_256_GCM_SHA512_128");
}

#[test]
fn invalid_key_lengths_are_rejected_and_debug_omits_keys() {
    let suite = Suite::Aes256GcmSha512Tag128;
    for had in [0, 15, 65, 4000] {
        assert_eq!(Key::new(suite, &vec![1; had]), Err(SframeError::KeyLength { had }));
    }
    let key = Key::new(suite, &[0xab; 64]).unwrap();
    let mut both = opener(1, &key);
    both.set_shared_key(&key).unwrap();
    let shown = format!("{key:?} {:?} {both:?}", Sealer::new(1, &key).unwrap());
    assert!(!shown.contains("171") && !shown.contains("ab, "), "{shown}");
}

#[test]
fn counters_are_never_reused() {
    let mut sealer = Sealer::new(1, &key(1)).unwrap();
    let first = sealer.seal(&[], b"same").unwrap();
    // Back to the first key via another, and to a used counter.
    sealer.set_key(2, &key(2)).unwrap();
    sealer.seal(&[], b"same").unwrap();
    sealer.set_key(1, &key(1)).unwrap();
    let mut sealer = sealer.starting_at(0);
    assert_eq!(sealer.counter(), 2);
    assert_ne!(sealer.seal(&[], b"same").unwrap(), first);
    let mut sealer = sealer.starting_at(MAX_COUNTER);
    assert!(sealer.seal(&[], b"last").is_ok());
    for _ in 0..3 {
        assert_eq!(sealer.seal(&[], b"one more"), Err(SframeError::Exhausted));
    }
    sealer.set_key(9, &key(1)).unwrap();
    assert_eq!(sealer.seal(&[], b"one more"), Err(SframeError::Exhausted));
}

#[test]
fn any_modification_or_truncation_is_rejected() {
    for suite in Suite::ALL {
        let key = Key::new(suite, &[7; 32]).unwrap();
        let mut sealer = Sealer::new(300, &key).unwrap().starting_at(5000);
        let sealed = sealer.seal_video(true, b"a frame").unwrap();
        let mut opener = opener(300, &key);
        for bit in 0..8 * sealed.len() {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(opener.open_video(&changed).is_err(), "{suite:?}, bit {bit}");
        }
        for len in 0..sealed.len() {
            assert!(opener.open_video(&sealed[..len]).is_err(), "{suite:?}, {len} bytes");
        }
        let longer = [&sealed[..], &[0]].concat();
        assert_eq!(opener.open_video(&longer), Err(Refused::Forged));
        assert_eq!(opener.counters().opened, 0);
        assert_eq!(opener.open_video(&sealed), Ok((b"a frame".to_vec(), true)));
        assert_eq!(opener.open_video(&sealed), Err(Refused::Replayed));
    }
}

#[test]
fn media_kind_and_key_frame_byte_are_authenticated() {
    let mut sealer = Sealer::new(0, &key(1)).unwrap();
    let mut opener = opener(0, &key(1));
    let video = sealer.seal_video(false, b"frame").unwrap();
    let sound = sealer.seal_sound(b"packet").unwrap();
    assert_eq!(video[0], 1);
    assert_eq!(opener.open_sound(&video[1..]), Err(Refused::Forged));
    assert_eq!(opener.open_video(&[&[0], &video[1..]].concat()), Err(Refused::Forged));
    assert_eq!(opener.open_video(&[&[1], &sound[..]].concat()), Err(Refused::Forged));
    assert_eq!(opener.open_video(&video), Ok((b"frame".to_vec(), false)));
    assert_eq!(opener.open_sound(&sound), Ok(b"packet".to_vec()));
    assert_eq!((opener.counters().opened, opener.counters().forged), (2, 3));
}

#[test]
fn several_keys_are_usable_and_ids_are_not_reused() {
    let mut opener = opener(1, &key(1));
    let mut sealer = Sealer::new(1, &key(1)).unwrap();
    let old = sealer.seal_sound(b"old").unwrap();
    sealer.set_key(2, &key(2)).unwrap();
    let new = sealer.seal_sound(b"new").unwrap();
    assert_eq!(opener.open_sound(&new), Err(Refused::UnknownKey { id: 2 }));
    opener.set_key(2, &key(2)).unwrap();
    opener.set_key(2, &key(2)).unwrap();
    assert_eq!(opener.set_key(2, &key(3)), Err(SframeError::KeyIdTaken { id: 2 }));
    assert_eq!(opener.open_sound(&new), Ok(b"new".to_vec()));
    assert_eq!(opener.open_sound(&old), Ok(b"old".to_vec()));
    assert!(opener.forget_key(1) && !opener.forget_key(1));
    assert_eq!(opener.open_sound(&old), Err(Refused::UnknownKey { id: 1 }));
    for id in 3..20 {
        let taken = opener.set_key(id, &key(1));
        assert_eq!(taken.is_ok(), id < 18, "{id}");
    }
    assert_eq!(opener.set_key(99, &key(1)), Err(SframeError::TooManyKeys));
}

#[test]
fn shared_secret_decrypts_senders_with_random_ids() {
    let mut opener = Opener::new();
    opener.set_shared_key(&key(9)).unwrap();
    opener.set_shared_key(&key(1)).unwrap();
    let mut first = Vec::new();
    for sender in 0..40 {
        let id = 0x1234_5678_9abc_def0 ^ sender;
        let mut sealer = Sealer::new(id, &key(1)).unwrap();
        for _ in 0..3 {
            let sealed = sealer.seal_sound(b"hello").unwrap();
            assert!(!opener.has_opened(&sealed));
            assert_eq!(opener.open_sound(&sealed), Ok(b"hello".to_vec()));
            assert!(opener.has_opened(&sealed));
            assert_eq!(opener.open_sound(&sealed), Err(Refused::Replayed));
            first.push(sealed);
        }
    }
    // Unknown senders leave no state, however many ids they use.
    for id in 0..1000 {
        let sealed = Sealer::new(id, &key(2)).unwrap().seal_sound(b"hello").unwrap();
        assert_eq!(opener.open_sound(&sealed), Err(Refused::Forged));
    }
    assert_eq!(opener.open_sound(first.last().unwrap()), Err(Refused::Replayed));
    for byte in [3, 4] {
        opener.set_shared_key(&key(byte)).unwrap();
    }
    assert_eq!(opener.set_shared_key(&key(5)), Err(SframeError::TooManyKeys));
}

#[test]
fn frames_may_arrive_in_any_order_within_the_window() {
    let mut sealer = Sealer::new(1, &key(1)).unwrap();
    let mut opener = opener(1, &key(1));
    let frames: Vec<_> = (0..REPLAY_WINDOW + 10)
        .map(|number| sealer.seal_sound(&number.to_be_bytes()).unwrap())
        .collect();
    assert!(opener.open_sound(frames.last().unwrap()).is_ok());
    let opened = frames.iter().rev().skip(1).filter(|it| opener.open_sound(it).is_ok()).count();
    assert_eq!(u64::try_from(opened).unwrap(), REPLAY_WINDOW - 1);
    assert_eq!(opener.counters().replayed, 10);
}
