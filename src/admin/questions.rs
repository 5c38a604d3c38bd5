//! The questions that were passed on to operators.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::access::{Ask, Listed, NoFilter, Operate, Permits, Role, Thing};
use crate::audit::log::redacted;
use crate::db::{Answers, Id, Stmt, Time};
use crate::error::{Code, Result};
use crate::http::Page;
use crate::sql;

/// A question that nothing answered: what an `admin_alert` is about.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct EscalatedQuestion {
    pub question_id: Id,
    #[schemars(example = &"Why is my keyboard upside down?")]
    question: String,
    /// Who asked.
    #[schemars(example = 42)]
    user_id: i64,
    #[serde(deserialize_with = "shown")]
    #[schemars(example = &"ad***@example.com")]
    email: String,
    created_at: Time,
}

fn shown<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    String::deserialize(from).map(|email| redacted(&email))
}

impl Listed for EscalatedQuestion {
    type Filter = NoFilter;
    const FOR_OPERATORS: bool = true;

    fn list(_: &Ask, _: NoFilter, page: Page) -> Result<[Stmt; 2]> {
        Ok([
            sql!("SELECT count(*) AS total FROM support_questions WHERE status = 'escalated'"),
            sql!(
                "SELECT q.id AS question_id, q.question, q.user_id, u.email, q.created_at
                 FROM support_questions q JOIN users u ON u.id = q.user_id
                 WHERE q.status = 'escalated' ORDER BY q.id DESC LIMIT ?1 OFFSET ?2",
                page.limit(),
                page.offset(),
            ),
        ])
    }
}

impl Thing for EscalatedQuestion {
    const NOT_FOUND: Code = Code::QuestionNotFound;

    fn find(ask: &Ask) -> Result<Vec<Stmt>> {
        Ok(vec![sql!(
            "SELECT q.id AS question_id, q.question, q.user_id, u.email, q.created_at
             FROM support_questions q JOIN users u ON u.id = q.user_id
             WHERE q.id = ?1 AND q.status = 'escalated'",
            ask.path.id("question_id", Self::NOT_FOUND)?,
        )])
    }

    fn load(answers: &mut Answers, _: &Ask) -> Result<Option<Self>> {
        answers.first()
    }

    fn role(&self) -> Role {
        Role::Operator
    }
}

impl Permits<Operate> for EscalatedQuestion {
    const NEEDS: Role = Role::Operator;
}
