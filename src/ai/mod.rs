//! The AI provider: one question, one answer, streamed and bounded.
//!
//! Any server that speaks OpenAI's chat completions, by its address; else the account's own models, where the
//! binding `AI` is. What is asked and answered is never logged.

mod stream;

use serde_json::json;

use crate::app::App;
use crate::error::Error;
use crate::host::{Cut, Outbound, Outgoing, Patience};

/// Of the account's own, where no other is named.
const USUAL_MODEL: &str = "@cf/meta/llama-3.3-70b-instruct-fp8-fast";

/// More than a token's event takes, with what it is wrapped in.
const BYTES_A_TOKEN: u32 = 1024;

/// Which models a deployment asks, and how long it waits for them.
pub struct Ai {
    endpoint: Option<Endpoint>,
    model: Option<String>,
    /// Milliseconds.
    total: u32,
    /// Milliseconds from one piece of an answer to the next.
    silence: u32,
}

struct Endpoint {
    url: String,
    key: Option<String>,
}

impl Ai {
    pub fn read(var: impl Fn(&str) -> Option<String>) -> Result<Ai, Vec<String>> {
        let set = |name: &str| var(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        let mut wrong = Vec::new();
        let mut seconds = |name: &str, usual: u32| match set(name) {
            None => usual * 1000,
            Some(text) => {
                let number = text.parse::<u32>().ok().filter(|number| (1..=300).contains(number));
                if number.is_none() {
                    wrong.push(format!("{name} must be 1 to 300"));
                }
                number.unwrap_or(usual) * 1000
            }
        };
        let (total, silence) = (seconds("AI_TIMEOUT_SECONDS", 120), seconds("AI_SILENCE_SECONDS", 20));
        let (url, model) = (set("AI_BASE_URL"), set("AI_MODEL"));
        if let Some(url) = &url {
            // The key and people's code go there.
            let is_near = ["http://127.0.0.1:", "http://localhost:"].iter().any(|near| url.starts_with(near));
            if !is_near && !url.starts_with("https://") {
                wrong.push("AI_BASE_URL is not an address like https://api.openai.com/v1".into());
            }
            if model.is_none() {
                wrong.push("AI_MODEL is missing: AI_BASE_URL needs it".into());
            }
        }
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let endpoint = url.map(|url| Endpoint {
            url: format!("{}/chat/completions", url.trim_end_matches('/')),
            key: set("AI_API_KEY"),
        });
        Ok(Ai { endpoint, model, total, silence })
    }
}

/// What is asked. The two are kept apart: `user` holds what people wrote, which is data and no instruction.
pub struct Prompt {
    pub system: String,
    pub user: String,
    pub max_tokens: u32,
    /// Milliseconds, where somebody waits no longer than that.
    pub within: Option<u32>,
}

#[derive(Debug)]
pub struct Reply {
    pub text: String,
    pub model: String,
    /// As the provider counts, where it says: of the question, of the answer.
    pub tokens: Option<(u64, u64)>,
    /// It ended where its tokens did.
    pub is_cut: bool,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// There is no provider.
    Off,
    /// There is nothing to ask.
    Lost,
    /// What was handed in, or what came of it, cannot be read or kept just now.
    Storage,
    Unreachable,
    Timeout,
    /// It began, and then nothing came for too long.
    Stalled,
    /// It broke off.
    Truncated,
    /// The provider will not answer this, however often it is asked.
    Refused,
    /// Seconds to wait, where it says.
    Overloaded(Option<u32>),
    /// It is no answer of the kind that was asked for.
    Garbage,
}

impl Failure {
    pub const fn code(self) -> &'static str {
        match self {
            Failure::Off => "provider_off",
            Failure::Lost => "input_lost",
            Failure::Storage => "storage_failed",
            Failure::Unreachable => "provider_unreachable",
            Failure::Timeout => "timeout",
            Failure::Stalled => "provider_stalled",
            Failure::Truncated => "provider_truncated",
            Failure::Refused => "provider_refused",
            Failure::Overloaded(_) => "provider_overloaded",
            Failure::Garbage => "provider_garbage",
        }
    }

