//! Every failure a client can see: one table of codes, statuses and sentences.

use std::borrow::Cow;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

pub type Result<T, E = Error> = std::result::Result<T, E>;

macro_rules! codes {
    ($($code:ident $name:literal $status:literal $message:literal)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Code { $($code),* }

        impl Code {
            pub const ALL: &[Code] = &[$(Code::$code),*];

            /// The stable name clients match on.
            pub const fn name(self) -> &'static str {
                match self { $(Code::$code => $name),* }
            }

            pub const fn status(self) -> u16 {
                match self { $(Code::$code => $status),* }
            }

            pub const fn message(self) -> &'static str {
                match self { $(Code::$code => $message),* }
            }
        }
    };
}

codes! {
    BadRequest            "BAD_REQUEST"              400 "The request could not be read."
    Unauthorized          "UNAUTHORIZED"             401 "Log in and send the access token as a Bearer token."
    InvalidCredentials    "AUTH_INVALID_CREDENTIALS" 401 "The email or the password is wrong."
    TokenInvalid          "AUTH_INVALID"             401 "The token is not valid."
    WorkerCallbackInvalid "WORKER_CALLBACK_INVALID"  401 "The signature, its time or its worker is not valid, or it was used before."
    SignatureInvalid      "SIGNATURE_INVALID"        401 "The signature does not fit the body."
    TokenExpired          "AUTH_EXPIRED"             401 "The token has expired."
    Forbidden             "AUTH_FORBIDDEN"           403 "You may see this, but not do that."
    KeyNotAllowed         "KEY_NOT_ALLOWED"          403 "An API key does not open this; log in."
    ScopeMissing          "SCOPE_MISSING"            403 "The API key may read, but not change anything."
    CrossSite             "CROSS_SITE_REQUEST"       403 "A cookie counts only for requests of our own pages."
    Suspended             "ACCOUNT_SUSPENDED"        403 "This account is suspended."
    TierLimitExceeded     "TIER_LIMIT_EXCEEDED"      403 "Your plan does not allow more of these."
    PreviewLimitExceeded  "PREVIEW_LIMIT_EXCEEDED"   403 "Your plan does not allow more previews, or larger ones."
    LinkInvalid           "LINK_INVALID"             403 "This link is not one of ours; ask for a new one."
    NotFound              "NOT_FOUND"                404 "There is nothing at this address."
    SessionNotFound       "SESSION_NOT_FOUND"        404 "There is no such session."
    ProjectNotFound       "PROJECT_NOT_FOUND"        404 "There is no such project."
    ApiKeyNotFound        "API_KEY_NOT_FOUND"        404 "There is no such API key."
    TagNotFound           "TAG_NOT_FOUND"            404 "There is no such tag."
    MemberNotFound        "MEMBER_NOT_FOUND"         404 "The project has no such member."
    InviteNotFound        "INVITE_NOT_FOUND"         404 "There is no such invite."
    TaskNotFound          "TASK_NOT_FOUND"           404 "There is no such task."
    LabelNotFound         "LABEL_NOT_FOUND"          404 "There is no such label."
    DependencyNotFound    "DEPENDENCY_NOT_FOUND"     404 "The task does not depend on that one."
    CommentNotFound       "COMMENT_NOT_FOUND"        404 "There is no such comment."
    AttachmentNotFound    "ATTACHMENT_NOT_FOUND"     404 "There is no such attachment."
    JobNotFound           "JOB_NOT_FOUND"            404 "There is no such job."
    ArtifactNotFound      "ARTIFACT_NOT_FOUND"       404 "The preview has no such file."
    WebhookNotFound       "WEBHOOK_NOT_FOUND"        404 "There is no such webhook."
    DeliveryNotFound      "DELIVERY_NOT_FOUND"       404 "The webhook has no such delivery."
    TemplateNotFound      "TEMPLATE_NOT_FOUND"       404 "There is no such template."
    QuestionNotFound      "QUESTION_NOT_FOUND"       404 "There is no such question."
    SubscriptionNotFound  "SUBSCRIPTION_NOT_FOUND"   404 "There is no subscription."
    ExportNotFound        "EXPORT_NOT_FOUND"         404 "There is no such export."
    OrderNotFound         "ORDER_NOT_FOUND"          404 "There is no such order with a subscription."
    ActionNotFound        "ACTION_NOT_FOUND"         404 "There is no such action."
    MethodNotAllowed      "METHOD_NOT_ALLOWED"       405 "This address does not take that method."
    EmailTaken            "EMAIL_TAKEN"              409 "An account with this email exists."
    UsernameTaken         "USERNAME_TAKEN"           409 "This username is taken."
    ApiKeyExists          "API_KEY_EXISTS"           409 "There is an API key of this name."
    TagExists             "TAG_EXISTS"               409 "The project has a tag of this name."
    LabelExists           "LABEL_EXISTS"             409 "The project has a label of this name."
    AlreadyMember         "ALREADY_MEMBER"           409 "They are on the team already."
    InviteExists          "INVITE_EXISTS"            409 "They are invited already."
    OwnerStays            "OWNER_STAYS"              409 "A project keeps its owner; delete the project instead."
    TeamFull              "TEAM_FULL"                409 "The owner's plan allows no more members."
    TooMany               "TOO_MANY"                 409 "There can be no more of these; remove one first."
    DependencyCycle       "DEPENDENCY_CYCLE"         409 "The tasks would wait for each other."
    SubscriptionExists    "SUBSCRIPTION_EXISTS"      409 "There is a subscription of this tier or a higher one already."
    SubscriptionOver      "SUBSCRIPTION_OVER"        409 "The subscription is over; start a new one."
    JobOver               "JOB_OVER"                 409 "The job is over."
    AttemptOver           "ATTEMPT_OVER"             409 "It is not this attempt at the job that runs."
    ArtifactNotReady      "ARTIFACT_NOT_READY"       409 "There is nothing to show yet."
    FilesMissing          "FILES_MISSING"            409 "Some files are not here; upload them first."
    WebhookDisabled       "WEBHOOK_DISABLED"         409 "The webhook is not active; make it active first."
    Conflict              "CONFLICT"                 409 "Something changed meanwhile; read it again."
    IdempotencyRunning    "IDEMPOTENCY_IN_PROGRESS"  409 "A request with this Idempotency-Key is still running."
    IdempotencyOver       "IDEMPOTENCY_ANSWER_OVER"  409 "A request with this Idempotency-Key was answered before; the answer cannot be shown any more."
    LoginLinkOver         "LOGIN_LINK_OVER"          410 "This link has expired or was used already."
    InviteOver            "INVITE_OVER"              410 "This invite has expired or was answered already."
    ApiKeyOver            "API_KEY_OVER"             410 "The API key has expired; make a new one."
    LinkExpired           "LINK_EXPIRED"             410 "This link has expired; ask for a new one."
    ArtifactExpired       "ARTIFACT_EXPIRED"         410 "The preview has expired; request a new one."
    LengthRequired        "LENGTH_REQUIRED"          411 "Say how long the body is: Content-Length."
    PreconditionFailed    "PRECONDITION_FAILED"      412 "It was changed meanwhile; read it again."
    PayloadTooLarge       "PAYLOAD_TOO_LARGE"        413 "The body is too large."
    UnsupportedMediaType  "UNSUPPORTED_MEDIA_TYPE"   415 "Send the body as application/json."
    RangeNotSatisfiable   "RANGE_NOT_SATISFIABLE"    416 "The file has no such range."
    Validation            "VALIDATION_ERROR"         422 "Some fields are not valid."
    ConfirmationRequired  "CONFIRMATION_REQUIRED"    422 "This cannot be taken back; send it with confirm: true."
    IdempotencyMismatch   "IDEMPOTENCY_KEY_REUSED"   422 "This Idempotency-Key was used with another request."
    UpgradeRequired       "UPGRADE_REQUIRED"         426 "Open a WebSocket here."
    RateLimited           "RATE_LIMITED"             429 "Too many requests; wait before the next one."
    TooManyAttempts       "AUTH_LOCKED"              429 "Too many failed logins; wait before the next one."
    Internal              "INTERNAL_ERROR"           500 "Something went wrong on our side."
    ProviderFailed        "PAYMENT_PROVIDER_FAILED"  500 "The payment provider did not do its part; nothing was charged. Try again shortly."
    WebhookDeliveryFailed "WEBHOOK_DELIVERY_FAILED"  502 "The webhook did not answer with success."
    Misconfigured         "MISCONFIGURED"            503 "The service is not set up completely."
    Unavailable           "UNAVAILABLE"              503 "The service is overloaded; try again shortly."
    AiOff                 "AI_OFF"                   503 "There is no AI provider here."
    SwitchedOff           "SWITCHED_OFF"             503 "This is switched off for now."
    Maintenance           "MAINTENANCE"              503 "The service is being looked after; try again shortly."
    ReadOnly              "READ_ONLY"                503 "Nothing can be changed for now; what is there can be read."
}

