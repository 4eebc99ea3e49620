//! Machine-readable descriptions of codec-specific settings (knobs).

use crate::error::ConfigError;

/// The values that a codec-specific setting accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "names are self-explanatory")]
pub enum KnobKind {
    /// Integers from `min` to `max`, both inclusive.
    Range { min: i64, max: i64 },
    /// 0 or 1.
    Switch,
    /// One of these integers, each with a name.
    Choice(&'static [(i64, &'static str)]),
}

/// Description of a codec-specific setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Knob {
    /// Name of the setting, in kebab case.
    pub name: &'static str,
    /// Allowed values.
    pub kind: KnobKind,
    /// Value if the setting is not configured.
    pub default: i64,
    /// Whether the setting can be changed while the encoder runs.
    pub live: bool,
    /// Help text: one sentence, with the unit.
    pub help: &'static str,
}

impl Knob {
    /// Creates a setting that can be set only before the first frame.
    #[must_use]
    pub const fn new(name: &'static str, kind: KnobKind, default: i64, help: &'static str) -> Self {
        Self { name, kind, default, live: false, help }
    }

    /// Returns the same setting, marked as changeable while the encoder runs.
    #[must_use]
    pub const fn live(self) -> Self {
        Self { live: true, ..self }
    }

    /// Returns whether `value` is allowed.
    #[must_use]
    pub fn allows(&self, value: i64) -> bool {
        match self.kind {
            KnobKind::Range { min, max } => (min..=max).contains(&value),
            KnobKind::Switch => value == 0 || value == 1,
            KnobKind::Choice(values) => values.iter().any(|&(v, _)| v == value),
        }
    }

    /// Returns the error for a setting `name` that is not one of the `known` ones.
    pub(crate) fn unknown(name: &str, known: &[Self]) -> ConfigError {
        let names: Vec<_> = known.iter().map(|knob| knob.name).collect();
        if names.is_empty() {
            return ConfigError::new("knob", name, "none: this codec has no knobs");
        }
        ConfigError::new("knob", name, format_args!("one of {}", names.join(", ")))
    }

    /// Returns the allowed values as text for messages.
    #[must_use]
    pub fn allowed(&self) -> String {
        match self.kind {
            KnobKind::Range { min, max } => format!("{min} to {max}"),
            KnobKind::Switch => "0 or 1".to_owned(),
            KnobKind::Choice(values) => {
                let names: Vec<_> =
                    values.iter().map(|(v, name)| format!("{v} ({name})")).collect();
                names.join(", ")
            }
        }
    }
}