    /// For people.
    pub const fn message(self) -> &'static str {
        match self {
            Failure::Off => "There is no AI provider here.",
            Failure::Lost => "What was handed in is not there any more; request it again.",
            Failure::Storage => "The storage cannot be reached; try again later.",
            Failure::Unreachable => "The AI provider cannot be reached; try again later.",
            Failure::Timeout => "The AI provider took too long.",
            Failure::Stalled => "The AI provider stopped in the middle of its answer.",
            Failure::Truncated => "The answer broke off; a smaller file, or the short style, may fit.",
            Failure::Refused => "The AI provider will not answer this.",
            Failure::Overloaded(_) => "The AI provider has too much to do; try again later.",
            Failure::Garbage => "The AI provider said nothing of use.",
        }
    }
}

/// Whether anybody is there to ask.
pub fn is_on(app: &App) -> bool {
    app.config().ai.endpoint.is_some() || app.host().has_models()
}

/// Asks once.
pub async fn ask(app: &App, prompt: &Prompt) -> Result<Reply, Failure> {
    let ai = &app.config().ai;
    let within = prompt.within.unwrap_or(u32::MAX);
    let patience = Patience {
        total: ai.total.min(within),
        silence: ai.silence.min(within),
        most: prompt.max_tokens.saturating_mul(BYTES_A_TOKEN).clamp(64 << 10, 16 << 20),
    };
    let (model, answer) = match &ai.endpoint {
        Some(endpoint) => {
            let model = ai.model.as_deref().unwrap_or_default();
            (model, app.host().send(&endpoint.request(model, prompt, patience)).await)
        }
        None if app.host().has_models() => {
            let model = ai.model.as_deref().unwrap_or(USUAL_MODEL);
            (model, app.host().infer(model, &question(prompt, "max_tokens").to_string(), patience).await)
        }
        None => return Err(Failure::Off),
    };
    let said = answer.as_ref().ok().and_then(refusal).unwrap_or_default();
    let outcome = match answer {
        Ok(answer) => heard(answer, model),
        Err(error) => Err(unheard(&error)),
    };
    if let Err(failure) = &outcome {
        crate::host::log("ai", format!("{} {said}", failure.code()).trim_end());
    }
    outcome
}

/// `limit`: what the answer's length is called.
fn question(prompt: &Prompt, limit: &str) -> serde_json::Value {
    json!({
        "messages": [
            { "role": "system", "content": prompt.system },
            { "role": "user", "content": prompt.user },
        ],
        "stream": true,
        limit: prompt.max_tokens,
    })
}

impl Endpoint {
    fn request(&self, model: &str, prompt: &Prompt, patience: Patience) -> Outgoing {
        // Newer models refuse `max_tokens`.
        let mut body = question(prompt, "max_completion_tokens");
        if let Some(body) = body.as_object_mut() {
            body.insert("model".into(), model.into());
            body.insert("stream_options".into(), json!({ "include_usage": true }));
        }
        let mut headers = vec![("content-type", "application/json".to_owned()), ("accept", "text/event-stream".into())];
        headers.extend(self.key.as_ref().map(|key| ("authorization", format!("Bearer {key}"))));
        Outgoing { method: "POST", url: self.url.clone(), headers, body: Some(body.to_string()), patience }
    }
}

/// The status of a refusal and its code, as far as that is none of what was asked or said.
fn refusal(answer: &Outbound) -> Option<String> {
    if (200..=299).contains(&answer.status) {
        return None;
    }
    let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap_or_default();
    let code = ["/error/code", "/error/type"].into_iter().find_map(|at| match body.pointer(at)? {
        serde_json::Value::String(code) => Some(code.clone()),
        serde_json::Value::Number(code) => Some(code.to_string()),
        _ => None,
    });
    let is_code =
        |code: &String| code.len() <= 60 && code.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b));
    Some(format!("{} {}", answer.status, code.filter(is_code).unwrap_or_default()))
}

fn heard(answer: Outbound, model: &str) -> Result<Reply, Failure> {
    let Outbound { status, retry_after, cut, body } = answer;
    match status {
        200..=299 => {}
        408 | 504 => return Err(Failure::Timeout),
        429 | 500..=599 => {
            return Err(Failure::Overloaded(retry_after.and_then(|seconds| seconds.trim().parse().ok())));
        }
        _ => return Err(Failure::Refused),
    }
    stream::read(&body, model).map_err(|failure| match cut {
        Some(Cut::TooLate) => Failure::Timeout,
        Some(Cut::Stalled) => Failure::Stalled,
        Some(Cut::Broken) => Failure::Truncated,
        // More came than was asked for.
        Some(Cut::TooLong) => Failure::Garbage,
        None => failure,
    })
}

