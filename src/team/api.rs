use crate::access::{Can, Delete, Edit, List, View};
use crate::app::App;
use crate::error::{Code, Result};
use crate::http::{Answer, Body, Created, NoContent, One, Paged};
use crate::projects::Project;
use crate::team::invitations::Invitation;
use crate::team::invites::{Invite, NewInvite, OpenInvite};
use crate::team::{Member, Place};

pub async fn list(members: Can<View, List<Member>>) -> Result<Paged<Member>> {
    Ok(members.into_inner().into_inner())
}

pub async fn remove(app: App, place: Can<Delete, Place>) -> Result<NoContent> {
    app.commit(place.clear(place.actor.user.id, &app.by(&place.actor))).await
}

pub async fn invite(app: App, project: Can<Edit, Project>, body: Body<NewInvite>) -> Result<Created<Invite>> {
    let quota = app.quota(&project.actor, "members", |allowed| allowed.members);
    app.commit(project.invite(body.0, app.id()?, project.actor.user.id, quota, &app.by(&project.actor))?).await
}

pub async fn invites(invites: Can<View, List<Invite>>) -> Result<Paged<Invite>> {
    Ok(invites.into_inner().into_inner())
}

pub async fn revoke(app: App, invite: Can<Delete, OpenInvite>) -> Result<NoContent> {
    app.commit(invite.revoke(invite.actor.user.id, &app.by(&invite.actor))).await
}

pub async fn mine(invitations: Can<View, List<Invitation>>) -> Result<Paged<Invitation>> {
    Ok(invitations.into_inner().into_inner())
}

pub async fn accept(app: App, invitation: Can<Edit, Invitation>) -> Result<One<Project>> {
    let (user, limits) = (invitation.actor.user.id, app.config().limits.by_tier(|allowed| allowed.members));
    match app.commit(invitation.accept(user, limits, &app.by(&invitation.actor))).await {
        // Who is on the team, by this answer sent before or by another, has what they want.
        Err(error) if error.code == Code::InviteOver => {
            let joined = app.read(vec![invitation.project(user)]).await?.first::<Project>()?;
            One::of(&joined.ok_or(error)?)
        }
        accepted => accepted,
    }
}

pub async fn decline(app: App, invitation: Can<Edit, Invitation>) -> Result<NoContent> {
    app.commit(invitation.decline(&app.by(&invitation.actor))).await
}
