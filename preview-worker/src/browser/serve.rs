//! Every request of every page, frame and worker, answered from memory.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::cdp::{Listener, Said};
use crate::fault::Fault;
use crate::project::Project;

/// Where pages find themselves. No name of this kind ever means a machine.
pub const ORIGIN: &str = "https://project.invalid";

/// What one job may be handed: a page that fetches for ever gets nothing more.
const REQUESTS: usize = 20_000;
const SERVED: usize = 256 << 20;
const WARNINGS: usize = 20;
const WARNING: usize = 200;

/// What happened in the browser so far.
#[derive(Default)]
pub struct Seen {
    pub loaded: watch::Sender<Loaded>,
    /// The frame that is the page, and not one of its own.
    page: Mutex<Option<String>>,
    last_request: Mutex<Option<Instant>>,
    warnings: Mutex<BTreeSet<String>>,
}

#[derive(Default)]
pub struct Loaded {
    /// The session of the page that has loaded last.
    pub session: Option<String>,
    pub crashed: bool,
    pub out_of_memory: bool,
}

impl Seen {
    pub fn page_is(&self, frame: &str) {
        *self.page.lock().unwrap_or_else(PoisonError::into_inner) = Some(frame.to_owned());
    }

    fn is_page(&self, frame: Option<&str>) -> bool {
        self.page.lock().unwrap_or_else(PoisonError::into_inner).as_deref() == frame
    }