/// The account's models tell by a number in the message why they did not answer.
fn unheard(error: &Error) -> Failure {
    let why = error.cause().unwrap_or_default();
    let number = why.split(|c: char| !c.is_ascii_digit()).find(|word| word.len() == 4).unwrap_or_default();
    match number {
        _ if why.contains("TimeoutError") => Failure::Timeout,
        "3007" | "3008" => Failure::Timeout,
        "3036" | "3040" => Failure::Overloaded(None),
        number if number.starts_with('5') => Failure::Refused,
        _ => Failure::Unreachable,
    }
}

/// Whether there is a provider, and whether it takes requests. The account's own models are not asked: that costs.
pub async fn stands(app: &App) -> Option<bool> {
    let Some(Endpoint { url, key }) = &app.config().ai.endpoint else {
        return app.host().has_models().then_some(true);
    };
    let outgoing = Outgoing {
        method: "GET",
        url: format!("{}/models", url.trim_end_matches("/chat/completions")),
        headers: key.iter().map(|key| ("authorization", format!("Bearer {key}"))).collect(),
        body: None,
        patience: Patience { total: 3_000, ..Patience::SHORT },
    };
    // A server that has no list of models is there all the same.
    let answered = app.host().send(&outgoing).await;
    Some(answered.is_ok_and(|Outbound { status, .. }| status < 500 && ![401, 403].contains(&status)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(vars: &[(&str, &str)]) -> Vec<String> {
        let find = |name: &str| vars.iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_string());
        Ai::read(find).err().unwrap_or_default()
    }

    #[test]
    fn code_and_keys_go_over_https_only() {
        for near in ["https://api.openai.com/v1", "http://127.0.0.1:4000/v1", "http://localhost:4000"] {
            assert!(wrong(&[("AI_BASE_URL", near), ("AI_MODEL", "m")]).is_empty(), "{near}");
        }
        for far in ["http://api.openai.com/v1", "http://127.0.0.1.example.com/", "ftp://x", "x"] {
            assert_eq!(wrong(&[("AI_BASE_URL", far), ("AI_MODEL", "m")]).len(), 1, "{far}");
        }
        assert_eq!(wrong(&[("AI_BASE_URL", "https://x.example")]), ["AI_MODEL is missing: AI_BASE_URL needs it"]);
        assert_eq!(wrong(&[("AI_TIMEOUT_SECONDS", "0"), ("AI_SILENCE_SECONDS", "x")]).len(), 2);
        assert!(wrong(&[]).is_empty());
    }

    #[test]
    fn a_status_says_whether_to_ask_again() {
        let heard = |status, retry_after: Option<&str>| {
            let retry_after = retry_after.map(str::to_owned);
            heard(Outbound { status, retry_after, cut: None, body: "{}".into() }, "m").err()
        };
        assert_eq!(heard(429, Some("7")), Some(Failure::Overloaded(Some(7))));
        assert_eq!(heard(503, None), Some(Failure::Overloaded(None)));
        assert_eq!(heard(401, None), Some(Failure::Refused));
        assert_eq!(heard(302, None), Some(Failure::Refused));
        assert_eq!(heard(504, None), Some(Failure::Timeout));
    }

    #[test]
    fn a_refusal_is_told_by_its_code_alone() {
        let told = |status, body: &str| refusal(&Outbound { status, retry_after: None, cut: None, body: body.into() });
        let refused =
            r#"{"error":{"message":"'max_tokens' is not supported","type":"x","code":"unsupported_parameter"}}"#;
        assert_eq!(told(400, refused).as_deref(), Some("400 unsupported_parameter"));
        assert_eq!(told(401, r#"{"error":{"code":null,"type":"auth"}}"#).as_deref(), Some("401 auth"));
        for silent in ["<html>", r#"{"error":{"code":"what you wrote: fn a()"}}"#, r#"{"error":"no"}"#] {
            assert_eq!(told(500, silent).as_deref(), Some("500 "), "{silent}");
        }
        assert_eq!(told(200, refused), None);
    }

    #[test]
    fn the_accounts_models_fail_by_number() {
        let unheard = |why: &str| unheard(&Error::internal(why));
        assert_eq!(unheard("no answer: InferenceUpstreamError: 3040: out of capacity"), Failure::Overloaded(None));
        assert_eq!(unheard("no answer: Error: 5007: No such model"), Failure::Refused);
        assert_eq!(unheard("no answer: TimeoutError: it took too long"), Failure::Timeout);
        assert_eq!(unheard("no answer: TypeError: fetch failed"), Failure::Unreachable);
    }
}
