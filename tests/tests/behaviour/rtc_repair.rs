//! A short, deterministic run of the fuzz targets for loss repair.

use codec_tests::{fuzz, rng};

/// FEC steps: mostly well-formed, sometimes arbitrary.
fn correction(rng: &mut rng::Rng) -> Vec<u8> {
    let mut data = Vec::new();
    for _ in 0..60 {
        let kind = [0, 0, 0, 0, 1, 2 | 64, 2 | 64, rng.byte()][rng.index(8)];
        let length = match kind % 4 {
            2 if rng.below(2) == 0 => 0,
            2 => rng.byte() % 20,
            _ => rng.byte(),
        };
        data.extend([kind, length]);
        let few = rng.below(2) == 0;
        data.extend((0..length).map(|at| match at {
            0 if kind % 4 < 2 => 1,
            _ if few => 0,
            _ => rng.byte(),
        }));
    }
    data
}

#[test]
fn forged_repair_packets_recover_only_packets() {
    rng::for_each_seed(150, |_, rng| {
        fuzz::ulpfec(&correction(rng));
        fuzz::flexfec(&correction(rng));
    });
}

#[test]
fn arbitrary_bytes_never_panic_the_fec_decoders() {
    rng::for_each_seed(100, |_, rng| {
        let data: Vec<u8> = (0..rng.below(2000)).map(|_| rng.byte()).collect();
        fuzz::ulpfec(&data);
        fuzz::flexfec(&data);
    });
}

#[test]
fn the_frame_buffer_is_bounded_for_any_input() {
    rng::for_each_seed(120, |seed, rng| {
        let mut data = vec![rng.byte()];
        for _ in 0..400 {
            // From orderly to arbitrary.
            let wild = rng.below(8) < seed % 8;
            let kind = if wild { rng.byte() } else { 0b1100 };
            let shape = if wild { rng.byte() } else { [11, 8, 10, 27][rng.index(4)] };
            let first = if rng.below(10) == 0 { rng.byte() } else { 10 };
            data.extend([kind, rng.byte() % 40, rng.byte(), shape, rng.byte() % 8, first, 0, 9]);
        }
        fuzz::frame_buffer(&data);
    });
}
