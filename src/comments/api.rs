use crate::access::{Can, Contribute, Delete, Edit, List, View};
use crate::app::App;
use crate::comments::mentions::{Team, Written};
use crate::comments::{self, Comment, EditComment, NewComment};
use crate::error::Result;
use crate::http::{Body, Created, IfMatch, NoContent, One, Paged, Tagged};

pub async fn list(comments: Can<View, List<Comment>>) -> Result<Paged<Comment>> {
    Ok(comments.into_inner().into_inner())
}

pub async fn create(app: App, team: Can<Contribute, Team>, body: Body<NewComment>) -> Result<Created<Comment>> {
    app.commit(comments::create(body.0, &team, app.id()?, team.actor.user.id, &app.by(&team.actor))?).await
}

pub async fn edit(
    app: App,
    comment: Can<Edit, Written>,
    from: IfMatch,
    body: Body<EditComment>,
) -> Result<Tagged<One<Comment>>> {
    app.commit(comment.edit(body.0, &from, comment.actor.user.id, &app.by(&comment.actor))).await
}

pub async fn delete(app: App, comment: Can<Delete, Comment>) -> Result<NoContent> {
    app.commit(comment.delete(comment.actor.user.id, &app.by(&comment.actor))).await
}

pub async fn star(app: App, comment: Can<View, Comment>) -> Result<One<Comment>> {
    app.commit(comment.star(comment.actor.user.id, app.now())).await
}

pub async fn unstar(app: App, comment: Can<View, Comment>) -> Result<NoContent> {
    app.commit(comment.unstar(comment.actor.user.id)).await
}
