//! A page as a device shows it.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Browser, text};
use crate::fault::Fault;
use crate::protocol::Device;

/// For what a page's own thread has to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// A page is at rest when it has asked for nothing for so long.
const REST: Duration = Duration::from_millis(200);
/// How long that is waited for.
const RESTLESS: Duration = Duration::from_millis(1500);

/// Where a page is: sizes of the document and of what is seen of it, in CSS pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Metrics {
    pub width: f64,
    pub height: f64,
    pub seen: f64,
}

pub struct Page<'a> {
    browser: &'a Browser,
    context: String,
    target: String,
    session: String,
}

impl<'a> Page<'a> {
    pub(super) fn new(browser: &'a Browser, context: String, target: String, session: String) -> Page<'a> {
        Page { browser, context, target, session }
    }

    /// Makes the window a device.
    pub async fn become_device(&self, device: &Device, agent: &str) -> Result<(), Fault> {
        self.ask("Page.enable", json!({})).await?;
        self.ask("Emulation.setUserAgentOverride", json!({ "userAgent": agent })).await?;
        self.ask("Emulation.setTouchEmulationEnabled", json!({ "enabled": device.mobile })).await?;
        self.scale(device, device.scale).await
    }

    /// The same size in CSS pixels, in more or fewer of a picture's.
    pub async fn scale(&self, device: &Device, scale: f64) -> Result<(), Fault> {
        let metrics = json!({
            "width": device.width, "height": device.height, "deviceScaleFactor": scale, "mobile": device.mobile,
            "screenWidth": device.width, "screenHeight": device.height,
        });
        self.ask("Emulation.setDeviceMetricsOverride", metrics).await.map(drop)
    }

    pub async fn without_scripts(&self) -> Result<(), Fault> {
        self.ask("Emulation.setScriptExecutionDisabled", json!({ "value": true })).await.map(drop)
    }

    /// Opens an address and waits until it has loaded, which it must within `patience`.
    pub async fn open(&self, url: &str, patience: Duration) -> Result<(), Fault> {
        let until = Instant::now() + patience;
        let mut loaded = self.browser.seen.loaded.subscribe();
        self.call("Page.navigate", json!({ "url": url }), patience).await?;
        let mine = loaded.wait_for(|loaded| {
            loaded.session.as_ref() == Some(&self.session) || loaded.crashed || loaded.out_of_memory
        });
        let came = tokio::time::timeout(until.saturating_duration_since(Instant::now()), mine).await;
        let fault = match came {
            Err(_) => Fault::Timeout,
            Ok(Err(_)) => Fault::Closed,
            Ok(Ok(loaded)) if loaded.crashed || loaded.out_of_memory => Fault::Crashed,
            Ok(Ok(_)) => return Ok(()),
        };
        Err(self.browser.seen.why(fault))
    }

    /// Waits for what follows the load, but not for ever.
    pub async fn rest(&self) {
        let until = Instant::now() + RESTLESS;
        while Instant::now() < until {
            let quiet = self.browser.seen.quiet_since().map_or(REST, |since| since.elapsed());
            if quiet >= REST {
                return;
            }
            tokio::time::sleep(REST - quiet).await;
        }
    }

    /// The value of an expression, in a world that shares the page's elements but none of its scripts' names.
    pub async fn evaluate(&self, expression: &str) -> Result<Value, Fault> {
        let tree = self.ask("Page.getFrameTree", json!({})).await?;
        let frame = tree.pointer("/frameTree/frame/id").cloned().unwrap_or_default();
        let world = json!({ "frameId": frame, "worldName": "preview" });
        let world = self.ask("Page.createIsolatedWorld", world).await?;
        let asked = json!({
            "expression": expression, "contextId": world.get("executionContextId"), "returnByValue": true,
            "awaitPromise": true, "timeout": PATIENCE.as_millis() as u64,
        });
        let answer = self.ask("Runtime.evaluate", asked).await?;
        match answer.get("exceptionDetails") {
            Some(_) => Err(Fault::Refused("the page could not be read".into())),
            None => Ok(answer.pointer("/result/value").cloned().unwrap_or_default()),
        }
    }

    pub async fn metrics(&self) -> Result<Metrics, Fault> {
        let answer = self.ask("Page.getLayoutMetrics", json!({})).await?;
        let number = |at: &str| answer.pointer(at).and_then(Value::as_f64).unwrap_or_default();
        Ok(Metrics {
            width: number("/cssContentSize/width"),
            height: number("/cssContentSize/height"),
            seen: number("/cssVisualViewport/clientHeight"),
        })
    }

    /// A PNG of what is seen, at a scale that [`Page::scale`] has set.
    pub async fn picture(&self, device: &Device, scale: f64) -> Result<Vec<u8>, Fault> {
        let (width, height) = (f64::from(device.width) * scale, f64::from(device.height) * scale);
        // Of a row of pixels that is only half on the screen, Chromium would show another one.
        let asked = if width.fract() > 0.0 || height.fract() > 0.0 {
            let at = self.ask("Page.getLayoutMetrics", json!({})).await?;
            let number = |name: &str| at.pointer(&format!("/cssVisualViewport/{name}")).and_then(Value::as_f64);
            let zoom = number("scale").filter(|zoom| *zoom > 0.0).unwrap_or(1.0);
            let whole = |pixels: f64| pixels.floor() / scale / zoom;
            json!({ "format": "png", "clip": {
                "x": number("pageX"), "y": number("pageY"), "width": whole(width), "height": whole(height), "scale": zoom,
            } })
        } else {
            json!({ "format": "png" })
        };
        let answer = self.call("Page.captureScreenshot", asked, PATIENCE * 2).await?;
        let data = text(&answer, "data")?;
        STANDARD.decode(data).map_err(|_| Fault::Refused("a picture that is not base64".into()))
    }

    /// Closes the window and forgets what it stored.
    pub async fn close(self) -> Result<(), Fault> {
        self.browser.ask("Target.closeTarget", json!({ "targetId": self.target })).await?;
        let context = json!({ "browserContextId": self.context });
        self.browser.ask("Target.disposeBrowserContext", context).await.map(drop)
    }

    async fn ask(&self, method: &str, params: Value) -> Result<Value, Fault> {
        self.call(method, params, PATIENCE).await
    }

    async fn call(&self, method: &str, params: Value, patience: Duration) -> Result<Value, Fault> {
        self.browser.call(Some(&self.session), method, params, patience).await
    }
}
