//! Search: projects, tasks and comments by what they say.
//!
//! The index knows three characters and more. What is shorter is looked for in the rows that are left, which
//! are the caller's own; lower() folds ASCII there, and `Terms` brings the other spellings.

pub mod api;
pub mod comments;
mod fold;
pub mod projects;
mod snippet;
pub mod tasks;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::app::{App, Change};
use crate::error::Result;
use crate::http::NoContent;
use crate::sql;
use snippet::Words;

pub use fold::Folded;

/// Letters written as one or as two.
const LIGATURES: [(&str, &str); 3] = [("ß", "ss"), ("æ", "ae"), ("œ", "oe")];

/// The fewest characters that the index finds.
const INDEXED: usize = 3;

/// Words, or parts of words, that must all occur, in any order, whatever their case and accents.
#[derive(Debug)]
pub struct Terms {
    whole: String,
    /// Each with its other spellings.
    long: Vec<Vec<String>>,
    short: Vec<Vec<String>>,
}

impl Terms {
    pub fn parse(text: &str) -> Self {
        let text = text.to_lowercase();
        let words: Vec<&str> = text.split_whitespace().collect();
        let distinct: BTreeSet<&str> = words.iter().copied().collect();
        let (long, short): (Vec<&str>, Vec<&str>) = distinct.into_iter().partition(|word| length(word) >= INDEXED);
        Terms {
            whole: words.join(" "),
            long: long.into_iter().map(spellings).collect(),
            short: short.into_iter().map(cases).collect(),
        }
    }

    /// For MATCH on an index: the longer words, all in these columns. `None` where there are none.
    pub fn within(&self, columns: &str) -> Option<String> {
        let words: Vec<String> = self.long.iter().map(|word| any_of(word, "")).collect();
        (!words.is_empty()).then(|| format!("{{{columns}}} : ({})", words.join(" AND ")))
    }

    /// A list for json_each: where `within` is looked for, or nowhere.
    pub fn anywhere(&self, columns: &str) -> Value {
        self.within(columns).into_iter().collect()
    }

    /// A list for json_each whose keys rank what is found: the title begins so, has all words, or another column has some.
    fn ranked(&self, title: &str, columns: &str) -> Value {
        let begins = || format!("{{{title}}} : {}", any_of(&spellings(&self.whole), "^ "));
        let ranked = self.within(title).zip(self.within(columns));
        ranked.map_or(json!([]), |(titled, anywhere)| json!([begins(), titled, anywhere]))
    }

    /// The shorter words, a list of spellings each, one of which must occur in lower(text).
    pub fn short(&self) -> Value {
        json!(self.short)
    }

    /// What a snippet marks.
    fn words(&self) -> Value {
        json!(Words { long: self.long.concat(), short: self.short.concat() })
    }

    /// What a title is that equals the query, or begins with it, in lower().
    fn whole(&self) -> Value {
        let upper = self.whole.to_uppercase().to_ascii_lowercase();
        spellings(&self.whole).into_iter().chain([upper]).collect()
    }
}

/// In characters, as the index counts them: accents of their own are part of the letter.
fn length(word: &str) -> usize {
    word.chars().filter(|c| !fold::is_accent(*c)).count()
}

fn spellings(word: &str) -> Vec<String> {
    let respell = |change: fn(String, &(&str, &str)) -> String| LIGATURES.iter().fold(word.to_owned(), change);
    let mut all = vec![word.to_owned()];
    for other in
        [respell(|word, (one, two)| word.replace(one, two)), respell(|word, (one, two)| word.replace(two, one))]
    {
        if !all.contains(&other) {
            all.push(other);
        }
    }
    all
}

