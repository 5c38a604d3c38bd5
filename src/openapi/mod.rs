//! The OpenAPI 3.1 document, from the routes and the types of their handlers.
//!
//! Nothing of this is reachable from the Worker's exports, so none of it is in the wasm.

mod example;
mod inputs;
mod outputs;

use std::collections::BTreeMap;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::admin::export::What;
use crate::admin::maintenance::Action;
use crate::error::{Code, ErrorBody, Result};
use crate::routes;

pub struct Document {
    schemas: Schemas,
    paths: BTreeMap<String, Map<String, Value>>,
}

/// A field that may be absent from a request is always there in an answer, if only as `null`.
struct Schemas {
    taken: SchemaGenerator,
    given: SchemaGenerator,
}

/// One endpoint while it is being described.
pub struct Operation<'a> {
    schemas: &'a mut Schemas,
    authenticated: bool,
    codes: Vec<Code>,
    parameters: Vec<Value>,
    body: Option<Value>,
    answer: (u16, Option<Value>),
    headers: Vec<(&'static str, &'static str)>,
    /// What it can come to besides, which is no failure.
    others: Vec<(u16, Value)>,
}

/// What an extractor takes from a request.
pub trait Input {
    fn describe(operation: &mut Operation);
}

/// What a handler answers.
pub trait Output {
    fn describe(operation: &mut Operation);
}

/// A handler, by its signature.
pub trait Endpoint<Signature> {
    fn describe(&self, operation: &mut Operation);
}

macro_rules! endpoints {
    ($(($($input:ident),*))*) => {$(
        impl<F, Fut, R, $($input),*> Endpoint<($($input,)*)> for F
        where
            F: Fn($($input),*) -> Fut,
            Fut: Future<Output = Result<R>>,
            R: Output,
            $($input: Input),*
        {
            fn describe(&self, operation: &mut Operation) {
                $($input::describe(operation);)*
                R::describe(operation);
            }
        }
    )*};
}

endpoints! { () (A) (A, B) (A, B, C) (A, B, C, D) }

/// What any request can meet.
const ANYWHERE: [Code; 5] =
    [Code::RateLimited, Code::Internal, Code::Misconfigured, Code::Unavailable, Code::Maintenance];

/// One a domain.
const TAGS: &[(&str, &str)] = &[
    ("health", "Whether the service is up."),
    ("monitoring", "How the service does."),
    ("auth", "Accounts, logins and the devices logged in."),
    ("api_keys", "What programs of a user call with."),
    ("user", "The caller's account with its subscription."),
    ("billing", "Plans, checkouts and subscriptions."),
    ("profile", "What users say of themselves."),
    ("projects", "Projects with their tags and favorites."),
    ("team", "Who works on a project, and who is invited to."),
    ("tasks", "Tasks with their labels and dependencies."),
    ("comments", "What is said on projects, tasks and code."),
    ("attachments", "Files on tasks."),
    ("previews", "A project's pages, drawn as they look on a device."),
    ("workers", "How the machines that draw previews get and bring them."),
    ("notifications", "What the caller should know."),
    ("search", "Projects, tasks and comments by what they say."),
    ("webhooks", "What happens in a project, told to servers elsewhere."),
    ("ai_docs", "Files documented by the AI provider."),
    ("support", "Questions, and the answers there are."),
    ("live", "What happens, as it happens."),
    ("admin", "For who runs the service. What operators do and see is written down."),
    ("audit", "What happened, for those who run the service."),
];

/// The whole document, as it is published.
pub fn document() -> Value {
    let mut document = Document { schemas: Schemas::new(), paths: BTreeMap::new() };
    document.schemas.given.subschema_for::<ErrorBody>();
    routes::describe(&mut document);
    let schemas = document.schemas.definitions();
    let mut whole = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "HiveSync API",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Accounts, projects and teams at the edge. Every failure has the same shape and a stable code; every answer carries `x-request-id`.",
            "license": { "name": "MIT", "identifier": "MIT" },
        },
        "servers": [{ "url": routes::BASE, "description": "Where this document was served from" }],
        "tags": TAGS.iter().map(|(name, description)| json!({ "name": name, "description": description })).collect::<Vec<_>>(),
        "paths": document.paths,
        "components": {
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" },
                "api_key": {
                    "type": "http", "scheme": "bearer", "bearerFormat": "hsk_live_…",
                    "description": "Of `POST /api-keys`. With the scope `read` for GET and HEAD, with `write` for all else.",
                },
                "cookie": {
                    "type": "apiKey", "in": "cookie", "name": "__Host-session",
                    "description": "Of `/auth/session-exchange`. What changes something must be `application/json` from a page of the same origin.",
                },
            },
            "schemas": schemas,
        },
    });
    example::fill(&mut whole);
    whole
}

impl Schemas {
    fn new() -> Self {
        let mut settings = SchemaSettings::draft2020_12();
        settings.definitions_path = "/components/schemas".into();
        Schemas {
            taken: settings.clone().for_deserialize().into_generator(),
            given: settings.for_serialize().into_generator(),
        }
    }

    fn definitions(&mut self) -> Map<String, Value> {
        let mut all = self.taken.take_definitions(true);
        all.extend(self.given.take_definitions(true));
        all
    }
}

