//! What it says by itself: the same to the same question, and something of what it was asked in it.

use serde_json::{Value, json};

/// The question is what the user's message holds, where that is JSON.
pub fn answer(user: &str) -> String {
    let asked: Value = serde_json::from_str(user).unwrap_or_default();
    if asked["contents"].is_string() { document(&asked) } else { support(&asked) }
}

fn document(asked: &Value) -> String {
    let (path, contents) = (asked["path"].as_str().unwrap_or_default(), asked["contents"].as_str().unwrap_or_default());
    let lines = contents.lines().count();
    let first = contents.lines().next().unwrap_or_default();
    let summary =
        format!("`{path}` has {lines} lines. This was written by a stand-in, which understands none of them.");
    let note = format!("// {path}: {lines} lines.");
    let diff = format!("--- a/{path}\n+++ b/{path}\n@@ -1 +1,2 @@\n+{note}\n {first}\n");
    let wants_diff = asked["format"] == "diff";
    json!({
        "summary": summary,
        "diff": if wants_diff { Value::from(diff) } else { Value::Null },
        "snippet": if wants_diff { Value::Null } else { Value::from(format!("{note}\n{first}")) },
    })
    .to_string()
}

fn support(asked: &Value) -> String {
    match asked["entries"][0]["answer"].as_str() {
        Some(answer) => format!("A stand-in says: {answer}"),
        None => "I do not know.".into(),
    }
}

/// An answer in pieces of about a token, of which there may be no more than `most`.
pub fn pieces(text: &str, most: usize) -> (Vec<String>, bool) {
    let characters: Vec<char> = text.chars().collect();
    let all = characters.chunks(4).map(String::from_iter);
    (all.take(most).collect(), characters.len().div_ceil(4) > most)
}
