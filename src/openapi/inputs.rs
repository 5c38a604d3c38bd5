//! What each extractor takes, and how it can refuse.

use http::Method;
use schemars::JsonSchema;
use serde_json::{Value, json};

use super::{Input, Operation};
use crate::access::{Actor, Can, Operator, Permits, Role};
use crate::app::App;
use crate::attachments;
use crate::attachments::download::Link;
use crate::csrf::NotCrossSite;
use crate::error::Code;
use crate::http::{Body, Body400, FormOr, IfMatch, Page, Raw, Signed, Wanted};
use crate::live::api::Guest;
use crate::monitoring::api::Scraper;
use crate::previews::artifact::{ByToken, Shown};
use crate::workers::claim::{Fetched, SignedPlace};
use crate::workers::{self, upload::Upload};

impl Input for App {
    fn describe(_: &mut Operation) {}
}

impl Input for Method {
    fn describe(_: &mut Operation) {}
}

impl Input for Actor {
    fn describe(operation: &mut Operation) {
        operation.authenticated = true;
        operation.can_fail(&[Code::Unauthorized, Code::TokenInvalid, Code::TokenExpired, Code::Suspended]);
    }
}

impl Input for Operator {
    fn describe(operation: &mut Operation) {
        Actor::describe(operation);
        operation.can_fail(&[Code::Forbidden]);
    }
}

impl Input for Scraper {
    fn describe(operation: &mut Operation) {
        Operator::describe(operation);
    }
}

impl<V, T: Permits<V>> Input for Can<V, T> {
    fn describe(operation: &mut Operation) {
        Actor::describe(operation);
        // The plain NOT_FOUND stands on things every caller has.
        if T::NOT_FOUND != Code::NotFound {
            operation.can_fail(&[T::NOT_FOUND]);
        }
        if T::NEEDS > Role::Member {
            operation.can_fail(&[Code::Forbidden]);
        }
        T::reads(operation);
    }
}

impl<T: JsonSchema, const LIMIT: usize> Input for Body<T, LIMIT> {
    fn describe(operation: &mut Operation) {
        operation.can_fail(&[Code::BadRequest, Code::PayloadTooLarge, Code::UnsupportedMediaType, Code::Validation]);
        let schema = operation.schemas.taken.subschema_for::<T>().to_value();
        operation.body = Some(json!({ "required": true, "content": { "application/json": { "schema": schema } } }));
    }
}

impl<T: JsonSchema> Input for FormOr<T> {
    fn describe(operation: &mut Operation) {
        <Body<T>>::describe(operation);
        let form = json!({
            "type": "object",
            "properties": { "file": {
                "type": "string", "contentMediaType": "application/octet-stream", "description": "The file, with its name.",
            } },
            "required": ["file"],
        });
        let content = operation.body.as_mut().and_then(|body| body.get_mut("content")).and_then(Value::as_object_mut);
        if let Some(content) = content {
            content.insert("multipart/form-data".into(), json!({ "schema": form }));
        }
    }
}

impl Input for Link {
    fn describe(operation: &mut Operation) {
        operation.can_fail(&[Code::LinkInvalid, Code::LinkExpired, Code::AttachmentNotFound]);
        operation.query::<attachments::download::Signed>();
    }
}

impl Input for Wanted {
    fn describe(operation: &mut Operation) {
        operation.can_fail(&[Code::RangeNotSatisfiable]);
        for (name, description, example) in [
            ("Range", "One range of bytes. Several are answered with all of it.", "bytes=0-1023"),
            ("If-Range", "The ETag a range is of: if the file is another, all of it comes.", "\"9f86d081884c7d65\""),
            ("If-None-Match", "The ETag of what is there already.", "\"9f86d081884c7d65\""),
        ] {
            operation.parameters.push(json!({
                "name": name, "in": "header", "required": false, "description": description,
                "schema": { "type": "string" }, "example": example,
            }));
        }
    }
}

impl<T: JsonSchema> Input for Body400<T> {
    fn describe(operation: &mut Operation) {
        <Body<T>>::describe(operation);
        operation.codes.retain(|code| *code != Code::Validation);
    }
}

impl Input for Signed {
    fn describe(operation: &mut Operation) {
        operation.can_fail(&[Code::SignatureInvalid, Code::BadRequest, Code::PayloadTooLarge]);
        for (name, description) in [
            ("X-Signature", "Lower-case hex of the HMAC-SHA256 of the body's bytes, under the webhook's secret."),
            ("X-Event-Name", "The event, as in the body."),
        ] {
            operation.parameters.push(json!({
                "name": name, "in": "header", "required": false, "description": description,
                "schema": { "type": "string" },
            }));
        }
        operation.body = Some(json!({
            "required": true,
            "content": { "application/json": { "schema": { "type": "object" }, "example": { "meta": {}, "data": {} } } },
        }));
    }
}

impl Input for Raw {
    fn describe(operation: &mut Operation) {
        operation.can_fail(&[Code::LengthRequired, Code::PayloadTooLarge]);
        let bytes =
            json!({ "*/*": { "schema": { "type": "string", "contentMediaType": "application/octet-stream" } } });
        operation.body = Some(json!({ "required": true, "content": bytes }));
    }
}

