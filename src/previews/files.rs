//! What is handed in for previews: stored by content, for a day, in the project it was handed in for.
//!
//! A file's key begins with when it was stored, so the oldest come first, and what no row knows of goes by age.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::json;

use crate::access::{Actor, Ask, Contribute, Permits, Role, Thing};
use crate::app::{App, By, Change};
use crate::db::{Answers, HOUR, Id, Stmt, Time};
use crate::error::{Code, Error, Result};
use crate::event::Recorded;
use crate::host::Incoming;
use crate::http::NoContent;
use crate::limits::Quota;
use crate::projects::{self, Project, refuse_unless};
use crate::{jobs, sql};

const PREFIX: &str = "preview-files/";
/// A file handed in so long ago is handed in again.
const FRESH: i64 = 12 * HOUR;
/// A job that counts on a file has this long to run.
const GRACE: i64 = 3 * HOUR;
/// How many times the bytes of its largest preview a project may have waiting here.
const PREVIEWS_WAITING: u64 = 4;

/// In lower-case hex.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Sha256Hex(String);

impl Sha256Hex {
    pub fn parse(text: &str) -> Option<Self> {
        let digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        (text.len() == 64 && text.bytes().all(digit)).then(|| Sha256Hex(text.to_owned()))
    }

    pub fn of(bytes: &[u8]) -> Self {
        use sha2::Digest;
        Sha256Hex(format!("{:x}", sha2::Sha256::digest(bytes)))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Sha256Hex {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(from)?;
        Sha256Hex::parse(&text).ok_or_else(|| D::Error::custom("must be a SHA-256 in lower-case hex"))
    }
}

impl JsonSchema for Sha256Hex {
    fn schema_name() -> Cow<'static, str> {
        "Sha256".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^[0-9a-f]{64}$",
            "examples": ["2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"],
        })
    }
}

/// A file that is here.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct PreviewFile {
    pub sha256: Sha256Hex,
    #[schemars(example = 48_213)]
    pub bytes: u64,
    /// Until when previews may name it.
    pub expires_at: Time,
}

pub fn key(file: &Id) -> String {
    format!("{PREFIX}{file}")
}

/// Bytes that several files may lie in, and where: `[sha256, start, bytes]`.
pub struct Pack {
    pub file: Id,
    pub places: Vec<(Sha256Hex, u64, u64)>,
}

impl Pack {
    /// That the files are there now.
    pub fn know(&self, project: &Id, now: Time) -> Stmt {
        sql!(
            "INSERT INTO preview_files (project_id, sha256, file_id, start, bytes, stored_at)
             SELECT ?1, value ->> 0, ?2, value ->> 1, value ->> 2, ?3 FROM json_each(?4) WHERE true
             ON CONFLICT (project_id, sha256) DO UPDATE SET
               file_id = excluded.file_id, start = excluded.start, bytes = excluded.bytes, stored_at = excluded.stored_at",
            project,
            self.file,
            now,
            json!(self.places),
        )
    }
}

/// Refuses where files are not here, or are too old to count on.
pub fn refuse_missing(project: &Id, hashes: &[&Sha256Hex], now: Time) -> Stmt {
    sql!(
        "INSERT INTO refusals (code) SELECT 'FILES_MISSING' WHERE EXISTS (
           SELECT 1 FROM json_each(?2) AS wanted WHERE NOT EXISTS (
             SELECT 1 FROM preview_files WHERE project_id = ?1 AND sha256 = wanted.value AND stored_at > ?3))",
        project,
        json!(hashes),
        now.plus(-jobs::KEPT),
    )
}

/// Which of them those are.
pub fn missing(project: &Id, hashes: &[&Sha256Hex], now: Time) -> Stmt {
    sql!(
        "SELECT value AS sha256 FROM json_each(?2) AS wanted WHERE NOT EXISTS (
           SELECT 1 FROM preview_files WHERE project_id = ?1 AND sha256 = wanted.value AND stored_at > ?3)",
        project,
        json!(hashes),
        now.plus(-jobs::KEPT),
    )
}

