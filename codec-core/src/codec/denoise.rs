//! The setting of the denoiser.

use crate::error::ConfigError;

/// Whether camera noise is removed from frames before they are coded; see [`crate::denoise`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Denoise {
    /// Frames are coded as they are.
    #[default]
    Off,
    /// The noise is measured while encoding, and removed if there is enough of it.
    Auto,
    /// Noise with this standard deviation is removed, in levels of 8-bit samples: 1 to
    /// [`Self::MAX_LEVEL`].
    Level(u8),
}

impl Denoise {
    /// The strongest noise that can be removed.
    pub const MAX_LEVEL: u8 = 12;

    /// Checks that a level is in range.
    ///
    /// # Errors
    /// [`ConfigError`] with the allowed range, if the level is out of range.
    pub fn check(self) -> Result<(), ConfigError> {
        match self {
            Self::Level(level) => ConfigError::ensure(
                (1..=Self::MAX_LEVEL).contains(&level),
                "denoise",
                level,
                format_args!("1..={}, auto or off", Self::MAX_LEVEL),
            ),
            Self::Off | Self::Auto => Ok(()),
        }
    }
}
