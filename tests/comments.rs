//! What is said on projects, tasks and code.

mod left;
mod lists;
mod mentions;
mod rights;
mod stars;
mod threads;
mod writing;

pub use crate::support::*;

/// A project of the first's with all of them on its team, whose usernames are their names.
pub async fn team<const N: usize>(world: &World, names: [&str; N]) -> (String, [Person; N]) {
    let people = join_all(names.map(|name| world.sign_up(name))).await;
    for person in &people {
        let username = "UPDATE users SET username = ?1 WHERE id = ?2";
        world.sql(username, &[json!(person.name), json!(person.id())]).await;
    }
    let project = people[0].project("Launch").await;
    for member in &people[1..] {
        world.add_member(&project, member).await;
    }
    (project, people.try_into().unwrap_or_else(|_| panic!("as many as names")))
}

pub fn random_id() -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).unwrap();
    uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
}

pub async fn add_task(world: &World, project: &str, creator: &Person, assignee: Option<&Person>) -> String {
    let id = random_id();
    let insert = "INSERT INTO tasks (id, project_id, title, assignee_id, created_by, created_at, updated_at)
                  VALUES (?1, ?2, 'Write the announcement', ?3, ?4, ?5, ?5)";
    let at = "2026-11-01T00:00:00.000Z";
    let assignee = assignee.map(Person::id);
    world.sql(insert, &[json!(id), json!(project), json!(assignee), json!(creator.id()), json!(at)]).await;
    id
}

pub fn comments(project: &str) -> String {
    format!("/projects/{project}/comments")
}

pub fn path_of(comment: &Value) -> String {
    let text = |field: &str| comment[field].as_str().unwrap().to_owned();
    format!("{}/{}", comments(&text("project_id")), text("id"))
}

/// The new comment.
pub async fn say(who: &Person, project: &str, body: Value) -> Value {
    who.post(&comments(project)).json(body).status(201).await.data().clone()
}

/// The new reply, on the same entity.
pub async fn reply(who: &Person, to: &Value, body: &str) -> Value {
    say(who, to["project_id"].as_str().unwrap(), reply_to(to, body)).await
}

pub fn reply_to(to: &Value, body: &str) -> Value {
    json!({ "entity_type": to["entity_type"], "entity_id": to["entity_id"], "parent_id": to["id"], "body": body })
}

/// The comments of a project as a list tells them.
pub async fn list(who: &Person, project: &str, query: &str) -> Vec<Value> {
    let reply = who.get(&format!("{}?page_size=50&{query}", comments(project))).await;
    assert_eq!(reply.total(), reply.items().len() as i64, "{}", reply.text);
    reply.items().to_vec()
}

pub async fn bodies(who: &Person, project: &str, query: &str) -> Vec<String> {
    list(who, project, query).await.iter().map(|comment| comment["body"].as_str().unwrap_or("-").to_owned()).collect()
}