/// Refuses, with the quota's code, where files that each stand here as often as they are named have more bytes in all.
pub fn refuse_heavy(project: &Id, hashes: &[&Sha256Hex], others: u64, quota: &Quota, which: i64) -> Stmt {
    sql!(
        "INSERT INTO refusals (code) SELECT ?5 || ' ' || total || ' ' || CAST(?6 AS INTEGER) FROM (
           SELECT CAST(?3 AS INTEGER) + ifnull(sum(f.bytes), 0) AS total FROM json_each(?2) AS wanted
             CROSS JOIN preview_files f ON f.project_id = ?1 AND f.sha256 = wanted.value)
         WHERE total > ?4",
        project,
        json!(hashes),
        i64::try_from(others).unwrap_or(i64::MAX),
        quota.limit(),
        quota.code().name(),
        which,
    )
}

/// Where a file lies.
#[derive(Deserialize)]
pub struct Place {
    pub sha256: Sha256Hex,
    pub file_id: Id,
    pub start: u64,
    pub bytes: u64,
}

pub fn places(project: &Id, hashes: &[&Sha256Hex]) -> Stmt {
    sql!(
        "SELECT f.sha256, f.file_id, f.start, f.bytes FROM json_each(?2) AS wanted
           CROSS JOIN preview_files f ON f.project_id = ?1 AND f.sha256 = wanted.value",
        project,
        json!(hashes),
    )
}

/// A file that may come in.
pub struct Slot {
    project: Project,
    sha256: Sha256Hex,
    /// It is here and will be for long: it need not come again.
    there: Option<There>,
}

#[derive(Deserialize)]
struct There {
    bytes: u64,
    stored_at: Time,
}

impl Thing for Slot {
    const NOT_FOUND: Code = Code::ProjectNotFound;

    fn find(ask: &Ask) -> Result<Vec<Stmt>> {
        let project = ask.path.id("project_id", Self::NOT_FOUND)?;
        let sha256 = Sha256Hex::parse(ask.path.text("sha256")).ok_or(Code::NotFound)?;
        let there = sql!(
            "SELECT bytes, stored_at FROM preview_files WHERE project_id = ?1 AND sha256 = ?2 AND stored_at > ?3",
            project,
            sha256.as_str(),
            ask.now.plus(-FRESH),
        );
        Ok(vec![projects::find(&project, ask.caller.user), there])
    }

    fn load(answers: &mut Answers, ask: &Ask) -> Result<Option<Self>> {
        let Some(project) = answers.first()? else { return Ok(None) };
        let sha256 = Sha256Hex::parse(ask.path.text("sha256")).ok_or(Code::NotFound)?;
        Ok(Some(Slot { project, sha256, there: answers.first()? }))
    }

    fn role(&self) -> Role {
        self.project.role
    }
}

impl Permits<Contribute> for Slot {
    const NEEDS: Role = Role::Member;
}

impl Slot {
    /// Takes the file in as it comes: R2 checks that it is what it is called.
    pub async fn take(&self, app: &App, actor: &Actor, body: Option<Incoming>) -> Result<PreviewFile> {
        let shown = |bytes, stored: Time| PreviewFile {
            sha256: self.sha256.clone(),
            bytes,
            expires_at: stored.plus(jobs::KEPT),
        };
        if let Some(there) = &self.there {
            return Ok(shown(there.bytes, there.stored_at));
        }
        let body = body.ok_or(Code::LengthRequired)?;
        let bytes = body.length().ok_or(Code::LengthRequired)?;
        let quota = app
            .quota(actor, "bytes per preview", |allowed| allowed.preview_bytes)
            .refusing_with(Code::PreviewLimitExceeded);
        if quota.limit().and_then(|limit| u64::try_from(limit).ok()).is_some_and(|limit| bytes > limit) {
            return Err(quota.exceeded(bytes));
        }
        let file = app.id()?;
        if !app.host().store_body(&key(&file), &body, self.sha256.as_str()).await? {
            return Err(Error::invalid("sha256", "is not that of the body"));
        }
        let waiting = app
            .quota(actor, "bytes of files for previews", |allowed| {
                allowed.preview_bytes.map(|most| most.saturating_mul(PREVIEWS_WAITING))
            })
            .refusing_with(Code::PreviewLimitExceeded);
        let pack = Pack { file, places: vec![(self.sha256.clone(), 0, bytes)] };
        let kept: Result<NoContent> =
            app.commit(keep(&pack, &self.project, actor, waiting, bytes, &app.by(actor))).await;
        if let Err(error) = kept {
            discard(app, &pack.file, &error).await;
            return Err(error);
        }
        Ok(shown(bytes, app.now()))
    }
}

