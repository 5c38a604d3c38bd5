//! An answer as it is streamed: server-sent events, each a piece of it.

use serde::{Deserialize, Deserializer};

use super::{Failure, Reply};

/// A piece in the words of either provider; one that does not stream sends a single piece with a whole message.
#[derive(Deserialize)]
struct Piece {
    #[serde(default)]
    choices: Option<Vec<Choice>>,
    #[serde(default, deserialize_with = "said")]
    response: Option<String>,
    usage: Option<Usage>,
    model: Option<String>,
    error: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(alias = "message")]
    delta: Option<Delta>,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Delta {
    #[serde(default, deserialize_with = "said")]
    content: Option<String>,
}

/// The account's models send a token of digits as a number.
fn said<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Said {
        Text(String),
        Number(serde_json::Number),
    }
    Ok(Option::deserialize(from)?.map(|said| match said {
        Said::Text(text) => text,
        Said::Number(number) => number.to_string(),
    }))
}

#[derive(Deserialize)]
struct Usage {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
}

/// The whole answer. `Truncated` where the stream does not say that it ended.
pub fn read(body: &str, model: &str) -> Result<Reply, Failure> {
    let mut reply = Reply { text: String::new(), model: model.to_owned(), tokens: None, is_cut: false };
    let mut ended = false;
    if body.trim_start().starts_with('{') {
        ended = take(&mut reply, body)?;
        ended |= !reply.text.is_empty();
    } else {
        for line in body.lines() {
            let Some(data) = line.strip_prefix("data:").map(str::trim) else { continue };
            if data == "[DONE]" {
                ended = true;
                break;
            }
            // The last line may have been cut.
            match take(&mut reply, data) {
                Ok(finished) => ended |= finished,
                Err(_) if !body.ends_with('\n') && body.ends_with(line) => return Err(Failure::Truncated),
                Err(failure) => return Err(failure),
            }
        }
        if !ended && reply.text.is_empty() && !body.contains("data:") && !body.is_empty() {
            return Err(Failure::Garbage);
        }
    }
    match (ended, reply.text.trim().is_empty()) {
        (false, _) => Err(Failure::Truncated),
        (true, true) => Err(Failure::Garbage),
        (true, false) => Ok(reply),
    }
}

/// Whether the piece says that it is the last with text.
fn take(reply: &mut Reply, json: &str) -> Result<bool, Failure> {
    let piece: Piece = serde_json::from_str(json).map_err(|_| Failure::Garbage)?;
    if piece.error.is_some() {
        return Err(Failure::Overloaded(None));
    }
    if let Some(Usage { prompt_tokens, completion_tokens }) = piece.usage {
        reply.tokens = prompt_tokens.zip(completion_tokens).or(reply.tokens);
    }
    if let Some(model) = piece.model.filter(|model| (1..=200).contains(&model.len())) {
        reply.model = model;
    }
    reply.text.push_str(piece.response.as_deref().unwrap_or_default());
    let Some(choice) = piece.choices.and_then(|choices| choices.into_iter().next()) else { return Ok(false) };
    if let Some(content) = choice.delta.and_then(|delta| delta.content) {
        reply.text.push_str(&content);
    }
    reply.is_cut |= choice.finish_reason.as_deref() == Some("length");
    match choice.finish_reason.as_deref() {
        Some("content_filter") => Err(Failure::Refused),
        reason => Ok(reason.is_some()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Heard = (String, Option<(u64, u64)>, bool);

    fn text(body: &str) -> Result<Heard, Failure> {
        read(body, "m").map(|reply| (reply.text, reply.tokens, reply.is_cut))
    }

    #[test]
    fn pieces_make_an_answer_with_its_usage() {
        let body = ": hello\n\n\
            data: {\"model\":\"gpt\",\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}],\"usage\":null}\n\n\
            data: {\"choices\":[{\"delta\":{\"content\":\"Grüße\"},\"finish_reason\":null}]}\r\n\r\n\
            data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n\
            data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":3}}\n\n\
            data: [DONE]\n\n";
        assert_eq!(text(body), Ok(("Grüße".into(), Some((9, 3)), false)));
        assert_eq!(read(body, "m").map(|reply| reply.model), Ok("gpt".into()));
        // vLLM ends with this.
        assert!(text(&body.replace("\"choices\":[],", "\"choices\":null,")).is_ok());
    }

    #[test]
    fn the_accounts_models_and_whole_answers_are_read_too() {
        let bound = "data: {\"response\":\"Hel\"}\n\ndata: {\"response\":\"lo\",\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}\n\ndata: [DONE]\n\n";
        assert_eq!(text(bound), Ok(("Hello".into(), Some((1, 2)), false)));
        assert_eq!(text("{\"response\":\"Hello\"}"), Ok(("Hello".into(), None, false)));
        let whole = "{\"choices\":[{\"message\":{\"content\":\"Hi\"},\"finish_reason\":\"length\"}]}";
        assert_eq!(text(whole), Ok(("Hi".into(), None, true)));
    }

    #[test]
    fn a_token_of_digits_comes_as_a_number() {
        let bound =
            "data: {\"response\":\"No. \"}\n\ndata: {\"response\":1}\n\ndata: {\"response\":20}\n\ndata: [DONE]\n\n";
        assert_eq!(text(bound), Ok(("No. 120".into(), None, false)));
        let chat = "data: {\"choices\":[{\"delta\":{\"content\":6}}]}\n\ndata: {\"choices\":[{\"delta\":{\"content\":null},\"finish_reason\":\"stop\"}]}\n\n";
        assert_eq!(text(chat), Ok(("6".into(), None, false)));
        assert_eq!(text("data: {\"response\":{}}\n\n"), Err(Failure::Garbage));
    }

    #[test]
    fn what_breaks_off_is_no_answer() {
        let piece = "data: {\"choices\":[{\"delta\":{\"content\":\"Hel\"}}]}\n\n";
        for body in ["", piece, &format!("{piece}data: {{\"choices\":[{{\"del")] {
            assert_eq!(text(body), Err(Failure::Truncated), "{body}");
        }
    }

    #[test]
    fn what_is_no_answer_is_garbage() {
        for body in ["<html>", "data: nonsense\n\n", "data: [DONE]\n\n", "{}x", "{\"choices\":7}", "data: 7\n\n"] {
            assert_eq!(text(body), Err(Failure::Garbage), "{body}");
        }
        assert_eq!(text("data: {\"error\":{\"message\":\"busy\"}}\n\n"), Err(Failure::Overloaded(None)));
        let filtered = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"content_filter\"}]}\n\n";
        assert_eq!(text(filtered), Err(Failure::Refused));
    }
}
