//! How the service stands, at a glance.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::queues::{self, Depth};
use super::switches::{self, Switch};
use crate::billing::snapshot::Cycle;
use crate::db::{Answers, DAY, HOUR, Id, Stmt, Time};
use crate::error::{Error, Result};
use crate::limits::Tier;
use crate::sql;

/// Days that the series tell of.
const DAYS: i64 = 30;

#[derive(Serialize, Deserialize, JsonSchema)]
pub struct Overview {
    pub health: Standing,
    pub figures: Figures,
    pub tiers: Vec<OfTier>,
    /// Those that give their tier now.
    pub subscriptions: Vec<Subscribed>,
    /// The last 30 days, of which those without anything are left out.
    pub series: Vec<Daily>,
    /// The last 24 hours, of which those without a request are left out.
    pub hours: Vec<Hourly>,
    pub queues: Vec<Depth>,
    pub switches: Vec<Switch>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
pub struct Standing {
    pub level: Light,
    /// Why it is not green.
    #[schemars(example = &["no worker answers"])]
    pub reasons: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Light {
    Green,
    Yellow,
    Red,
}

/// Days and hours are those before now; `today` began at midnight UTC.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct Figures {
    pub users: i64,
    /// Who logged in, or came back to a session, within so long.
    pub active_24h: i64,
    pub active_7d: i64,
    pub active_30d: i64,
    pub signups_24h: i64,
    pub signups_7d: i64,
    pub signups_30d: i64,
    pub projects: i64,
    pub failed_logins_24h: i64,
    pub previews_today: i64,
    pub ai_docs_today: i64,
    /// Answers with a status of 500 or more, but for what a switch refused.
    #[serde(default)]
    pub errors_24h: i64,
    #[serde(default)]
    pub requests_24h: i64,
    /// Questions that were passed on to operators.
    pub escalations_24h: i64,
    /// Of those made within a day; `failed` were given up.
    pub webhooks_delivered_24h: i64,
    pub webhooks_failed_24h: i64,
    /// Of both: 0 to 1.
    pub webhooks_success_rate: Option<f64>,
    /// Of the last day's five-minute rounds of the cron, those that came and found the database at work: 0 to 1. Null
    /// before the first one.
    pub uptime: Option<f64>,
    pub workers: i64,
    /// Heard from within two minutes.
    pub workers_up: i64,
}

#[derive(Serialize, Deserialize, JsonSchema)]
pub struct OfTier {
    pub tier: Tier,
    pub users: i64,
}

#[derive(Serialize, Deserialize, JsonSchema)]
pub struct Subscribed {
    pub tier: Tier,
    pub billing_cycle: Cycle,
    pub count: i64,
}

#[derive(Serialize, Deserialize, JsonSchema)]
pub struct Daily {
    #[schemars(example = &"2026-11-27")]
    pub day: String,
    pub signups: i64,
    pub previews: i64,
    pub ai_docs: i64,
    pub failed_logins: i64,
}

#[derive(Serialize, Deserialize, JsonSchema)]
pub struct Hourly {
    #[schemars(example = &"2026-11-27T09:00:00.000Z")]
    pub hour: Time,
    pub requests: i64,
    /// As in `errors_24h`.
    pub errors: i64,
}

/// In the order of `Overview::load`.
pub fn reads(now: Time) -> Vec<Stmt> {
    vec![
        figures(now),
        sql!("SELECT tier, count(*) AS users FROM users GROUP BY tier ORDER BY tier"),
        sql!(
            "SELECT tier, billing_cycle, count(*) AS count FROM subscriptions WHERE access_until > ?1
             GROUP BY tier, billing_cycle ORDER BY tier, billing_cycle",
            now
        ),
        sql!(
            "SELECT day, sum(what = 'signup') AS signups, sum(what = 'preview') AS previews, sum(what = 'ai_doc') AS ai_docs,
                    sum(what = 'failed') AS failed_logins
             FROM (SELECT substr(created_at, 1, 10) AS day, 'signup' AS what FROM users WHERE created_at >= ?1
                   UNION ALL SELECT substr(created_at, 1, 10), kind FROM jobs WHERE created_at >= ?1
                   UNION ALL SELECT substr(created_at, 1, 10), 'failed' FROM events WHERE kind = 'login.failed' AND id >= ?2)
             GROUP BY day ORDER BY day",
            now.plus(-DAYS * DAY),
            first_id(now.plus(-DAYS * DAY)),
        ),
        sql!(
            "SELECT substr(minute, 1, 13) || ':00:00.000Z' AS hour, sum(s2xx + s3xx + s4xx + s5xx) AS requests,
                    sum(s5xx - switched) AS errors
             FROM request_counts WHERE minute >= ?1 AND minute < 'all' GROUP BY hour ORDER BY hour",
            now.plus(-DAY)
        ),
        queues::depths(now),
        switches::all(),
    ]
}

fn figures(now: Time) -> Stmt {
    let today = Time::from_millis(now.millis() - now.millis().rem_euclid(DAY));
    sql!(
        "SELECT (SELECT count(*) FROM users) AS users,
                (SELECT count(DISTINCT user_id) FROM sessions INDEXED BY sessions_by_activity WHERE last_seen_at >= ?1) AS active_24h,
                (SELECT count(DISTINCT user_id) FROM sessions INDEXED BY sessions_by_activity WHERE last_seen_at >= ?2) AS active_7d,
                (SELECT count(DISTINCT user_id) FROM sessions INDEXED BY sessions_by_activity WHERE last_seen_at >= ?3) AS active_30d,
                (SELECT count(*) FROM users WHERE created_at >= ?1) AS signups_24h,
                (SELECT count(*) FROM users WHERE created_at >= ?2) AS signups_7d,
                (SELECT count(*) FROM users WHERE created_at >= ?3) AS signups_30d,
                (SELECT count(*) FROM projects) AS projects,
                (SELECT count(*) FROM events WHERE kind = 'login.failed' AND id >= ?4) AS failed_logins_24h,
                (SELECT count(*) FROM jobs WHERE created_at >= ?5 AND kind = 'preview') AS previews_today,
                (SELECT count(*) FROM jobs WHERE created_at >= ?5 AND kind = 'ai_doc') AS ai_docs_today,
                (SELECT count(*) FROM events WHERE kind = 'support.escalated' AND id >= ?4) AS escalations_24h,
                (SELECT count(*) FROM webhook_deliveries WHERE created_at >= ?1 AND status = 'delivered') AS webhooks_delivered_24h,
                (SELECT count(*) FROM webhook_deliveries WHERE created_at >= ?1 AND status = 'failed') AS webhooks_failed_24h,
                (SELECT avg(status = 'delivered') FROM webhook_deliveries
                 WHERE created_at >= ?1 AND status IN ('delivered', 'failed')) AS webhooks_success_rate,
                (SELECT min(1.0, count(*) * 1.0 / max(1, (unixepoch(?7) - unixepoch(max(?1, (SELECT min(at) FROM queue_samples)))) / 300))
                 FROM queue_samples WHERE queue = 'events' AND at >= ?1) AS uptime,
                (SELECT count(*) FROM worker_nodes) AS workers,
                (SELECT count(*) FROM worker_nodes WHERE last_heartbeat_at > ?6) AS workers_up",
        now.plus(-DAY),
        now.plus(-7 * DAY),
        now.plus(-30 * DAY),
        first_id(now.plus(-DAY)),
        today,
        now.plus(-HOUR / 30),
        now,
    )
}

/// No id that was made then or later comes before it.
fn first_id(at: Time) -> Id {
    Id::new(at, [0; 10])
}

impl Overview {
    pub fn load(answers: &mut Answers) -> Result<Self> {
        let mut figures: Figures = answers.first()?.ok_or_else(|| Error::internal("no figures"))?;
        let (tiers, subscriptions, series) = (answers.rows()?, answers.rows()?, answers.rows()?);
        let hours: Vec<Hourly> = answers.rows()?;
        figures.errors_24h = hours.iter().map(|hour| hour.errors).sum();
        figures.requests_24h = hours.iter().map(|hour| hour.requests).sum();
        let (queues, switches) = (answers.rows()?, answers.rows()?);
        let health = stand(&figures, &queues, &switches);
        Ok(Overview { health, figures, tiers, subscriptions, series, hours, queues, switches })
    }
}

fn stand(figures: &Figures, queues: &[Depth], switches: &[Switch]) -> Standing {
    let mut found: Vec<(Light, String)> = Vec::new();
    let mut see = |light: Light, why: String| found.push((light, why));
    for Depth { queue, oldest_seconds, .. } in queues {
        match oldest_seconds {
            0..=60 => {}
            61..=300 => see(Light::Yellow, format!("{queue}: the oldest has waited {oldest_seconds} s")),
            _ => see(Light::Red, format!("{queue}: the oldest has waited {oldest_seconds} s")),
        }
    }
    let down = figures.workers - figures.workers_up;
    if down > 0 {
        let light = if figures.workers_up == 0 { Light::Red } else { Light::Yellow };
        see(light, format!("{down} of {} workers are silent", figures.workers));
    }
    // One in a hundred, one in twenty.
    let errors = figures.errors_24h;
    if errors * 20 > figures.requests_24h {
        see(Light::Red, format!("{errors} of {} requests failed", figures.requests_24h));
    } else if errors * 100 > figures.requests_24h {
        see(Light::Yellow, format!("{errors} of {} requests failed", figures.requests_24h));
    }
    for switch in switches {
        // Two are on where all is well, two are off.
        let usual = matches!(switch.name.as_str(), "previews" | "ai_docs");
        if switch.is_on != usual {
            see(Light::Yellow, format!("{} is {}", switch.name, if switch.is_on { "on" } else { "off" }));
        }
    }
    let level = found.iter().map(|(light, _)| *light).max().unwrap_or(Light::Green);
    Standing { level, reasons: found.into_iter().map(|(_, why)| why).collect() }
}
