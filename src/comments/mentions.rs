//! Whom a comment mentions.

use serde::Deserialize;

use super::Comment;
use crate::access::{Ask, Contribute, Edit, Permits, Role, Thing};
use crate::db::{self, Answers, Id, Stmt};
use crate::error::{Code, Result};
use crate::sql;
use crate::user::Person;

/// People one comment can mention; further ones are only named.
const MOST: usize = 20;

/// A project's team, whom a comment in it can mention.
#[derive(Deserialize)]
pub struct Team {
    pub project_id: Id,
    /// The caller's.
    role: Role,
    #[serde(deserialize_with = "db::json")]
    pub people: Vec<Person>,
}

fn find_team(project: &Id, user: i64) -> Stmt {
    sql!(
        "SELECT m.project_id, m.role,
                (SELECT json_group_array(json_object('id', u.id, 'username', u.username, 'display_name', u.display_name, 'avatar_url', u.avatar_url))
                 FROM team_members t JOIN users u ON u.id = t.user_id WHERE t.project_id = m.project_id) AS people
         FROM team_members m WHERE m.project_id = ?1 AND m.user_id = ?2",
        project,
        user,
    )
}

impl Team {
    pub fn member(&self, user: i64) -> Option<&Person> {
        self.people.iter().find(|person| person.id == user)
    }
}

impl Thing for Team {
    const NOT_FOUND: Code = Code::ProjectNotFound;

    fn find(ask: &Ask) -> Result<Vec<Stmt>> {
        Ok(vec![find_team(&ask.path.id("project_id", Self::NOT_FOUND)?, ask.caller.user)])
    }

    fn load(answers: &mut Answers, _: &Ask) -> Result<Option<Self>> {
        answers.first()
    }

    fn role(&self) -> Role {
        self.role
    }
}

impl Permits<Contribute> for Team {
    const NEEDS: Role = Role::Member;
}

/// A comment to write anew, with the team it can mention.
pub struct Written {
    pub comment: Comment,
    pub team: Team,
}

impl Thing for Written {
    const NOT_FOUND: Code = Comment::NOT_FOUND;

    fn find(ask: &Ask) -> Result<Vec<Stmt>> {
        Ok([Team::find(ask)?, Comment::find(ask)?].concat())
    }

    fn load(answers: &mut Answers, ask: &Ask) -> Result<Option<Self>> {
        let team = Team::load(answers, ask)?.ok_or(Team::NOT_FOUND)?;
        Ok(Comment::load(answers, ask)?.map(|comment| Written { comment, team }))
    }

    fn role(&self) -> Role {
        self.comment.role()
    }
}

impl Permits<Edit> for Written {
    const NEEDS: Role = Role::Author;
}

/// Those of the team whom a text names as `@username`, by their ids. What stands in a word, an email
/// or another address mentions nobody.
pub fn find(text: &str, team: &[Person]) -> Vec<Person> {
    let parts: Vec<&str> = text.split('@').collect();
    let mut found: Vec<&Person> = Vec::new();
    for (at, pair) in parts.windows(2).enumerate() {
        let [before, after] = pair else { continue };
        let starts = match before.chars().next_back() {
            Some(c) => !c.is_alphanumeric() && !matches!(c, '.' | '_' | '-' | '+' | '/'),
            None => at == 0,
        };
        let rest = after.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
        let ends = match rest.chars().next() {
            Some(c) => !c.is_alphanumeric(),
            None => at + 2 == parts.len(),
        };
        let named = after.strip_suffix(rest).filter(|_| starts && ends).and_then(|name| member(name, team));
        if let Some(person) = named
            && !found.iter().any(|known| known.id == person.id)
        {
            found.push(person);
        }
        if found.len() == MOST {
            break;
        }
    }
    found.sort_unstable_by_key(|person| person.id);
    found.into_iter().cloned().collect()
}

/// Who is named; a sentence may end right behind it.
fn member<'a>(mut name: &str, team: &'a [Person]) -> Option<&'a Person> {
    loop {
        let is = |person: &&Person| person.username.as_ref().is_some_and(|known| known.eq_ignore_ascii_case(name));
        match (team.iter().find(is), name.strip_suffix(['.', '_', '-'])) {
            (None, Some(shorter)) => name = shorter,
            (found, _) => return found,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn team(names: &[&str]) -> Vec<Person> {
        let person = |(id, name): (i64, &&str)| Person {
            id,
            username: Some((*name).into()),
            display_name: None,
            avatar_url: None,
        };
        (1..).zip(names).map(person).collect()
    }

    fn mentioned(text: &str) -> Vec<i64> {
        find(text, &team(&["ada", "Bob", "bob.", "c-d_e", "ada.l"])).iter().map(|person| person.id).collect()
    }

    #[test]
    fn a_name_behind_an_at_sign_is_a_mention_whatever_the_case() {
        assert_eq!(mentioned("@ada"), [1]);
        assert_eq!(mentioned("hi @ADA, (@bob) and\n@c-d_e!"), [1, 2, 4]);
        assert_eq!(mentioned("@Bob @ada @bob @ada"), [1, 2]);
        assert_eq!(mentioned("「@ada」"), [1]);
    }

    #[test]
    fn the_longest_name_is_meant_and_a_sentence_may_end_behind_it() {
        assert_eq!(mentioned("ask @ada."), [1]);
        assert_eq!(mentioned("ask @ada.l..."), [5]);
        assert_eq!(mentioned("ask @bob."), [3]);
        assert_eq!(mentioned("ask @bob-"), [2]);
    }

    #[test]
    fn what_stands_in_something_else_mentions_nobody() {
        for text in [
            "",
            "@",
            "@@",
            "ada",
            "@ nobody",
            "@adam",
            "mail@ada",
            "x.@ada",
            "@ada@example.com",
            "@@ada",
            "@adaß",
            "ß@ada",
            "https://example.com/@ada",
            "a+@ada",
            "@.ada",
            "@nobody",
        ] {
            assert_eq!(mentioned(text), [0; 0], "{text}");
        }
    }

    #[test]
    fn one_comment_mentions_twenty_at_most() {
        let names: Vec<String> = (0..30).map(|i| format!("user{i}")).collect();
        let people = team(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let text: String = names.iter().map(|name| format!("@{name} ")).collect();
        assert_eq!(find(&text, &people).len(), MOST);
    }
}
