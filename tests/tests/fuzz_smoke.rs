//! A short, deterministic run of every fuzz target.

use codec_tests::{data, fuzz, mutate, rng};

#[test]
fn damaged_streams_never_panic_the_vp8_decoder() {
    let Some(dir) = data::dir("damaged VP8 streams") else { return };
    let seeds: Vec<Vec<u8>> = ["vp80-06-smallsize.ivf", "vp80-00-comprehensive-008.ivf"]
        .iter()
        .map(|name| std::fs::read(dir.join("vp8").join(name)).unwrap())
        .collect();
    rng::for_each_seed(60, |_, rng| {
        let file = rng.pick(&seeds);
        let frames = data::ivf_frames(file);
        let mut stream = vec![rng.byte()];
        for frame in frames.iter().take(6) {
            let packet =
                if rng.below(2) == 0 { frame.to_vec() } else { mutate::damaged(frame, rng) };
            stream.extend(u16::try_from(packet.len()).unwrap_or(u16::MAX).to_le_bytes());
            stream.extend(&packet[..packet.len().min(usize::from(u16::MAX))]);
        }
        fuzz::vp8_decode_stream(&stream);
    });
}

#[test]
fn random_bytes_never_panic_the_vp8_decoder() {
    rng::for_each_seed(300, |_, rng| {
        let mut packet: Vec<u8> = (0..rng.below(400)).map(|_| rng.byte()).collect();
        // Half of them look like a small key frame.
        if rng.below(2) == 0 && packet.len() > 10 {
            packet[0] &= 0x1e;
            packet[1] = packet[1].min(4);
            packet[2] = 0;
            packet[3..6].copy_from_slice(&[0x9d, 0x01, 0x2a]);
            packet[7] = 0;
            packet[9] = 0;
        }
        fuzz::vp8_decode(&packet);
    });
}

#[test]
fn any_settings_and_pictures_encode_to_what_decodes_to_the_reconstruction() {
    let accepted = std::cell::Cell::new(0);
    rng::for_each_seed(300, |seed, _| {
        accepted.set(accepted.get() + u32::from(fuzz::vp8_encode(&seed.to_le_bytes())));
    });
    assert!(accepted.get() > 150 || std::env::var_os("CHECK_SEED").is_some());
}

#[test]
fn damaged_files_never_panic_a_reader() {
    let Some(dir) = data::dir("damaged files of every container") else { return };
    let mut seeds: Vec<Vec<u8>> = Vec::new();
    for folder in ["containers", "malformed"] {
        for file in data::files(&dir.join(folder), "") {
            let mut bytes = std::fs::read(&file).unwrap();
            fuzz::container(&bytes);
            bytes.truncate(60_000);
            seeds.push(bytes);
        }
    }
    rng::for_each_seed(2000, |_, rng| {
        let file = rng.pick(&seeds);
        fuzz::container(&mutate::damaged(file, rng));
    });
}
