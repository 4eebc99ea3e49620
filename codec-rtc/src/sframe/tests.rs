use super::test_vectors::{BASE_KEY, COUNTER, ENCRYPTED, HEADERS, KEY_ID, METADATA, PLAIN};
use super::*;

fn hex(text: &str) -> Vec<u8> {
    let digits = text.chars().map(|digit| u8::try_from(digit.to_digit(16).unwrap()).unwrap());
    let digits: Vec<u8> = digits.collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn key(byte: u8) -> Key {
    Key::new(Suite::Aes128GcmSha256Tag128, &[byte; 16]).unwrap()
}

fn decryptor(id: u64, key: &Key) -> Decryptor {
    let mut decryptor = Decryptor::new();
    decryptor.set_key(id, key).unwrap();
    decryptor
}

#[test]
fn test_vectors_of_rfc9605_match() {
    for (name, encrypted) in ENCRYPTED {
        let suite = Suite::from_name(name).unwrap();
        let key = Key::new(suite, &BASE_KEY).unwrap();
        let encrypted = hex(encrypted);
        let mut encryptor = Encryptor::new(KEY_ID, &key).unwrap().starting_at(COUNTER);
        assert_eq!(encryptor.encrypt(METADATA, PLAIN).unwrap(), encrypted, "{name}");
        assert_eq!(decryptor(KEY_ID, &key).decrypt(METADATA, &encrypted).unwrap(), PLAIN, "{name}");
        assert_eq!(encrypted.len(), 6 + PLAIN.len() - 1 + suite.tag_bytes(), "{name}");
    }
}

#[test]
fn headers_match_rfc9605() {
    let key = key(1);
    for &(id, counter, header) in HEADERS {
        let mut nobody = Decryptor::new();
        assert_eq!(nobody.decrypt(&[], header), Err(DecryptError::UnknownKey { id }));
        let all = (0..header.len()).map(|len| nobody.decrypt(&[], &header[..len]));
        assert!(all.into_iter().all(|it| it == Err(DecryptError::Malformed)), "{header:x?}");
        let mut encryptor = Encryptor::new(id, &key).unwrap().starting_at(counter);
        match encryptor.encrypt(&[], &[1, 2, 3]) {
            Ok(encrypted) => assert_eq!(&encrypted[..header.len()], header),
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
    let mut both = decryptor(1, &key);
    both.set_shared_key(&key).unwrap();
    let shown = format!("{key:?} {:?} {both:?}", Encryptor::new(1, &key).unwrap());
    assert!(!shown.contains("171") && !shown.contains("ab, "), "{shown}");
}

#[test]
fn counters_are_never_reused() {
    let mut encryptor = Encryptor::new(1, &key(1)).unwrap();
    let first = encryptor.encrypt(&[], b"same").unwrap();
    // Back to the first key via another, and to a used counter.
    encryptor.set_key(2, &key(2)).unwrap();
    encryptor.encrypt(&[], b"same").unwrap();
    encryptor.set_key(1, &key(1)).unwrap();
    let mut encryptor = encryptor.starting_at(0);
    assert_eq!(encryptor.counter(), 2);
    assert_ne!(encryptor.encrypt(&[], b"same").unwrap(), first);
    let mut encryptor = encryptor.starting_at(MAX_COUNTER);
    assert!(encryptor.encrypt(&[], b"last").is_ok());
    for _ in 0..3 {
        assert_eq!(encryptor.encrypt(&[], b"one more"), Err(SframeError::Exhausted));
    }
    encryptor.set_key(9, &key(1)).unwrap();
    assert_eq!(encryptor.encrypt(&[], b"one more"), Err(SframeError::Exhausted));
}

#[test]
fn any_modification_or_truncation_is_rejected() {
    for suite in Suite::ALL {
        let key = Key::new(suite, &[7; 32]).unwrap();
        let mut encryptor = Encryptor::new(300, &key).unwrap().starting_at(5000);
        let encrypted = encryptor.encrypt_video(true, b"a picture").unwrap();
        let mut decryptor = decryptor(300, &key);
        for bit in 0..8 * encrypted.len() {
            let mut changed = encrypted.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(decryptor.decrypt_video(&changed).is_err(), "{suite:?}, bit {bit}");
        }
        for len in 0..encrypted.len() {
            assert!(decryptor.decrypt_video(&encrypted[..len]).is_err(), "{suite:?}, {len} bytes");
        }
        let longer = [&encrypted[..], &[0]].concat();
        assert_eq!(decryptor.decrypt_video(&longer), Err(DecryptError::Forged));
        assert_eq!(decryptor.counters().decrypted, 0);
        assert_eq!(decryptor.decrypt_video(&encrypted), Ok((b"a picture".to_vec(), true)));
        assert_eq!(decryptor.decrypt_video(&encrypted), Err(DecryptError::Replayed));
    }
}

#[test]
fn audio_is_not_accepted_as_video_and_the_clear_byte_is_authenticated() {
    let mut encryptor = Encryptor::new(0, &key(1)).unwrap();
    let mut decryptor = decryptor(0, &key(1));
    let video = encryptor.encrypt_video(false, b"frame").unwrap();
    let sound = encryptor.encrypt_audio(b"packet").unwrap();
    assert_eq!(video[0], 1);
    assert_eq!(decryptor.decrypt_audio(&video[1..]), Err(DecryptError::Forged));
    assert_eq!(decryptor.decrypt_video(&[&[0], &video[1..]].concat()), Err(DecryptError::Forged));
    assert_eq!(decryptor.decrypt_video(&[&[1], &sound[..]].concat()), Err(DecryptError::Forged));
    assert_eq!(decryptor.decrypt_video(&video), Ok((b"frame".to_vec(), false)));
    assert_eq!(decryptor.decrypt_audio(&sound), Ok(b"packet".to_vec()));
    assert_eq!((decryptor.counters().decrypted, decryptor.counters().forged), (2, 3));
}

#[test]
fn several_keys_are_usable_and_ids_are_not_reused() {
    let mut decryptor = decryptor(1, &key(1));
    let mut encryptor = Encryptor::new(1, &key(1)).unwrap();
    let old = encryptor.encrypt_audio(b"old").unwrap();
    encryptor.set_key(2, &key(2)).unwrap();
    let new = encryptor.encrypt_audio(b"new").unwrap();
    assert_eq!(decryptor.decrypt_audio(&new), Err(DecryptError::UnknownKey { id: 2 }));
    decryptor.set_key(2, &key(2)).unwrap();
    decryptor.set_key(2, &key(2)).unwrap();
    assert_eq!(decryptor.set_key(2, &key(3)), Err(SframeError::KeyIdTaken { id: 2 }));
    assert_eq!(decryptor.decrypt_audio(&new), Ok(b"new".to_vec()));
    assert_eq!(decryptor.decrypt_audio(&old), Ok(b"old".to_vec()));
    assert!(decryptor.remove_key(1) && !decryptor.remove_key(1));
    assert_eq!(decryptor.decrypt_audio(&old), Err(DecryptError::UnknownKey { id: 1 }));
    for id in 3..20 {
        let taken = decryptor.set_key(id, &key(1));
        assert_eq!(taken.is_ok(), id < 18, "{id}");
    }
    assert_eq!(decryptor.set_key(99, &key(1)), Err(SframeError::TooManyKeys));
}

#[test]
fn shared_secret_decrypts_senders_with_random_ids() {
    let mut decryptor = Decryptor::new();
    decryptor.set_shared_key(&key(9)).unwrap();
    decryptor.set_shared_key(&key(1)).unwrap();
    let mut first = Vec::new();
    for sender in 0..40 {
        let id = 0x1234_5678_9abc_def0 ^ sender;
        let mut encryptor = Encryptor::new(id, &key(1)).unwrap();
        for _ in 0..3 {
            let encrypted = encryptor.encrypt_audio(b"hello").unwrap();
            assert!(!decryptor.has_decrypted(&encrypted));
            assert_eq!(decryptor.decrypt_audio(&encrypted), Ok(b"hello".to_vec()));
            assert!(decryptor.has_decrypted(&encrypted));
            assert_eq!(decryptor.decrypt_audio(&encrypted), Err(DecryptError::Replayed));
            first.push(encrypted);
        }
    }
    // Unknown senders leave no state, however many ids they use.
    for id in 0..1000 {
        let encrypted = Encryptor::new(id, &key(2)).unwrap().encrypt_audio(b"hello").unwrap();
        assert_eq!(decryptor.decrypt_audio(&encrypted), Err(DecryptError::Forged));
    }
    assert_eq!(decryptor.decrypt_audio(first.last().unwrap()), Err(DecryptError::Replayed));
    for byte in [3, 4] {
        decryptor.set_shared_key(&key(byte)).unwrap();
    }
    assert_eq!(decryptor.set_shared_key(&key(5)), Err(SframeError::TooManyKeys));
}

#[test]
fn frames_may_arrive_in_any_order_within_the_window() {
    let mut encryptor = Encryptor::new(1, &key(1)).unwrap();
    let mut decryptor = decryptor(1, &key(1));
    let frames: Vec<_> = (0..REPLAY_WINDOW + 10)
        .map(|number| encryptor.encrypt_audio(&number.to_be_bytes()).unwrap())
        .collect();
    assert!(decryptor.decrypt_audio(frames.last().unwrap()).is_ok());
    let decrypted =
        frames.iter().rev().skip(1).filter(|it| decryptor.decrypt_audio(it).is_ok()).count();
    assert_eq!(u64::try_from(decrypted).unwrap(), REPLAY_WINDOW - 1);
    assert_eq!(decryptor.counters().replayed, 10);
}
