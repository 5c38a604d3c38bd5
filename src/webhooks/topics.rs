//! What a webhook can be told of.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};

use crate::db::{Param, ToParam};

/// What only `POST …/test` sends.
pub const TEST: &str = "webhook.test";

const DESCRIPTION: &str = "Names of events; `*` is all there are and will be. Each is sent as `{type, timestamp, data}`. `data` \
is the thing as it is now, with `actor_id` (who did it; `null`: nobody did) and `change` (what of it changed); where that \
is more than 20,000 bytes, only `id`, `project_id`, `actor_id` and `is_thin: true`. `webhook.test` comes of a test, \
whatever is listed here.";

/// Everything, and what will be added to it.
const ALL: &str = "*";

pub const TOPICS: [&str; 23] = [
    "project.updated",
    "project.deleted",
    "task.created",
    "task.updated",
    "task.completed",
    "task.deleted",
    "comment.created",
    "preview.requested",
    "preview.started",
    "preview.retried",
    "preview.completed",
    "preview.failed",
    "preview.canceled",
    "preview.expired",
    "ai_docs.requested",
    "ai_docs.started",
    "ai_docs.retried",
    "ai_docs.completed",
    "ai_docs.failed",
    "ai_docs.canceled",
    "ai_docs.expired",
    "team.member_joined",
    "team.member_left",
];

/// Under which name an event is told, if it is. Who was removed has left.
pub fn topic(kind: &str) -> Option<&'static str> {
    let name = if kind == "team.member_removed" { "team.member_left" } else { kind };
    TOPICS.into_iter().find(|topic| *topic == name)
}

/// What one webhook wants to hear of: some of these, or `*`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Topics(Vec<&'static str>);

impl Topics {
    fn parse(given: &[Value]) -> Option<Self> {
        let known = |name: &Value| {
            let name = name.as_str()?;
            std::iter::once(ALL).chain(TOPICS).find(|topic| *topic == name)
        };
        let mut topics: Vec<&'static str> = given.iter().map(known).collect::<Option<_>>()?;
        if topics.contains(&ALL) {
            topics = vec![ALL];
        }
        topics.sort_unstable();
        topics.dedup();
        (!topics.is_empty()).then_some(Topics(topics))
    }
}

impl ToParam for Topics {
    fn param(&self) -> Param {
        Param::Text(json!(self.0).to_string())
    }
}

impl<'de> Deserialize<'de> for Topics {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let given = Vec::<Value>::deserialize(from)?;
        Topics::parse(&given)
            .ok_or_else(|| D::Error::custom(format!("must be some of {}, or \"*\"", TOPICS.join(", "))))
    }
}

impl JsonSchema for Topics {
    fn schema_name() -> Cow<'static, str> {
        "WebhookEvents".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names: Vec<&str> = std::iter::once(ALL).chain(TOPICS).collect();
        json_schema!({
            "type": "array",
            "description": DESCRIPTION,
            "items": { "type": "string", "enum": names },
            "minItems": 1,
            "examples": [["task.created", "preview.requested", "preview.completed"]],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Kind;

    #[test]
    fn topics_are_known_names_each_once() {
        let read = |given: Value| serde_json::from_value::<Topics>(given).ok().map(|topics| topics.0);
        assert_eq!(
            read(json!(["task.updated", "task.created", "task.updated"])),
            Some(vec!["task.created", "task.updated"])
        );
        assert_eq!(read(json!(["task.updated", "*"])), Some(vec!["*"]));
        for bad in [json!([]), json!(["task.renamed"]), json!([7]), json!("*"), json!(["webhook.test"]), json!(null)] {
            assert_eq!(read(bad.clone()), None, "{bad}");
        }
    }

    #[test]
    fn a_kind_is_told_under_its_topic() {
        assert_eq!(topic("task.created"), Some("task.created"));
        assert_eq!(topic("team.member_removed"), Some("team.member_left"));
        assert_eq!(topic("session.created"), None);
        // All that happens to a job is told.
        let kinds = Kind::ALL.iter().map(|kind| kind.name());
        for kind in kinds.filter(|kind| kind.starts_with("preview.") || kind.starts_with("ai_docs.")) {
            assert_eq!(topic(kind), Some(kind));
        }
    }
}
