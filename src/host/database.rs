//! D1, one string in and one string out.

use worker::Env;
use worker::wasm_bindgen::prelude::wasm_bindgen;
use worker::wasm_bindgen::{self, JsCast, JsValue};

use crate::db::Answers;
use crate::error::{Code, Error, Result};

#[wasm_bindgen(module = "/src/host/bridge.js")]
extern "C" {
    #[wasm_bindgen(js_name = batch)]
    async fn batch_json(env: &JsValue, json: &str) -> JsValue;
}

pub async fn batch(env: &Env, json: &str) -> Result<Answers> {
    let answer = batch_json(env.as_ref(), json).await.unchecked_into::<js_sys::Uint8Array>().to_vec();
    match answer.strip_prefix(b"!") {
        Some(failure) => Err(failed(&String::from_utf8_lossy(failure))),
        None => Ok(Answers::new(answer)),
    }
}

/// What a failed batch means. D1 says so only in the text of its errors.
fn failed(message: &str) -> Error {
    let text = message.strip_prefix("D1_ERROR: ").unwrap_or(message);
    if text.contains("SQLITE_CONSTRAINT_TRIGGER") {
        // A refusal is a code, and for a limit how many there are, which of several it is, and in how many seconds
        // there is room.
        let mut words = text.split(':').next().unwrap_or_default().split(' ');
        let Some(code) = words.next().and_then(Code::from_name) else {
            return Error::internal(message);
        };
        if code.status() == 503 {
            return Error::new(code).retry_after(Code::SWITCHED_FOR);
        }
        let numbers = words.map_while(|word| word.parse::<u64>().ok());
        return ["used", "which", "retry_after_seconds"]
            .into_iter()
            .zip(numbers)
            .fold(Error::new(code), |error, (name, number)| error.with(name, number));
    }
    if let Some(columns) = text.strip_prefix("UNIQUE constraint failed: ") {
        if columns.starts_with("idempotency_keys.") {
            return Error::new(Code::IdempotencyRunning).retry_after(1);
        }
        return Error::new(Code::Conflict);
    }
    if text.contains("FOREIGN KEY constraint failed") {
        return Error::new(Code::Conflict);
    }
    let passing = [
        "overloaded",
        "Too many requests queued",
        "Network connection lost",
        "object to be reset",
        "reset because its code was updated",
    ];
    if passing.iter().any(|sign| text.contains(sign)) {
        return Error::new(Code::Unavailable).retry_after(1).because(message);
    }
    Error::internal(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_comes_back_as_its_code() {
        let code = |message| failed(message).code;
        assert_eq!(
            code("D1_ERROR: EMAIL_TAKEN: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_TRIGGER)"),
            Code::EmailTaken
        );
        let full = failed("D1_ERROR: TIER_LIMIT_EXCEEDED 3: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_TRIGGER)");
        assert_eq!((full.code, full.detail("used")), (Code::TierLimitExceeded, Some(&3.into())));
        assert_eq!(code("D1_ERROR: NONSENSE: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_TRIGGER)"), Code::Internal);
        assert_eq!(
            code(
                "D1_ERROR: UNIQUE constraint failed: idempotency_keys.scope, idempotency_keys.key: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_PRIMARYKEY)"
            ),
            Code::IdempotencyRunning
        );
        assert_eq!(code("D1_ERROR: D1 DB is overloaded. Requests queued for too long."), Code::Unavailable);
        assert_eq!(code("D1_ERROR: no such table: users"), Code::Internal);
    }
}
