//! The map: every endpoint, one line each. What is not here does not exist.
//!
//! After the summary stand the codes an operation can answer with beyond those its
//! extractors bring, what its requests count against where that is not the caller, and
//! `open` where it goes on whatever operators switch.

use axum::Router;
use axum::routing;

use crate::error::Code;
use crate::limits::Counted;
use crate::openapi::Document;
use crate::{
    admin, ai_docs, api_keys, attachments, audit, auth, billing, comments, health, live, monitoring, notifications,
    previews, profile, projects, search, support, tasks, team, user, webhooks, workers,
};

/// What every path begins with.
pub const BASE: &str = "/api/v1";

/// What no API key opens: what could make it more than it is, or reach beyond its end, and what is between its user
/// and us.
const NOT_FOR_KEYS: [&str; 8] = ["auth", "user", "billing", "api-keys", "webhooks", "admin", "monitoring", "ws"];

/// Whether a key is a credential at a path.
pub fn takes_keys(path: &str) -> bool {
    let part = path.strip_prefix(BASE).unwrap_or_default().split('/').nth(1);
    part.is_none_or(|part| !NOT_FOR_KEYS.contains(&part))
}

macro_rules! routes {
    ($($method:ident $path:literal $($module:ident)::+ $summary:literal $([$($code:ident),*])? $($flag:ident)*;)*) => {
        pub fn router() -> Router {
            Router::new()$(.route(concat!("/api/v1", $path), routing::$method($($module)::+)))*
        }

        /// What a POST to the path counts against, and whether the path is open whatever is switched.
        pub fn treated(path: &str) -> (Counted, bool) {
            match path {
                // Files have addresses of their own; whatever is switched, what runs goes on.
                path if path.starts_with("/api/v1/workers/") => (Counted::Worker, true),
                $(concat!("/api/v1", $path) => routes!(@treated $($flag)*),)*
                _ => (Counted::Caller, false),
            }
        }

        /// The path of the route that a request's path is of.
        pub fn template(path: &str) -> Option<&'static str> {
            thread_local! {
                static TEMPLATES: matchit::Router<&'static str> = {
                    let mut templates = matchit::Router::new();
                    // Of those with several methods, once is enough.
                    $(let _ = templates.insert($path, $path);)*
                    templates
                };
            }
            let path = path.strip_prefix(BASE)?;
            TEMPLATES.with(|templates| templates.at(path).ok().map(|found| *found.value))
        }

        pub fn describe(document: &mut Document) {
            $(document.add(stringify!($method), $path, $summary, &[$($(Code::$code),*)?], stringify!($($module)::+), $($module)::+);)*
        }
    };
    (@treated credentials) => { (Counted::Credentials, false) };
    (@treated credentials open) => { (Counted::Credentials, true) };
    (@treated webhook open) => { (Counted::Webhook, true) };
    (@treated worker open) => { (Counted::Worker, true) };
    (@treated open) => { (Counted::Caller, true) };
    (@treated) => { (Counted::Caller, false) };
}

