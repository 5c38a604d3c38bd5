//! The published document, and whether an answer is what it promises.

use std::sync::LazyLock;

use serde_json::Value;

use super::{Reply, root};

pub static CONTRACT: LazyLock<Value> = LazyLock::new(|| {
    let text = std::fs::read_to_string(root().join("openapi.json")).expect("openapi.json");
    serde_json::from_str(&text).expect("JSON")
});

/// One line of `src/routes.rs`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    pub method: String,
    pub path: String,
    pub summary: String,
}

impl Route {
    pub fn line(&self) -> String {
        format!("{} {}", self.method.to_uppercase(), self.path)
    }
}

pub fn routes() -> Vec<Route> {
    let text = std::fs::read_to_string(root().join("src/routes.rs")).expect("src/routes.rs");
    let methods = ["get", "post", "put", "patch", "delete"];
    let route = |line: &str| {
        let method = line.split_whitespace().next().filter(|word| methods.contains(word))?;
        let mut quoted = line.split('"').skip(1).step_by(2);
        let (path, summary) = (quoted.next()?.to_owned(), quoted.next()?.to_owned());
        Some(Route { method: method.to_owned(), path, summary })
    };
    let routes: Vec<Route> = text.lines().filter_map(route).collect();
    assert!(routes.len() >= 20, "src/routes.rs is not read right: {routes:?}");
    routes
}

/// What is wrong with an answer by the contract; nothing if it keeps it.
pub fn broken_promises(method: &str, path: &str, reply: &Reply) -> Vec<String> {
    let promised = &CONTRACT["paths"][path][method.to_lowercase()]["responses"][reply.status.as_str()];
    if promised.is_null() {
        return vec![format!("{} is not in the contract", reply.status)];
    }
    if promised["content"]["*/*"].is_object() || promised["content"]["text/plain"].is_object() {
        return Vec::new();
    }
    let kind = reply.header("content-type").split(';').next().unwrap_or_default();
    if kind != "application/json" && promised["content"][kind].is_object() {
        return Vec::new();
    }
    let schema = &promised["content"]["application/json"]["schema"];
    let mut wrong = Vec::new();
    match (schema.is_null(), reply.text.is_empty()) {
        (true, true) => {}
        (true, false) => wrong.push("a body where none is promised".into()),
        (false, _) => check(schema, &reply.json, "body", &mut wrong),
    }
    if let (Some(codes), false) = (promised["description"].as_str(), reply.code().is_empty())
        && !codes.contains(&format!("`{}`", reply.code()))
    {
        wrong.push(format!("{} is none of {codes}", reply.code()));
    }
    wrong
}

fn check(schema: &Value, value: &Value, at: &str, wrong: &mut Vec<String>) {
    if let Some(name) = schema["$ref"].as_str() {
        let found = CONTRACT.pointer(name.trim_start_matches('#')).expect("a schema that is there");
        return check(found, value, at, wrong);
    }
    for choice in ["anyOf", "oneOf"] {
        if let Some(choices) = schema[choice].as_array() {
            let fits = |schema: &Value| {
                let mut wrong = Vec::new();
                check(schema, value, at, &mut wrong);
                wrong.is_empty()
            };
            if !choices.iter().any(fits) {
                wrong.push(format!("{at} fits none of its {choice}: {value}"));
            }
            return;
        }
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_i64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    if !kinds.is_empty() && !kinds.contains(&kind) {
        wrong.push(format!("{at} is {kind}, not {kinds:?}"));
    }
    if schema["enum"].as_array().is_some_and(|allowed| !allowed.contains(value)) {
        wrong.push(format!("{at} is none of {}: {value}", schema["enum"]));
    }
    if let (Some("date-time"), Some(text)) = (schema["format"].as_str(), value.as_str())
        && chrono::DateTime::parse_from_rfc3339(text).is_err()
    {
        wrong.push(format!("{at} is no time: {text}"));
    }
    for item in value.as_array().into_iter().flatten() {
        check(&schema["items"], item, &format!("{at}[]"), wrong);
    }
    if let (Some(properties), Some(object)) = (schema["properties"].as_object(), value.as_object()) {
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !object.contains_key(name) {
                wrong.push(format!("{at}.{name} is missing"));
            }
        }
        for (name, value) in object {
            match properties.get(name) {
                Some(schema) => check(schema, value, &format!("{at}.{name}"), wrong),
                None => wrong.push(format!("{at}.{name} is not in the contract")),
            }
        }
    }
}
