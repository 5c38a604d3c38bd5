//! Stars: each member's own, to find a comment again.

use super::Comment;
use crate::access::Role;
use crate::app::Change;
use crate::db::Time;
use crate::projects;
use crate::sql;

impl Comment {
    pub fn star(&self, user: i64, now: Time) -> Change<Comment> {
        Change::returning(super::find(&self.project_id, &self.id, user))
            .run(projects::refuse_unless(&self.project_id, user, Role::Member))
            .run(self.refuse_if_gone())
            .run(sql!(
                "INSERT INTO comment_stars (user_id, comment_id, created_at) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
                user,
                self.id,
                now,
            ))
    }

    pub fn unstar(&self, user: i64) -> Change<()> {
        Change::to(()).run(sql!("DELETE FROM comment_stars WHERE user_id = ?1 AND comment_id = ?2", user, self.id))
    }
}
