//! Text as the index compares it.

use std::ops::Range;

/// Latin letters and what the index takes for them, as SQLite has it for `remove_diacritics`.
const ACCENTED: [(char, &str); 26] = [
    ('a', "àáâãäåāăąǎǟǻȁȃȧḁạảấầẩẫậắằẳẵặ"),
    ('b', "ḃḅḇ"),
    ('c', "çćĉċčḉ"),
    ('d', "ďḋḍḏḑḓ"),
    ('e', "èéêëēĕėęěȅȇȩḕḗḙḛḝẹẻẽếềểễệ"),
    ('f', "ḟ"),
    ('g', "ĝğġģǧǵḡ"),
    ('h', "ĥȟḣḥḧḩḫẖ"),
    ('i', "ìíîïĩīĭįǐȉȋḭḯỉị"),
    ('j', "ĵǰ"),
    ('k', "ķǩḱḳḵ"),
    ('l', "ĺļľḷḹḻḽ"),
    ('m', "ḿṁṃ"),
    ('n', "ñńņňǹṅṇṉṋ"),
    ('o', "òóôõöōŏőơǒǫǭȍȏȫȭȯȱṍṏṑṓọỏốồổỗộớờởỡợ"),
    ('p', "ṕṗ"),
    ('r', "ŕŗřȑȓṙṛṝṟ"),
    ('s', "śŝşšſșṡṣṥṧṩẛ"),
    ('t', "ţťțṫṭṯṱẗ"),
    ('u', "ùúûüũūŭůűųưǔǖǘǚǜȕȗṳṵṷṹṻụủứừửữự"),
    ('v', "ṽṿ"),
    ('w', "ŵẁẃẅẇẉẘ"),
    ('x', "ẋẍ"),
    ('y', "ýÿŷȳẏẙỳỵỷỹ"),
    ('z', "źżžẑẓẕ"),
    ('σ', "ς"),
];

/// Everything accented comes before it.
const BEYOND: char = '\u{1f00}';

/// Accents that are characters of their own.
pub fn is_accent(c: char) -> bool {
    ('\u{300}'..='\u{36f}').contains(&c)
}

/// `None` for what the index leaves out.
fn folded(c: char) -> Option<char> {
    if c.is_ascii() {
        return Some(c.to_ascii_lowercase());
    }
    let lower = c.to_lowercase().next().unwrap_or(c);
    if lower >= BEYOND {
        return Some(lower);
    }
    let plain = ACCENTED.iter().find(|(_, accented)| accented.contains(lower)).map_or(lower, |(plain, _)| *plain);
    (!is_accent(plain)).then_some(plain)
}

/// A text folded, and where in it each byte of that comes from.
pub struct Folded {
    text: String,
    from: Vec<usize>,
}

impl Folded {
    pub fn of(original: &str) -> Self {
        let mut fold =
            Folded { text: String::with_capacity(original.len()), from: Vec::with_capacity(original.len() + 1) };
        for (at, c) in original.char_indices() {
            if let Some(c) = folded(c) {
                fold.text.push(c);
                fold.from.resize(fold.text.len(), at);
            }
        }
        fold.from.push(original.len());
        fold
    }

    pub fn into_text(self) -> String {
        self.text
    }

    /// Where the word stands in the original, whatever its case and accents.
    pub fn find<'a>(&'a self, word: &'a Folded) -> impl Iterator<Item = Range<usize>> + 'a {
        occurrences(&self.text, &word.text)
            .filter_map(|found| Some(*self.from.get(found.start)?..*self.from.get(found.end)?))
    }
}

/// Where the word stands in the text, overlaps and all.
pub fn occurrences<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = Range<usize>> + 'a {
    let mut from = 0;
    let step = word.chars().next().map_or(0, char::len_utf8);
    std::iter::from_fn(move || {
        let at = from + text.get(from..)?.find(word)?;
        from = at + step;
        (step > 0).then_some(at..at + word.len())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_whatever_their_case_and_accents() {
        let text = "Cafe\u{301} CRÈME, İstanbul, ΣΊΣΥΦΟΣ, Größe, 東京";
        let found = |word: &str| {
            let (text_folded, word) = (Folded::of(text), Folded::of(word));
            let found: Vec<&str> = text_folded.find(&word).filter_map(|range| text.get(range)).collect();
            found.join("|")
        };
        assert_eq!(found("café"), "Cafe\u{301}");
        assert_eq!(found("creme"), "CRÈME");
        assert_eq!(found("istanbul"), "İstanbul");
        assert_eq!(found("ΦΟΣ"), "ΦΟΣ");
        assert_eq!(found("GROSSE"), "");
        assert_eq!(found("größe"), "Größe");
        assert_eq!(found("京"), "京");
        assert_eq!(found("e"), "e\u{301}|È|E|e");
        assert_eq!(found("\u{301}"), "");
    }
}
