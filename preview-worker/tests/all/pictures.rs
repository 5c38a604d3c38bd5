use preview_worker::fault::Fault;
use preview_worker::protocol::Device;
use serde_json::json;

use super::studio::{files, page, phone};

const RED: [u8; 3] = [255, 0, 0];
const LIME: [u8; 3] = [0, 255, 0];
const BLUE: [u8; 3] = [0, 0, 255];
const WHITE: [u8; 3] = [255, 255, 255];

#[tokio::test]
async fn a_picture_has_the_devices_pixels_and_the_pages_colours() {
    let shown = page(
        "<title>Traffic</title><html lang=en><body style='margin:0;background:#0f0'>
         <button style='position:absolute;left:50px;top:60px;width:100px;height:40px;border:0;background:#f00;
         color:#00f;font:20px sans-serif' aria-label=ignored>Stop  here</button>",
    )
    .shown()
    .await;
    assert_eq!(shown.names(), ["phone.png"]);
    let picture = &shown.pictures["phone.png"];
    assert_eq!(picture.size(), (400, 600));
    assert_eq!((picture.at(2, 2), picture.at(398, 598)), (LIME, LIME));
    assert_eq!((picture.at(102, 122), picture.at(297, 197), picture.at(98, 122)), (RED, RED, LIME));
    let device = &shown.layout["devices"][0];
    assert_eq!((&device["title"], &device["language"]), (&json!("Traffic"), &json!("en")));
    assert_eq!(device["background"], "rgb(0, 255, 0)");
    assert_eq!(device["viewport"], json!({ "width": 200, "height": 300, "scale": 2.0 }));
    let screen =
        json!({ "name": "phone.png", "y": 0.0, "width": 400, "height": 600, "scale": 2.0, "bytes": picture.bytes });
    assert_eq!(device["screens"], json!([screen]));
    let button = json!({
        "tag": "button", "role": "button", "text": "Stop here", "x": 50, "y": 60, "width": 100, "height": 40,
        "font_size": 20, "color": "rgb(0, 0, 255)", "background": "rgb(255, 0, 0)",
    });
    assert_eq!(shown.saying("Stop here"), [button]);
    assert_eq!(shown.warnings, [""; 0]);
}

#[tokio::test]
async fn styles_scripts_and_pictures_of_the_project_are_loaded() {
    let shown = files(&[
        (
            "site/index.html",
            "<!doctype html><meta name=viewport content='width=device-width'><link rel=stylesheet href='css/a.css'>
             <script type=module src='/site/js/a.js'></script><img src='i%20mg/a.svg?v=1' style='position:absolute;top:0;left:0'>
             <img src=none.png><img src='https://cdn.example/secret/a.png'>",
        ),
        ("site/css/a.css", "body { background: #00f }"),
        ("site/js/a.js", "import { text } from './b.js'; document.body.append(await (await fetch('/data.json')).text() + text)"),
        ("site/js/b.js", "export const text = ' and a module'"),
        ("data.json", "data"),
        ("site/i mg/a.svg", "<svg xmlns='http://www.w3.org/2000/svg' width='20' height='20'><rect width='20' height='20' fill='#f00'/></svg>"),
    ])
    .shown()
    .await;
    let picture = &shown.pictures["phone.png"];
    assert_eq!((picture.at(20, 20), picture.at(300, 500)), (RED, BLUE));
    assert!(shown.text().contains("data and a module"), "{}", shown.text());
    let told = ["https://cdn.example is not loaded: a preview has no network.", "site/none.png is missing."];
    assert_eq!(shown.warnings, told);
}

#[tokio::test]
async fn scripts_run_unless_the_mode_is_safe() {
    let html = "<body style='background:#f00'><noscript>no scripts</noscript><script>document.body.style.background = '#0f0'</script>";
    let shown = page(html).shown().await;
    assert_eq!(shown.pictures["phone.png"].at(300, 300), LIME);
    let safe = page(html).with(|order| order.safe_mode = true).shown().await;
    assert_eq!(safe.pictures["phone.png"].at(300, 300), RED);
    assert_eq!(safe.layout["safe_mode"], true);
}

#[tokio::test]
async fn markdown_is_a_page_without_scripts() {
    let shown = files(&[
        ("README.md", "# A day\n\n| one | two |\n|---|---|\n| 1 | 2 |\n\n![](a.svg)\n\n<script>document.body.style.background='#f00'</script>"),
        ("a.svg", "<svg xmlns='http://www.w3.org/2000/svg' width='20' height='20'><rect width='20' height='20' fill='#00f'/></svg>"),
    ])
    .shown()
    .await;
    let heading = &shown.saying("A day")[0];
    assert_eq!((&heading["tag"], &heading["role"]), (&json!("h1"), &json!("heading")));
    assert_eq!(shown.saying("2")[0]["tag"], "td");
    let picture = &shown.pictures["phone.png"];
    assert_eq!(picture.at(2, 590), WHITE);
    let image = shown.layout.to_string();
    assert!(image.contains("\"img\""), "{image}");
    assert!(shown.warnings.is_empty(), "{:?}", shown.warnings);
}

