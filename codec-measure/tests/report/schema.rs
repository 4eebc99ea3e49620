//! Checks `docs/results.schema.json` and `docs/results-schema.md` against the written results.

use serde_json::Value;

use crate::sample;

const SCHEMA: &str = include_str!("../../../docs/results.schema.json");
const PAGE: &str = include_str!("../../../docs/results-schema.md");

#[test]
fn results_are_as_the_published_schema_says() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    for results in [sample::results(), sample::hostile(), sample::audio()] {
        let value = serde_json::to_value(&results).unwrap();
        check(&schema, &schema, &value, "results");
        let again: codec_measure::results::Results = serde_json::from_value(value).unwrap();
        assert_eq!(again, results);
    }
}

#[test]
fn every_field_is_described() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let all = schema["$defs"].as_object().unwrap().values().chain([&schema]);
    for (name, field) in all.filter_map(|one| one["properties"].as_object()).flatten() {
        assert!(PAGE.contains(&format!("`{name}`")) || name == "kind" || name == "value", "{name}");
        assert!(field.get("description").is_some() || name == "kind" || name == "value", "{name}");
    }
}

/// Validates by the keywords that the schema uses, and rejects unknown fields.
fn check(root: &Value, schema: &Value, value: &Value, at: &str) {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.strip_prefix("#/$defs/").unwrap();
        return check(root, &root["$defs"][name], value, at);
    }
    if let Some(choices) = schema["anyOf"].as_array() {
        let fits = if value.is_null() { &choices[1] } else { &choices[0] };
        return check(root, fits, value, at);
    }
    if let Some(wanted) = schema.get("const") {
        return assert_eq!(value, wanted, "{at}");
    }
    if let Some(choices) = schema["enum"].as_array() {
        return assert!(choices.contains(value), "{at}: {value}");
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::Array(types) => types.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    };
    let found = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_u64() && types.contains(&"integer") => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    assert!(types.contains(&found), "{at} is {found}, not {types:?}");
    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
        check(root, &schema["items"], item, &format!("{at}[{index}]"));
    }
    for (name, field) in value.as_object().into_iter().flatten() {
        let known = schema["properties"].get(name).or(schema.get("additionalProperties"));
        let at = format!("{at}.{name}");
        check(root, known.unwrap_or_else(|| panic!("{at} is not in the schema")), field, &at);
    }
    for name in schema["required"].as_array().into_iter().flatten() {
        assert!(value.get(name.as_str().unwrap()).is_some(), "{at} lacks {name}");
    }
}