    pub fn quiet_since(&self) -> Option<Instant> {
        *self.last_request.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn killed_for_memory(&self) {
        self.loaded.send_modify(|loaded| loaded.out_of_memory = true);
    }

    /// A browser that is gone may be gone for a reason that is known.
    pub fn why(&self, fault: Fault) -> Fault {
        let loaded = self.loaded.borrow();
        match fault {
            Fault::Closed | Fault::Crashed | Fault::Refused(_) | Fault::Timeout if loaded.out_of_memory => {
                Fault::Memory
            }
            Fault::Closed | Fault::Refused(_) | Fault::Timeout if loaded.crashed => Fault::Crashed,
            fault => fault,
        }
    }

    pub fn warn(&self, text: String) {
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        if warnings.len() < WARNINGS {
            warnings.insert(text.chars().filter(|c| !c.is_control()).take(WARNING).collect());
        }
    }

    pub fn warnings(&self) -> Vec<String> {
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

/// The made-up server behind [`ORIGIN`].
pub struct Server {
    project: Arc<Project>,
    seen: Arc<Seen>,
    requests: usize,
    served: usize,
    /// The page is there, but has not loaded yet.
    is_open: bool,
}

impl Server {
    pub fn new(project: Arc<Project>, seen: Arc<Seen>) -> Server {
        Server { project, seen, requests: 0, served: 0, is_open: false }
    }

    fn answer(&mut self, params: &Value) -> Option<Said> {
        let id = params.get("requestId")?;
        let request = params.get("request")?;
        let url = request.get("url").and_then(Value::as_str).unwrap_or_default();
        let frame = params.get("frameId").and_then(Value::as_str);
        *self.seen.last_request.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        self.requests += 1;
        if self.requests > REQUESTS || self.served > SERVED {
            self.seen.warn("The page asks for too much: nothing more is loaded.".into());
            return Some(fail(id));
        }
        let path = url.strip_prefix(ORIGIN).filter(|rest| rest.is_empty() || rest.starts_with(['/', '?', '#']));
        let Some(path) = path else {
            self.seen.warn(format!("{} is not loaded: a preview has no network.", origin(url)));
            // A page that goes elsewhere and gets "no content" stays where it is.
            let goes =
                params.get("resourceType").and_then(Value::as_str) == Some("Document") && self.seen.is_page(frame);
            return Some(if goes { fulfil(id, 204, &[], b"") } else { fail(id) });
        };
        match self.project.find(path) {
            Some(file) => {
                self.served += file.bytes.len();
                let headers = [("content-type", file.kind), ("cache-control", "no-store")];
                Some(fulfil(id, 200, &headers, file.bytes))
            }
            None => {
                if !path.starts_with("/favicon.ico") {
                    self.seen.warn(format!("{} is missing.", path.trim_start_matches('/')));
                }
                Some(fulfil(id, 404, &[("content-type", "text/plain")], b"Not in the project"))
            }
        }
    }
}

impl Listener for Server {
    fn hear(&mut self, method: &str, session: Option<&str>, params: &Value) -> Option<Said> {
        match method {
            "Fetch.requestPaused" => return self.answer(params),
            "Page.javascriptDialogOpening" => {
                return Some(Said { method: "Page.handleJavaScriptDialog", params: json!({ "accept": false }) });
            }
            "Page.frameNavigated" => {
                let url = params.pointer("/frame/url").and_then(Value::as_str).unwrap_or_default();
                let is_page = self.seen.is_page(params.pointer("/frame/id").and_then(Value::as_str));
                self.is_open |= is_page && url.starts_with(ORIGIN);
            }
            // A page that goes elsewhere while it loads never hears that it has loaded.
            "Page.loadEventFired" | "Page.frameStoppedLoading" if self.is_open => {
                let frame = params.get("frameId").and_then(Value::as_str);
                if frame.is_none() || self.seen.is_page(frame) {
                    self.is_open = false;
                    self.seen.loaded.send_modify(|loaded| loaded.session = session.map(str::to_owned));
                }
            }
            "Inspector.targetCrashed" => self.seen.loaded.send_modify(|loaded| loaded.crashed = true),
            _ => {}
        }
        None
    }
}

fn fulfil(id: &Value, status: u16, headers: &[(&str, &str)], body: &[u8]) -> Said {
    let headers: Vec<Value> = headers.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
    let params = json!({
        "requestId": id, "responseCode": status, "responseHeaders": headers, "body": STANDARD.encode(body),
    });
    Said { method: "Fetch.fulfillRequest", params }
}

fn fail(id: &Value) -> Said {
    Said { method: "Fetch.failRequest", params: json!({ "requestId": id, "errorReason": "BlockedByClient" }) }
}

/// The scheme and host of an address: what follows may be long, and is nobody's business.
fn origin(url: &str) -> &str {
    let start = url.find("://").map_or(0, |at| at + 3);
    let end = url.get(start..).and_then(|rest| rest.find(['/', '?', '#'])).map_or(url.len(), |at| start + at);
    url.get(..end).unwrap_or(url)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::{Seen, Server, WARNINGS, origin};
    use crate::browser::cdp::Listener;
    use crate::project::Project;

    fn served(url: &str, kind: &str) -> (String, serde_json::Value, Vec<String>) {
        let files = [("index.html".into(), "hello".into()), ("app/a b.css".into(), "x".into())];
        let seen = Arc::new(Seen::default());
        seen.page_is("P");
        let mut server = Server::new(Arc::new(Project::new(files, None).unwrap()), seen.clone());
        let event = json!({ "requestId": "7", "frameId": "P", "resourceType": kind, "request": { "url": url } });
        let said = server.hear("Fetch.requestPaused", None, &event).unwrap();
        (said.method.into(), said.params, seen.warnings())
    }

    #[test]
    fn what_the_project_has_is_served() {
        let (method, params, warnings) = served("https://project.invalid/app/a%20b.css?v=1#x", "Stylesheet");
        assert_eq!(
            (method.as_str(), &params["responseCode"], warnings.len()),
            ("Fetch.fulfillRequest", &json!(200), 0)
        );
        assert_eq!(params["responseHeaders"][0]["value"], "text/css; charset=utf-8");
    }

    #[test]
    fn what_is_elsewhere_is_not() {
        for url in
            ["http://127.0.0.1/x", "https://project.invalid.evil.example/", "https://project.invalid:81/", "ftp://a"]
        {
            let (method, _, warnings) = served(url, "Image");
            assert_eq!((method.as_str(), warnings.len()), ("Fetch.failRequest", 1), "{url}");
        }
        let (method, params, _) = served("http://127.0.0.1/x", "Document");
        assert_eq!((method.as_str(), &params["responseCode"]), ("Fetch.fulfillRequest", &json!(204)));
    }

    #[test]
    fn what_is_missing_is_named_but_for_the_icon_every_browser_asks_for() {
        assert_eq!(served("https://project.invalid/no.png", "Image").2, ["no.png is missing."]);
        assert_eq!(served("https://project.invalid/favicon.ico", "Other").2.len(), 0);
    }

    #[test]
    fn warnings_are_few_short_and_plain() {
        let seen = Seen::default();
        (0..100).for_each(|i| seen.warn(format!("{i}\n\u{1b}[31m{}", "x".repeat(999))));
        let warnings = seen.warnings();
        assert_eq!(warnings.len(), WARNINGS);
        assert!(warnings.iter().all(|text| text.len() <= 200 && !text.contains('\n')));
        assert_eq!(origin("https://a.example:8/b?c"), "https://a.example:8");
    }
}
