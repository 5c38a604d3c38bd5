use std::collections::{BTreeMap, BTreeSet};

use crate::support::*;

const TOKEN: &str = "qT7wV1xN5rE9yU3iO8pA2sD6fG0hJ4kL";

/// Every series with its value, once the text is found to be what Prometheus reads.
fn parse(text: &str) -> BTreeMap<String, f64> {
    let (mut series, mut types) = (BTreeMap::new(), BTreeMap::new());
    let (mut helped, mut closed, mut family) = (BTreeSet::new(), BTreeSet::new(), String::new());
    assert!(text.ends_with('\n'));
    let is_name = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').expect("a help");
            assert!(is_name(name) && !help.is_empty() && helped.insert(name.to_owned()), "{line}");
            continue;
        }
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("a type");
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            assert!(helped.contains(name) && types.insert(name.to_owned(), kind.to_owned()).is_none(), "{line}");
            assert!(closed.insert(name.to_owned()), "{name} stands apart");
            name.clone_into(&mut family);
            continue;
        }
        let (key, value) = line.rsplit_once(' ').expect("a value");
        let name = key.split('{').next().unwrap();
        let base = ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|end| name.strip_suffix(end))
            .filter(|base| types.contains_key(*base));
        assert_eq!(base.unwrap_or(name), family, "{line} stands under its type");
        assert_eq!(types[&family] == "counter", name.ends_with("_total"), "{line}");
        if let Some(labels) = key.strip_prefix(name).and_then(|rest| rest.strip_prefix('{')) {
            let labels = labels.strip_suffix("\"}").expect("a closed list");
            for label in labels.split("\",") {
                let (name, value) = label.split_once("=\"").expect("a label");
                assert!(is_name(name) && !value.contains(['"', '\n']), "{line}");
            }
        }
        let value: f64 = value.parse().expect("a number");
        assert!(value.is_finite(), "{line}");
        assert!(series.insert(key.to_owned(), value).is_none(), "{key} is told twice");
    }
    series
}

#[tokio::test]
async fn metrics_are_what_prometheus_reads() {
    let world = World::new().await;
    let root = world.operator("root").await;
    let nobody = world.anonymous();
    nobody.get("/projects").refused(401).await;
    world.clock().advance(Duration::from_secs(10));
    nobody.get("/health").await;
    let counted = "SELECT ifnull(sum(s4xx), 0) FROM request_counts WHERE minute = 'all'";
    world.eventually("it is counted", async || world.one(counted, &[]).await == 1).await;
    let reply = root.get("/monitoring/metrics").await;
    assert_eq!(reply.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    let series = parse(&reply.text);
    assert_eq!(series["hivesync_requests_total{class=\"4xx\"}"], 1.0);
    assert_eq!(series["hivesync_requests_total{class=\"5xx\"}"], 0.0);
    let all: f64 = ["2xx", "3xx", "4xx", "5xx"]
        .iter()
        .map(|class| series[&format!("hivesync_requests_total{{class=\"{class}\"}}")])
        .sum();
    assert_eq!(series["hivesync_request_duration_seconds_count"], all);
    assert_eq!(series["hivesync_request_duration_seconds_bucket{le=\"+Inf\"}"], all);
    assert_eq!(series["hivesync_switch{name=\"previews\"}"], 1.0);
    for queue in ["events", "preview", "ai_doc", "webhooks"] {
        assert!(series.contains_key(&format!("hivesync_queue_depth{{queue=\"{queue}\"}}")), "{queue}");
    }
    assert!(series.contains_key("hivesync_audit_unlinked_events"));
}

#[tokio::test]
async fn metrics_are_for_operators_and_whoever_has_the_token() {
    let world = World::with(&[("METRICS_TOKEN", TOKEN)]).await;
    let (ada, root) = (world.sign_up("ada").await, world.operator("root").await);
    world.anonymous().get("/monitoring/metrics").refused(401).await;
    ada.get("/monitoring/metrics").refused_with(403, "AUTH_FORBIDDEN").await;
    let scraper = world.anonymous().bearing(TOKEN);
    parse(&scraper.get("/monitoring/metrics").await.text);
    world.anonymous().bearing(&TOKEN.to_lowercase()).get("/monitoring/metrics").refused(401).await;
    // It opens nothing else.
    scraper.get("/admin/overview").refused(401).await;
    let seen = "SELECT count(*) FROM events WHERE kind = 'admin.viewed' AND entity_id = 'metrics'";
    assert_eq!(world.one(seen, &[]).await, 0);
    root.get("/monitoring/metrics").await;
    assert_eq!(world.one(seen, &[]).await, 1);
    // An empty token is none.
    World::new().await.anonymous().bearing("").get("/monitoring/metrics").refused(401).await;
}

/// Of those the queue has had its time with, and none that the cron has looked at.
#[tokio::test]
async fn events_without_a_link_are_counted_wherever_they_are() {
    let world = World::with(&[("METRICS_TOKEN", TOKEN)]).await;
    let ada = world.sign_up("ada").await;
    ada.project("Launch").await;
    world.drain().await;
    let scraper = world.anonymous().bearing(TOKEN);
    let unlinked = async || parse(&scraper.get("/monitoring/metrics").await.text)["hivesync_audit_unlinked_events"];
    world.clock().advance(Duration::from_secs(61));
    assert_eq!(unlinked().await, 0.0);
    world.sql("DELETE FROM audit_links WHERE seq = 2", &[]).await;
    assert_eq!(unlinked().await, 1.0, "one in the middle");
    ada.project("Another").await;
    assert_eq!(unlinked().await, 1.0, "one that just happened is none");
    world.sql("DELETE FROM audit_links WHERE seq = 3", &[]).await;
    assert_eq!(unlinked().await, 2.0);
}
