//! Codec-specific settings (knobs), and the knobs that several codecs share.
//!
//! A codec lists the shared knobs that it supports in [`Capabilities::knobs`](crate::codec::Capabilities),
//! with its own defaults.

use super::CodecKnobs;
use crate::codec::{Knob, KnobKind};
use crate::error::ConfigError;

/// Maximum number of frames in the look-ahead.
pub const MAX_LOOKAHEAD: u32 = 32;

/// Share of cyclic refresh; codecs without this knob have no cyclic refresh.
pub const REFRESH: Knob = Knob::new(
    "refresh",
    KnobKind::Range { min: 0, max: 50 },
    10,
    "Maximum percentage of macroblocks that cyclic refresh codes at a finer quantiser in each \
               frame; constant bitrate only.",
)
.live();

/// Length of the look-ahead; codecs without this knob have no look-ahead.
pub const LOOKAHEAD: Knob = Knob::new(
    "lookahead",
    KnobKind::Range { min: 1, max: MAX_LOOKAHEAD as i64 },
    24,
    "Look-ahead of the file preset in frames.",
);

/// Use of altref frames; codecs without this knob code no altref frames.
pub const ALTREF: Knob =
    Knob::new("altref", KnobKind::Switch, 1, "Use altref frames in the file preset.").live();

/// Strength of the temporal filter of altref frames.
pub const ALTREF_STRENGTH: Knob = Knob::new(
    "altref-strength",
    KnobKind::Range { min: 0, max: 6 },
    3,
    "Strength of the altref noise filter; 0 disables it.",
)
.live();

/// Values of the shared knobs.
#[derive(Clone, Copy, Debug)]
pub(super) struct SharedKnobs {
    pub(super) cyclic_refresh_pct: u8,
    pub(super) lookahead: usize,
    pub(super) altref: bool,
    pub(super) altref_strength: u8,
}

impl SharedKnobs {
    const NONE: Self =
        Self { cyclic_refresh_pct: 0, lookahead: 1, altref: false, altref_strength: 0 };

    /// Sets the knob `name` to an allowed value, if it is a shared one.
    fn set(&mut self, name: &str, value: i64) {
        let byte = u8::try_from(value).unwrap_or(0);
        match name {
            "refresh" => self.cyclic_refresh_pct = byte,
            "lookahead" => self.lookahead = usize::from(byte.max(1)),
            "altref" => self.altref = value == 1,
            "altref-strength" => self.altref_strength = byte,
            _ => {}
        }
    }
}

/// Values of all settings of a codec.
#[derive(Clone, Copy, Debug)]
pub(super) struct KnobValues<K> {
    pub(super) shared: SharedKnobs,
    pub(super) codec: K,
    known: &'static [Knob],
}

impl<K: CodecKnobs> KnobValues<K> {
    /// Returns the defaults of the `known` knobs, overridden by `given`.
    pub(super) fn new(
        known: &'static [Knob],
        given: &[(String, i64)],
    ) -> Result<Self, ConfigError> {
        let mut values = Self { shared: SharedKnobs::NONE, codec: K::default(), known };
        for knob in known {
            values.shared.set(knob.name, knob.default);
        }
        for (name, value) in given {
            values.set(name, *value, false)?;
        }
        Ok(values)
    }

    /// Sets a value; `running` rejects settings that can only be set before the first frame.
    pub(super) fn set(&mut self, name: &str, value: i64, running: bool) -> Result<(), ConfigError> {
        let Some(knob) = self.known.iter().find(|knob| knob.name == name) else {
            return Err(Knob::unknown(name, self.known));
        };
        if running && !knob.live {
            return Err(ConfigError::conflict(knob.name, "it cannot change after the first frame"));
        }
        if !knob.allows(value) {
            return Err(ConfigError::new(knob.name, value, knob.allowed()));
        }
        self.shared.set(name, value);
        self.codec.set(name, value);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static KNOWN: &[Knob] = &[
        Knob::new("sharpness", KnobKind::Range { min: 0, max: 7 }, 0, "Sharpness.").live(),
        REFRESH,
        LOOKAHEAD,
    ];

    #[derive(Clone, Copy, Debug, Default)]
    struct Own(i64);

    impl CodecKnobs for Own {
        fn set(&mut self, name: &str, value: i64) {
            if name == "sharpness" {
                self.0 = value;
            }
        }
    }

    #[test]
    fn shared_knobs_have_the_codecs_defaults_and_are_off_if_it_lists_none() {
        let values = KnobValues::<Own>::new(KNOWN, &[("sharpness".to_owned(), 5)]).unwrap();
        assert_eq!((values.shared.cyclic_refresh_pct, values.shared.lookahead), (10, 24));
        assert!(!values.shared.altref);
        assert_eq!(values.codec.0, 5);
    }

    #[test]
    fn rejected_values_state_what_is_allowed() {
        let mut values = KnobValues::<Own>::new(KNOWN, &[]).unwrap();
        assert_eq!(values.set("sharpness", 8, true).unwrap_err().allowed, "0 to 7");
        assert!(values.set("refresh", 51, true).is_err());
        assert!(values.set("lookahead", 8, true).is_err());
        values.set("lookahead", 8, false).unwrap();
        assert_eq!(values.shared.lookahead, 8);
        assert!(values.set("bogus", 1, true).unwrap_err().allowed.contains("sharpness"));
    }
}
