use serde_json::json;

use super::checkpoint;
use super::log::{AuditEvent, Row};
use super::verify::{Part, Verdict};
use crate::access::{Can, List, Operate};
use crate::admin::viewed;
use crate::app::App;
use crate::error::Result;
use crate::http::{Answer, NoContent, One, Paged};

pub async fn list(app: App, events: Can<Operate, List<Row>>) -> Result<Paged<AuditEvent>> {
    let _: NoContent = app.commit(viewed("audit", events.filter.noted(), &app.by(&events.actor))).await?;
    Ok(events.into_inner().into_inner().map(Row::shown))
}

pub async fn verify(app: App, part: Can<Operate, Part>) -> Result<One<Verdict>> {
    let (witnesses, aside) = futures::try_join!(super::witnesses(&app), checkpoint::all(&app))?;
    let asked = viewed("audit chain", json!({ "from_seq": part.from, "to_seq": part.to }), &app.by(&part.actor));
    let mut answers = app.commit_and_read(asked, part.reads(app.now())).await?;
    One::of(&part.verdict(&mut answers, &witnesses, &aside, &app.config().keys)?)
}
