//! Input types that cannot hold bad input.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Param, ToParam};

/// Text of `MIN` to `MAX` characters and no control characters; space around it is dropped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Text<const MIN: usize, const MAX: usize>(String);

/// A name usable in a URL or a mention: 3 to 64 of letters, digits, `.`, `_`, `-`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Word(String);

/// An email address in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Email(String);

/// An absolute `https://` address of at most 2,048 characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct HttpsUrl(String);

/// `#rrggbb`, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Color(String);

/// A field of a PATCH: absent keeps, `null` clears, a value sets.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Patch<T> {
    #[default]
    Keep,
    Clear,
    Set(T),
}

type Parsed<T> = Result<T, String>;

/// Line breaks and tabs are text; what else controls a terminal is not.
const NO_CONTROL: &str = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$";
const NO_CONTROL_NOT_BLANK: &str =
    r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*[^\x00-\x1f\x7f-\x9f\s][^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$";

impl<const MIN: usize, const MAX: usize> Text<MIN, MAX> {
    fn parse(text: String) -> Parsed<Self> {
        if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t' | '\r')) {
            return Err("must not contain control characters".into());
        }
        let trimmed = text.trim();
        if trimmed.chars().count() < MIN || text.chars().count() > MAX {
            return Err(format!("must be {MIN} to {MAX} characters"));
        }
        Ok(Text(if trimmed.len() == text.len() { text } else { trimmed.to_owned() }))
    }
}

impl<const MIN: usize, const MAX: usize> Text<MIN, MAX> {
    /// Text of our own.
    pub fn of(text: &'static str) -> Self {
        Text(text.to_owned())
    }
}

impl Word {
    fn parse(text: String) -> Parsed<Self> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if !(3..=64).contains(&text.len()) || !text.chars().all(allowed) {
            return Err("must be 3 to 64 letters, digits, '.', '_' or '-'".into());
        }
        Ok(Word(text))
    }
}

impl Email {
    fn parse(text: String) -> Parsed<Self> {
        let address = text.trim().to_lowercase();
        let valid = address.len() <= 254
            && !address.chars().any(|c| c.is_whitespace() || c.is_control() || "\"(),:;<>[\\]".contains(c))
            && address.split_once('@').is_some_and(|(local, domain)| {
                (1..=64).contains(&local.len())
                    && !domain.contains('@')
                    && domain.contains('.')
                    && domain
                        .split('.')
                        .all(|label| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-'))
            });
        if valid { Ok(Email(address)) } else { Err("must be an email address".into()) }
    }
}

impl HttpsUrl {
    fn parse(text: String) -> Parsed<Self> {
        let valid = text.len() <= 2048
            && text.strip_prefix("https://").is_some_and(|rest| {
                let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
                !host.is_empty() && !host.contains('@')
            })
            && !text.chars().any(|c| c.is_whitespace() || c.is_control() || "\"<>\\^`{|}".contains(c));
        if valid { Ok(HttpsUrl(text)) } else { Err("must be an https:// address".into()) }
    }
}

impl Color {
    fn parse(text: String) -> Parsed<Self> {
        let color = text.to_lowercase();
        let hex = color.strip_prefix('#').unwrap_or_default();
        let valid = hex.len() == 6 && hex.bytes().all(|b| b.is_ascii_hexdigit());
        if valid { Ok(Color(color)) } else { Err("must be a color like #0ea5e9".into()) }
    }
}

macro_rules! parsed_text {
    ([$($generic:ident),*] $type:ty, $name:expr, $schema:tt) => {
        impl<$(const $generic: usize),*> AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
        impl<'de $(, const $generic: usize)*> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                Self::parse(String::deserialize(from)?).map_err(D::Error::custom)
            }
        }
        impl<$(const $generic: usize),*> fmt::Display for $type {
            fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
                to.write_str(&self.0)
            }
        }
        impl<$(const $generic: usize),*> ToParam for $type {
    fn param(&self) -> Param {
                Param::Text(self.0.clone())
            }
        }
        impl<$(const $generic: usize),*> JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }
            fn inline_schema() -> bool {
                true
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

parsed_text!(
    [MIN, MAX] Text<MIN, MAX>,
    format!("Text{MIN}To{MAX}"),
    {
        "type": "string",
        "minLength": MIN,
        "maxLength": MAX,
        "pattern": if MIN == 0 { NO_CONTROL } else { NO_CONTROL_NOT_BLANK },
        "examples": ["Launch in spring"],
    }
);
parsed_text!([] Word, "Word",
    {"type": "string", "pattern": "^[A-Za-z0-9._-]{3,64}$", "examples": ["ada.lovelace"]});
parsed_text!([] Email, "Email",
    {"type": "string", "format": "email", "maxLength": 254, "examples": ["ada@example.com"]});
parsed_text!([] HttpsUrl, "HttpsUrl",
    {"type": "string", "format": "uri", "pattern": "^https://", "maxLength": 2048, "examples": ["https://example.com/ada.png"]});
parsed_text!([] Color, "Color",
    {"type": "string", "pattern": "^#[0-9A-Fa-f]{6}$", "examples": ["#0ea5e9"]});

impl<T> Patch<T> {
    pub fn is_keep(&self) -> bool {
        matches!(self, Patch::Keep)
    }

    /// `Some(None)` clears, `None` keeps.
    pub fn value(&self) -> Option<&T> {
        match self {
            Patch::Set(value) => Some(value),
            Patch::Keep | Patch::Clear => None,
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(from)?.map_or(Patch::Clear, Patch::Set))
    }
}

/// A field to keep is skipped by its struct: `skip_serializing_if = "Patch::is_keep"`.
impl<T: Serialize> Serialize for Patch<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.value().serialize(to)
    }
}

