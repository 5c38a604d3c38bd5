//! Every page here ends within its bounds, and what it must not reach it does not reach.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use preview_worker::fault::Fault;
use tokio::net::TcpListener;

use super::studio::{Shown, page};

/// Chromium's start and end are in it, on a machine that does other things, too.
async fn within<T>(seconds: u64, rendered: impl Future<Output = T>) -> T {
    let started = Instant::now();
    let rendered = rendered.await;
    assert!(started.elapsed() < Duration::from_secs(seconds), "it took {:?}", started.elapsed());
    rendered
}

/// Shown or given up, but nothing else.
fn ends(tried: Result<Shown, Fault>) {
    assert!(matches!(tried, Ok(_) | Err(Fault::Timeout)), "{:?}", tried.err());
}

#[tokio::test]
async fn a_loop_without_an_end() {
    let looping = page("<script>for (;;);</script>").with(|order| order.limits.timeout_ms = 1000);
    assert_eq!(within(30, looping.fault()).await, Fault::Timeout);
}

#[tokio::test]
async fn a_loop_that_begins_when_all_seems_well() {
    let looping = page("hello<script>onload = () => setTimeout(() => { for (;;); }, 50)</script>");
    assert_eq!(within(25, looping.fault()).await, Fault::Timeout);
}

#[tokio::test]
async fn memory_without_an_end() {
    let hungry = page("<script>const all = []; for (;;) all.push(new Uint8Array(1 << 24).fill(1))</script>")
        .with(|order| order.memory = 500 << 20);
    assert_eq!(within(25, hungry.fault()).await, Fault::Memory);
}

#[tokio::test]
async fn ten_thousand_windows() {
    // Each is refused, which takes a while: how far it comes depends on the machine.
    let opening = page("<script>for (let i = 0; i < 10000; i++) open('/index.html?' + i)</script>still here");
    ends(within(40, opening.tried()).await);
}

#[tokio::test]
async fn dialogs_downloads_and_printing() {
    let shown = page(
        "<a href='data:application/zip;base64,AAAA' download=a.zip>a</a><script>
         for (let i = 0; i < 50; i++) alert(i); confirm('?'); prompt('?'); document.querySelector('a').click();
         onload = () => { print(); addEventListener('beforeunload', (event) => event.preventDefault()) };
         document.write('all done')</script>",
    );
    assert!(within(30, shown.shown()).await.text().contains("all done"));
    let endless = page("<script>for (;;) alert('again')</script>").with(|order| order.limits.timeout_ms = 1000);
    assert_eq!(within(30, endless.fault()).await, Fault::Timeout);
}

#[tokio::test]
async fn files_and_servers_of_this_machine() {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = server.local_addr().unwrap().port();
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    tokio::spawn(async move {
        while server.accept().await.is_ok() {
            counted.fetch_add(1, Ordering::Relaxed);
        }
    });
    let shown = page(&format!(
        "<body>here<iframe src='file:///etc/passwd'></iframe><iframe src='http://127.0.0.1:{port}/'></iframe>
         <img src='http://127.0.0.1:{port}/a.png'><script>
         const said = (what) => document.body.append(' ' + what);
         new WebSocket('ws://127.0.0.1:{port}/').onerror = () => said('no-socket');
         for (const url of ['file:///etc/passwd', 'http://127.0.0.1:{port}/b', 'http://[::1]:{port}/', 'http://localhost:{port}/'])
           fetch(url).then((r) => r.text()).then(said, () => said('no-fetch'));
         new Worker(URL.createObjectURL(new Blob([`fetch('http://127.0.0.1:{port}/w').catch(() => postMessage('no-worker'))`])))
           .onmessage = ({{ data }}) => said(data);
         const rtc = new RTCPeerConnection({{ iceServers: [{{ urls: 'stun:127.0.0.1:{port}' }}] }});
         rtc.createDataChannel('x'); rtc.createOffer().then((offer) => rtc.setLocalDescription(offer));
         setTimeout(() => {{ location = 'file:///etc/passwd' }}, 10);
         setTimeout(() => {{ location = 'http://127.0.0.1:{port}/top' }}, 30);
         </script>"
    ));
    let shown = within(30, shown.shown()).await;
    let text = shown.text();
    assert!(!text.contains("root:") && text.contains("here"), "{text}");
    for said in ["no-socket", "no-fetch", "no-worker"] {
        assert!(text.contains(said), "{said}: {text}");
    }
    assert!(shown.warnings.iter().any(|told| told.contains("127.0.0.1")), "{:?}", shown.warnings);
    assert_eq!(calls.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn movement_without_an_end() {
    let shown = page(
        "<style>@keyframes turn{to{transform:rotate(1turn)}}div{width:9px;height:9px;animation:turn .1s infinite}</style>
         <div></div>moving<script>const step = () => { document.title += '.'; requestAnimationFrame(step) }; step();
         setInterval(() => document.body.append('.'), 1)</script>",
    );
    assert!(within(30, shown.shown()).await.text().contains("moving"));
}

#[tokio::test]
async fn a_page_of_a_hundred_thousand_pixels() {
    let shown = within(40, page("top<div style='height:100000px'></div>").shown()).await;
    assert_eq!((shown.pictures.len(), shown.warnings.len()), (5, 1));
}

#[tokio::test]
async fn elements_without_an_end_and_names_that_lie() {
    let many = page(
        "<form>inside<input name=childNodes><input name=getBoundingClientRect><input name=nodeType></form><script>
         for (let i = 0; i < 5000; i++)
           document.forms[0].append(Object.assign(document.createElement('p'), { textContent: 'x'.repeat(500) }));
         Object.prototype.toJSON = () => 'mine'; JSON.stringify = () => 'mine'; Array.prototype[Symbol.iterator] = null;
         </script><img name=body><img name=querySelector><img name=documentElement>",
    );
    let shown = within(40, many.shown()).await;
    let text = shown.text();
    assert!(text.contains("inside") && !text.contains("mine"), "{text:.500}");
    assert!(text.len() < 1 << 20, "{}", text.len());
    assert_eq!(shown.layout["devices"][0]["truncated"], true);
}

#[tokio::test]
async fn elements_in_elements_without_an_end() {
    let deep = page(
        "<script>let deep = document.body ?? document.documentElement;
         for (let i = 0; i < 5000; i++) deep = deep.appendChild(document.createElement('div'))</script>",
    );
    match within(40, deep.tried()).await {
        // Chromium draws by recursion, and its pages may run out of stack.
        Err(Fault::Crashed) => {}
        tried => ends(tried),
    }
}

#[tokio::test]
async fn a_page_that_loads_itself_again_and_again() {
    let again = page("again<script>onload = () => setTimeout(() => location.reload())</script>");
    ends(within(40, again.tried()).await);
}

#[tokio::test]
async fn requests_without_an_end() {
    let shown = within(40, page("asking<script>const ask = () => fetch('/' + Math.random()).then(ask); for (let i = 0; i < 9; i++) ask()</script>").shown());
    let shown = shown.await;
    assert!(shown.text().contains("asking") && shown.warnings.len() <= 20, "{:?}", shown.warnings);
}

/// Nothing on a page leads there.
#[tokio::test]
async fn a_way_to_a_crash() {
    let crashing = page("<script>setTimeout(() => { location = 'chrome://crash' })</script>here");
    assert!(within(30, crashing.shown()).await.text().contains("here"));
}
