//! The way in: connections, and an answer in pieces, however it goes wrong.

use std::io;
use std::net::TcpListener;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use bytes::Bytes;
use futures::stream;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::time::sleep;
use tower_service::Service;

use crate::{Asked, Fault, Shared, answers};

/// Pieces of 1,000 characters after which an endless answer ends after all.
const ENDLESS: usize = 20_000;

pub fn router(mind: Shared) -> Router {
    Router::new().route("/v1/chat/completions", post(answer)).route("/run", post(answer)).with_state(mind)
}

/// Marks an answer that is to be a closed connection instead.
#[derive(Clone)]
struct HangUp;

/// Counts an answer for as long as it takes.
struct Busy(Shared);

impl Busy {
    fn new(mind: Shared) -> Self {
        let mut locked = mind.lock();
        locked.busy += 1;
        locked.busiest = locked.busiest.max(locked.busy);
        drop(locked);
        Busy(mind)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.lock().busy -= 1;
    }
}

async fn answer(State(mind): State<Shared>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, 16 << 20).await else { return StatusCode::PAYLOAD_TOO_LARGE.into_response() };
    let asked = Asked {
        path: parts.uri.path().to_owned(),
        authorization: parts
            .headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .unwrap_or("")
            .into(),
        body: serde_json::from_slice(&body).unwrap_or_default(),
    };
    let as_openai = asked.path.starts_with("/v1/");
    let (fault, says) = {
        let mut mind = mind.lock();
        mind.asked.push(asked.clone());
        let fault = mind.faults.first_mut().map(|(left, fault)| {
            *left -= 1;
            fault.clone()
        });
        mind.faults.retain(|(left, _)| *left > 0);
        (fault, mind.says.clone())
    };
    let busy = Busy::new(mind);
    // As the newest models do.
    if as_openai && ["max_tokens", "temperature"].iter().any(|old| asked.body.get(old).is_some()) {
        return failed(400, None);
    }
    let mut pause = Duration::ZERO;
    match &fault {
        Some(Fault::Status(status)) => return failed(*status, None),
        Some(Fault::Busy(seconds)) => return failed(429, Some(*seconds)),
        Some(Fault::Garbage) => return "<!doctype html><title>Just a moment…</title>".into_response(),
        Some(Fault::Drop) => {
            let mut response = Response::new(Body::empty());
            response.extensions_mut().insert(HangUp);
            return response;
        }
        Some(Fault::Late(time)) => sleep(*time).await,
        Some(Fault::Slow(time)) => pause = *time,
        _ => {}
    }
    let text = says.unwrap_or_else(|| answers::answer(asked.message("user")));
    let limit = if as_openai { "max_completion_tokens" } else { "max_tokens" };
    let most = asked.body[limit].as_u64().and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX);
    let (mut pieces, is_cut) = answers::pieces(&text, most);
    let half = pieces.len() / 2;
    match fault {
        Some(Fault::Endless) => pieces = vec!["and so on ".repeat(100); ENDLESS],
        Some(Fault::Stall | Fault::Truncate) => pieces.truncate(half.max(1)),
        _ => {}
    }
    let count = pieces.len();
    let usage = json!({ "prompt_tokens": asked.message("user").len() / 4 + 1, "completion_tokens": count });
    let model = asked.body["model"].clone();
    let mut events: Vec<String> = pieces.iter().map(|piece| said(as_openai, &model, piece)).collect();
    if !matches!(fault, Some(Fault::Stall | Fault::Truncate)) {
        events.extend(end(as_openai, &model, is_cut, &usage));
    }
    let all = stream::unfold((events.into_iter(), busy, fault), move |(mut left, busy, fault)| async move {
        let Some(event) = left.next() else {
            return match fault {
                Some(Fault::Stall) => std::future::pending().await,
                Some(Fault::Truncate) => Some((Err(io::Error::other("cut")), (left, busy, None))),
                _ => None,
            };
        };
        if !pause.is_zero() {
            sleep(pause).await;
        }
        Some((Ok(Bytes::from(format!("data: {event}\n\n"))), (left, busy, fault)))
    });
    ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(all)).into_response()
}

fn said(as_openai: bool, model: &Value, piece: &str) -> String {
    // Cloudflare's models send a token of digits as a number.
    let number = piece.parse::<u32>().ok().filter(|number| number.to_string() == piece);
    let bound = number.map_or_else(|| Value::from(piece), Value::from);
    let event = match as_openai {
        true => json!({
            "id": "chatcmpl-stand-in", "object": "chat.completion.chunk", "model": model,
            "choices": [{ "index": 0, "delta": { "content": piece }, "finish_reason": null }],
        }),
        false => json!({ "response": bound }),
    };
    event.to_string()
}

fn end(as_openai: bool, model: &Value, is_cut: bool, usage: &Value) -> Vec<String> {
    if !as_openai {
        return vec![json!({ "response": "", "usage": usage }).to_string(), "[DONE]".into()];
    }
    let reason = if is_cut { "length" } else { "stop" };
    let chunk = |choices: Value, usage: &Value| {
        json!({ "id": "chatcmpl-stand-in", "object": "chat.completion.chunk", "model": model, "choices": choices, "usage": usage })
            .to_string()
    };
    vec![
        chunk(json!([{ "index": 0, "delta": {}, "finish_reason": reason }]), &Value::Null),
        chunk(json!([]), usage),
        "[DONE]".into(),
    ]
}

fn failed(status: u16, retry_after: Option<u32>) -> Response {
    let error = json!({ "error": { "message": "The stand-in was told to fail.", "type": "error", "code": status } });
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, Json(error)).into_response();
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

/// Answers until `stopped`. Ending it ends what it still does.
pub async fn serve(listener: TcpListener, router: Router, mut stopped: oneshot::Receiver<()>) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    loop {
        let (stream, _) = tokio::select! {
            accepted = listener.accept() => accepted?,
            _ = &mut stopped => return Ok(()),
        };
        let router = router.clone();
        // Not `axum::serve`: there a request cannot end without an answer.
        let service = service_fn(move |request| {
            let mut router = router.clone();
            async move {
                let Ok(response) = router.call(request).await;
                match response.extensions().get::<HangUp>() {
                    Some(_) => Err(io::Error::other("hung up")),
                    None => Ok(response),
                }
            }
        });
        tokio::spawn(async move {
            // The other side may leave at any time.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}
