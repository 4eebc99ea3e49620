//! SIMD levels: their names, and which of them the build and the CPU support.

use codec_simd::{Kernels, Level};

#[test]
fn names_are_distinct_and_choose_their_level() {
    for (i, level) in Level::ALL.into_iter().enumerate() {
        assert!(Level::ALL[..i].iter().all(|lower| lower.name() != level.name()));
        match Level::choose(Some(level.name())) {
            Ok(chosen) => assert_eq!((chosen, level.is_supported()), (level, true)),
            Err(error) => {
                assert_eq!((error.0.as_str(), level.is_supported()), (level.name(), false))
            }
        }
    }
    assert!(Level::choose(Some("sse2")).is_err());
}

#[test]
fn a_table_exists_exactly_for_the_supported_levels() {
    for level in Level::ALL {
        let table = Kernels::for_level(level).map(Kernels::level);
        assert_eq!(table, level.is_supported().then_some(level));
        assert!(level.is_compiled() || !level.is_supported());
    }
    assert_eq!(Kernels::best().level(), Level::choose(None).unwrap());
}

/// Ensures that the comparisons with scalar compare something.
#[test]
fn targets_whose_instruction_set_is_certain_run_their_level() {
    if cfg!(target_arch = "x86_64") {
        return;
    }
    let level = if cfg!(all(target_arch = "aarch64", target_endian = "little")) {
        Level::Neon
    } else if cfg!(all(target_arch = "wasm32", target_feature = "simd128")) {
        Level::Simd128
    } else {
        Level::Scalar
    };
    assert_eq!(Level::choose(None), Ok(level));
}
