//! Renders pages, and looks at what came out.

use std::collections::BTreeMap;
use std::path::PathBuf;

use preview_worker::browser::Jail;
use preview_worker::fault::Fault;
use preview_worker::project::Project;
use preview_worker::protocol::{Device, Limits, Platform};
use preview_worker::render::{self, Order, render};
use serde_json::Value;
use tokio::sync::mpsc;

pub struct Studio {
    files: Vec<(String, Vec<u8>)>,
    pub order: Order,
}

/// What a preview shows.
pub struct Shown {
    pub layout: Value,
    pub pictures: BTreeMap<String, Picture>,
    pub warnings: Vec<String>,
}

pub struct Picture {
    pub width: u32,
    pub height: u32,
    pub bytes: usize,
    rgb: Vec<u8>,
    channels: usize,
}

pub fn chromium() -> PathBuf {
    std::env::var_os("CHROMIUM").map_or_else(|| "/usr/bin/chromium".into(), PathBuf::from)
}

pub fn phone(name: &str) -> Device {
    Device { name: name.into(), width: 200, height: 300, scale: 2.0, mobile: true }
}

pub fn page(html: &str) -> Studio {
    files(&[("index.html", &format!("<!doctype html><meta name=viewport content='width=device-width'>{html}"))])
}

pub fn files(files: &[(&str, &str)]) -> Studio {
    let files = files.iter().map(|(path, text)| (path.to_string(), text.as_bytes().to_vec())).collect();
    let limits = Limits { snapshots: 5, snapshot_bytes: 1 << 20, timeout_ms: 8000 };
    let devices = vec![phone("phone")];
    Studio { files, order: Order { platform: Platform::Android, devices, safe_mode: false, limits, memory: 1 << 30 } }
}

impl Studio {
    pub fn with(mut self, change: impl FnOnce(&mut Order)) -> Studio {
        change(&mut self.order);
        self
    }

    pub async fn shown(self) -> Shown {
        self.tried().await.expect("a preview")
    }

    pub async fn fault(self) -> Fault {
        self.tried().await.err().expect("no preview")
    }

    pub async fn tried(self) -> Result<Shown, Fault> {
        let jail = Jail::find(&chromium(), false).await?;
        let project = Project::new(self.files, None)?;
        let (pictures, mut taken) = mpsc::channel::<render::Picture>(1);
        let all = async move {
            let mut all = BTreeMap::new();
            while let Some(picture) = taken.recv().await {
                assert!(all.insert(picture.name, Picture::read(&picture.png)).is_none(), "every name once");
            }
            all
        };
        let (rendered, pictures) = tokio::join!(render(&jail, project, &self.order, pictures), all);
        let rendered = rendered?;
        let layout = serde_json::from_slice(&rendered.layout).expect("JSON");
        Ok(Shown { layout, pictures, warnings: rendered.warnings })
    }
}

impl Shown {
    /// The elements of the first device that say exactly this.
    pub fn saying(&self, text: &str) -> Vec<Value> {
        let mut found = Vec::new();
        collect(&self.layout["devices"][0]["elements"], &mut |element| {
            if element["text"] == text {
                found.push(element.clone());
            }
        });
        found
    }

    pub fn names(&self) -> Vec<&str> {
        self.pictures.keys().map(String::as_str).collect()
    }

    /// All that stands in the layout.
    pub fn text(&self) -> String {
        self.layout.to_string()
    }
}

fn collect(elements: &Value, take: &mut impl FnMut(&Value)) {
    for element in elements.as_array().into_iter().flatten() {
        take(element);
        collect(&element["children"], take);
    }
}

impl Picture {
    pub fn read(png: &[u8]) -> Picture {
        let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().expect("a PNG");
        let mut rgb = vec![0; reader.output_buffer_size().expect("a size")];
        let info = reader.next_frame(&mut rgb).expect("a picture");
        assert_eq!(info.bit_depth, png::BitDepth::Eight);
        let (width, height) = (info.width, info.height);
        Picture { width, height, bytes: png.len(), rgb, channels: info.color_type.samples() }
    }

    pub fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    /// Red, green and blue at a place.
    pub fn at(&self, x: u32, y: u32) -> [u8; 3] {
        let start = (y * self.width + x) as usize * self.channels;
        self.rgb[start..start + 3].try_into().unwrap()
    }
}
