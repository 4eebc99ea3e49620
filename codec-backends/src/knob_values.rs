//! Values of knobs that were given, checked against the list.

use codec_core::codec::Knob;
use codec_core::error::ConfigError;

/// What was given, by name; nothing stands for the default.
#[derive(Clone, Debug)]
pub(super) struct KnobValues {
    knobs: &'static [Knob],
    given: Vec<(&'static str, i64)>,
}

impl KnobValues {
    /// Those of `given`; a later one of the same name counts.
    pub(super) fn new(
        knobs: &'static [Knob],
        given: &[(String, i64)],
    ) -> Result<Self, ConfigError> {
        let mut values = Self { knobs, given: Vec::new() };
        for (name, value) in given {
            values.set(name, *value, false)?;
        }
        Ok(values)
    }

    /// Sets one; `running` refuses those that have to be set at the start.
    pub(super) fn set(&mut self, name: &str, value: i64, running: bool) -> Result<(), ConfigError> {
        let Some(knob) = self.knobs.iter().find(|knob| knob.name == name) else {
            let names: Vec<_> = self.knobs.iter().map(|knob| knob.name).collect();
            return Err(ConfigError::new("knob", name, names.join(", ")));
        };
        if running && !knob.live {
            return Err(ConfigError::new(knob.name, value, "set at the start only"));
        }
        if !knob.allows(value) {
            return Err(ConfigError::new(knob.name, value, knob.allowed()));
        }
        self.given.retain(|(known, _)| *known != knob.name);
        self.given.push((knob.name, value));
        Ok(())
    }

    /// The value that was given.
    pub(super) fn given(&self, name: &str) -> Option<i32> {
        let value = self.given.iter().find(|(known, _)| *known == name)?.1;
        i32::try_from(value).ok()
    }

    /// The value that was given, or the list's default; 0 for what is no knob.
    pub(super) fn value(&self, name: &str) -> i32 {
        self.given(name).unwrap_or_else(|| {
            let knob = self.knobs.iter().find(|knob| knob.name == name);
            knob.map_or(0, |knob| i32::try_from(knob.default).unwrap_or(0))
        })
    }
}
