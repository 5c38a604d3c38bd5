//! Whom an event is told: one statement a kind of event, which finds the receivers and can run twice.
//!
//! Nobody is told what they did themselves, what a team they have left does, or what their settings leave out.

use super::Type;
use crate::db::{Id, Stmt};
use crate::event::Kind;
use crate::sql;

pub fn of(kind: Kind, event: &Id) -> Option<Stmt> {
    match kind {
        Kind::TaskCreated | Kind::TaskUpdated => Some(assigned(event)),
        Kind::TaskCompleted => Some(completed(event)),
        Kind::CommentCreated | Kind::CommentUpdated => Some(said(event)),
        Kind::MemberInvited => Some(invited(event)),
        Kind::UserRegistered => Some(awaited(event)),
        Kind::MemberJoined => Some(team_changed(event, Type::TeamJoined)),
        Kind::MemberLeft => Some(team_changed(event, Type::TeamMemberLeft)),
        Kind::MemberRemoved => Some(removed(event)),
        Kind::SessionSuspicious | Kind::SessionReused => Some(suspected(event)),
        Kind::WebhookDisabled => Some(webhook_disabled(event)),
        Kind::PreviewCompleted => Some(made(event, Type::PreviewReady)),
        Kind::PreviewFailed => Some(made(event, Type::PreviewFailed)),
        Kind::SubscriptionUpdated => Some(unpaid(event)),
        Kind::SubscriptionLapsed => Some(lapsed(event)),
        Kind::AiDocsCompleted => Some(made(event, Type::AiDocsReady)),
        Kind::AiDocsFailed => Some(made(event, Type::AiDocsFailed)),
        Kind::SupportEscalated | Kind::WorkerSilent | Kind::MaintenanceFailed => Some(alerted(event)),
        _ => None,
    }
}

/// The new assignee.
fn assigned(event: &Id) -> Stmt {
    sql!(
        "INSERT INTO notifications (id, user_id, event_id, type, project_id, payload, created_at)
         SELECT substr(e.id, 1, 24) || printf('%012x', r.user_id), r.user_id, e.id, 'task_assigned', e.project_id,
                json_object('actor_id', e.actor_id, 'task_id', t.id), e.created_at
         FROM events e JOIN tasks t ON t.id = e.entity_id
              JOIN team_members r ON r.project_id = e.project_id
                AND r.user_id = iif(e.kind = 'task.created', e.data ->> '$.assignee_id', e.data ->> '$.assignee_id.to')
         WHERE e.id = ?1 AND r.user_id IS NOT e.actor_id
           AND NOT EXISTS (SELECT 1 FROM notification_settings s WHERE s.user_id = r.user_id AND s.type = 'task_assigned' AND NOT s.in_app)
         ON CONFLICT DO NOTHING",
        event,
    )
}

/// Whoever created the task, and whoever was to do it.
fn completed(event: &Id) -> Stmt {
    sql!(
        "INSERT INTO notifications (id, user_id, event_id, type, project_id, payload, created_at)
         SELECT substr(e.id, 1, 24) || printf('%012x', r.user_id), r.user_id, e.id, 'task_completed', e.project_id,
                json_object('actor_id', e.actor_id, 'task_id', t.id), e.created_at
         FROM events e JOIN tasks t ON t.id = e.entity_id
              JOIN team_members r ON r.project_id = e.project_id
                AND r.user_id IN (e.data ->> '$.created_by', e.data ->> '$.assignee_id')
         WHERE e.id = ?1 AND r.user_id IS NOT e.actor_id
           AND NOT EXISTS (SELECT 1 FROM notification_settings s WHERE s.user_id = r.user_id AND s.type = 'task_completed' AND NOT s.in_app)
         ON CONFLICT DO NOTHING",
        event,
    )
}