routes! {
    get    "/health"                                    health::get                 "Tell whether the service is up" open;
    get    "/monitoring/health"                         monitoring::api::health     "Tell how all that the service stands on answers" open;
    get    "/monitoring/metrics"                        monitoring::api::metrics    "Tell figures, for Prometheus" open;

    post   "/auth/register"                             auth::api::register         "Create an account" [EmailTaken, UsernameTaken] credentials;
    post   "/auth/login"                                auth::api::login            "Log in with email and password" [InvalidCredentials, TooManyAttempts, Suspended] credentials open;
    post   "/auth/refresh"                              auth::api::refresh          "Trade a refresh token for new tokens" [TokenInvalid, Suspended] credentials open;
    post   "/auth/session-token"                        auth::api::session_token    "Make a link that logs a browser in, once";
    post   "/auth/session-exchange"                     auth::api::session_exchange "Trade the link's token for a session cookie" [LoginLinkOver] credentials open;
    post   "/auth/logout"                               auth::api::logout           "End this session" open;
    get    "/auth/me"                                   auth::api::me               "Get the account";
    get    "/auth/sessions"                             auth::api::sessions         "List the devices logged in";
    delete "/auth/sessions/{session_id}"                auth::api::revoke           "Log a device out";

    get    "/api-keys"                                  api_keys::api::list          "List the caller's API keys";
    post   "/api-keys"                                  api_keys::api::create        "Make an API key; it is shown once" [TierLimitExceeded, ApiKeyExists];
    delete "/api-keys/{api_key_id}"                     api_keys::api::revoke        "Revoke an API key, all its secrets at once";
    post   "/api-keys/{api_key_id}/regenerate"          api_keys::api::regenerate    "Give an API key a new secret; the old one works a while longer" [ApiKeyOver, TooMany, Conflict];

    get    "/user/me"                                   user::api::me               "Get the account with its subscription";

    get    "/billing/plans"                             billing::api::plans          "List the plans and what they allow";
    get    "/billing/status"                            billing::api::status         "Get the caller's plan and what is used of it";
    post   "/billing/start-checkout"                    billing::api::start_checkout "Open a checkout at the payment provider" [SubscriptionExists, ProviderFailed];
    post   "/billing/confirm"                           billing::api::confirm        "Show a receipt, where the provider is late to tell" [OrderNotFound, ProviderFailed];
    get    "/billing/portal"                            billing::api::portal         "Get a fresh link to the provider's customer portal" [SubscriptionNotFound, ProviderFailed];
    post   "/billing/cancel"                            billing::api::cancel         "Cancel the subscription; it lasts until its end is reached" [SubscriptionNotFound, SubscriptionOver, ProviderFailed];
    post   "/billing/resume"                            billing::api::resume         "Take a cancellation or a pause back" [SubscriptionNotFound, SubscriptionOver, ProviderFailed];
    post   "/billing/webhook"                           billing::api::webhook        "Take in what the payment provider says" webhook open;

    get    "/profile"                                   profile::api::get           "Get the profile";
    patch  "/profile"                                   profile::api::edit          "Update the profile";

    get    "/projects"                                  projects::api::list          "List the caller's projects";
    post   "/projects"                                  projects::api::create        "Create a project" [TierLimitExceeded];
    get    "/projects/templates"                        projects::api::templates     "List the templates for projects";
    post   "/projects/from-template"                    projects::api::from_template "Create a project from a template" [TierLimitExceeded, TemplateNotFound];
    get    "/projects/{project_id}"                     projects::api::get           "Get a project";
    patch  "/projects/{project_id}"                     projects::api::edit          "Update a project";
    delete "/projects/{project_id}"                     projects::api::delete        "Delete a project and everything in it";
    post   "/projects/{project_id}/favorite"            projects::api::favorite      "Mark a project as favorite";
    delete "/projects/{project_id}/favorite"            projects::api::unfavorite    "Unmark a favorite";
    get    "/projects/{project_id}/tags"                projects::api::tags          "List a project's tags";
    post   "/projects/{project_id}/tags"                projects::api::add_tag       "Create a tag" [TagExists, TooMany];
    delete "/projects/{project_id}/tags/{tag_id}"       projects::api::delete_tag    "Delete a tag" [ProjectNotFound];

    get    "/projects/{project_id}/team"                     team::api::list             "List a project's team";
    delete "/projects/{project_id}/team/{user_id}"           team::api::remove           "Remove a member, or leave" [ProjectNotFound, OwnerStays];
    post   "/projects/{project_id}/team/invite"              team::api::invite           "Invite someone by email or username" [AlreadyMember, InviteExists, TierLimitExceeded];
    get    "/projects/{project_id}/team/invites"             team::api::invites          "List a project's invites";
    delete "/projects/{project_id}/team/invites/{invite_id}" team::api::revoke           "Revoke an invite" [ProjectNotFound];
    get    "/invites"                                        team::api::mine             "List what the caller is invited to";
    post   "/invites/{invite_id}/accept"                     team::api::accept           "Accept an invite: join the project" [InviteOver, TeamFull];
    post   "/invites/{invite_id}/decline"                    team::api::decline          "Decline an invite" [InviteOver];

    get    "/projects/{project_id}/tasks"                                      tasks::api::list              "List a project's tasks";
    post   "/projects/{project_id}/tasks"                                      tasks::api::create            "Create a task" [Conflict];
    get    "/projects/{project_id}/tasks/labels"                               tasks::api::labels            "List a project's labels";
    post   "/projects/{project_id}/tasks/labels"                               tasks::api::add_label         "Create a label" [LabelExists, TooMany];
    delete "/projects/{project_id}/tasks/labels/{label_id}"                    tasks::api::delete_label      "Delete a label and take it off every task" [ProjectNotFound];
    get    "/projects/{project_id}/tasks/{task_id}"                            tasks::api::get               "Get a task" [ProjectNotFound];
    patch  "/projects/{project_id}/tasks/{task_id}"                            tasks::api::edit              "Update a task" [ProjectNotFound, Conflict];
    delete "/projects/{project_id}/tasks/{task_id}"                            tasks::api::delete            "Delete a task and everything on it" [ProjectNotFound];
    post   "/projects/{project_id}/tasks/{task_id}/depends-on/{other_task_id}" tasks::api::add_dependency    "Make a task depend on another" [ProjectNotFound, DependencyCycle, TooMany];
    delete "/projects/{project_id}/tasks/{task_id}/depends-on/{other_task_id}" tasks::api::remove_dependency "Remove a dependency" [ProjectNotFound, DependencyNotFound];
    get    "/projects/{project_id}/tasks/{task_id}/activity"                   tasks::api::activity          "List what has happened to a task, the latest first" [ProjectNotFound];

    get    "/projects/{project_id}/tasks/{task_id}/attachments"                 attachments::api::list      "List a task's attachments" [ProjectNotFound];
    post   "/projects/{project_id}/tasks/{task_id}/attachments"                 attachments::api::add       "Attach a file, or a link to one" [ProjectNotFound, TierLimitExceeded];
    delete "/projects/{project_id}/tasks/{task_id}/attachments/{attachment_id}" attachments::api::delete    "Delete an attachment" [ProjectNotFound, TaskNotFound];
    get    "/files/{attachment_id}"                                             attachments::api::download  "Download a file by its signed link";

    get    "/projects/{project_id}/comments"                   comments::api::list         "List the comments on a project, its tasks and its code";
    post   "/projects/{project_id}/comments"                   comments::api::create       "Comment, or reply to a comment" [TaskNotFound, CommentNotFound];
    patch  "/projects/{project_id}/comments/{comment_id}"      comments::api::edit         "Change a comment of one's own" [ProjectNotFound];
    delete "/projects/{project_id}/comments/{comment_id}"      comments::api::delete       "Delete a comment; its replies stay" [ProjectNotFound];
    post   "/projects/{project_id}/comments/{comment_id}/star" comments::api::star         "Star a comment" [ProjectNotFound];
    delete "/projects/{project_id}/comments/{comment_id}/star" comments::api::unstar       "Unstar a comment" [ProjectNotFound];

    post   "/projects/{project_id}/previews/request"                previews::api::request  "Request a preview" [PreviewLimitExceeded, FilesMissing, SwitchedOff];
    put    "/projects/{project_id}/previews/files/{sha256}"         previews::api::upload   "Upload a file for previews, by its hash" [NotFound, Validation, PreviewLimitExceeded];
    get    "/projects/{project_id}/previews/jobs"                   previews::api::list     "List a project's previews";
    get    "/projects/{project_id}/previews/jobs/{job_id}"          previews::api::get      "Get a preview" [ProjectNotFound];
    post   "/projects/{project_id}/previews/jobs/{job_id}/cancel"   previews::api::cancel   "Cancel a preview" [ProjectNotFound, JobOver];
    get    "/projects/{project_id}/previews/jobs/{job_id}/artifact" previews::api::artifact "Get a token and links for what was drawn" [ProjectNotFound, ArtifactNotReady, ArtifactExpired];
    get    "/previews/{job_id}/{name}"                              previews::api::show     "Show a file of a preview by its token";

    post   "/projects/{project_id}/ai-docs/request"              ai_docs::api::request "Have a file documented" [TierLimitExceeded, SwitchedOff, AiOff];
    get    "/projects/{project_id}/ai-docs/jobs"                 ai_docs::api::list    "List a project's jobs that document files";
    get    "/projects/{project_id}/ai-docs/jobs/{job_id}"        ai_docs::api::get     "Get a job with the document, while it is kept" [ProjectNotFound];
    post   "/projects/{project_id}/ai-docs/jobs/{job_id}/cancel" ai_docs::api::cancel  "Cancel a job that is not over" [ProjectNotFound, JobOver];
    get    "/projects/{project_id}/ai-docs/history"              ai_docs::api::history "List what came of a project's jobs that are over";

    post   "/workers/heartbeat"                       workers::api::heartbeat      "Tell that a worker is there, and what it runs" worker open;
    post   "/workers/claim"                           workers::api::claim          "Take the next job, or wait for one" worker open;
    get    "/workers/files/{file_id}"                 workers::api::file           "Fetch a job's file by its signed link" worker open;
    put    "/workers/jobs/{job_id}/artifacts/{name}"  workers::api::upload         "Bring what was drawn" [JobNotFound, ArtifactNotFound, AttemptOver, JobOver] worker open;
    post   "/workers/callback"                        workers::api::callback       "Tell how an attempt ended" [JobNotFound, AttemptOver, JobOver] worker open;
    post   "/worker/callback"                         workers::api::callback_alias "Tell how an attempt ended, at an older address" [JobNotFound, AttemptOver, JobOver] worker open;

    get    "/notifications"                             notifications::api::list          "List what the caller should know";
    post   "/notifications/mark-read"                   notifications::api::mark_read     "Mark some notifications as read";
    post   "/notifications/mark-all-read"               notifications::api::mark_all_read "Mark all notifications as read";
    get    "/notifications/settings"                    notifications::api::settings      "Tell which notifications the caller gets, and how";
    patch  "/notifications/settings"                    notifications::api::edit_settings "Choose which notifications to get, and how";

    get    "/search/projects"                           search::api::projects       "Search projects";
    get    "/search/tasks"                              search::api::tasks          "Search tasks";
    get    "/search/comments"                           search::api::comments       "Search comments";

    get    "/webhooks"                                             webhooks::api::list         "List a project's webhooks";
    post   "/webhooks"                                             webhooks::api::create       "Create a webhook" [Forbidden, ProjectNotFound, TierLimitExceeded];
    get    "/webhooks/{webhook_id}"                                webhooks::api::get          "Get a webhook";
    patch  "/webhooks/{webhook_id}"                                webhooks::api::edit         "Update a webhook" [ProjectNotFound];
    delete "/webhooks/{webhook_id}"                                webhooks::api::delete       "Delete a webhook" [ProjectNotFound];
    post   "/webhooks/{webhook_id}/rotate-secret"                  webhooks::api::rotate       "Replace the secret; the one before it signs for a while, too" [ProjectNotFound, TooMany];
    post   "/webhooks/{webhook_id}/test"                           webhooks::api::test         "Send a test now" [WebhookDeliveryFailed];
    post   "/webhooks/{webhook_id}/replay"                         webhooks::api::replay_range "Send again what is of some time" [ProjectNotFound, WebhookDisabled];
    get    "/webhooks/{webhook_id}/deliveries"                     webhooks::api::deliveries   "List what was sent, and what came of it, the latest first";
    post   "/webhooks/{webhook_id}/deliveries/{delivery_id}/replay" webhooks::api::replay      "Send one delivery again" [ProjectNotFound, WebhookNotFound, WebhookDisabled];

    get    "/support/faq"                                  support::api::faq         "List the questions that have answers";
    post   "/support/question"                             support::api::ask         "Ask for help";
    get    "/support/questions/{question_id}"              support::api::get         "Get a question of one's own with its answer";
    post   "/support/questions/{question_id}/feedback"     support::api::rate        "Say whether the answer helped";

    post   "/ws/ticket"                                 live::api::ticket           "Make a ticket that opens a WebSocket, once";
    get    "/ws"                                        live::api::open             "Open a WebSocket and hear what happens";
    get    "/ws/{client_id}"                            live::api::open_as          "Open a WebSocket as a client with a name";

    get    "/admin/overview"                            admin::api::overview        "Tell how the service stands";
    get    "/admin/export/{type}"                       admin::export::api::download "Export what there is, as it streams";
    get    "/admin/workers"                             admin::api::workers         "List the workers";
    get    "/admin/queues"                              admin::api::queues          "Tell what waits, and for how long";
    get    "/admin/questions"                           admin::api::questions       "List the questions that were passed on to operators, the latest first";
    get    "/admin/questions/{question_id}"             admin::api::question        "Get a question that was passed on to operators";
    post   "/admin/maintenance/{action}"                admin::api::maintain        "Have something done, or turn a switch" [ConfirmationRequired];
    get    "/admin/logs/audit"                          audit::api::list            "List what happened, the latest first";
    get    "/admin/logs/audit/verify"                   audit::api::verify          "Walk the audit chain, and tell what does not fit";
}
