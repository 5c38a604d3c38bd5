//! What a file is called.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

/// Characters a name may have.
const LONGEST: usize = 255;

/// The last part of whatever path a client says, without what could mislead: 1 to 255 characters.
#[derive(Clone, Debug, PartialEq)]
pub struct FileName(String);

impl FileName {
    /// `None` where nothing of a name is left.
    pub fn of(said: &str) -> Option<Self> {
        let last = said.rsplit(['/', '\\']).next().unwrap_or_default();
        let clean: String = last.chars().filter(|c| !misleads(*c)).collect();
        let name = clean.trim();
        (!name.trim_matches('.').is_empty()).then(|| FileName(shortened(name)))
    }
}

impl Default for FileName {
    fn default() -> Self {
        FileName("file".into())
    }
}

/// Controls, and what turns the direction of writing: "gpj.exe" can look like "exe.jpg" with it.
fn misleads(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// What follows the last dot stays: it says what to open the file with.
fn shortened(name: &str) -> String {
    if name.chars().count() <= LONGEST {
        return name.to_owned();
    }
    let (stem, end) = match name.rsplit_once('.') {
        Some((stem, end)) if end.chars().count() <= 16 => (stem, format!(".{end}")),
        _ => (name, String::new()),
    };
    stem.chars().take(LONGEST - end.chars().count()).chain(end.chars()).collect()
}

impl fmt::Display for FileName {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for FileName {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let said = String::deserialize(from)?;
        let fits = said.chars().count() <= LONGEST;
        let name = FileName::of(&said).filter(|_| fits);
        name.ok_or_else(|| serde::de::Error::custom("must be a file name of 1 to 255 characters"))
    }
}

impl JsonSchema for FileName {
    fn schema_name() -> Cow<'static, str> {
        "FileName".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let pattern = r"[^\x00-\x20\x7f-\xa0\s./\\\u200e\u200f\u202a-\u202e\u2066-\u2069]$";
        json_schema!({"type": "string", "minLength": 1, "maxLength": LONGEST, "pattern": pattern, "examples": ["sketch.png"]})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(said: &str) -> Option<String> {
        FileName::of(said).map(|name| name.0)
    }

    #[test]
    fn only_a_name_stays_of_a_path() {
        for (said, name) in [
            ("a.txt", "a.txt"),
            (" ünï 🚀.md ", "ünï 🚀.md"),
            ("../../etc/passwd", "passwd"),
            ("C:\\Users\\ada\\a.txt", "a.txt"),
            ("a\r\nb\0\u{7f}.txt", "ab.txt"),
            ("annexe\u{202e}gpj.exe", "annexegpj.exe"),
            (".env", ".env"),
        ] {
            assert_eq!(of(said).as_deref(), Some(name), "{said:?}");
        }
        for nothing in ["", " ", ".", "..", "a/", "\\", "\0", "../.."] {
            assert_eq!(of(nothing), None, "{nothing:?}");
        }
    }

    #[test]
    fn a_long_name_keeps_its_ending() {
        let name = of(&format!("{}.tar.gz", "é".repeat(400))).unwrap_or_default();
        assert_eq!((name.chars().count(), name.ends_with("é.gz")), (255, true));
        assert_eq!(of(&"x".repeat(300)).unwrap_or_default().len(), 255);
    }
}
