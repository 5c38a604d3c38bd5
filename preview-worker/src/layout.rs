//! What a page shows, as data: bounded, whatever the page is.

use serde::Serialize;
use serde_json::{Value, json};

use crate::browser::Page;
use crate::fault::Fault;

const READ: &str = include_str!("layout.js");
const TEXT: usize = 120;
const DEPTH: usize = 64;
/// Elements of a device: half as many, again and again, until it fits.
const ELEMENTS: usize = 2000;

/// Lets entrances end, and everything else stand still where it is.
const SETTLE: &str = "(async () => {
  for (const animation of Document.prototype.getAnimations.call(document)) {
    try { animation.finish() } catch { animation.pause() }
  }
  const wait = new Promise((resolve) => setTimeout(resolve, 1000));
  await Promise.race([document.fonts?.ready, wait]);
  await Promise.race([new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))), wait]);
})()";

pub async fn settle(page: &Page<'_>) -> Result<(), Fault> {
    page.evaluate(SETTLE).await.map(drop)
}

/// A device's part of the layout, in at most so many bytes.
pub async fn read(page: &Page<'_>, most: usize) -> Result<Value, Fault> {
    let mut elements = ELEMENTS;
    loop {
        let text = page.evaluate(&format!("({})({elements}, {TEXT}, {DEPTH})", READ.trim_end())).await?;
        let text = text.as_str().unwrap_or_default();
        if text.len() <= most || elements == 0 {
            return serde_json::from_str(text).map_err(|_| Fault::Refused("a layout that is no JSON".into()));
        }
        elements /= 2;
    }
}

/// Stands in for a page that could not be read.
pub fn unread() -> Value {
    json!({ "title": "", "language": "", "background": "rgb(255, 255, 255)", "elements": [], "truncated": true })
}

/// A picture and what it shows.
#[derive(Clone, Debug, Serialize)]
pub struct Screen {
    pub name: String,
    /// Where it begins in the page, in CSS pixels.
    pub y: f64,
    /// Of the picture.
    pub width: u32,
    pub height: u32,
    pub scale: f64,
    pub bytes: usize,
}
