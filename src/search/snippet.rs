//! The part of a text that shows why it was found.

use std::ops::Range;

use serde::{Deserialize, Deserializer, Serialize};

use super::fold::{Folded, occurrences};

/// Characters of a snippet, and of those at most before the first match.
const SHOWN: usize = 200;
const BEFORE: usize = 50;

/// What a text was found by: words of the index, and shorter ones as they stand in a text in lower case.
#[derive(Default, Serialize, Deserialize)]
pub struct Words {
    pub long: Vec<String>,
    pub short: Vec<String>,
}

/// Reads a column of a text and the `Words`, as a JSON list of both.
pub fn read<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let (text, words): (String, Words) = crate::db::json(from)?;
    Ok(cut(&text, &words))
}

fn cut(text: &str, words: &Words) -> String {
    let (folded, lower) = (Folded::of(text), text.to_ascii_lowercase());
    let mut marks: Vec<Range<usize>> = Vec::new();
    for word in &words.long {
        marks.extend(folded.find(&Folded::of(word)));
    }
    for word in &words.short {
        marks.extend(occurrences(&lower, word));
    }
    let marks = merged(marks);
    let shown = window(text, marks.first());
    let part = |range: Range<usize>| text.get(range).unwrap_or_default();

    let mut html = String::with_capacity(shown.len() + 64);
    html.push_str(if shown.start > 0 { "…" } else { "" });
    let mut at = shown.start;
    for mark in marks {
        let mark = mark.start.clamp(at, shown.end)..mark.end.clamp(at, shown.end);
        if !mark.is_empty() {
            escape(part(at..mark.start), &mut html);
            html.push_str("<mark>");
            escape(part(mark.clone()), &mut html);
            html.push_str("</mark>");
            at = mark.end;
        }
    }
    escape(part(at..shown.end), &mut html);
    html.push_str(if shown.end < text.len() { "…" } else { "" });
    html
}

fn merged(mut marks: Vec<Range<usize>>) -> Vec<Range<usize>> {
    marks.sort_unstable_by_key(|mark| mark.start);
    let mut merged: Vec<Range<usize>> = Vec::with_capacity(marks.len());
    for mark in marks {
        match merged.last_mut() {
            Some(last) if mark.start <= last.end => last.end = last.end.max(mark.end),
            _ => merged.push(mark),
        }
    }
    merged
}

/// From shortly before the first mark on, between words where there are any.
fn window(text: &str, first: Option<&Range<usize>>) -> Range<usize> {
    let first = first.cloned().unwrap_or_default();
    let back = |end: usize, count: usize| {
        let before = text.get(..end).unwrap_or_default();
        before.char_indices().rev().nth(count.saturating_sub(1)).map_or(0, |(at, _)| at)
    };
    let mut start = back(first.start, BEFORE);
    if start > 0 {
        let lead = text.get(start..first.start).unwrap_or_default();
        start += lead
            .find(char::is_whitespace)
            .and_then(|at| lead.get(at..))
            .map_or(0, |rest| lead.len() - rest.trim_start().len());
    }
    let rest = text.get(start..).unwrap_or_default();
    let mut end = rest.char_indices().nth(SHOWN).map_or(text.len(), |(at, _)| start + at);
    if end < text.len() {
        let tail = text.get(first.end..end).unwrap_or_default();
        let end_of_word =
            tail.rfind(char::is_whitespace).and_then(|at| tail.get(..at)).map(|kept| kept.trim_end().len());
        end = end_of_word.map_or(end, |kept| first.end + kept);
    }
    start..end
}

fn escape(text: &str, html: &mut String) {
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            c => html.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str, long: &[&str], short: &[&str]) -> String {
        let [long, short] = [long, short].map(|words| words.iter().map(|word| (*word).to_owned()).collect());
        super::cut(text, &Words { long, short })
    }

    #[test]
    fn matches_are_marked_and_all_else_is_escaped() {
        let text = "a <b> & 'c' \"d\"";
        assert_eq!(cut(text, &["<b>"], &[]), "a <mark>&lt;b&gt;</mark> &amp; &#39;c&#39; &quot;d&quot;");
        assert_eq!(cut("", &["word"], &[""]), "");
        assert_eq!(cut("<mark>", &["word"], &[]), "&lt;mark&gt;");
    }

    #[test]
    fn every_word_is_marked_and_marks_never_nest() {
        assert_eq!(cut("Launch it, It", &["launch"], &["it"]), "<mark>Launch</mark> <mark>it</mark>, <mark>It</mark>");
        assert_eq!(cut("a launch", &["launch", "unch"], &["au", "ch"]), "a <mark>launch</mark>");
        assert_eq!(cut("新しい計画です", &[], &["計画"]), "新しい<mark>計画</mark>です");
        assert_eq!(cut("aaaa", &[], &["a"]), "<mark>aaaa</mark>");
        assert_eq!(cut("ababab", &["aba"], &[]), "<mark>ababa</mark>b");
        assert_eq!(cut("Das Café", &["cafe"], &[]), "Das <mark>Café</mark>");
    }

    #[test]
    fn a_long_text_is_cut_between_words_around_the_first_match() {
        let words = |count: usize| "word ".repeat(count);
        let snippet = cut(&format!("{}here {}", words(100), words(100)), &["here"], &[]);
        assert!(snippet.starts_with("…word "), "{snippet}");
        assert!(snippet.ends_with(" word…"), "{snippet}");
        assert!(snippet.contains(" <mark>here</mark> "), "{snippet}");
        let shown = snippet.replace("<mark>", "").replace("</mark>", "").chars().count();
        assert!((150..=SHOWN + 2).contains(&shown), "{shown}");
    }

    #[test]
    fn a_text_without_spaces_is_cut_anywhere_but_inside_a_character() {
        let run = "計画".repeat(300);
        let snippet = cut(&format!("{run}東京都{run}"), &["東京都"], &[]);
        assert!(
            snippet.starts_with('…') && snippet.ends_with('…') && snippet.contains("<mark>東京都</mark>"),
            "{snippet}"
        );
        let long = cut(&run, &[run.as_str()], &[]);
        assert!(long.ends_with("</mark>…"), "{long}");
    }
}
