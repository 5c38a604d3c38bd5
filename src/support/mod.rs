//! Support: what users ask, answered out of what is written, by the AI provider, or by the operators.

mod answer;
pub mod api;
pub mod faq;
mod rank;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::access::{Ask, Contribute, Permits, Role, Thing, View};
use crate::app::{By, Change};
use crate::db::{Answers, DAY, Id, Stmt, Text, Time};
use crate::error::{Code, Error, Result};
use crate::event::{Event, Kind};
use crate::sql;
use faq::Entry;

/// From this score on, an entry is the answer.
pub const GOOD_ENOUGH: f64 = 0.5;

/// How long a question is kept.
const KEPT: i64 = 180 * DAY;

/// Questions a day and user that no entry answers: each costs a provider or an operator something.
const MOST_A_DAY: i64 = 20;

#[derive(Deserialize, JsonSchema)]
pub struct NewQuestion {
    #[schemars(example = &"How do I invite someone to my project?")]
    question: Text<3, 2000>,
}

#[derive(Deserialize, JsonSchema)]
pub struct Feedback {
    helpful: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "QuestionStatus")]
pub enum Status {
    Answered,
    /// The operators were told.
    Escalated,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "AnswerSource")]
pub enum Source {
    /// An entry, as it is written.
    Faq,
    /// The AI provider, from the entries that fit best. It may be wrong.
    Ai,
}

/// A question with its answer.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct Question {
    pub question_id: Id,
    #[schemars(example = &"How do I invite someone to my project?")]
    pub question: String,
    pub status: Status,
    /// `null`: an operator is asked.
    pub source: Option<Source>,
    /// The entry that answers it.
    pub entry: Option<Entry>,
    #[schemars(example = &"The owner sends an email address or a username.")]
    pub answer: Option<String>,
    /// How well the entry that fits best does, from 0 to 1.
    #[schemars(range(min = 0, max = 1), example = 0.82)]
    pub score: f64,
    /// What the caller said of the answer.
    pub helpful: Option<bool>,
    pub created_at: Time,
}

#[derive(Deserialize)]
struct Row {
    id: Id,
    question: String,
    status: Status,
    source: Option<Source>,
    entry_id: Option<String>,
    answer: Option<String>,
    score: i64,
    is_helpful: Option<i64>,
    created_at: Time,
}

impl From<Row> for Question {
    fn from(row: Row) -> Self {
        Question {
            question_id: row.id,
            question: row.question,
            status: row.status,
            source: row.source,
            entry: row.entry_id.as_deref().and_then(faq::find).cloned(),
            answer: row.answer,
            score: row.score as f64 / 1000.0,
            helpful: row.is_helpful.map(|helpful| helpful != 0),
            created_at: row.created_at,
        }
    }
}

fn find(id: &Id, user: i64) -> Stmt {
    sql!(
        "SELECT id, question, status, source, entry_id, answer, score, is_helpful, created_at
         FROM support_questions WHERE id = ?1 AND user_id = ?2",
        id,
        user,
    )
}

impl Thing for Question {
    const NOT_FOUND: Code = Code::QuestionNotFound;

    fn find(ask: &Ask) -> Result<Vec<Stmt>> {
        Ok(vec![find(&ask.path.id("question_id", Self::NOT_FOUND)?, ask.caller.user)])
    }

    fn load(answers: &mut Answers, _: &Ask) -> Result<Option<Self>> {
        Ok(answers.first::<Row>()?.map(Question::from))
    }

    fn role(&self) -> Role {
        Role::Author
    }
}

impl Permits<View> for Question {
    const NEEDS: Role = Role::Member;
}

impl Permits<Contribute> for Question {
    const NEEDS: Role = Role::Member;
}

