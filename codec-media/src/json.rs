//! Writes JSON for reports: objects, arrays, strings and numbers.

use std::fmt::{Display, Write};

/// An object under construction. Keys keep their order.
#[derive(Clone, Debug)]
pub struct Object(String);

impl Default for Object {
    fn default() -> Self {
        Self::new()
    }
}

impl Object {
    /// An empty object.
    pub fn new() -> Self {
        Self("{".to_owned())
    }

    /// Adds a value that is JSON already: a number, `true`, an object, an array.
    pub fn raw(mut self, key: &str, value: impl Display) -> Self {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        push_text(&mut self.0, key);
        let _ = write!(self.0, ":{value}");
        self
    }

    /// A string.
    pub fn text(self, key: &str, value: &str) -> Self {
        self.raw(key, text(value))
    }

    /// Adds a number with at most four decimals; `null` if it is not finite.
    pub fn float(self, key: &str, value: f64) -> Self {
        self.raw(key, float(value))
    }

    /// Adds the value, or `null`.
    pub fn maybe(self, key: &str, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.raw(key, value),
            None => self.raw(key, "null"),
        }
    }

    /// The text of the object.
    pub fn finish(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

/// Formats an array of values that are JSON already.
pub fn array(values: impl IntoIterator<Item = impl Display>) -> String {
    let mut out = "[".to_owned();
    for value in values {
        if out.len() > 1 {
            out.push(',');
        }
        let _ = write!(out, "{value}");
    }
    out.push(']');
    out
}

/// Formats a number with at most four decimals.
pub fn float(value: f64) -> String {
    if !value.is_finite() {
        return "null".to_owned();
    }
    let fixed = format!("{value:.4}");
    let short = fixed.trim_end_matches('0').trim_end_matches('.');
    if short.is_empty() || short == "-0" { "0".to_owned() } else { short.to_owned() }
}

/// Formats a string.
pub fn text(value: &str) -> String {
    let mut out = String::with_capacity(value.len() + 2);
    push_text(&mut out, value);
    out
}

fn push_text(out: &mut String, value: &str) {
    out.push('"');
    for c in value.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_json_is_parsed_back() {
        let object = Object::new()
            .text("name", "a \"quoted\" \\ line\nwith \u{1} and ü")
            .float("third", 1.0 / 3.0)
            .float("ten", 10.0)
            .float("none", f64::NAN)
            .maybe("nothing", None::<u8>)
            .raw("list", array([1, 2]))
            .finish();
        let value: serde_json::Value = serde_json::from_str(&object).unwrap();
        assert_eq!(value["name"], "a \"quoted\" \\ line\nwith \u{1} and ü");
        assert_eq!(value["third"], 0.3333);
        assert_eq!(value["ten"], 10);
        assert!(value["none"].is_null() && value["nothing"].is_null());
        assert_eq!(value["list"], serde_json::json!([1, 2]));
    }
}
