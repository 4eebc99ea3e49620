//! Random streams, which have settings that no encoder uses, against vpxdec.

use std::fs;
use std::path::Path;

use codec_core::frame::Size;
use codec_core::simd::Level;
use codec_tests::vp9_writer::Vp9Writer;
use codec_tests::{clips, external, rng};

use super::{decode, samples};
use crate::decoder::{at_level, with_threads};

/// Packets of each stream.
const PACKETS: usize = 10;

/// Reference mode "compound", absolute values of segments, resets of one and of all contexts, and the
/// contexts 2 and 3 are among the settings. Coefficients beyond 16 bits, for which decoders differ, are
/// too rare with these densities of ones.
#[test]
fn random_streams_decode_as_with_libvpx() {
    if !external::have("vpxdec", "random VP9 streams") {
        return;
    }
    let levels: Vec<_> = Level::supported().collect();
    let pools = [1, 2, 3, 4].map(|threads| with_threads(threads).pool);
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_string_lossy().into_owned();
    let (stream, decoded) = (path("stream.ivf"), path("decoded.yuv"));
    rng::for_each_seed(200, |seed, rng| {
        let side = |rng: &mut rng::Rng, end: u64| 8 + u32::try_from(rng.below(end)).unwrap();
        let size = Size::new(side(rng, 250), side(rng, 120));
        let resizes = rng.below(3) == 0;
        let mut writer = Vp9Writer::new(size, resizes, *rng.pick(&[4, 8, 16, 32, 64]));
        let packets: Vec<_> = (0..PACKETS).map(|_| writer.packet(rng)).collect();
        fs::write(&stream, clips::ivf(b"VP90", size, &packets)).unwrap();
        let _ = external::run("vpxdec", &["--rawvideo", "-o", &decoded, &stream]);
        let expected = fs::read(Path::new(&decoded)).unwrap();
        let number = usize::try_from(seed).unwrap();
        let (level, pool) = (levels[number % levels.len()], &pools[number / 2 % pools.len()]);
        let (mut start, mut index) = (0, 0);
        let name = format!("seed {seed}, {size:?}, {}, {pool:?}", level.name());
        let mut config = at_level(level);
        config.pool.clone_from(pool);
        decode(&name, &packets, &config, |frame| {
            let found = samples(frame);
            let expected = expected.get(start..start + found.len());
            assert!(expected == Some(&found), "{name}: frame {index}");
            start += found.len();
            index += 1;
        });
        assert_eq!(start, expected.len(), "{name}");
    });
}
