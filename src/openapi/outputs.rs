//! What each answer is.

use schemars::JsonSchema;
use serde_json::json;

use super::{Operation, Output};
use crate::error::Code;
use crate::http::{
    Answer, Bare, Created, Download, File, Maybe, NoContent, One, Paged, Plain, Put, SetCookie, Socket, Tagged,
    Versioned,
};

impl<T: JsonSchema> Output for One<T> {
    fn describe(operation: &mut Operation) {
        operation.answers::<T>(200, true);
    }
}

impl<A: Answer<Of: Versioned> + Output> Output for Tagged<A> {
    fn describe(operation: &mut Operation) {
        A::describe(operation);
        let description = "The version; send it as If-Match with a change.";
        operation.header("etag", description);
    }
}

impl<T: JsonSchema> Output for Bare<T> {
    fn describe(operation: &mut Operation) {
        operation.answers::<T>(200, false);
    }
}

impl<T: Output> Output for (SetCookie, T) {
    fn describe(operation: &mut Operation) {
        T::describe(operation);
        operation.header("set-cookie", "The session, or its end.");
    }
}

impl<T: JsonSchema> Output for Paged<T> {
    fn describe(operation: &mut Operation) {
        operation.answers::<Paged<T>>(200, false);
    }
}

impl<T: JsonSchema> Output for Created<T> {
    fn describe(operation: &mut Operation) {
        operation.answers::<T>(201, true);
        operation.can_fail(&[
            Code::BadRequest,
            Code::IdempotencyRunning,
            Code::IdempotencyOver,
            Code::IdempotencyMismatch,
        ]);
        operation.parameters.push(json!({
            "name": "Idempotency-Key", "in": "header", "required": false,
            "description": "The same key and body again, within 24 hours, is answered with the first answer.",
            "schema": { "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[\\x21-\\x7e]+$" },
            "example": "7b1f6c1e-0b6d-4a57-8f0e-2d9c770198c5",
        }));
    }
}

impl<T: JsonSchema> Output for Put<T> {
    fn describe(operation: &mut Operation) {
        operation.answers::<T>(201, true);
    }
}

impl Output for Socket {
    fn describe(operation: &mut Operation) {
        operation.answer = (101, None);
    }
}

impl Output for Plain {
    fn describe(operation: &mut Operation) {
        let example = "# HELP hivesync_switch Operators' switches; 1 is on.\n# TYPE hivesync_switch gauge\nhivesync_switch{name=\"previews\"} 1\n";
        let text = json!({ "schema": { "type": "string" }, "example": example });
        operation.answer = (200, Some(json!({ "text/plain": text })));
    }
}

/// Of whatever type the file is.
impl Output for File {
    fn describe(operation: &mut Operation) {
        let bytes = json!({ "*/*": {} });
        operation.header("etag", "What the content is; it never changes.");
        operation.header("content-disposition", "Always `attachment`, with the file's name.");
        let range = json!({ "content-range": { "description": "Which part.", "schema": { "type": "string" } } });
        operation.others = vec![
            (206, json!({ "description": "Here is the part.", "headers": range, "content": bytes })),
            (304, json!({ "description": "You have it already." })),
        ];
        operation.answer = (200, Some(bytes));
    }
}

impl<T: JsonSchema> Output for Maybe<T> {
    fn describe(operation: &mut Operation) {
        operation.answers::<T>(200, true);
        operation.others = vec![(204, json!({ "description": "There is nothing." }))];
    }
}

/// In the format that was asked for.
impl Output for Download {
    fn describe(operation: &mut Operation) {
        operation.header("content-disposition", "Always `attachment`, with a name.");
        let items = json!({ "type": "object", "properties": { "items": {
            "type": "array", "items": { "type": "object" }, "examples": [[{ "id": "0198c5f2-7d3a-7c41-9b52-1f0e6a2d9c77" }]],
        } }, "required": ["items"] });
        let text = json!({ "schema": { "type": "string" } });
        operation.answer = (
            200,
            Some(json!({ "application/json": { "schema": items }, "application/x-ndjson": text, "text/csv": text })),
        );
    }
}

impl Output for NoContent {
    fn describe(operation: &mut Operation) {
        operation.answer = (204, None);
    }
}
