//! Examples for every body, put together from the examples of its fields.

use serde_json::{Map, Value, json};

/// Gives each JSON body of the document an example.
pub fn fill(document: &mut Value) {
    let definitions = document.pointer("/components/schemas").cloned().unwrap_or_default();
    visit(document, &definitions);
}

fn visit(value: &mut Value, definitions: &Value) {
    match value {
        Value::Object(map) => {
            if let Some(Value::Object(body)) = map.get_mut("application/json")
                && let (Some(schema), false) = (body.get("schema"), body.contains_key("examples"))
            {
                let example = of(schema, definitions);
                body.insert("example".into(), example);
            }
            for child in map.values_mut() {
                visit(child, definitions);
            }
        }
        Value::Array(list) => {
            for child in list {
                visit(child, definitions);
            }
        }
        _ => {}
    }
}

fn of(schema: &Value, definitions: &Value) -> Value {
    let first = |name: &str| schema.get(name).and_then(|list| list.get(0)).cloned();
    if let Some(example) = first("examples").or_else(|| schema.get("const").cloned()).or_else(|| first("enum")) {
        return example;
    }
    if let Some(name) = schema.get("$ref").and_then(Value::as_str).and_then(|path| path.rsplit('/').next()) {
        return definitions.get(name).map_or(Value::Null, |schema| of(schema, definitions));
    }
    for choice in ["anyOf", "oneOf", "allOf"] {
        if let Some(schema) = schema.get(choice).and_then(|list| list.get(0)) {
            return of(schema, definitions);
        }
    }
    let kind = match schema.get("type") {
        Some(Value::Array(kinds)) => kinds.first().and_then(Value::as_str),
        kind => kind.and_then(Value::as_str),
    };
    match kind {
        Some("object") => {
            let properties = schema.get("properties").and_then(Value::as_object);
            let fields = properties.into_iter().flatten().map(|(name, schema)| (name.clone(), of(schema, definitions)));
            Value::Object(fields.collect::<Map<_, _>>())
        }
        Some("array") => schema.get("items").map_or(json!([]), |items| json!([of(items, definitions)])),
        Some("boolean") => json!(false),
        Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or(json!(1)),
        Some("string") => json!("text"),
        _ => json!({}),
    }
}