/// A short word in all the ways that SQLite's lower() leaves it: four at most, since it has two letters.
fn cases(word: &str) -> Vec<String> {
    let mut all = BTreeSet::from([String::new()]);
    for c in word.chars() {
        let upper = if fold::is_accent(c) { c.to_string() } else { c.to_uppercase().to_string().to_ascii_lowercase() };
        let letters = [c.to_string(), upper];
        all = all.iter().flat_map(|begun| letters.each_ref().map(|letter| format!("{begun}{letter}"))).collect();
    }
    all.into_iter().collect()
}

fn any_of(spellings: &[String], anchor: &str) -> String {
    let indexed = spellings.iter().filter(|text| length(text) >= INDEXED);
    let quoted = indexed.map(|text| format!("{anchor}\"{}\"", text.replace('"', "\"\"")));
    format!("({})", quoted.collect::<Vec<_>>().join(" OR "))
}

/// Brings together what writes have left apart in the indexes, at most 2 MB of each.
pub async fn merge(app: &App) -> Result<()> {
    let change = Change::to(())
        .run(sql!("INSERT INTO projects_fts (projects_fts, rank) VALUES ('merge', 500)"))
        .run(sql!("INSERT INTO tasks_fts (tasks_fts, rank) VALUES ('merge', 500)"))
        .run(sql!("INSERT INTO comments_fts (comments_fts, rank) VALUES ('merge', 500)"));
    app.commit::<NoContent>(change).await.map(|_| ())
}

/// Makes each index anew from what it is of, at once: until then the old one answers.
pub async fn rebuild(app: &App) -> Result<()> {
    for index in [
        sql!("INSERT INTO projects_fts (projects_fts) VALUES ('rebuild')"),
        sql!("INSERT INTO tasks_fts (tasks_fts) VALUES ('rebuild')"),
        sql!("INSERT INTO comments_fts (comments_fts) VALUES ('rebuild')"),
    ] {
        app.commit::<NoContent>(Change::to(()).run(index)).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_and_all_of_them_wanted() {
        let terms = Terms::parse(" Launch  OR \"it\" launch ");
        assert_eq!(terms.within("title").as_deref(), Some(r#"{title} : (("""it""") AND ("launch"))"#));
        assert_eq!(terms.short(), json!([["or"]]));
        assert_eq!(
            terms.ranked("title", "title description"),
            json!([
                r#"{title} : (^ "launch or ""it"" launch")"#,
                r#"{title} : (("""it""") AND ("launch"))"#,
                r#"{title description} : (("""it""") AND ("launch"))"#,
            ])
        );
    }

    #[test]
    fn words_too_short_for_the_index_stand_apart() {
        let terms = Terms::parse("Öl 計画 🚀 é\u{301}e");
        assert_eq!(terms.within("body"), None);
        assert_eq!(terms.anywhere("body"), json!([]));
        assert_eq!(terms.ranked("name", "name description"), json!([]));
        let short = terms.short();
        assert_eq!(short.as_array().map(Vec::len), Some(4));
        assert!(short.as_array().is_some_and(|words| words.contains(&json!(["Öl", "öl"]))), "{short}");
    }

    #[test]
    fn letters_written_as_two_are_looked_for_either_way() {
        let within = |text| Terms::parse(text).within("body");
        assert_eq!(within("Straße").as_deref(), Some(r#"{body} : (("straße" OR "strasse"))"#));
        assert_eq!(within("strasse").as_deref(), Some(r#"{body} : (("strasse" OR "straße"))"#));
        assert_eq!(within("ass").as_deref(), Some(r#"{body} : (("ass"))"#));
        assert_eq!(Terms::parse("ß").short(), json!([["ss", "ß"]]));
    }

    #[test]
    fn no_word_has_many_spellings() {
        for text in ["äß".to_owned(), "\u{345}".repeat(100), format!("ä{}", "\u{345}".repeat(99)), "ßæœ".repeat(33)]
        {
            let terms = Terms::parse(&text);
            assert!(terms.long.iter().chain(&terms.short).all(|spellings| spellings.len() <= 4), "{text}");
        }
    }
}