impl Code {
    /// Seconds until it is worth while to look whether an operator's switch is back.
    pub const SWITCHED_FOR: i64 = 60;

    /// Whether nothing was done, for sure: what failed here may have happened all the same.
    pub const fn is_refusal(self) -> bool {
        self.status() < 500 || matches!(self, Code::SwitchedOff | Code::ReadOnly | Code::Maintenance)
    }

    pub fn from_name(name: &str) -> Option<Code> {
        Code::ALL.iter().copied().find(|code| code.name() == name)
    }
}

#[derive(Clone, Debug)]
pub struct Error {
    pub code: Code,
    /// Boxed, so that a `Result` stays small.
    more: Box<More>,
}

#[derive(Clone, Debug, Default)]
struct More {
    /// Instead of the code's own.
    message: Option<Cow<'static, str>>,
    details: Map<String, Value>,
    /// Seconds.
    retry_after: Option<i64>,
    cause: Option<String>,
    replay: Option<Replay>,
}

/// The stored answer of an earlier request with the same `Idempotency-Key`.
#[derive(Clone, Debug, Deserialize)]
pub struct Replay {
    pub status: u16,
    pub answer: String,
}

impl Error {
    pub fn new(code: Code) -> Self {
        Error { code, more: Box::default() }
    }

    /// A failure of ours: the cause goes to the log, never to the client.
    pub fn internal(cause: impl Into<String>) -> Self {
        Error::new(Code::Internal).because(cause)
    }

    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        let mut error = Error::new(Code::Validation);
        let fields = json!([{ "field": field.into(), "message": message.into() }]);
        error.more.details.insert("fields".into(), fields);
        error
    }

    /// Not a failure, but it ends the request the same way: the earlier answer again.
    pub fn replay(replay: Replay) -> Self {
        let mut error = Error::new(Code::Conflict);
        error.more.replay = Some(replay);
        error
    }

    pub fn saying(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        self.more.message = Some(message.into());
        self
    }

    pub fn with_code(mut self, code: Code) -> Self {
        self.code = code;
        self
    }

    /// Adds to `details`.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.more.details.insert(name.into(), value.into());
        self
    }

    pub fn detail(&self, name: &str) -> Option<&Value> {
        self.more.details.get(name)
    }

    pub fn because(mut self, cause: impl Into<String>) -> Self {
        self.more.cause = Some(cause.into());
        self
    }

    pub fn retry_after(mut self, seconds: i64) -> Self {
        self.more.retry_after = Some(seconds.max(1));
        self
    }

    pub fn cause(&self) -> Option<&str> {
        self.more.cause.as_deref()
    }

    pub fn message(&self) -> &str {
        self.more.message.as_deref().unwrap_or(self.code.message())
    }

    /// The envelope; the request's id stands beside the error.
    pub fn body(&self, request_id: &str) -> String {
        let (code, message) = (self.code.name().into(), self.message().into());
        let error = ErrorContent { code, message, details: self.more.details.clone() };
        serde_json::to_string(&ErrorBody { error, request_id: request_id.into() }).unwrap_or_default()
    }
}