impl Document {
    pub fn add<S>(
        &mut self,
        method: &str,
        path: &str,
        summary: &str,
        codes: &[Code],
        name: &str,
        handler: impl Endpoint<S>,
    ) {
        let mut operation = Operation {
            schemas: &mut self.schemas,
            authenticated: false,
            codes: codes.to_vec(),
            parameters: path_parameters(path),
            body: None,
            answer: (200, None),
            headers: Vec::new(),
            others: Vec::new(),
        };
        handler.describe(&mut operation);
        if method != "get" {
            operation.can_fail(&[Code::ReadOnly]);
        }
        let by_key = operation.authenticated && routes::takes_keys(&format!("{}{path}", routes::BASE));
        match (operation.authenticated, by_key) {
            (true, true) if method != "get" => operation.can_fail(&[Code::ScopeMissing]),
            (true, false) => operation.can_fail(&[Code::KeyNotAllowed]),
            _ => {}
        }
        let tag = name.split("::").next().unwrap_or_default().trim();
        let mut value = json!({
            "tags": [tag],
            "summary": summary,
            "operationId": name.replace(char::is_whitespace, "").replace("::api::", "_").replace("::", "_"),
            "security": match (operation.authenticated, by_key) {
                (true, true) => json!([{ "bearer": [] }, { "api_key": [] }, { "cookie": [] }]),
                (true, false) => json!([{ "bearer": [] }, { "cookie": [] }]),
                _ => json!([]),
            },
            "responses": operation.responses(),
        });
        if let Some(operation_map) = value.as_object_mut() {
            if !operation.parameters.is_empty() {
                operation_map.insert("parameters".into(), operation.parameters.into());
            }
            if let Some(body) = operation.body {
                operation_map.insert("requestBody".into(), body);
            }
        }
        self.paths.entry(path.to_owned()).or_default().insert(method.to_owned(), value);
    }
}

fn path_parameters(path: &str) -> Vec<Value> {
    path.split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| match name {
            "sha256" => json!({
                "name": name, "in": "path", "required": true, "schema": { "type": "string", "pattern": "^[0-9a-f]{64}$" },
                "example": "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
            }),
            "name" => json!({
                "name": name, "in": "path", "required": true, "schema": { "type": "string" }, "example": "iphone-15.png",
            }),
            "type" => json!({
                "name": name, "in": "path", "required": true,
                "schema": { "type": "string", "enum": What::ALL.map(What::name) }, "example": "audit",
            }),
            "action" => json!({
                "name": name, "in": "path", "required": true,
                "schema": { "type": "string", "enum": Action::ALL.map(Action::name) }, "example": "run_diagnostics",
            }),
            "user_id" => json!({
                "name": name, "in": "path", "required": true, "schema": { "type": "integer", "minimum": 1 }, "example": 42,
            }),
            _ => json!({
                "name": name, "in": "path", "required": true,
                "schema": { "type": "string", "format": "uuid" },
                "example": "0198c5f2-7d3a-7c41-9b52-1f0e6a2d9c77",
            }),
        })
        .collect()
}

impl Operation<'_> {
    fn can_fail(&mut self, codes: &[Code]) {
        self.codes.extend_from_slice(codes);
    }

    /// A header of the success.
    fn header(&mut self, name: &'static str, description: &'static str) {
        self.headers.push((name, description));
    }

    fn answers<T: JsonSchema>(&mut self, status: u16, enveloped: bool) {
        let schema = self.schemas.given.subschema_for::<T>().to_value();
        let schema = if enveloped {
            json!({ "type": "object", "properties": { "data": schema }, "required": ["data"] })
        } else {
            schema
        };
        self.answer = (status, Some(json!({ "application/json": { "schema": schema } })));
    }

    /// The success first, then one entry a status with all its codes.
    fn responses(&self) -> Map<String, Value> {
        let (status, content) = &self.answer;
        let mut success = json!({
            "description": match status { 101 => "Messages, both ways.", 201 => "Created.", 204 => "Done.", _ => "Here it is." },
            "headers": { "x-request-id": { "description": "Names this request in our logs.", "schema": { "type": "string" } } },
        });
        if let (Some(content), Some(success)) = (content, success.as_object_mut()) {
            success.insert("content".into(), content.clone());
        }
        if let Some(headers) = success.get_mut("headers").and_then(Value::as_object_mut) {
            for (name, description) in &self.headers {
                headers.insert((*name).into(), json!({ "description": description, "schema": { "type": "string" } }));
            }
        }
        let mut responses = Map::new();
        responses.insert(status.to_string(), success);
        responses.extend(self.others.iter().map(|(status, other)| (status.to_string(), other.clone())));
        let mut by_status: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
        for code in self.codes.iter().chain(&ANYWHERE) {
            let codes = by_status.entry(code.status()).or_default();
            if !codes.contains(code) {
                codes.push(*code);
            }
        }
        for (status, codes) in by_status {
            responses.insert(status.to_string(), failure(status, &codes));
        }
        responses
    }
}

fn failure(status: u16, codes: &[Code]) -> Value {
    let names: Vec<String> = codes.iter().map(|code| format!("`{}`", code.name())).collect();
    let examples: Map<String, Value> = codes
        .iter()
        .map(|code| {
            let details = match code {
                Code::Validation => json!({ "fields": [{ "field": "name", "message": "is required" }] }),
                Code::TierLimitExceeded | Code::PreviewLimitExceeded => json!({
                    "limit_type": "projects", "tier": "free", "limit": 3, "used": 3, "upgrade_available": true,
                    "recommended_tier": "pro", "upgrade_reason": "Pro allows 25 projects.",
                }),
                _ => json!({}),
            };
            let error = json!({ "code": code.name(), "message": code.message(), "details": details });
            (
                code.name().to_owned(),
                json!({ "value": { "error": error, "request_id": "5f0c1f0e-6a2d-4c77-9b52-0198c5f27d3a" } }),
            )
        })
        .collect();
    let mut response = json!({
        "description": names.join(", "),
        "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Error" }, "examples": examples } },
    });
    if let (429 | 503, Some(response)) = (status, response.as_object_mut()) {
        let header = json!({ "Retry-After": { "description": "Seconds to wait.", "schema": { "type": "integer" } } });
        response.insert("headers".into(), header);
    }
    response
}
