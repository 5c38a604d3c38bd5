//! How many jobs somebody may have: the database counts them in the batch that would add one.

use super::JobKind;
use crate::db::{HOUR, Stmt, Time};
use crate::limits::Quota;
use crate::sql;

/// What is counted per requester, whichever the project, and refused with the quota's code.
pub enum Rule {
    /// So many requested within these milliseconds.
    Within(Quota, i64),
    /// So many queued or running.
    AtOnce(Quota),
    /// So many that ended within these milliseconds, or have not.
    Apart(Quota, i64),
}

impl Rule {
    pub fn into_quota(self) -> Quota {
        match self {
            Rule::Within(quota, _) | Rule::AtOnce(quota) | Rule::Apart(quota, _) => quota,
        }
    }

    /// `which` of the change's quotas it is; where time heals it, how many seconds that takes. (A number from outside is
    /// a float to SQLite until a column or a cast says otherwise.)
    pub fn refuse(&self, kind: JobKind, user: i64, which: usize, now: Time) -> Stmt {
        let (kind, which) = (kind.name(), i64::try_from(which).unwrap_or_default());
        match self {
            // Once the oldest of as many as are allowed is out of the window, there is room.
            Rule::Within(quota, window) => sql!(
                "INSERT INTO refusals (code)
                 SELECT ?5 || ' ' || (SELECT count(*) FROM jobs WHERE requested_by = ?1 AND kind = ?2 AND created_at > ?3)
                        || ' ' || CAST(?6 AS INTEGER) || ' ' || CAST(unixepoch(created_at) + ?7 - unixepoch(?8) + 1 AS INTEGER)
                 FROM (SELECT created_at FROM jobs WHERE requested_by = ?1 AND kind = ?2 AND created_at > ?3
                       ORDER BY created_at DESC LIMIT 1 OFFSET ?4 - 1)
                 WHERE ?4 IS NOT NULL",
                user,
                kind,
                now.plus(-window),
                quota.limit(),
                quota.code().name(),
                which,
                window / 1000,
                now,
            ),
            Rule::AtOnce(quota) => sql!(
                "INSERT INTO refusals (code) SELECT ?4 || ' ' || used || ' ' || CAST(?5 AS INTEGER)
                 FROM (SELECT count(*) AS used FROM jobs
                       WHERE requested_by = ?1 AND kind = ?2 AND status IN ('queued', 'running'))
                 WHERE used >= ?3",
                user,
                kind,
                quota.limit(),
                quota.code().name(),
                which,
            ),
            // No job lives for longer than these hours.
            Rule::Apart(quota, pause) => sql!(
                "INSERT INTO refusals (code) SELECT ?5 || ' ' || used || ' ' || CAST(?6 AS INTEGER) || ' ' || CAST(unixepoch(latest) + ?7 - unixepoch(?8) + 1 AS INTEGER)
                 FROM (SELECT count(*) AS used, max(ifnull(finished_at, ?8)) AS latest FROM jobs
                       WHERE requested_by = ?1 AND kind = ?2 AND created_at > ?9 AND ifnull(finished_at, ?8) > ?3)
                 WHERE used >= ?4",
                user,
                kind,
                now.plus(-pause),
                quota.limit(),
                quota.code().name(),
                which,
                pause / 1000,
                now,
                now.plus(-3 * HOUR - pause),
            ),
        }
    }
}
