//! What `/monitoring/metrics` tells.

use serde::Deserialize;

use super::exposition::{Exposition, label};
use super::tally::{BOUNDS, Counted};
use crate::admin::queues::{self, Depth};
use crate::admin::switches::{self, Switch};
use crate::audit;
use crate::db::{Answers, DAY, MINUTE, Moment, Stmt, Time};
use crate::error::Result;
use crate::sql;

#[derive(Deserialize)]
struct Group {
    kind: String,
    status: String,
    count: i64,
}

/// In the order of `Metrics::load`.
pub fn reads(now: Time) -> Vec<Stmt> {
    let [_, before] = audit::log::span(None, Some(Moment(now.plus(-MINUTE))));
    vec![
        super::tally::all(),
        switches::all(),
        queues::depths(now),
        sql!(
            "SELECT kind, status, count(*) AS count FROM jobs WHERE created_at >= ?1 GROUP BY kind, status",
            now.plus(-DAY)
        ),
        sql!(
            "SELECT type AS kind, iif(last_heartbeat_at > ?1, 'up', 'silent') AS status, count(*) AS count
             FROM worker_nodes GROUP BY 1, 2",
            now.plus(-2 * MINUTE)
        ),
        sql!(
            "SELECT 'webhook' AS kind, status, count(*) AS count FROM webhook_deliveries WHERE created_at >= ?1 GROUP BY status",
            now.plus(-DAY)
        ),
        sql!(
            "SELECT 'audit' AS kind, 'unlinked' AS status, count(*) AS count FROM
               (SELECT id FROM events WHERE id > ifnull((SELECT value FROM cursors WHERE name = 'audit'), '') AND id < ?1
                ORDER BY id LIMIT 10000) e
             WHERE NOT EXISTS (SELECT 1 FROM audit_links WHERE event_id = e.id)",
            before,
        ),
    ]
}

pub fn told(answers: &mut Answers) -> Result<String> {
    let mut told = Exposition::default();
    told.metric("hivesync_info", "gauge", "The version that runs.", [(label("version", env!("CARGO_PKG_VERSION")), 1)]);
    requests(&mut told, answers.first()?.unwrap_or_default());
    let switches: Vec<Switch> = answers.rows()?;
    let switches = switches.iter().map(|switch| (label("name", &switch.name), u8::from(switch.is_on)));
    told.metric("hivesync_switch", "gauge", "Operators' switches; 1 is on.", switches);
    let depths: Vec<Depth> = answers.rows()?;
    let queue =
        |of: fn(&Depth) -> i64| depths.iter().map(move |depth| (label("queue", &depth.queue), of(depth) as f64));
    told.metric("hivesync_queue_depth", "gauge", "What waits.", queue(|depth| depth.waiting));
    told.metric(
        "hivesync_queue_oldest_seconds",
        "gauge",
        "How long the oldest has waited.",
        queue(|depth| depth.oldest_seconds),
    );
    let jobs: Vec<Group> = answers.rows()?;
    let jobs = jobs.iter().map(|group| {
        (format!("{},{}", label("kind", &group.kind), label("status", &group.status)), group.count as f64)
    });
    told.metric("hivesync_jobs_day", "gauge", "Jobs requested within a day, by where they are now.", jobs);
    let workers: Vec<Group> = answers.rows()?;
    let workers = workers.iter().map(|group| {
        (format!("{},{}", label("type", &group.kind), label("status", &group.status)), group.count as f64)
    });
    told.metric("hivesync_workers", "gauge", "Workers, by whether they are heard from.", workers);
    let deliveries: Vec<Group> = answers.rows()?;
    let deliveries = deliveries.iter().map(|group| (label("status", &group.status), group.count as f64));
    told.metric(
        "hivesync_webhook_deliveries_day",
        "gauge",
        "Webhook deliveries of a day, by where they are now.",
        deliveries,
    );
    let unlinked: Vec<Group> = answers.rows()?;
    let unlinked = unlinked.iter().map(|group| (String::new(), group.count as f64));
    told.metric(
        "hivesync_audit_unlinked_events",
        "gauge",
        "Events the cron has still to look at, more than a minute old and in no link of the audit chain.",
        unlinked,
    );
    Ok(told.text())
}

fn requests(told: &mut Exposition, counted: Counted) {
    let classes = ["2xx", "3xx", "4xx", "5xx"].map(|class| label("class", class));
    let Counted { s2xx, s3xx, s4xx, s5xx, switched, trips, ms, .. } = counted;
    let series = classes.into_iter().zip([s2xx, s3xx, s4xx, s5xx].map(|sum| sum as f64));
    told.metric("hivesync_requests_total", "counter", "Requests by the class of their status.", series);
    let name = "hivesync_requests_switched_total";
    told.metric(
        name,
        "counter",
        "Requests of class 5xx that an operator's switch refused.",
        [(String::new(), switched as f64)],
    );
    told.metric("hivesync_database_trips_total", "counter", "Trips to the database.", [(String::new(), trips as f64)]);
    let within: Vec<(i64, i64)> = BOUNDS.into_iter().zip(counted.within()).collect();
    let name = "hivesync_request_duration_seconds";
    told.histogram(name, "From a request's arrival to its answer.", &within, counted.requests(), ms);
}
