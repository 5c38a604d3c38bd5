//! A project on each of its devices: what is there, and how it looks.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::browser::{Browser, Jail, ORIGIN, Page};
use crate::fault::Fault;
use crate::layout::{self, Screen};
use crate::project::Project;
use crate::protocol::{Device, Limits, Platform};

/// A job with all its devices.
const WHOLE: Duration = Duration::from_secs(60);
/// From then on no further screens are taken.
const ENOUGH: Duration = Duration::from_secs(40);
/// Bytes of the layout.
const LAYOUT: usize = 1 << 20;
/// Below that a picture shows nothing.
const SMALLEST: f64 = 0.25;

pub struct Order {
    pub platform: Platform,
    pub devices: Vec<Device>,
    pub safe_mode: bool,
    pub limits: Limits,
    /// Bytes the browser may hold.
    pub memory: u64,
}

pub struct Picture {
    pub name: String,
    pub png: Vec<u8>,
}

pub struct Rendering {
    pub layout: Vec<u8>,
    pub warnings: Vec<String>,
}

/// Renders, handing over each picture as soon as it is taken.
pub async fn render(
    jail: &Jail,
    project: Project,
    order: &Order,
    pictures: mpsc::Sender<Picture>,
) -> Result<Rendering, Fault> {
    let whole = async {
        let project = Arc::new(project);
        let browser = Browser::start(jail, project.clone(), order.memory).await?;
        let job = Job { project, order, browser, started: Instant::now(), pictures };
        job.run().await
    };
    tokio::time::timeout(WHOLE, whole).await.unwrap_or(Err(Fault::Timeout))
}

struct Job<'a> {
    project: Arc<Project>,
    order: &'a Order,
    browser: Browser,
    started: Instant,
    pictures: mpsc::Sender<Picture>,
}

impl Job<'_> {
    async fn run(self) -> Result<Rendering, Fault> {
        let limits = self.order.limits;
        let mut left = limits.snapshots;
        let mut devices = Vec::new();
        let count = self.order.devices.len();
        for (at, device) in self.order.devices.iter().enumerate() {
            // Everybody's first screen comes before anybody's second.
            let share = left.div_ceil(count - at);
            let (told, taken) = self.device(device, share, LAYOUT / count).await?;
            left -= taken;
            devices.push(told);
        }
        let layout = json!({
            "version": 1,
            "entry": self.project.entry(),
            "platform": self.order.platform,
            "safe_mode": self.order.safe_mode,
            "devices": devices,
        });
        Ok(Rendering { layout: layout.to_string().into_bytes(), warnings: self.browser.warnings() })
    }

    /// A device's part of the layout, and how many pictures were taken of it.
    async fn device(&self, device: &Device, share: usize, layout_bytes: usize) -> Result<(Value, usize), Fault> {
        let page = self.browser.page().await?;
        page.become_device(device, agent(self.order.platform)).await?;
        // Markdown has no scripts anywhere else, either.
        if self.order.safe_mode || self.project.is_markdown() {
            page.without_scripts().await?;
        }
        let address = format!("{ORIGIN}{}", self.project.entry_path());
        page.open(&address, Duration::from_millis(self.order.limits.timeout_ms)).await?;
        page.rest().await;
        layout::settle(&page).await.or_else(bearable)?;
        let mut told = match layout::read(&page, layout_bytes.saturating_sub(1024 + 200 * share)).await {
            Err(Fault::Refused(_)) => {
                self.browser.warn("The layout could not be read.".into());
                layout::unread()
            }
            read => read?,
        };
        let metrics = page.metrics().await?;
        let screens = self.screens(&page, device, share, metrics.height, metrics.seen).await?;
        let taken = screens.len();
        if let Some(fields) = told.as_object_mut() {
            fields.insert("device".into(), json!(device.name));
            fields.insert(
                "viewport".into(),
                json!({ "width": device.width, "height": device.height, "scale": device.scale }),
            );
            fields.insert("page".into(), json!({ "width": metrics.width, "height": metrics.height }));
            fields.insert("screens".into(), json!(screens));
        }
        page.close().await?;
        Ok((told, taken))
    }

    /// Down the page, a screen at a time.
    async fn screens(
        &self,
        page: &Page<'_>,
        device: &Device,
        share: usize,
        height: f64,
        seen: f64,
    ) -> Result<Vec<Screen>, Fault> {
        let mut screens = Vec::new();
        let mut scale = device.scale;
        let there_are = if seen > 0.0 { (height / seen).ceil().max(1.0) as usize } else { 1 };
        for at in 0..there_are {
            if at >= share || (at > 0 && self.started.elapsed() > ENOUGH) {
                self.browser.warn(format!("{}: only the first {at} of {there_are} screens are shown.", device.name));
                break;
            }
            let y = at as f64 * seen;
            if at > 0 {
                page.evaluate(&format!("scrollTo({{ top: {y}, behavior: 'instant' }})")).await.or_else(bearable)?;
            }
            let Some(png) = self.picture(page, device, &mut scale).await? else {
                // A device that is not shown at all is no preview.
                if at == 0 {
                    return Err(Fault::TooLarge);
                }
                self.browser.warn(format!("{}: a screen is too large for a picture.", device.name));
                continue;
            };
            let name = if at == 0 { format!("{}.png", device.name) } else { format!("{}-{}.png", device.name, at + 1) };
            let (width, height) = size(&png).unwrap_or_default();
            screens.push(Screen { name: name.clone(), y, width, height, scale, bytes: png.len() });
            self.pictures.send(Picture { name, png }).await.map_err(|_| Fault::Closed)?;
        }
        Ok(screens)
    }

    /// A picture within the limit: with fewer pixels where it must be. `None`: not even so.
    async fn picture(&self, page: &Page<'_>, device: &Device, scale: &mut f64) -> Result<Option<Vec<u8>>, Fault> {
        let most = self.order.limits.snapshot_bytes;
        loop {
            let png = page.picture(device, *scale).await?;
            if png.len() <= most {
                return Ok(Some(png));
            }
            if *scale <= SMALLEST {
                return Ok(None);
            }
            let too_large = png.len() as f64 / most.max(1) as f64;
            *scale = (*scale * (0.9 / too_large.sqrt()).min(0.85)).max(SMALLEST);
            page.scale(device, *scale).await?;
            self.browser.warn(format!("{}: pictures are smaller than the screen, to be small enough.", device.name));
        }
    }
}

/// What a page cannot do is missing; what it does not end is a fault.
fn bearable<T: Default>(fault: Fault) -> Result<T, Fault> {
    match fault {
        Fault::Refused(_) => Ok(T::default()),
        fault => Err(fault),
    }
}

/// Width and height, as a PNG's first chunk says.
fn size(png: &[u8]) -> Option<(u32, u32)> {
    let number = |at: usize| Some(u32::from_be_bytes(png.get(at..at + 4)?.try_into().ok()?));
    Some((number(16)?, number(20)?))
}

fn agent(platform: Platform) -> &'static str {
    match platform {
        Platform::Ios => {
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1"
        }
        Platform::Ipad => {
            "Mozilla/5.0 (iPad; CPU OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1"
        }
        Platform::Android => {
            "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Mobile Safari/537.36"
        }
    }
}
