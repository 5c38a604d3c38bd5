use crate::support::*;

/// A world with the published numbers of projects.
async fn world() -> World {
    World::set_up().without("LIMIT_PROJECTS_FREE").open().await
}

fn create(who: &Person) -> Call {
    who.post("/projects").json(json!({ "name": "One more" }))
}

async fn fill(who: &Person, projects: usize) {
    for _ in 0..projects {
        create(who).status(201).await;
    }
}

#[tokio::test]
async fn each_tier_has_its_number_of_projects() {
    let world = world().await;
    let ada = world.sign_up("ada").await;
    fill(&ada, 3).await;
    let refused = create(&ada).refused_with(403, "TIER_LIMIT_EXCEEDED").await;
    assert_eq!(
        refused.json["error"]["details"],
        json!({
            "limit_type": "projects", "tier": "free", "limit": 3, "used": 3,
            "upgrade_available": true, "recommended_tier": "pro", "upgrade_reason": "Pro allows 25 projects.",
        })
    );
    assert_eq!(ada.get("/projects").await.total(), 3);

    world.set_tier(&ada, "pro").await;
    fill(&ada, 22).await;
    let refused = create(&ada).refused_with(403, "TIER_LIMIT_EXCEEDED").await;
    assert_eq!(refused.json["error"]["details"]["recommended_tier"], "premium");
    world.set_tier(&ada, "premium").await;
    create(&ada).status(201).await;
}

#[tokio::test]
async fn a_downgrade_deletes_nothing_and_allows_nothing_more() {
    let world = world().await;
    let ada = world.sign_up("ada").await;
    world.set_tier(&ada, "pro").await;
    fill(&ada, 5).await;
    world.set_tier(&ada, "free").await;
    let details = create(&ada).refused(403).await.json["error"]["details"].clone();
    assert_eq!((&details["limit"], &details["used"]), (&json!(3), &json!(5)));
    let projects = ada.get("/projects").await;
    assert_eq!(projects.total(), 5);
    for project in &pluck(projects.items(), "id")[..3] {
        let path = format!("/projects/{project}");
        ada.patch(&path).json(json!({ "name": "Still mine" })).await;
        create(&ada).refused(403).await;
        ada.delete(&path).await;
    }
    create(&ada).status(201).await;
}

#[tokio::test]
async fn parallel_creates_never_pass_the_limit() {
    let world = World::set_up().without("LIMIT_PROJECTS_FREE").isolates(&[&[], &[]]).open().await;
    let ada = world.sign_up("ada").await;
    let replies = join_all((0..20).map(|i| create(&ada.through(i % 2)).any())).await;
    let created = replies.iter().filter(|reply| reply.status == 201).count();
    let refused = replies.iter().filter(|reply| reply.code() == "TIER_LIMIT_EXCEEDED").count();
    assert_eq!((created, refused), (3, 17));
    assert_eq!(world.one("SELECT count(*) FROM projects", &[]).await, 3);
}

#[tokio::test]
async fn others_projects_do_not_count() {
    let world = world().await;
    let (ada, bob) = (world.sign_up("ada").await, world.sign_up("bob").await);
    fill(&bob, 3).await;
    for project in pluck(bob.get("/projects").await.items(), "id") {
        world.add_member(project, &ada).await;
    }
    fill(&ada, 3).await;
    assert_eq!(ada.get("/projects").await.total(), 6);
}

#[tokio::test]
async fn a_limit_is_changed_by_configuration() {
    let world = World::with(&[("LIMIT_PROJECTS_FREE", "1")]).await;
    let ada = world.sign_up("ada").await;
    create(&ada).status(201).await;
    assert_eq!(create(&ada).refused(403).await.json["error"]["details"]["limit"], 1);
}

#[tokio::test]
async fn what_the_limit_refused_can_be_sent_again_under_its_key() {
    let world = world().await;
    let ada = world.sign_up("ada").await;
    fill(&ada, 3).await;
    let keyed = || create(&ada).header("idempotency-key", "the-fourth");
    keyed().refused(403).await;
    world.set_tier(&ada, "pro").await;
    let created = keyed().status(201).await;
    assert_eq!(keyed().status(201).await.text, created.text);
    assert_eq!(ada.get("/projects").await.total(), 4);
}

#[tokio::test]
async fn who_wants_more_than_their_tier_gives_is_written_down() {
    let world = world().await;
    let ada = world.sign_up("ada").await;
    fill(&ada, 3).await;
    world.clock().stop();
    for _ in 0..3 {
        create(&ada).refused_with(403, "TIER_LIMIT_EXCEEDED").await;
    }
    let seen = "SELECT actor_id, data FROM events WHERE kind = 'tier.exceeded'";
    world.eventually("it is written down", async || !world.sql(seen, &[]).await.is_empty()).await;
    let [event] = &world.sql(seen, &[]).await[..] else { panic!("once a minute") };
    let data: Value = serde_json::from_str(event["data"].as_str().unwrap()).unwrap();
    assert_eq!(event["actor_id"], ada.id());
    assert_eq!(data, json!({ "code": "TIER_LIMIT_EXCEEDED", "route": "/projects" }));
}
