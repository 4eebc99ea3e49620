//! The native video encoders, for tests that run for each of them.

use codec_backends::registry;
use codec_core::Error;
use codec_core::codec::{
    Backend, Capabilities, DecoderConfig, EncoderConfig, Feature, OutputOrder, VideoDecoder,
    VideoEncoder,
};
use codec_core::frame::Size;
use codec_core::simulcast::{SimulcastConfig, SimulcastEncoder};

use crate::depth;

/// A codec with its native encoder and decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tested(&'static str);

impl Tested {
    /// VP8.
    pub const VP8: Self = Self("vp8/native");
    /// VP9.
    pub const VP9: Self = Self("vp9/native");
    /// H.264.
    pub const H264: Self = Self("h264/native");

    /// Whether a plain `cargo test` skips this codec in a long test: it runs such a test with one codec only, the one
    /// with the number `turn % 3`.
    #[must_use]
    pub fn skips_turn(self, turn: usize) -> bool {
        [Self::VP8, Self::H264, Self::VP9][turn % 3] != self && depth::skips_long()
    }

    fn backend(self) -> &'static Backend {
        registry::find(self.0).expect("a native codec")
    }

    /// Returns the capabilities of the encoder.
    ///
    /// # Panics
    /// If there is no encoder.
    #[must_use]
    pub fn capabilities(self) -> &'static Capabilities {
        self.backend().encoder.expect("an encoder").1
    }

    /// Opens the encoder.
    ///
    /// # Errors
    /// If the settings are rejected.
    ///
    /// # Panics
    /// If there is no encoder.
    pub fn open(self, config: &EncoderConfig) -> Result<Box<dyn VideoEncoder>, Error> {
        let (open, _) = self.backend().encoder.expect("an encoder");
        open(config)
    }

    /// Opens a simulcast encoder.
    ///
    /// # Errors
    /// If the settings are rejected.
    ///
    /// # Panics
    /// If there is no encoder.
    pub fn simulcast(self, config: &SimulcastConfig) -> Result<SimulcastEncoder, Error> {
        SimulcastEncoder::new(self.backend().encoder.expect("an encoder"), config)
    }

    /// Returns whether the bitstream has reference slots, which the decoder reports. In H.264 they are a
    /// choice of the encoder.
    #[must_use]
    pub fn has_slots(self) -> bool {
        self.0 != Self::H264.0
    }

    /// Returns whether the encoder lacks a feature. If so, checks that settings with it are rejected.
    ///
    /// # Panics
    /// If they are not.
    #[must_use]
    pub fn lacks(self, feature: Feature, config: &EncoderConfig) -> bool {
        let is_lacking = self.capabilities().gap(feature).is_some();
        if is_lacking {
            assert!(matches!(self.open(config), Err(Error::Unsupported(_))), "{feature:?}");
        }
        is_lacking
    }

    /// Opens the decoder, which returns each frame with its packet.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn decoder(self) -> Box<dyn VideoDecoder> {
        let mut config = DecoderConfig::default();
        config.output_order = OutputOrder::LowDelay;
        let (open, _) = self.backend().decoder.expect("a decoder");
        open(&config).expect("default settings")
    }

    /// Returns the quantiser index at the position in the codec's scale that `vp8` has in VP8's.
    ///
    /// # Panics
    /// If `vp8` is above 127.
    #[must_use]
    pub fn qindex(self, vp8: u8) -> u8 {
        let (first, last) = self.capabilities().qindex_range;
        u8::try_from(u32::from(vp8) * u32::from(last) / 127).expect("an index of VP8").max(first)
    }

    /// Returns the smallest size from `width` and `height` on that the encoder supports.
    #[must_use]
    pub fn size(self, width: u32, height: u32) -> Size {
        let step = self.capabilities().alignment.max(1);
        Size::new(width.next_multiple_of(step), height.next_multiple_of(step))
    }
}

/// Runs each function, which takes a [`Tested`], as a test for every native encoder, in a module with
/// the codec's name.
#[macro_export]
macro_rules! for_each_encoder {
    ($($test:ident),* $(,)?) => {
        $crate::tests_of_encoder!(vp8, VP8, $($test),*);
        $crate::tests_of_encoder!(vp9, VP9, $($test),*);
        $crate::tests_of_encoder!(h264, H264, $($test),*);
    };
}

/// Runs each function as a test for one encoder; see [`for_each_encoder`].
#[macro_export]
macro_rules! tests_of_encoder {
    ($module:ident, $codec:ident, $($test:ident),*) => {
        mod $module {
            $(#[test]
            fn $test() {
                super::$test($crate::encoders::Tested::$codec);
            })*
        }
    };
}
