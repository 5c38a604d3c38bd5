//! Rows and statements as plain data: what the domains speak instead of a database.

mod id;
mod text;
mod time;

use std::collections::VecDeque;

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use crate::error::{Error, Result};

pub use id::Id;
pub use text::{Email, HttpsUrl, Patch, Text, Word};
pub use time::{DAY, HOUR, MINUTE, SECOND, Time};

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

/// What a batch answered: one set of rows a statement, taken in their order.
pub struct Answers(VecDeque<Box<RawValue>>);

impl Answers {
    pub fn parse(json: &[u8]) -> Result<Self> {
        serde_json::from_slice(json)
            .map(Answers)
            .map_err(|error| Error::internal(format!("a batch answered no JSON: {error}")))
    }

    /// The rows of the next statement.
    pub fn rows<T: DeserializeOwned>(&mut self) -> Result<Vec<T>> {
        let raw = self.0.pop_front().ok_or_else(|| Error::internal("a batch answered fewer sets than statements"))?;
        serde_json::from_str(raw.get())
            .map_err(|error| Error::internal(format!("a row does not fit its type: {error}")))
    }

    /// The first row of the next statement.
    pub fn first<T: DeserializeOwned>(&mut self) -> Result<Option<T>> {
        Ok(self.rows()?.into_iter().next())
    }

    /// The first row of the last statement.
    pub fn last<T: DeserializeOwned>(mut self) -> Result<Option<T>> {
        let last = self.0.pop_back();
        self.0.clear();
        self.0.extend(last);
        self.first()
    }
}

/// Reads SQLite's 0 and 1 as a `bool`; a JSON `true` too.
pub fn flag<'de, D: Deserializer<'de>>(from: D) -> std::result::Result<bool, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Flag {
        Bool(bool),
        Number(i64),
    }
    Ok(match Flag::deserialize(from)? {
        Flag::Bool(is) => is,
        Flag::Number(n) => n != 0,
    })
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
