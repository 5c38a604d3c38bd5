//! One Chromium for one job: started in a jail, fed from memory, watched, and killed at the end.

mod cdp;
mod jail;
mod memory;
mod page;
mod serve;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use tokio::process::{Child, ChildStderr};
use tokio::task::JoinHandle;

use crate::fault::Fault;
use crate::project::Project;

pub use jail::Jail;
pub use page::{Metrics, Page};
pub use serve::ORIGIN;

use cdp::Cdp;
use serve::{Seen, Server};

/// To start, and to answer what does not depend on the page.
const PATIENCE: Duration = Duration::from_secs(20);

const FLAGS: [&str; 20] = [
    "--headless",
    // Popups and window.open give nothing.
    "--block-new-web-contents",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--force-webrtc-ip-handling-policy",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-background-timer-throttling",
    "--disable-breakpad",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-extensions",
    "--disable-renderer-backgrounding",
    "--disable-sync",
    "--hide-scrollbars",
    "--mute-audio",
    "--no-default-browser-check",
    "--no-first-run",
    "--disable-features=Translate,MediaRouter,OptimizationHints,DialMediaRouteProvider",
];

pub struct Browser {
    cdp: Cdp,
    seen: Arc<Seen>,
    // Dropped in this order: whoever watches, the processes, what they wrote.
    _watch: Watch,
    _group: Group,
    _home: jail::Home,
}

/// The process and everything it started.
struct Group(Child);

impl Drop for Group {
    fn drop(&mut self) {
        let group = self.0.id().and_then(|id| rustix::process::Pid::from_raw(id.try_into().ok()?));
        if let Some(group) = group {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
    }
}

struct Watch(JoinHandle<()>);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Browser {
    /// Serves the project, and nothing else, to whatever it opens. Killed when it holds more than `memory` bytes.
    pub async fn start(jail: &Jail, project: Arc<Project>, memory: u64) -> Result<Browser, Fault> {
        let (mut command, home) = jail.browser(&FLAGS)?;
        command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
        command.stderr(std::process::Stdio::piped());
        let mut child = command.spawn().map_err(|error| Fault::Browser(format!("setpriv does not run: {error}")))?;
        let missing = || Fault::Browser("no pipe to the browser".into());
        let input = child.stdin.take().ok_or_else(missing)?;
        let output = child.stdout.take().ok_or_else(missing)?;
        let errors = child.stderr.take().ok_or_else(missing)?;
        let id = child.id().unwrap_or_default();
        let group = Group(child);
        let seen = Arc::new(Seen::default());
        let cdp = Cdp::over(input, output, Server::new(project, seen.clone()));
        let watch = Watch(tokio::spawn(memory::watch(id, memory, seen.clone())));
        let browser = Browser { cdp, seen, _watch: watch, _group: group, _home: home };
        match browser.prepare().await {
            Ok(()) => drop(tokio::spawn(forget(errors))),
            Err(Fault::Closed) => return Err(Fault::Browser(last_words(errors).await)),
            Err(fault) => return Err(fault),
        }
        Ok(browser)
    }

    async fn prepare(&self) -> Result<(), Fault> {
        self.ask("Fetch.enable", json!({ "patterns": [{ "urlPattern": "*" }] })).await?;
        self.ask("Browser.setDownloadBehavior", json!({ "behavior": "deny" })).await?;
        Ok(())
    }

    /// A page in a window of its own, with nothing stored yet.
    pub async fn page(&self) -> Result<Page<'_>, Fault> {
        let context = self.ask("Target.createBrowserContext", json!({ "disposeOnDetach": true })).await?;
        let context = text(&context, "browserContextId")?;
        // Contexts have settings of their own.
        let deny = json!({ "behavior": "deny", "browserContextId": context });
        self.ask("Browser.setDownloadBehavior", deny).await?;
        let target = json!({ "url": "about:blank", "browserContextId": context, "newWindow": true });
        let target = text(&self.ask("Target.createTarget", target).await?, "targetId")?;
        self.seen.page_is(&target);
        let attach = json!({ "targetId": target, "flatten": true });
        let session = text(&self.ask("Target.attachToTarget", attach).await?, "sessionId")?;
        Ok(Page::new(self, context, target, session))
    }

    pub fn warnings(&self) -> Vec<String> {
        self.seen.warnings()
    }

    pub fn warn(&self, text: String) {
        self.seen.warn(text);
    }

    async fn ask(&self, method: &str, params: Value) -> Result<Value, Fault> {
        self.call(None, method, params, PATIENCE).await
    }

    async fn call(
        &self,
        session: Option<&str>,
        method: &str,
        params: Value,
        patience: Duration,
    ) -> Result<Value, Fault> {
        let answered = self.cdp.call(session, method, params, patience).await;
        answered.map_err(|fault| self.seen.why(fault))
    }
}

fn text(answer: &Value, name: &str) -> Result<String, Fault> {
    let text = answer.get(name).and_then(Value::as_str);
    text.map(str::to_owned).ok_or_else(|| Fault::Refused(format!("no {name} in the browser's answer")))
}

/// Chromium's log may quote pages, so it is read and thrown away.
async fn forget(mut errors: ChildStderr) {
    let _ = tokio::io::copy(&mut errors, &mut tokio::io::sink()).await;
}

/// What a browser that has shown no page yet says before it ends.
async fn last_words(errors: ChildStderr) -> String {
    let mut text = Vec::new();
    let mut errors = errors.take(64 << 10);
    let _ = tokio::time::timeout(Duration::from_secs(2), errors.read_to_end(&mut text)).await;
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().filter(|line| !line.contains("dbus")).collect();
    let last = lines.iter().rev().take(3).rev().copied().collect::<Vec<_>>().join("; ");
    format!("Chromium does not start: {last}")
}