impl From<Code> for Error {
    fn from(code: Code) -> Self {
        Error::new(code)
    }
}

/// What every failure looks like.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Error")]
pub struct ErrorBody {
    pub error: ErrorContent,
    #[schemars(example = &"5f0c1f0e-6a2d-4c77-9b52-0198c5f27d3a")]
    pub request_id: String,
}

#[derive(Serialize, JsonSchema)]
pub struct ErrorContent {
    /// Stable; one of the operation's possible codes.
    pub code: String,
    /// For people; may change.
    pub message: String,
    /// `fields` on a failed validation, otherwise as the code needs.
    pub details: Map<String, Value>,
}

impl IntoResponse for Error {
    /// Without a body: the envelope needs the request's id, so it is written last.
    fn into_response(self) -> Response {
        let mut response = Response::default();
        if let Some(replay) = self.more.replay {
            *response.status_mut() = StatusCode::from_u16(replay.status).unwrap_or_default();
            response.headers_mut().insert("idempotency-replayed", HeaderValue::from_static("true"));
            *response.body_mut() = replay.answer.into();
            return response;
        }
        *response.status_mut() = StatusCode::from_u16(self.code.status()).unwrap_or_default();
        if let Some(seconds) = self.more.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        if self.code.status() == 401 {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_read_back() {
        for code in Code::ALL {
            assert_eq!(Code::from_name(code.name()), Some(*code));
        }
    }

    #[test]
    fn a_cause_never_reaches_the_client() {
        let body = Error::internal("D1_ERROR: no such table: users").body("r");
        assert!(!body.contains("users") && body.contains("INTERNAL_ERROR"), "{body}");
    }
}
