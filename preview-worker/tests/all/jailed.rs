//! How a browser is kept in, seen from outside.

use std::collections::HashSet;
use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use preview_worker::browser::{Browser, Jail};
use preview_worker::project::Project;

use super::studio::chromium;

/// Chromium's processes by the start of their command lines: their ids.
fn processes(marker: &str) -> Vec<String> {
    let ids = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let is_ours = |id: &String| {
        let line = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(marker)
    };
    ids.filter(is_ours).collect()
}

fn namespace(id: &str, of: &str) -> Option<String> {
    fs::read_link(format!("/proc/{id}/ns/{of}")).ok().map(|link| link.to_string_lossy().into_owned())
}

/// Whether a renderer is as it should be; `None`: it is gone.
fn is_jailed(id: &str) -> Option<bool> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let says = |line: &str, value: &str| {
        status.lines().find_map(|said| said.strip_prefix(line)).is_some_and(|said| said.trim() == value)
    };
    let is_somebody = !status.lines().any(|line| line.starts_with("Uid:") && line.contains("\t0"));
    let mut apart = true;
    for of in ["net", "pid", "mnt", "user"] {
        apart &= namespace(id, of)? != namespace("self", of)?;
    }
    Some(says("NoNewPrivs:", "1") && says("Seccomp:", "2") && is_somebody && apart)
}

#[tokio::test]
async fn a_browser_has_no_network_no_rights_and_a_sandbox() {
    let jail = Jail::find(&chromium(), false).await.unwrap();
    assert!(!jail.is_open);
    let project = Project::new([("index.html".to_owned(), b"hello".to_vec())], None).unwrap();
    let before: HashSet<String> = processes("--type=renderer").into_iter().collect();
    let browser = Browser::start(&jail, Arc::new(project), 1 << 30).await.unwrap();
    let page = browser.page().await.unwrap();
    // One that has only just begun is not in its sandbox yet.
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let renderers: Vec<String> =
            processes("--type=renderer").into_iter().filter(|id| !before.contains(id)).collect();
        let jailed: Vec<bool> = renderers.iter().filter_map(|id| is_jailed(id)).collect();
        if !jailed.is_empty() && jailed.iter().all(|jailed| *jailed) {
            break;
        }
        assert!(Instant::now() < deadline, "within a minute: {renderers:?} are jailed, not {jailed:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    page.close().await.unwrap();
}

/// Chromium itself, not what started it nor what it started.
fn browsers() -> HashSet<String> {
    let is_browser = |id: &String| {
        let line = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).into_owned();
        line.split('\0').next().is_some_and(|program| program.ends_with("chromium") || program.ends_with("chrome"))
            && !line.contains("--type=")
    };
    processes("--remote-debugging-pipe").into_iter().filter(is_browser).collect()
}

#[tokio::test]
async fn a_browser_has_no_file_but_the_systems() {
    let jail = Jail::find(&chromium(), false).await.unwrap();
    let project = Project::new([("index.html".to_owned(), b"hello".to_vec())], None).unwrap();
    let before = browsers();
    let browser = Browser::start(&jail, Arc::new(project), 1 << 30).await.unwrap();
    let page = browser.page().await.unwrap();
    let id = browsers().difference(&before).next().expect("a browser").clone();
    let inside = |path: &str| format!("/proc/{id}/root{path}");
    let holds = |path: &str| fs::read_dir(path).map(|mut entries| entries.next().is_some()).unwrap_or_default();
    // It is the browser's view, and not an error.
    assert!(holds(&inside("/usr/share/fonts")) && holds(&inside("/etc")));
    // Where the tests are started, and where the worker's settings would be.
    let here = std::env::current_dir().unwrap();
    assert!(here.join("Cargo.toml").exists());
    assert!(!fs::exists(inside(here.join("Cargo.toml").to_str().unwrap())).unwrap());
    assert!(holds("/var/lib"));
    for hidden in ["/home", "/media", "/mnt", "/opt", "/root", "/run", "/srv", "/var/lib", "/var/log", "/var/tmp"] {
        assert!(!holds(&inside(hidden)), "{hidden}");
    }
    page.close().await.unwrap();
}

#[tokio::test]
async fn a_chromium_that_does_not_start_says_why() {
    let jail = Jail::find("/bin/false".as_ref(), false).await.unwrap();
    let project = Project::new([("index.html".to_owned(), b"hello".to_vec())], None).unwrap();
    let fault = Browser::start(&jail, Arc::new(project), 1 << 30).await.err().unwrap();
    assert_eq!(fault.code(), "browser_failed");
    assert!(fault.to_string().contains("Chromium does not start"), "{fault}");
}
