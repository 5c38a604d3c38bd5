//! All of the way, with the real worker and a real browser: a page goes in, and its picture comes out.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use super::*;

struct Renderer(Child);

impl Renderer {
    fn start(world: &World) -> Renderer {
        let built = std::env::var_os("PREVIEW_WORKER").map(PathBuf::from);
        let program = built.unwrap_or_else(|| root().join("target/debug/preview-worker"));
        let mut worker = Command::new(program);
        worker.args(["--api", &format!("{}/api/v1", world.url(0)), "--name", "renderer-1"]);
        worker.env("WORKER_CALLBACK_SECRET", WORKER_SECRET).stdout(Stdio::null());
        Renderer(worker.spawn().expect("cargo build --package preview-worker"))
    }
}

impl Drop for Renderer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A browser starts, on a machine that does other things, too.
async fn over(studio: &Studio, job: &str) -> Value {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let preview = studio.get(job).await;
        if !matches!(preview["status"].as_str(), Some("queued" | "running")) {
            return preview;
        }
        assert!(Instant::now() < deadline, "it is not over within a minute: {preview}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test]
async fn a_page_is_drawn_by_a_browser_and_fetched_by_its_link() {
    let studio = Studio::new().await;
    let _renderer = Renderer::start(&studio.world);
    let body = json!({ "platform": "ios", "devices": ["iphone-se"], "files": [
        { "path": "index.html", "contents": "<!doctype html><meta name=viewport content='width=device-width'>
            <link rel=stylesheet href=style.css><title>Launch</title><h1>Ready</h1><script src=app.js></script>" },
        { "path": "style.css", "contents": "body { margin: 0; background: #00f } h1 { margin: 0; height: 100px; background: #f00; color: #fff }" },
        { "path": "app.js", "contents": "document.querySelector('h1').textContent += ', set, go'" },
        { "path": "empty.txt", "contents": "" },
    ] });
    let job = studio.ask(&studio.ada, body).status(201).await.data()["id"].as_str().unwrap().to_owned();
    let preview = over(&studio, &job).await;
    assert_eq!((&preview["status"], &preview["error"]), (&json!("completed"), &json!(null)), "{preview}");

    let artifact = studio.artifact(&job).await.data().clone();
    let layout = studio.world.anonymous().get(&below(&artifact["layout_url"])).await;
    let layout: Value = serde_json::from_str(&layout.text).expect("JSON");
    let heading = &layout["devices"][0]["elements"][0]["children"][0];
    assert_eq!((&heading["tag"], &heading["text"]), (&json!("h1"), &json!("Ready, set, go")), "{layout}");
    assert_eq!(artifact["assets"].as_array().map(Vec::len), Some(1));
    let picture = studio.world.anonymous().get(&below(&artifact["assets"][0]["url"])).await;
    let (width, height, at) = decoded(&picture.bytes);
    assert_eq!((width, height), (750, 1334));
    assert_eq!((at(700, 100), at(700, 1000)), ([255, 0, 0], [0, 0, 255]));
}

#[tokio::test]
async fn a_page_that_never_ends_is_tried_twice_and_has_failed() {
    let studio = Studio::at(World::with(&[("PREVIEW_MAX_TIMEOUT_MS", "1000")]).await).await;
    let _renderer = Renderer::start(&studio.world);
    let body =
        json!({ "platform": "ios", "files": [{ "path": "index.html", "contents": "<script>for (;;);</script>" }] });
    let job = studio.ask(&studio.ada, body).status(201).await.data()["id"].as_str().unwrap().to_owned();
    let preview = over(&studio, &job).await;
    assert_eq!((&preview["status"], &preview["attempt"]), (&json!("failed"), &json!(2)), "{preview}");
    assert_eq!(preview["error"]["code"], "timeout");
}

/// A picture's size, and its colour at a place.
fn decoded(png: &[u8]) -> (u32, u32, impl Fn(u32, u32) -> [u8; 3]) {
    let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().expect("a PNG");
    let mut pixels = vec![0; reader.output_buffer_size().expect("a size")];
    let info = reader.next_frame(&mut pixels).expect("a picture");
    let (width, samples) = (info.width, info.color_type.samples());
    let at = move |x: u32, y: u32| {
        let start = (y * width + x) as usize * samples;
        pixels[start..start + 3].try_into().unwrap()
    };
    (info.width, info.height, at)
}