/// Whom the comment mentions, once however often it is edited. When it is new, too, those it concerns:
/// whom it replies to, whose the task is, who commented on the same, and the owner where it is on no task.
/// (The `+` takes the column's affinity away, which would keep the index on the payload from being used.)
fn said(event: &Id) -> Stmt {
    sql!(
        "WITH team AS (
           SELECT r.user_id, e.id AS event_id, e.project_id, e.actor_id, e.created_at, c.id, c.parent_id, c.entity_type, c.task_id,
                  EXISTS (SELECT 1 FROM comment_mentions k WHERE k.comment_id = c.id AND k.user_id = r.user_id)
                    AND NOT EXISTS (SELECT 1 FROM notification_settings s WHERE s.user_id = r.user_id AND s.type = 'mention' AND NOT s.in_app)
                    AS is_mentioned,
                  e.kind = 'comment.created'
                    AND (r.user_id IS p.author_id OR r.user_id IS t.assignee_id OR r.user_id IS t.created_by
                         OR (c.task_id IS NULL AND r.role = 'owner')
                         OR EXISTS (SELECT 1 FROM comments o WHERE o.author_id = r.user_id AND o.project_id = c.project_id
                                      AND o.entity_type = c.entity_type AND o.entity_id = c.entity_id))
                    AND NOT EXISTS (SELECT 1 FROM notification_settings s WHERE s.user_id = r.user_id AND s.type = 'comment_added' AND NOT s.in_app)
                    AS is_concerned
           FROM events e JOIN comments c ON c.id = e.entity_id
                LEFT JOIN comments p ON p.id = c.parent_id LEFT JOIN tasks t ON t.id = c.task_id
                JOIN team_members r ON r.project_id = e.project_id
           WHERE e.id = ?1 AND c.deleted_at IS NULL AND r.user_id IS NOT e.actor_id)
         INSERT INTO notifications (id, user_id, event_id, type, project_id, payload, created_at)
         SELECT substr(event_id, 1, 24) || printf('%012x', user_id), user_id, event_id, iif(is_mentioned, 'mention', 'comment_added'), project_id,
                json_object('actor_id', actor_id, 'comment_id', id, 'parent_id', parent_id, 'entity_type', entity_type, 'task_id', task_id),
                created_at
         FROM team
         WHERE (is_mentioned OR is_concerned)
           AND NOT EXISTS (SELECT 1 FROM notifications n WHERE n.user_id = team.user_id AND n.type = 'mention' AND n.payload ->> 'comment_id' = +team.id)
         ON CONFLICT DO NOTHING",
        event,
    )
}

/// Who is invited, if they have an account. They are on no team yet: the project is told by its name of now.
fn invited(event: &Id) -> Stmt {
    sql!(
        "INSERT INTO notifications (id, user_id, event_id, type, project_id, payload, created_at)
         SELECT substr(i.id, 1, 24) || printf('%012x', u.id), u.id, e.id, 'team_invite', NULL,
                json_object('actor_id', i.inviter_id, 'invite_id', i.id, 'project_id', p.id, 'project_name', p.name), e.created_at
         FROM events e JOIN team_invites i ON i.id = e.entity_id JOIN projects p ON p.id = i.project_id
              JOIN users u ON u.id = ifnull(i.user_id, (SELECT id FROM users WHERE email = i.email))
         WHERE e.id = ?1 AND i.status = 'pending'
           AND NOT EXISTS (SELECT 1 FROM notification_settings s WHERE s.user_id = u.id AND s.type = 'team_invite' AND NOT s.in_app)
         ON CONFLICT DO NOTHING",
        event,
    )
}

/// Who was invited before they had an account.
fn awaited(event: &Id) -> Stmt {
    sql!(
        "INSERT INTO notifications (id, user_id, event_id, type, project_id, payload, created_at)
         SELECT substr(i.id, 1, 24) || printf('%012x', u.id), u.id, e.id, 'team_invite', NULL,
                json_object('actor_id', i.inviter_id, 'invite_id', i.id, 'project_id', p.id, 'project_name', p.name), e.created_at
         FROM events e JOIN users u ON u.id = CAST(e.entity_id AS INTEGER)
              JOIN team_invites i ON i.email = u.email AND i.status = 'pending' JOIN projects p ON p.id = i.project_id
         WHERE e.id = ?1 AND i.expires_at > e.created_at
         ON CONFLICT DO NOTHING",
        event,
    )
}

/// The owner.
fn team_changed(event: &Id, kind: Type) -> Stmt {
    sql!(
        "INSERT INTO notifications (id, user_id, event_id, type, project_id, payload, created_at)
         SELECT substr(e.id, 1, 24) || printf('%012x', p.owner_id), p.owner_id, e.id, ?2, p.id,
                json_object('actor_id', e.actor_id, 'user_id', CAST(e.entity_id AS INTEGER)), e.created_at
         FROM events e JOIN projects p ON p.id = e.project_id
         WHERE e.id = ?1 AND p.owner_id IS NOT e.actor_id
           AND NOT EXISTS (SELECT 1 FROM notification_settings s WHERE s.user_id = p.owner_id AND s.type = ?2 AND NOT s.in_app)
         ON CONFLICT DO NOTHING",
        event,
        kind.name(),
    )
}

/// Who was removed. They see the project no more: it is told by the name they knew.
fn removed(event: &Id) -> Stmt {
    sql!(
        "INSERT INTO notifications (id, user_id, event_id, type, project_id, payload, created_at)
         SELECT substr(e.id, 1, 24) || printf('%012x', u.id), u.id, e.id, 'team_removed', NULL,
                json_object('actor_id', e.actor_id, 'project_id', p.id, 'project_name', p.name), e.created_at
         FROM events e JOIN projects p ON p.id = e.project_id JOIN users u ON u.id = CAST(e.entity_id AS INTEGER)
         WHERE e.id = ?1 AND u.id IS NOT e.actor_id
           AND NOT EXISTS (SELECT 1 FROM notification_settings s WHERE s.user_id = u.id AND s.type = 'team_removed' AND NOT s.in_app)
         ON CONFLICT DO NOTHING",
        event,
    )
}