impl<T: JsonSchema> JsonSchema for Patch<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("Patch{}", T::schema_name()).into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Option::<T>::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T: for<'de> Deserialize<'de>>(json: &str) -> Option<T> {
        serde_json::from_str(json).ok()
    }

    #[test]
    fn text_is_trimmed_and_counted_in_characters() {
        assert_eq!(read::<Text<1, 7>>("\"  héé  \"").map(|t| t.0), Some("héé".into()));
        assert_eq!(read::<Text<1, 5>>("\"   \""), None);
        assert_eq!(read::<Text<1, 5>>("\"abcdef\""), None);
        assert_eq!(read::<Text<1, 5>>("\"a\\u0000b\""), None);
        assert_eq!(read::<Text<1, 5>>("\"\\u0085a\""), None);
    }

    #[test]
    fn emails_are_lowered_and_checked() {
        assert_eq!(read::<Email>("\" Ada@Example.COM \"").map(|e| e.0), Some("ada@example.com".into()));
        for bad in
            ["", "ada", "ada@", "@b.co", "a@b", "a b@c.de", "a@b@c.de", "a@.de", "a@b..de", "a@-b.de", "<a@b.de>"]
        {
            assert_eq!(read::<Email>(&format!("\"{bad}\"")), None, "{bad}");
        }
    }

    #[test]
    fn only_https_addresses_with_a_host_pass() {
        assert!(read::<HttpsUrl>("\"https://example.com/a.png?x=1\"").is_some());
        for bad in
            ["http://example.com", "https://", "https:///x", "javascript:alert(1)", "https://a@b.de", "https://a b"]
        {
            assert_eq!(read::<HttpsUrl>(&format!("\"{bad}\"")), None, "{bad}");
        }
    }

    #[test]
    fn a_patch_tells_absent_from_null() {
        #[derive(Deserialize)]
        struct Body {
            #[serde(default)]
            name: Patch<String>,
        }
        let patch = |json| read::<Body>(json).map(|body| body.name);
        assert_eq!(patch("{}"), Some(Patch::Keep));
        assert_eq!(patch("{\"name\":null}"), Some(Patch::Clear));
        assert_eq!(patch("{\"name\":\"x\"}"), Some(Patch::Set("x".into())));
    }
}
