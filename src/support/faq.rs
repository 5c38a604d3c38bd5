//! The questions that have answers, out of a file, and the list of them.

use std::collections::HashMap;
use std::sync::LazyLock;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rank::Index;
use crate::access::{Ask, Permits, Role, Thing, View};
use crate::db::{Answers, Stmt, Text};
use crate::error::{Code, Result};
use crate::http::{Page, Paged, query};
use crate::limits;
use crate::openapi::Operation;

const FILE: &str = include_str!("faq.md");

pub static FAQ: LazyLock<Index> = LazyLock::new(|| Index::of(parse(FILE)));

/// A question with its answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "FaqEntry")]
pub struct Entry {
    #[schemars(example = &"first-project")]
    pub id: String,
    #[schemars(example = &"How do I create my first project?")]
    pub question: String,
    pub category: Category,
    /// Where it is of use.
    #[schemars(example = &["API"])]
    pub applies_to: Vec<String>,
    /// Whose plan it is about: `all`, or names of tiers.
    #[schemars(example = &["all"])]
    pub tier: Vec<String>,
    /// The day it was last looked over.
    #[schemars(example = &"2026-11-27", extend("format" = "date"))]
    pub updated: String,
    /// In Markdown.
    #[schemars(example = &"`POST /projects` with a name makes a project that you own.")]
    pub answer: String,
    /// Ids of entries that may be of use, too.
    #[schemars(example = &["templates"])]
    pub related: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "FaqCategory")]
pub enum Category {
    #[serde(rename = "Getting Started")]
    Start,
    #[serde(rename = "Projects & Teams")]
    Projects,
    #[serde(rename = "Tasks & Comments")]
    Tasks,
    #[serde(rename = "Previews & Devices")]
    Previews,
    #[serde(rename = "AI Documentation")]
    AiDocs,
    #[serde(rename = "Pricing & Tiers")]
    Pricing,
    #[serde(rename = "Admin & Analytics")]
    Admin,
    #[serde(rename = "Security & Privacy")]
    Security,
    #[serde(rename = "Troubleshooting")]
    Trouble,
}

/// The entries of a file: each a heading, lines of `name: value`, and the answer.
fn parse(file: &str) -> Vec<Entry> {
    file.split("\n## ").skip(1).filter_map(entry).collect()
}

fn entry(text: &str) -> Option<Entry> {
    let mut parts = text.splitn(3, "\n\n");
    let (question, about, answer) = (parts.next()?, parts.next()?, parts.next()?);
    let about: HashMap<&str, &str> = about.lines().filter_map(|line| line.split_once(": ")).collect();
    let list = |name: &str| -> Vec<String> {
        let listed = about.get(name).copied().unwrap_or_default();
        listed.split(',').map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect()
    };
    Some(Entry {
        id: about.get("id")?.trim().to_owned(),
        question: question.trim().to_owned(),
        category: serde_json::from_value((*about.get("category")?).into()).ok()?,
        applies_to: list("applies-to"),
        tier: list("tier"),
        updated: about.get("updated")?.trim().to_owned(),
        answer: answer.trim().to_owned(),
        related: list("related"),
    })
}

pub fn find(id: &str) -> Option<&'static Entry> {
    FAQ.entries.iter().find(|entry| entry.id == id)
}

/// The entries that fit best, the best first, each with a score of 0 to 1.
pub fn best(text: &str) -> Vec<(f64, &'static Entry)> {
    FAQ.rank(text)
}

#[derive(Deserialize, JsonSchema)]
pub struct Filter {
    /// Words to find, the entries that fit best first.
    #[schemars(example = &"invite", length(max = 200))]
    q: Option<Text<0, 200>>,
    category: Option<Category>,
}

/// The list of all entries.
pub struct Faq(Paged<Entry>);

impl Faq {
    pub fn into_page(self) -> Paged<Entry> {
        self.0
    }
}

impl Thing for Faq {
    const NOT_FOUND: Code = Code::NotFound;

    fn find(ask: &Ask) -> Result<Vec<Stmt>> {
        page(ask)?;
        Ok(Vec::new())
    }

    fn load(_: &mut Answers, ask: &Ask) -> Result<Option<Self>> {
        page(ask).map(|page| Some(Faq(page)))
    }

    fn role(&self) -> Role {
        Role::Member
    }

    fn reads(operation: &mut Operation) {
        operation.listed::<Filter>();
    }
}

impl Permits<View> for Faq {
    const NEEDS: Role = Role::Member;
}

fn page(ask: &Ask) -> Result<Paged<Entry>> {
    let Page { page, page_size } = Page::parse(ask.query, ask.limits.max_page_size(limits::known_tier(ask.caller)))?;
    let filter: Filter = query(ask.query)?;
    let all: Vec<&Entry> = match filter.q.as_ref().map(Text::as_ref).filter(|q| !q.is_empty()) {
        Some(q) => best(q).into_iter().map(|(_, entry)| entry).collect(),
        None => FAQ.entries.iter().collect(),
    };
    let found: Vec<&Entry> =
        all.into_iter().filter(|entry| filter.category.is_none_or(|category| entry.category == category)).collect();
    let skipped = usize::try_from(page.saturating_sub(1)).unwrap_or(usize::MAX).saturating_mul(page_size as usize);
    let items = found.iter().skip(skipped).take(page_size as usize).map(|entry| (*entry).clone()).collect();
    Ok(Paged { items, total: i64::try_from(found.len()).unwrap_or(i64::MAX), page, page_size })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_entry_is_whole_and_of_use() {
        let headings = FILE.lines().filter(|line| line.starts_with("## ")).count();
        assert_eq!(FAQ.entries.len(), headings, "an entry lacks a part");
        assert!(headings >= 40);
        let ids: BTreeSet<&str> = FAQ.entries.iter().map(|entry| entry.id.as_str()).collect();
        let categories: BTreeSet<Category> = FAQ.entries.iter().map(|entry| entry.category).collect();
        assert_eq!((ids.len(), categories.len()), (headings, 9));
        for Entry { id, tier, applies_to, updated, answer, related, question, .. } in &FAQ.entries {
            assert!(tier.iter().all(|tier| ["all", "free", "pro", "premium"].contains(&tier.as_str())), "{id}");
            assert!(!tier.is_empty() && !applies_to.is_empty() && updated.len() == 10, "{id}");
            assert!(related.iter().all(|other| ids.contains(other.as_str()) && other != id), "{id}: {related:?}");
            assert!(question.ends_with(['?']) && answer.ends_with('.') && answer.len() > 60, "{id}");
        }
    }
}