impl Question {
    /// Said again, it changes; said the same, nothing happens.
    pub fn rate(self, feedback: &Feedback, user: i64, by: &By) -> Change<Question> {
        let helpful = Some(feedback.helpful);
        if self.helpful == helpful {
            return Change::to(self);
        }
        let event = Event::new(Kind::SupportRated, by, &self.question_id).with(json!({ "helpful": helpful }));
        let update = sql!(
            "UPDATE support_questions SET is_helpful = ?3, rated_at = ?4 WHERE id = ?1 AND user_id = ?2",
            self.question_id,
            user,
            helpful,
            by.at,
        );
        Change::to(Question { helpful, ..self }).run(update).announce(event)
    }
}

/// Who asks, with what they asked today that nobody had written about.
#[derive(Deserialize)]
pub struct Asker {
    asked: i64,
    since: Option<Time>,
}

impl Thing for Asker {
    const NOT_FOUND: Code = Code::NotFound;

    fn find(ask: &Ask) -> Result<Vec<Stmt>> {
        Ok(vec![sql!(
            "SELECT count(*) AS asked, min(created_at) AS since FROM support_questions
             WHERE user_id = ?1 AND created_at > ?2 AND source IS NOT 'faq'",
            ask.caller.user,
            ask.now.plus(-DAY),
        )])
    }

    fn load(answers: &mut Answers, _: &Ask) -> Result<Option<Self>> {
        answers.first()
    }

    fn role(&self) -> Role {
        Role::Author
    }
}

impl Permits<Contribute> for Asker {
    const NEEDS: Role = Role::Member;
}

impl Asker {
    /// Before anybody is asked who costs something.
    fn may_ask(&self, now: Time) -> Result<()> {
        if self.asked < MOST_A_DAY { Ok(()) } else { Err(self.too_many(now)) }
    }

    /// Until the first of them is a day old; where there was none yet, that is as good as now.
    fn too_many(&self, now: Time) -> Error {
        let since = self.since.unwrap_or(now);
        Error::new(Code::RateLimited).retry_after(now.seconds_until(since.plus(DAY)))
    }
}

/// The question as it was answered, or not.
fn keep(question: Question, user: i64, by: &By) -> Change<Question> {
    let entry = question.entry.as_ref().map(|entry| entry.id.clone());
    let score = (question.score * 1000.0).round() as i64;
    let too_many = sql!(
        "INSERT INTO refusals SELECT 'RATE_LIMITED'
         WHERE ?3 IS NOT 'faq' AND
           (SELECT count(*) FROM support_questions WHERE user_id = ?1 AND created_at > ?2 AND source IS NOT 'faq') >= ?4",
        user,
        by.at.plus(-DAY),
        question.source.map(Source::name),
        MOST_A_DAY,
    );
    let insert = sql!(
        "INSERT INTO support_questions (id, user_id, question, status, source, entry_id, answer, score, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        question.question_id,
        user,
        question.question,
        question.status.name(),
        question.source.map(Source::name),
        entry,
        question.answer,
        score,
        question.created_at,
    );
    let kind = match question.status {
        Status::Answered => Kind::SupportAnswered,
        Status::Escalated => Kind::SupportEscalated,
    };
    let facts = json!({ "source": question.source, "entry_id": entry, "score": score });
    let id = question.question_id.clone();
    Change::to(question)
        .run(too_many)
        .run(insert)
        .announce(Event::new(Kind::SupportAsked, by, &id))
        .announce(Event::new(kind, by, &id).with(facts))
}

impl Status {
    const fn name(self) -> &'static str {
        match self {
            Status::Answered => "answered",
            Status::Escalated => "escalated",
        }
    }
}

impl Source {
    const fn name(self) -> &'static str {
        match self {
            Source::Faq => "faq",
            Source::Ai => "ai",
        }
    }
}

/// Drops what is past keeping, a thousand at a time.
pub fn forget_old(now: Time) -> Stmt {
    sql!(
        "DELETE FROM support_questions WHERE id IN (SELECT id FROM support_questions WHERE created_at < ?1 LIMIT 1000)",
        now.plus(-KEPT)
    )
}