/// Whoever asked for it, though it was a machine that did it.
fn made(event: &Id, kind: Type) -> Stmt {
    sql!(
        "INSERT INTO notifications (id, user_id, event_id, type, project_id, payload, created_at)
         SELECT substr(e.id, 1, 24) || printf('%012x', r.user_id), r.user_id, e.id, ?2, e.project_id,
                json_object('job_id', j.id, 'error_code', j.error_code), e.created_at
         FROM events e JOIN jobs j ON j.id = e.entity_id
              JOIN team_members r ON r.project_id = e.project_id AND r.user_id = j.requested_by
         WHERE e.id = ?1
           AND NOT EXISTS (SELECT 1 FROM notification_settings s WHERE s.user_id = r.user_id AND s.type = ?2 AND NOT s.in_app)
         ON CONFLICT DO NOTHING",
        event,
        kind.name(),
    )
}

/// Whose account it is, though it was their login: it may not have been.
fn suspected(event: &Id) -> Stmt {
    sql!(
        "INSERT INTO notifications (id, user_id, event_id, type, project_id, payload, created_at)
         SELECT substr(e.id, 1, 24) || printf('%012x', u.id), u.id, e.id, 'security_alert', NULL,
                json_object('session_id', e.entity_id), e.created_at
         FROM events e JOIN users u ON u.id = ifnull(e.data ->> '$.user_id', e.actor_id)
         WHERE e.id = ?1
           AND NOT EXISTS (SELECT 1 FROM notification_settings s WHERE s.user_id = u.id AND s.type = 'security_alert' AND NOT s.in_app)
         ON CONFLICT DO NOTHING",
        event,
    )
}

/// The owner of its project: it was not them.
fn webhook_disabled(event: &Id) -> Stmt {
    sql!(
        "INSERT INTO notifications (id, user_id, event_id, type, project_id, payload, created_at)
         SELECT substr(e.id, 1, 24) || printf('%012x', p.owner_id), p.owner_id, e.id, 'webhook_disabled', p.id,
                json_object('webhook_id', e.entity_id), e.created_at
         FROM events e JOIN projects p ON p.id = e.project_id
         WHERE e.id = ?1
           AND NOT EXISTS (SELECT 1 FROM notification_settings s WHERE s.user_id = p.owner_id AND s.type = 'webhook_disabled' AND NOT s.in_app)
         ON CONFLICT DO NOTHING",
        event,
    )
}

/// Whose payment failed.
fn unpaid(event: &Id) -> Stmt {
    sql!(
        "INSERT INTO notifications (id, user_id, event_id, type, project_id, payload, created_at)
         SELECT substr(e.id, 1, 24) || printf('%012x', u.id), u.id, e.id, 'billing_issue', NULL,
                json_object('subscription_status', e.data ->> '$.status'), e.created_at
         FROM events e JOIN users u ON u.id = e.data ->> '$.user_id'
         WHERE e.id = ?1 AND e.data ->> '$.status' = 'past_due'
           AND NOT EXISTS (SELECT 1 FROM notification_settings s WHERE s.user_id = u.id AND s.type = 'billing_issue' AND NOT s.in_app)
         ON CONFLICT DO NOTHING",
        event,
    )
}

/// Whose plan ended because no payment came. One that was canceled ends as it was asked to.
fn lapsed(event: &Id) -> Stmt {
    sql!(
        "INSERT INTO notifications (id, user_id, event_id, type, project_id, payload, created_at)
         SELECT substr(e.id, 1, 24) || printf('%012x', b.user_id), b.user_id, e.id, 'billing_issue', NULL,
                json_object('subscription_status', b.status), e.created_at
         FROM events e JOIN subscriptions b ON b.subscription_id = e.entity_id
         WHERE e.id = ?1 AND b.status = 'past_due'
           AND NOT EXISTS (SELECT 1 FROM notification_settings s WHERE s.user_id = b.user_id AND s.type = 'billing_issue' AND NOT s.in_app)
         ON CONFLICT DO NOTHING",
        event,
    )
}

/// Everybody who runs the service.
fn alerted(event: &Id) -> Stmt {
    sql!(
        "INSERT INTO notifications (id, user_id, event_id, type, project_id, payload, created_at)
         SELECT substr(e.id, 1, 24) || printf('%012x', u.id), u.id, e.id, 'admin_alert', NULL,
                json_object('alert', e.kind, 'subject', e.entity_id), e.created_at
         FROM events e JOIN users u ON u.is_admin = 1
         WHERE e.id = ?1
         ON CONFLICT DO NOTHING",
        event,
    )
}
