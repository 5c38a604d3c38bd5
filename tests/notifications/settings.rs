use super::*;

const TYPES: [&str; 17] = [
    "ai_docs_failed",
    "ai_docs_ready",
    "billing_issue",
    "comment_added",
    "mention",
    "preview_failed",
    "preview_ready",
    "preview_share_expired",
    "preview_shared",
    "security_alert",
    "task_assigned",
    "task_completed",
    "team_invite",
    "team_joined",
    "team_member_left",
    "team_removed",
    "webhook_disabled",
];

#[tokio::test]
async fn every_type_is_on_until_it_is_turned_off() {
    let world = World::new().await;
    let (ada, bob) = (world.sign_up("ada").await, world.sign_up("bob").await);
    let before = ada.get("/notifications/settings").await;
    assert_eq!(keys(before.data()), TYPES);
    for kind in TYPES {
        assert_eq!(before.data()[kind], json!({ "in_app": true, "email": true }), "{kind}");
    }
    let changes = [
        (json!({ "mention": { "email": false } }), json!({ "in_app": true, "email": false })),
        (json!({ "mention": { "in_app": false } }), json!({ "in_app": false, "email": false })),
        (json!({ "mention": {}, "team_joined": { "in_app": true } }), json!({ "in_app": false, "email": false })),
        (json!({ "mention": { "email": true, "in_app": null } }), json!({ "in_app": false, "email": true })),
        (json!({ "mention": null }), json!({ "in_app": false, "email": true })),
        (json!({}), json!({ "in_app": false, "email": true })),
    ];
    for (change, expected) in changes {
        let changed = ada.patch("/notifications/settings").json(change.clone()).await;
        assert_eq!((keys(changed.data()), &changed.data()["mention"]), (TYPES.to_vec(), &expected), "{change}");
        assert_eq!(changed.data()["team_joined"], json!({ "in_app": true, "email": true }));
        assert_eq!(ada.get("/notifications/settings").await.data(), changed.data());
    }
    assert_eq!(bob.get("/notifications/settings").await.data(), before.data(), "they are one's own");
}

#[tokio::test]
async fn two_tabs_change_different_settings_at_once() {
    let world = World::set_up().isolates(&[&[], &[]]).open().await;
    let ada = world.sign_up("ada").await;
    let changes = [
        json!({ "mention": { "email": false } }),
        json!({ "mention": { "in_app": false } }),
        json!({ "task_assigned": { "email": false } }),
        json!({ "task_assigned": { "in_app": false } }),
    ];
    let change = |(i, body): (usize, Value)| ada.through(i % 2).patch("/notifications/settings").json(body).status(200);
    join_all(changes.into_iter().enumerate().map(change)).await;
    let after = ada.get("/notifications/settings").await;
    for kind in ["mention", "task_assigned"] {
        assert_eq!(after.data()[kind], json!({ "in_app": false, "email": false }));
    }
}

#[tokio::test]
async fn what_is_no_setting_is_refused_by_field() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    for (body, field) in [
        (json!({ "worker_down": { "email": false } }), "worker_down"),
        (json!({ "nonsense": {} }), "nonsense"),
        (json!({ "mention": true }), "mention"),
        (json!({ "mention": [false, false] }), "mention"),
        (json!({ "mention": { "email": "no" } }), "mention"),
        (json!({ "mention": { "sms": true } }), "mention.sms"),
    ] {
        let reply = ada.patch("/notifications/settings").json(body.clone()).refused_with(422, "VALIDATION_ERROR").await;
        assert_eq!(reply.fields(), [field], "{body}");
    }
    assert_eq!(world.one("SELECT count(*) FROM notification_settings", &[]).await, 0);
}
