//! Rows and statements as plain data: what the domains speak instead of a database.

mod id;
mod text;
mod time;

use std::fmt;

use serde::de::{DeserializeOwned, Error as _, IgnoredAny, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::error::{Error, Result};

pub use id::Id;
pub use text::{Color, Email, HttpsUrl, Patch, Text, Word};
pub use time::{DAY, HOUR, MINUTE, Moment, SECOND, Time};

/// One SQL statement with its parameters, bound by position: `?1` is the first.
#[derive(Clone, Debug, Serialize)]
pub struct Stmt(&'static str, Vec<Param>);

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Param {
    Null,
    Integer(i64),
    Text(String),
}

impl Stmt {
    pub fn new(sql: &'static str, params: Vec<Param>) -> Self {
        Stmt(sql, params)
    }
}

/// A statement from one whole literal: `sql!("SELECT … WHERE id = ?1", id)`.
/// A test prepares every one of these literals against the schema.
#[macro_export]
macro_rules! sql {
    ($text:literal $(, $param:expr)* $(,)?) => {
        $crate::db::Stmt::new($text, vec![$($crate::db::ToParam::param(&$param)),*])
    };
}

/// A value that can stand for a `?`.
pub trait ToParam {
    fn param(&self) -> Param;
}

impl ToParam for i64 {
    fn param(&self) -> Param {
        Param::Integer(*self)
    }
}

impl ToParam for bool {
    fn param(&self) -> Param {
        Param::Integer(i64::from(*self))
    }
}

impl ToParam for str {
    fn param(&self) -> Param {
        Param::Text(self.to_owned())
    }
}

impl ToParam for String {
    fn param(&self) -> Param {
        Param::Text(self.clone())
    }
}

impl ToParam for serde_json::Value {
    fn param(&self) -> Param {
        Param::Text(self.to_string())
    }
}

impl<T: ToParam + ?Sized> ToParam for &T {
    fn param(&self) -> Param {
        (**self).param()
    }
}

impl<T: ToParam> ToParam for Option<T> {
    fn param(&self) -> Param {
        self.as_ref().map_or(Param::Null, ToParam::param)
    }
}

/// What a batch answered: the rows of each statement, in order. JSON, one line a statement.
pub struct Answers {
    text: Vec<u8>,
    at: usize,
}

impl Answers {
    pub fn new(text: Vec<u8>) -> Self {
        Answers { text, at: 0 }
    }

    /// The rows of the next statement.
    pub fn rows<T: DeserializeOwned>(&mut self) -> Result<Vec<T>> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let line = rest.split(|byte| *byte == b'\n').next().unwrap_or_default();
        self.at += line.len() + 1;
        read(line)
    }

    /// Passes over the rows of so many statements.
    pub fn skip(&mut self, statements: usize) -> Result<()> {
        for _ in 0..statements {
            self.rows::<IgnoredAny>()?;
        }
        Ok(())
    }

    /// The first row of the next statement.
    pub fn first<T: DeserializeOwned>(&mut self) -> Result<Option<T>> {
        Ok(self.rows()?.into_iter().next())
    }

    /// The rows of the last statement, which then is none of the answers any more.
    pub fn pop<T: DeserializeOwned>(&mut self) -> Result<Vec<T>> {
        let start = self.text.iter().rposition(|byte| *byte == b'\n').unwrap_or_default();
        let line = self.text.split_off(start);
        read(line.strip_prefix(b"\n").unwrap_or(&line))
    }

    /// The first row of the last statement.
    pub fn last<T: DeserializeOwned>(self) -> Result<Option<T>> {
        let line = self.text.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
        Ok(read(line)?.into_iter().next())
    }
}

fn read<T: DeserializeOwned>(line: &[u8]) -> Result<Vec<T>> {
    serde_json::from_slice(line).map_err(|error| Error::internal(format!("a row does not fit its type: {error}")))
}

/// Reads SQLite's 0 and 1 as a `bool`; a JSON `true` too.
pub fn flag<'de, D: Deserializer<'de>>(from: D) -> std::result::Result<bool, D::Error> {
    struct Flag;
    impl Visitor<'_> for Flag {
        type Value = bool;
        fn expecting(&self, to: &mut fmt::Formatter) -> fmt::Result {
            to.write_str("0 or 1")
        }
        fn visit_bool<E>(self, is: bool) -> std::result::Result<bool, E> {
            Ok(is)
        }
        fn visit_u64<E>(self, number: u64) -> std::result::Result<bool, E> {
            Ok(number != 0)
        }
    }
    from.deserialize_any(Flag)
}

/// Reads a whole number, which JSON may write as 7.0, too.
pub fn whole<'de, D: Deserializer<'de>>(from: D) -> std::result::Result<u64, D::Error> {
    let number = serde_json::Number::deserialize(from)?;
    let whole = number.as_f64().filter(|float| float.fract() == 0.0 && (0.0..9e15).contains(float));
    number.as_u64().or(whole.map(|float| float as u64)).ok_or_else(|| D::Error::custom("must be a whole number"))
}

/// Reads a column that may hold JSON text.
pub fn maybe_json<'de, D, T>(from: D) -> std::result::Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    let text = Option::<String>::deserialize(from)?;
    text.map(|text| serde_json::from_str(&text).map_err(D::Error::custom)).transpose()
}

/// Reads a column that holds JSON text.
pub fn json<'de, D, T>(from: D) -> std::result::Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    let text = String::deserialize(from)?;
    serde_json::from_str(&text).map_err(D::Error::custom)
}