fn keep(pack: &Pack, project: &Project, actor: &Actor, waiting: Quota, bytes: u64, by: &By) -> Change<()> {
    let full = sql!(
        "INSERT INTO refusals (code) SELECT 'PREVIEW_LIMIT_EXCEEDED ' || used FROM (
           SELECT ifnull(sum(bytes), 0) + CAST(?2 AS INTEGER) AS used FROM preview_files WHERE project_id = ?1 AND sha256 <> ?4)
         WHERE used > ?3",
        project.id,
        i64::try_from(bytes).unwrap_or(i64::MAX),
        waiting.limit(),
        pack.places.first().map(|(sha256, ..)| sha256.as_str()),
    );
    Change::to(())
        .run(refuse_unless(&project.id, actor.user.id, Role::Member))
        .within(waiting, full)
        .run(pack.know(&project.id, by.at))
}

/// After a refusal nothing knows of what was stored for it. (After a failure of ours something may: that goes by age.)
pub async fn discard(app: &App, file: &Id, refusal: &Error) {
    if refusal.code.is_refusal()
        && let Err(error) = app.host().delete_files(&[&key(file)]).await
    {
        crate::host::log("files", error.cause().unwrap_or_default());
    }
}

/// Deletes what a deleted project's team handed in. Once more is once.
pub async fn follow(app: &App, event: &Recorded) -> Result<()> {
    #[derive(Deserialize)]
    struct Known {
        file_id: Id,
    }
    loop {
        let known = sql!("SELECT DISTINCT file_id FROM preview_files WHERE project_id = ?1 LIMIT 10", event.entity_id);
        let known: Vec<Known> = app.read(vec![known]).await?.rows()?;
        if known.is_empty() {
            return Ok(());
        }
        let ids: Vec<&Id> = known.iter().map(|known| &known.file_id).collect();
        let keys: Vec<String> = ids.iter().map(|id| key(id)).collect();
        app.host().delete_files(&keys.iter().map(String::as_str).collect::<Vec<_>>()).await?;
        let forget = sql!(
            "DELETE FROM preview_files WHERE project_id = ?1 AND file_id IN (SELECT value FROM json_each(?2))",
            event.entity_id,
            json!(ids),
        );
        app.commit::<NoContent>(Change::to(()).run(forget)).await?;
    }
}

/// The cron's part: rows past their time, and the oldest files, whether a row knew of them or not.
pub async fn round(app: &App) -> Result<()> {
    let gone = app.now().plus(-jobs::KEPT - GRACE);
    let forget = sql!(
        "DELETE FROM preview_files WHERE (project_id, sha256) IN
           (SELECT project_id, sha256 FROM preview_files WHERE stored_at < ?1 LIMIT 2000)",
        gone
    );
    app.commit::<NoContent>(Change::to(()).run(forget)).await?;
    clear_older(app, PREFIX, gone).await
}

/// Deletes of the files below a prefix those whose keys go on with an id of before.
pub async fn clear_older(app: &App, prefix: &str, before: Time) -> Result<()> {
    let least = Id::new(before, [0; 10]);
    let page = app.host().list_files(prefix, "").await?;
    let is_old = |key: &&str| key.strip_prefix(prefix).is_some_and(|rest| rest < least.as_str());
    let old: Vec<&str> = page.objects.iter().map(|(key, ..)| key.as_str()).filter(is_old).collect();
    if old.is_empty() { Ok(()) } else { app.host().delete_files(&old).await }
}
