//! Which task waits for which. Never in a circle: the database decides, so that nobody can close one from two sides.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::json;

use super::Task;
use super::board::existing;
use crate::access::{Ask, Contribute, Permits, Role, Thing};
use crate::app::{By, Change};
use crate::db::{Answers, Id, Stmt};
use crate::error::{Code, Result};
use crate::event::{Event, Kind};
use crate::{projects, sql};

/// What one task can wait for.
const MOST: i64 = 100;

/// Two tasks of one project, of which the first may wait for the other.
pub struct Pair {
    project: Id,
    task: Id,
    other: Id,
    role: Role,
}

impl Thing for Pair {
    const NOT_FOUND: Code = Task::NOT_FOUND;

    fn find(ask: &Ask) -> Result<Vec<Stmt>> {
        let project = ask.path.id("project_id", Code::ProjectNotFound)?;
        let [task, other] = named(ask)?;
        Ok(vec![projects::membership(&project, ask.caller.user), existing(&project, &task), existing(&project, &other)])
    }

    fn load(answers: &mut Answers, ask: &Ask) -> Result<Option<Self>> {
        #[derive(Deserialize)]
        struct Membership {
            role: Role,
        }
        let Membership { role } = answers.first()?.ok_or(Code::ProjectNotFound)?;
        for _ in 0..2 {
            answers.first::<IgnoredAny>()?.ok_or(Self::NOT_FOUND)?;
        }
        let [task, other] = named(ask)?;
        Ok(Some(Pair { project: ask.path.id("project_id", Code::ProjectNotFound)?, task, other, role }))
    }

    fn role(&self) -> Role {
        self.role
    }
}

fn named(ask: &Ask) -> Result<[Id; 2]> {
    Ok([ask.path.id("task_id", Pair::NOT_FOUND)?, ask.path.id("other_task_id", Pair::NOT_FOUND)?])
}

impl Permits<Contribute> for Pair {
    const NEEDS: Role = Role::Member;
}

impl Pair {
    /// What there is already stays as it is: no event, no new version.
    pub fn add(&self, event: Id, user: i64, by: &By) -> Change<Task> {
        let gone = sql!(
            "INSERT INTO refusals SELECT 'TASK_NOT_FOUND'
             WHERE NOT EXISTS (SELECT 1 FROM tasks WHERE id = ?1) OR NOT EXISTS (SELECT 1 FROM tasks WHERE id = ?2)",
            self.task,
            self.other,
        );
        let circle = sql!(
            "INSERT INTO refusals SELECT 'DEPENDENCY_CYCLE' WHERE ?1 IN (
               WITH RECURSIVE waited_for (id) AS (
                 SELECT ?2
                 UNION
                 SELECT d.depends_on_task_id FROM waited_for JOIN task_dependencies d ON d.task_id = waited_for.id)
               SELECT id FROM waited_for)",
            self.task,
            self.other,
        );
        let full = sql!(
            "INSERT INTO refusals SELECT 'TOO_MANY' WHERE
               (SELECT count(*) FROM task_dependencies WHERE task_id = ?1 AND depends_on_task_id <> ?2) >= ?3",
            self.task,
            self.other,
            MOST,
        );
        let added = sql!(
            "INSERT INTO events (id, kind, actor_id, project_id, entity_id, data, ip_address, request_id, created_at, task_id)
             SELECT ?1, ?2, ?3, ?4, ?5, json_object('depends_on', ?6), nullif(?7, ''), ?8, ?9, ?5
             WHERE NOT EXISTS (SELECT 1 FROM task_dependencies WHERE task_id = ?5 AND depends_on_task_id = ?6)",
            event,
            Kind::DependencyAdded.name(),
            by.user,
            self.project,
            self.task,
            self.other,
            by.ip,
            by.request_id,
            by.at,
        );
        let insert = sql!(
            "INSERT INTO task_dependencies (task_id, depends_on_task_id, created_at) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
            self.task,
            self.other,
            by.at,
        );
        Change::returning(super::find(&self.project, &self.task, user))
            .run(projects::refuse_unless(&self.project, user, Role::Member))
            .run(gone)
            .run(circle)
            .run(full)
            .record(event.clone(), added)
            .run(sql!(
                "UPDATE tasks SET version = version + 1, updated_at = ?3
                 WHERE id = ?1 AND EXISTS (SELECT 1 FROM events WHERE id = ?2)",
                self.task,
                event,
                by.at,
            ))
            .run(insert)
    }

    pub fn remove(&self, user: i64, by: &By) -> Change<()> {
        let absent = sql!(
            "INSERT INTO refusals SELECT 'DEPENDENCY_NOT_FOUND' WHERE NOT EXISTS
               (SELECT 1 FROM task_dependencies WHERE task_id = ?1 AND depends_on_task_id = ?2)",
            self.task,
            self.other,
        );
        let event = Event::new(Kind::DependencyRemoved, by, &self.task).in_project(&self.project).on_task(&self.task);
        Change::to(())
            .run(projects::refuse_unless(&self.project, user, Role::Member))
            .run(absent)
            .run(sql!(
                "DELETE FROM task_dependencies WHERE task_id = ?1 AND depends_on_task_id = ?2",
                self.task,
                self.other
            ))
            .run(sql!("UPDATE tasks SET version = version + 1, updated_at = ?2 WHERE id = ?1", self.task, by.at))
            .announce(event.with(json!({ "depends_on": self.other })))
    }
}
