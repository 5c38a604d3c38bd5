//! What `/monitoring/metrics` tells.

use super::exposition::{Exposition, label};
use super::tally::{BOUNDS, Counted};
use crate::admin::queues::{self, Depth};
use crate::admin::switches::{self, Switch};
use crate::db::{Answers, Stmt, Time};
use crate::error::Result;

/// In the order of `Metrics::load`.
pub fn reads(now: Time) -> Vec<Stmt> {
    vec![super::tally::all(), switches::all(), queues::depths(now)]
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
