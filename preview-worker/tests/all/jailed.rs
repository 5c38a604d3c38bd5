//! How a browser is kept in, seen from outside.

use std::collections::HashSet;
use std::fs;
use std::sync::Arc;

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

#[tokio::test]
async fn a_browser_has_no_network_no_rights_and_a_sandbox() {
    let jail = Jail::find(&chromium(), false).await.unwrap();
    assert!(!jail.is_open);
    let project = Project::new([("index.html".to_owned(), b"hello".to_vec())], None).unwrap();
    let before: HashSet<String> = processes("--type=renderer").into_iter().collect();
    let browser = Browser::start(&jail, Arc::new(project), 1 << 30).await.unwrap();
    let page = browser.page().await.unwrap();
    let mine = (namespace("self", "net"), namespace("self", "pid"), namespace("self", "mnt"));
    let mut renderers = 0;
    for id in processes("--type=renderer").into_iter().filter(|id| !before.contains(id)) {
        let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
        if status.is_empty() {
            continue;
        }
        renderers += 1;
        for (line, value) in [("NoNewPrivs:", "1"), ("Seccomp:", "2")] {
            let said = status.lines().find_map(|said| said.strip_prefix(line)).map(str::trim);
            assert_eq!(said, Some(value), "{line}");
        }
        assert!(status.lines().any(|line| line.starts_with("Uid:") && !line.contains("\t0")), "{status}");
        let its = (namespace(&id, "net"), namespace(&id, "pid"), namespace(&id, "mnt"));
        assert!(its.0 != mine.0 && its.1 != mine.1 && its.2 != mine.2, "{its:?}");
    }
    assert!(renderers > 0);
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
