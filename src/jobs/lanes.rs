//! Whose turn it is: paid jobs first, and every fourth time one of the lanes that would starve, in turns.

use super::step::Started;
use super::{JobKind, LEASE};
use crate::app::{By, Change};
use crate::db::Id;
use crate::sql;

/// Hands the next job of a kind to the worker, if any waits, the kind is switched on, and the worker is not to drain.
/// `event` is the event's id.
pub fn claim(kind: JobKind, worker: &str, event: &Id, by: &By) -> Change<Started> {
    Change::returning(sql!(
        "SELECT j.id, j.project_id, j.tier, j.attempt, j.request
         FROM events e JOIN jobs j ON j.id = e.entity_id WHERE e.id = ?1",
        event
    ))
    .record(
        event.clone(),
        sql!(
            "INSERT INTO events (id, kind, actor_id, project_id, entity_id, data, ip_address, request_id, created_at)
             SELECT ?1, iif(kind = 'preview', 'preview.', 'ai_docs.') || 'started', NULL, project_id, id,
                    json_object('attempt', attempt, 'tier', tier, 'requested_by', requested_by, 'worker_id', ?3),
                    nullif(?4, ''), ?5, ?6
             FROM jobs WHERE id = (
               SELECT id FROM jobs WHERE kind = ?2 AND status = 'queued' AND lane = (
                 SELECT CASE claims % 8
                   WHEN 3 THEN (SELECT max(lane) FROM jobs WHERE kind = ?2 AND status = 'queued')
                   WHEN 7 THEN ifnull((SELECT min(lane) FROM jobs WHERE kind = ?2 AND status = 'queued' AND lane > first), first)
                   ELSE first END
                 FROM (SELECT claims, (SELECT min(lane) FROM jobs WHERE kind = ?2 AND status = 'queued') AS first
                       FROM lanes WHERE lanes.kind = ?2))
               ORDER BY queued_at LIMIT 1)
               AND NOT EXISTS (SELECT 1 FROM worker_nodes WHERE id = ?3 AND draining)
               AND NOT EXISTS (SELECT 1 FROM switches WHERE name = ?7 AND is_on = 0)",
            event,
            kind.name(),
            worker,
            by.ip,
            by.request_id,
            by.at,
            kind.switch(),
        ),
    )
    .run(sql!(
        "UPDATE jobs SET status = 'running', worker_id = ?2, lease_until = ?3, started_at = ?4
         WHERE id = (SELECT entity_id FROM events WHERE id = ?1)",
        event,
        worker,
        by.at.plus(LEASE),
        by.at,
    ))
    .run(sql!(
        "UPDATE lanes SET claims = claims + 1 WHERE kind = ?2 AND EXISTS (SELECT 1 FROM events WHERE id = ?1)",
        event,
        kind.name(),
    ))
}
