//! Looking for what projects, tasks and comments say.

mod filters;
mod found;
mod hostile;
mod ranking;
mod snippets;
mod upkeep;
mod visibility;

pub use crate::support::*;

/// An id of a thing that no request made.
pub fn id(number: u32) -> String {
    format!("0198c5f2-0000-7000-8000-{number:012x}")
}

const WHEN: &str = "2026-10-01T00:00:00.000Z";

impl World {
    /// Tasks of these titles and descriptions; the first is `id(from)`.
    pub async fn add_tasks(&self, project: &str, from: u32, tasks: &[(&str, &str)]) {
        let rows: Vec<Value> = tasks
            .iter()
            .zip(from..)
            .map(|((title, description), number)| json!({ "id": id(number), "title": title, "description": description }))
            .collect();
        self.sql(
            "INSERT INTO tasks (id, project_id, title, description, created_at, updated_at)
             SELECT value ->> 'id', ?1, value ->> 'title', nullif(value ->> 'description', ''), ?3, ?3 FROM json_each(?2)",
            &[json!(project), json!(json!(rows).to_string()), json!(WHEN)],
        )
        .await;
    }

    /// Comments on the project; the first is `id(from)`.
    pub async fn add_comments(&self, project: &str, from: u32, author: &Person, bodies: &[&str]) {
        let rows: Vec<Value> =
            bodies.iter().zip(from..).map(|(body, number)| json!({ "id": id(number), "body": body })).collect();
        self.sql(
            "INSERT INTO comments (id, project_id, entity_type, entity_id, author_id, body, created_at, updated_at)
             SELECT value ->> 'id', ?1, 'project', ?1, ?4, value ->> 'body', ?3, ?3 FROM json_each(?2)",
            &[json!(project), json!(json!(rows).to_string()), json!(WHEN), json!(author.id())],
        )
        .await;
    }
}

impl Person {
    pub fn search(&self, kind: &str, q: &str) -> Call {
        self.search_with(kind, q, "")
    }

    pub fn search_with(&self, kind: &str, q: &str, more: &str) -> Call {
        let q: String = form_urlencoded::byte_serialize(q.as_bytes()).collect();
        self.get(&format!("/search/{kind}?q={q}{more}"))
    }

    /// The titles of the tasks found, in order.
    pub async fn titles(&self, q: &str) -> Vec<String> {
        let found = self.search("tasks", q).await;
        pluck(found.items(), "title").into_iter().map(Into::into).collect()
    }
}
