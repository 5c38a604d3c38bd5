//! Paths inside a project: what a file is called there, and never a way out.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

const MAX: usize = 512;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct ProjectPath(String);

impl ProjectPath {
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text.is_empty() || text.chars().count() > MAX {
            return Err("must be 1 to 512 characters");
        }
        if text.chars().any(is_odd) {
            return Err("must not contain backslashes, control characters or what cannot be seen");
        }
        let is_drive = text.as_bytes().get(1) == Some(&b':');
        let is_way = |part: &str| matches!(part, "" | "." | "..") || part.trim() != part;
        if is_drive || text.split('/').any(is_way) {
            return Err("must be relative to the project, like 'css/site.css'");
        }
        Ok(ProjectPath(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same for paths that some systems take for one.
    pub fn folded(&self) -> String {
        self.0.to_lowercase()
    }

    /// In lower case, without its dot.
    pub fn extension(&self) -> Option<String> {
        let name = self.0.rsplit('/').next()?;
        name.rsplit_once('.').map(|(_, extension)| extension.to_lowercase())
    }
}

/// What a path can do without: separators of elsewhere, what is not seen, what turns text around, and accents that
/// stand apart from their letters, which makes two spellings of one name.
fn is_odd(c: char) -> bool {
    c == '\\'
        || c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff0}'..='\u{ffff}'
            | '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}'
            | '\u{fe20}'..='\u{fe2f}' | '\u{e000}'..='\u{f8ff}' | '\u{e0000}'..='\u{10ffff}')
}

impl<'de> Deserialize<'de> for ProjectPath {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        ProjectPath::parse(&Cow::<str>::deserialize(from)?).map_err(D::Error::custom)
    }
}

impl JsonSchema for ProjectPath {
    fn schema_name() -> Cow<'static, str> {
        "ProjectPath".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "minLength": 1,
            "maxLength": MAX,
            "description": "Relative to the project, with slashes: no way out of it, and nothing that cannot be seen.",
            "examples": ["css/site.css"],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ways_into_the_project_are_paths() {
        for good in [
            "index.html",
            "css/site.css",
            "a b/ü.js",
            ".well-known/x",
            "…/日本語.md",
            "a..b/c.",
            "xy:z",
            "...",
            "src/[id]/page.tsx",
        ] {
            assert!(ProjectPath::parse(good).is_ok(), "{good}");
        }
        let long = "x".repeat(513);
        for bad in [
            "",
            "/",
            "/etc/passwd",
            "..",
            "../x",
            "a/../b",
            "a/..",
            "./a",
            "a/./b",
            "a//b",
            "a/",
            "C:/x",
            "c:x",
            "a\\b",
            "a\nb",
            "a\0b",
            "a\u{7f}",
            "a\u{202e}b",
            "a\u{200b}b",
            "e\u{301}.md",
            "\u{feff}a",
            "a\u{e0041}",
            " a",
            "a /b",
            &long,
        ] {
            assert!(ProjectPath::parse(bad).is_err(), "{bad:?}");
        }
        assert!(ProjectPath::parse(&"é".repeat(512)).is_ok());
    }

    #[test]
    fn an_extension_is_the_last_one() {
        let of = |text: &str| ProjectPath::parse(text).ok().and_then(|path| path.extension());
        assert_eq!(of("a.b/README.MD").as_deref(), Some("md"));
        assert_eq!(of("a.b/Makefile"), None);
    }
}
