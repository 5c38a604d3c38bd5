//! How much a browser and all it started hold.

use std::collections::HashMap;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use super::serve::Seen;

const EVERY: Duration = Duration::from_millis(100);

/// Kills the process and its descendants once they hold more than `most` bytes.
pub async fn watch(root: u32, most: u64, seen: Arc<Seen>) {
    loop {
        tokio::time::sleep(EVERY).await;
        let family = family(root);
        if family.iter().map(|id| held(*id)).sum::<u64>() > most {
            seen.killed_for_memory();
            for id in family.into_iter().rev() {
                let process = id.try_into().ok().and_then(rustix::process::Pid::from_raw);
                if let Some(process) = process {
                    let _ = rustix::process::kill_process(process, rustix::process::Signal::KILL);
                }
            }
            return;
        }
    }
}

/// A process and everything it started, parents first.
fn family(root: u32) -> Vec<u32> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(id) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let Ok(stat) = fs::read_to_string(format!("/proc/{id}/stat")) else { continue };
        if let Some(parent) = parent(&stat) {
            children.entry(parent).or_default().push(id);
        }
    }
    let mut family = vec![root];
    let mut at = 0;
    while let Some(id) = family.get(at).copied() {
        family.extend(children.remove(&id).unwrap_or_default());
        at += 1;
    }
    family
}

/// The name of the program stands in parentheses and may hold anything.
fn parent(stat: &str) -> Option<u32> {
    stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}

/// Not the resident set: most of that is Chromium's program itself, which all its processes share.
fn held(id: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let kib = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|rest| rest.split_whitespace().next()).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0)
    };
    1024 * (kib("RssAnon:") + kib("RssShmem:"))
}

#[cfg(test)]
mod tests {
    use super::{family, held, parent};

    #[test]
    fn a_parent_is_found_behind_any_name() {
        assert_eq!(parent("17 (a) b) (c) S 4 17 17 0 -1"), Some(4));
        assert_eq!(parent("17 (a)"), None);
    }

    #[test]
    fn this_process_is_of_its_family_and_holds_something() {
        let me = std::process::id();
        assert_eq!(family(me).first(), Some(&me));
        assert!(held(me) > 0);
        assert_eq!(held(u32::MAX), 0);
    }
}