impl Input for Shown {
    fn describe(operation: &mut Operation) {
        operation.can_fail(&[Code::LinkInvalid, Code::LinkExpired, Code::ArtifactNotFound]);
        operation.query::<ByToken>();
    }
}

impl<T: JsonSchema> Input for workers::access::Signed<T> {
    fn describe(operation: &mut Operation) {
        <Body<T>>::describe(operation);
        signed(operation);
    }
}

impl Input for Upload {
    fn describe(operation: &mut Operation) {
        Raw::describe(operation);
        signed(operation);
        operation.can_fail(&[Code::UnsupportedMediaType, Code::Validation]);
        operation.parameters.push(json!({
            "name": "X-HS-Attempt", "in": "header", "required": false, "description": "The claim's `attempt_token`.",
            "schema": { "type": "string" },
        }));
    }
}

impl Input for Fetched {
    fn describe(operation: &mut Operation) {
        operation.can_fail(&[Code::LinkInvalid, Code::LinkExpired, Code::ArtifactNotFound]);
        operation.query::<SignedPlace>();
    }
}

/// What a worker proves itself by.
fn signed(operation: &mut Operation) {
    operation.can_fail(&[Code::WorkerCallbackInvalid]);
    for (name, description) in [
        ("X-HS-Timestamp", "Seconds since 1970, at most five minutes off."),
        ("X-HS-Worker", "What the worker calls itself: 1 to 64 of a-z, 0-9 and -."),
        (
            "X-HS-Signature",
            "Lower-case hex of the HMAC-SHA256 of the timestamp, a dot and the body's bytes, under the workers' secret. Good once.",
        ),
    ] {
        operation.parameters.push(json!({
            "name": name, "in": "header", "required": false, "description": description, "schema": { "type": "string" },
        }));
    }
}

impl Input for IfMatch {
    fn describe(operation: &mut Operation) {
        operation.can_fail(&[Code::PreconditionFailed]);
        operation.parameters.push(json!({
            "name": "If-Match", "in": "header", "required": false,
            "description": "The ETag of what was read: what was changed since is not overwritten.",
            "schema": { "type": "string" }, "example": "\"3\"",
        }));
    }
}

impl Input for Guest {
    fn describe(operation: &mut Operation) {
        Actor::describe(operation);
        operation.can_fail(&[Code::CrossSite, Code::Validation, Code::UpgradeRequired]);
        for (name, description) in [
            ("ticket", "Of `POST /ws/ticket`: good once, within 30 seconds."),
            (
                "token",
                "An access token, for clients that cannot send headers. Prefer a ticket: addresses end up in logs.",
            ),
        ] {
            operation.parameters.push(json!({
                "name": name, "in": "query", "required": false, "description": description,
                "schema": { "type": "string" },
            }));
        }
    }
}

impl Input for NotCrossSite {
    fn describe(operation: &mut Operation) {
        operation.can_fail(&[Code::CrossSite]);
    }
}

impl Operation<'_> {
    /// `page` and `page_size`, and a parameter for each field of the filter.
    pub fn listed<Filter: JsonSchema>(&mut self) {
        self.can_fail(&[Code::Validation]);
        self.query::<Page>();
        self.query::<Filter>();
    }

    /// A parameter of the query for each field.
    pub fn asked<T: JsonSchema>(&mut self) {
        self.can_fail(&[Code::Validation]);
        self.query::<T>();
    }

    fn query<T: JsonSchema>(&mut self) {
        let schema = schemars::schema_for!(T);
        let definitions = schema.get("$defs").cloned().unwrap_or_default();
        let properties = schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
        let required = schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
        for (name, schema) in properties {
            let required = required.contains(&name.as_str().into());
            self.parameters.push(parameter(&name, required, schema, &definitions));
        }
    }
}

fn parameter(name: &str, required: bool, mut schema: Value, definitions: &Value) -> Value {
    // A word of a list that may be left out: the list alone.
    let choices = schema.get("anyOf").and_then(Value::as_array);
    if let Some(given) = choices.and_then(|all| all.iter().find(|choice| choice.get("$ref").is_some())).cloned()
        && let Some(whole) = schema.as_object_mut()
    {
        whole.remove("anyOf");
        whole.extend(given.as_object().cloned().unwrap_or_default());
    }
    let target = schema.get("$ref").and_then(Value::as_str).and_then(|path| path.rsplit('/').next());
    if let Some(found) = target.and_then(|name| definitions.get(name)) {
        let default = schema.get("default").cloned();
        schema = found.clone();
        if let (Some(default), Some(schema)) = (default, schema.as_object_mut()) {
            schema.insert("default".into(), default);
        }
    }
    let mut description = Value::Null;
    if let Some(schema) = schema.as_object_mut() {
        description = schema.remove("description").unwrap_or_default();
        // A query cannot say null: leaving the parameter out does.
        if let Some(Value::Array(types)) = schema.get("type") {
            let kind = types.iter().find(|kind| *kind != "null").cloned().unwrap_or_default();
            schema.insert("type".into(), kind);
        }
        if schema.get("default") == Some(&Value::Null) {
            schema.remove("default");
        }
    }
    let mut parameter = json!({ "name": name, "in": "query", "required": required, "schema": schema });
    if let (Value::String(text), Some(parameter)) = (description, parameter.as_object_mut()) {
        parameter.insert("description".into(), text.into());
    }
    parameter
}