#[tokio::test]
async fn a_long_page_is_shown_a_screen_at_a_time() {
    let html = "<body style='margin:0'><div style='height:300px;background:#f00'></div>
         <div style='height:300px;background:#0f0'></div><div style='height:100px;background:#00f'></div>";
    let shown = page(html).shown().await;
    assert_eq!(shown.names(), ["phone-2.png", "phone-3.png", "phone.png"]);
    let colour = |name: &str, y| shown.pictures[name].at(200, y);
    assert_eq!((colour("phone.png", 10), colour("phone-2.png", 10)), (RED, LIME));
    // The last screen ends where the page does.
    assert_eq!((colour("phone-3.png", 590), colour("phone-3.png", 10)), (BLUE, LIME));
    let few = page(html).with(|order| order.limits.snapshots = 2).shown().await;
    assert_eq!(few.names(), ["phone-2.png", "phone.png"]);
    assert_eq!(few.warnings, ["phone: only the first 2 of 3 screens are shown."]);
}

#[tokio::test]
async fn each_device_sees_its_own_page() {
    let html = "<style>body{margin:0;height:900px;background:#f00}@media(min-width:300px){body{height:100%;background:#00f}}</style>";
    let tablet = Device { name: "tablet".into(), width: 320, height: 240, scale: 1.0, mobile: true };
    let shown = page(html)
        .with(|order| {
            order.devices = vec![phone("phone"), tablet];
            order.limits.snapshots = 3;
        })
        .shown()
        .await;
    assert_eq!(shown.names(), ["phone-2.png", "phone.png", "tablet.png"]);
    assert_eq!(shown.pictures["tablet.png"].size(), (320, 240));
    assert_eq!(shown.pictures["tablet.png"].at(5, 5), BLUE);
    assert_eq!(shown.pictures["phone.png"].at(5, 5), RED);
    assert_eq!(shown.layout["devices"][1]["device"], "tablet");
}

#[tokio::test]
async fn a_picture_that_is_too_large_gets_fewer_pixels() {
    let html = "<body style='margin:0'><canvas width=400 height=600 style='width:200px;height:300px'></canvas><script>
         const ctx = document.querySelector('canvas').getContext('2d'), image = ctx.createImageData(400, 600);
         for (let i = 0, x = 1; i < image.data.length; i++) image.data[i] = i % 4 == 3 ? 255 : (x = x * 48271 % 2147483647) & 255;
         ctx.putImageData(image, 0, 0)</script>";
    let full = page(html).shown().await;
    let full = full.pictures["phone.png"].bytes;
    let shown = page(html).with(|order| order.limits.snapshot_bytes = full / 3).shown().await;
    let picture = &shown.pictures["phone.png"];
    assert!(picture.bytes <= full / 3, "{} of {full}", picture.bytes);
    assert!((150..400).contains(&picture.width), "{}", picture.width);
    assert_eq!(shown.warnings, ["phone: pictures are smaller than the screen, to be small enough."]);
    let screen = &shown.layout["devices"][0]["screens"][0];
    assert_eq!((&screen["width"], &screen["bytes"]), (&json!(picture.width), &json!(picture.bytes)));
    assert_eq!(page(html).with(|order| order.limits.snapshot_bytes = 500).fault().await, Fault::TooLarge);
}

#[tokio::test]
async fn entrances_are_over_and_fonts_are_there() {
    let shown = page(
        "<style>@keyframes in{from{background:#f00}to{background:#0f0}}
         body{margin:0;background:#0f0;animation:in 60s}</style>",
    )
    .shown()
    .await;
    assert_eq!(shown.pictures["phone.png"].at(200, 200), LIME);
}

#[tokio::test]
async fn what_is_no_page_is_refused() {
    assert_eq!(files(&[("main.rs", "fn main() {}")]).fault().await, Fault::Unsupported);
}

#[tokio::test]
async fn half_a_pixel_is_left_out() {
    let body = "<body style='margin:0;background:#00f'><div style='height:40px;background:#f00'></div><div style='height:3000px'></div>";
    // With and without a page that says how wide it is.
    for studio in [page(body), files(&[("index.html", body)])] {
        let device = Device { name: "phone".into(), width: 101, height: 203, scale: 2.5, mobile: true };
        let shown = studio
            .with(|order| {
                order.devices = vec![device];
                order.limits.snapshots = 2;
            })
            .shown()
            .await;
        for (name, top) in [("phone.png", RED), ("phone-2.png", BLUE)] {
            let picture = &shown.pictures[name];
            assert_eq!((picture.size(), picture.at(20, 2), picture.at(20, 506)), ((252, 507), top, BLUE), "{name}");
        }
    }
}
