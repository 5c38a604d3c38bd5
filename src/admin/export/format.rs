//! Rows as CSV, JSON and lines of JSON.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub type Row = Map<String, Value>;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// RFC 4180. What a spreadsheet would take for a formula begins with an apostrophe.
    #[default]
    Csv,
    /// `{"items": […]}`.
    Json,
    /// An object a line.
    Ndjson,
}

impl Format {
    pub fn content_type(self) -> &'static str {
        match self {
            Format::Csv => "text/csv; charset=utf-8",
            Format::Json => "application/json",
            Format::Ndjson => "application/x-ndjson",
        }
    }

    pub fn ending(self) -> &'static str {
        match self {
            Format::Csv => "csv",
            Format::Json => "json",
            Format::Ndjson => "ndjson",
        }
    }

    pub fn head(self, columns: &[&str]) -> String {
        match self {
            Format::Csv => format!("{}\r\n", columns.join(",")),
            Format::Json => "{\"items\":[".into(),
            Format::Ndjson => String::new(),
        }
    }

    pub fn tail(self) -> &'static str {
        if self == Format::Json { "\n]}\n" } else { "" }
    }

    /// The columns in their order. JSON has what else there is, too.
    pub fn row(self, to: &mut String, columns: &[&str], row: &Row, is_first: bool) {
        match self {
            Format::Csv => {
                for (at, column) in columns.iter().enumerate() {
                    if at > 0 {
                        to.push(',');
                    }
                    match row.get(*column) {
                        None | Some(Value::Null) => {}
                        Some(Value::String(text)) => cell(to, text),
                        Some(Value::Number(number)) => to.push_str(&number.to_string()),
                        Some(other) => cell(to, &other.to_string()),
                    }
                }
                to.push_str("\r\n");
            }
            Format::Json => {
                to.push_str(if is_first { "\n" } else { ",\n" });
                object(to, columns, row);
            }
            Format::Ndjson => {
                object(to, columns, row);
                to.push('\n');
            }
        }
    }
}

fn object(to: &mut String, columns: &[&str], row: &Row) {
    let more = row.keys().map(String::as_str).filter(|name| !columns.contains(name));
    to.push('{');
    for (at, name) in columns.iter().copied().chain(more).enumerate() {
        if at > 0 {
            to.push(',');
        }
        to.push_str(&format!("\"{name}\":{}", row.get(name).unwrap_or(&Value::Null)));
    }
    to.push('}');
}

fn cell(to: &mut String, text: &str) {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
    if !is_formula && !text.contains(['"', ',', '\r', '\n']) {
        return to.push_str(text);
    }
    to.push('"');
    if is_formula {
        to.push('\'');
    }
    to.push_str(&text.replace('"', "\"\""));
    to.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn csv(text: &str) -> String {
        let mut to = String::new();
        cell(&mut to, text);
        to
    }

    #[test]
    fn no_cell_is_a_formula() {
        assert_eq!(csv("plain text"), "plain text");
        assert_eq!(csv("a, \"b\"\nc"), "\"a, \"\"b\"\"\nc\"");
        for (text, cell) in [
            ("=1+1", "\"'=1+1\""),
            ("+1", "\"'+1\""),
            ("-1", "\"'-1\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("\t=1", "\"'\t=1\""),
            ("\r=1", "\"'\r=1\""),
            ("＝1", "\"'＝1\""),
            ("=cmd|' /C calc'!\"A\"", "\"'=cmd|' /C calc'!\"\"A\"\"\""),
        ] {
            assert_eq!(csv(text), cell);
        }
    }

    #[test]
    fn columns_keep_their_order() {
        let row: Row = [("b", 1.into()), ("a", "x".into()), ("more", Value::Null)]
            .map(|(name, value): (&str, Value)| (name.to_owned(), value))
            .into_iter()
            .collect();
        let written = |format: Format| {
            let mut to = format.head(&["b", "a", "none"]);
            format.row(&mut to, &["b", "a", "none"], &row, true);
            format.row(&mut to, &["b", "a", "none"], &row, false);
            to + format.tail()
        };
        assert_eq!(written(Format::Csv), "b,a,none\r\n1,x,\r\n1,x,\r\n");
        let object = r#"{"b":1,"a":"x","none":null,"more":null}"#;
        assert_eq!(written(Format::Ndjson), format!("{object}\n{object}\n"));
        assert_eq!(written(Format::Json), format!("{{\"items\":[\n{object},\n{object}\n]}}\n"));
    }
}
