use super::*;

#[tokio::test]
async fn a_suspicious_login_is_told_though_it_was_ones_own() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    assert_eq!(types(&ada).await, [""; 0], "the first login is none");
    let thief = ada.on_another_device().await;
    let seen = told(&ada).await;
    assert_eq!((seen.len(), &seen[0]["type"]), (1, &json!("security_alert")));
    assert_eq!(seen[0]["payload"], json!({ "session_id": thief.session() }));
    assert_eq!((&seen[0]["project_id"], &seen[0]["actor"]), (&Value::Null, &Value::Null));
    deliver_all_again(&world).await;
    assert_eq!(types(&ada).await.len(), 1);
    without(&ada, "security_alert").await;
    ada.on_another_device().await;
    assert_eq!(types(&ada).await.len(), 1);
}

#[tokio::test]
async fn payment_trouble_is_told_and_nothing_else_of_a_subscription() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let about =
        |status: &str| json!({ "entity": "77", "data": { "user_id": ada.id(), "status": status, "tier": "pro" } });
    for status in ["active", "canceled", "paused", "expired"] {
        happened(&world, "subscription.updated", None, &about(status)).await;
    }
    assert_eq!(types(&ada).await, [""; 0]);
    happened(&world, "subscription.updated", None, &about("past_due")).await;
    let seen = told(&ada).await;
    assert_eq!((seen.len(), &seen[0]["type"]), (1, &json!("billing_issue")));
    assert_eq!(seen[0]["payload"], json!({ "subscription_status": "past_due" }));
}

#[tokio::test]
async fn a_plan_that_ends_unpaid_is_told_one_that_was_canceled_is_not() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    for (id, status) in [("77", "expired"), ("78", "past_due")] {
        let insert = "INSERT INTO subscriptions (subscription_id, user_id, tier, billing_cycle, status, revision, created_at, updated_at)
                      VALUES (?1, ?2, 'pro', 'monthly', ?3, 1, ?4, ?4)";
        let at = "2026-11-01T00:00:00.000Z";
        world.sql(insert, &[json!(id), json!(ada.id()), json!(status), json!(at)]).await;
        let about = json!({ "entity": id, "data": { "user_id": ada.id() } });
        happened(&world, "subscription.lapsed", None, &about).await;
    }
    assert_eq!(types(&ada).await, ["billing_issue"]);
}
