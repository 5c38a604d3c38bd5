use crate::support::*;

const KEY: &str = "7b1f6c1e-0b6d-4a57-8f0e-2d9c770198c5";

trait Keyed {
    fn key(self, key: &str) -> Call;
}

impl Keyed for Call {
    fn key(self, key: &str) -> Call {
        self.header("idempotency-key", key)
    }
}

fn create(person: &Person, name: &str) -> Call {
    person.post("/projects").json(json!({ "name": name }))
}

#[tokio::test]
async fn the_same_key_and_body_gets_the_first_answer_again() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let first = create(&ada, "Launch").key(KEY).status(201).await;
    assert_eq!(first.header("idempotency-replayed"), "");
    for _ in 0..2 {
        let again = create(&ada, "Launch").key(KEY).status(201).await;
        assert_eq!(again.text, first.text);
        assert_eq!(again.header("idempotency-replayed"), "true");
        assert_eq!(again.header("content-type"), first.header("content-type"));
        assert_ne!(again.header("x-request-id"), first.header("x-request-id"));
    }
    assert_eq!(ada.get("/projects").await.total(), 1);
    assert_eq!(world.one("SELECT count(*) FROM events WHERE kind = 'project.created'", &[]).await, 1);
}

#[tokio::test]
async fn the_same_key_with_another_body_is_refused() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    create(&ada, "Launch").key(KEY).status(201).await;
    create(&ada, "Other").key(KEY).refused_with(422, "IDEMPOTENCY_KEY_REUSED").await;
    assert_eq!(ada.get("/projects").await.total(), 1);
}

#[tokio::test]
async fn without_a_key_or_with_another_the_same_body_happens_again() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    create(&ada, "Launch").key(KEY).status(201).await;
    create(&ada, "Launch").key("another").status(201).await;
    create(&ada, "Launch").status(201).await;
    assert_eq!(ada.get("/projects").await.total(), 3);
}

#[tokio::test]
async fn a_key_is_ones_own() {
    let world = World::new().await;
    let (ada, bob) = (world.sign_up("ada").await, world.sign_up("bob").await);
    let hers = create(&ada, "Launch").key(KEY).status(201).await;
    let his = create(&bob, "Launch").key(KEY).status(201).await;
    assert_ne!(hers.data()["id"], his.data()["id"]);
    assert_eq!(his.header("idempotency-replayed"), "");
    let phone = ada.on_another_device().await;
    assert_eq!(create(&phone, "Launch").key(KEY).status(201).await.text, hers.text);
}

#[tokio::test]
async fn a_key_belongs_to_one_address() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let tags = [ada.project("a").await, ada.project("b").await].map(|id| format!("/projects/{id}/tags"));
    for path in &tags {
        let tag = ada.post(path).json(json!({ "name": "red" })).key(KEY).status(201).await;
        assert_eq!(tag.header("idempotency-replayed"), "");
        let again = ada.post(path).json(json!({ "name": "red" })).key(KEY).status(201).await;
        assert_eq!((again.header("idempotency-replayed"), &again.text), ("true", &tag.text));
    }
}

#[tokio::test]
async fn a_registration_sent_twice_makes_one_account() {
    let world = World::new().await;
    let anyone = world.anonymous();
    let register = || {
        let body = json!({ "email": "ada@example.com", "password": PASSWORD });
        anyone.post("/auth/register").json(body).key(KEY)
    };
    let first = register().status(201).await;
    let again = register().status(201).await;
    assert_eq!((again.header("idempotency-replayed"), &again.text), ("true", &first.text));
    assert_eq!(world.one("SELECT count(*) FROM users", &[]).await, 1);
}

#[tokio::test]
async fn many_requests_with_one_key_at_once_happen_once() {
    let world = World::set_up().isolates(&[&[], &[]]).open().await;
    let ada = world.sign_up("ada").await;
    let replies = join_all((0..20).map(|i| create(&ada.through(i % 2), "Launch").key(KEY).any())).await;
    let created: Vec<&Reply> = replies.iter().filter(|reply| reply.status == 201).collect();
    let fresh = created.iter().filter(|reply| reply.header("idempotency-replayed").is_empty()).count();
    assert_eq!(fresh, 1);
    assert!(created.iter().all(|reply| reply.text == created[0].text));
    for reply in replies.iter().filter(|reply| reply.status != 201) {
        assert_eq!((reply.status.as_u16(), reply.code()), (409, "IDEMPOTENCY_IN_PROGRESS"), "{}", reply.text);
        assert!(reply.number("retry-after") >= 1);
    }
    assert_eq!(ada.get("/projects").await.total(), 1);
    create(&ada, "Launch").key(KEY).status(201).await;
}

#[tokio::test]
async fn registrations_with_one_key_at_once_happen_once() {
    let world = World::new().await;
    let anyone = world.anonymous();
    let body = json!({ "email": "ada@example.com", "password": PASSWORD });
    let replies = join_all((0..8).map(|_| anyone.post("/auth/register").json(body.clone()).key(KEY).any())).await;
    for reply in &replies {
        let outcome = (reply.status.as_u16(), reply.code());
        assert!([(201, ""), (409, "IDEMPOTENCY_IN_PROGRESS")].contains(&outcome), "{}", reply.text);
    }
    assert!(replies.iter().any(|reply| reply.status == 201));
    assert_eq!(world.one("SELECT count(*) FROM users", &[]).await, 1);
}

#[tokio::test]
async fn a_refused_request_uses_no_key_up() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    create(&ada, "").key(KEY).refused(422).await;
    ada.post("/projects").body("{").header("content-type", "application/json").key(KEY).refused(400).await;
    world.anonymous().post("/projects").json(json!({ "name": "Launch" })).key(KEY).refused(401).await;
    create(&ada, "Launch").key(KEY).status(201).await;
}

#[tokio::test]
async fn a_revoked_session_gets_no_earlier_answer() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    create(&ada, "Secret").key(KEY).status(201).await;
    ada.post("/auth/logout").status(204).await;
    create(&ada, "Secret").key(KEY).refused_with(401, "AUTH_INVALID").await;
}

#[tokio::test]
async fn someone_removed_from_a_project_gets_no_earlier_answer() {
    let world = World::new().await;
    let (ada, bob) = (world.sign_up("ada").await, world.sign_up("bob").await);
    let id = ada.project("Launch").await;
    world.add_member(&id, &bob).await;
    let tag = || bob.post(&format!("/projects/{id}/tags")).json(json!({ "name": "red" })).key(KEY);
    tag().status(201).await;
    world.sql("DELETE FROM team_members WHERE user_id = ?1", &[json!(bob.id())]).await;
    tag().refused_with(404, "PROJECT_NOT_FOUND").await;
}

#[tokio::test]
async fn a_key_is_kept_for_a_day() {
    let world = World::new().await;
    let mut ada = world.sign_up("ada").await;
    create(&ada, "Launch").key(KEY).status(201).await;
    world.clock().advance(Duration::from_secs(23 * 60 * 60));
    world.cron().await;
    ada.refresh().await;
    let again = create(&ada, "Launch").key(KEY).status(201).await;
    assert_eq!(again.header("idempotency-replayed"), "true");
    world.clock().advance(Duration::from_secs(2 * 60 * 60));
    world.cron().await;
    ada.refresh().await;
    assert_eq!(world.one("SELECT count(*) FROM idempotency_keys", &[]).await, 0);
    create(&ada, "Launch").key(KEY).status(201).await;
    assert_eq!(ada.get("/projects").await.total(), 2);
}

#[tokio::test]
async fn a_key_that_is_none_is_refused() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    for bad in ["", " ", "two words", &"x".repeat(256)] {
        create(&ada, "Launch").key(bad).refused_with(400, "BAD_REQUEST").await;
    }
    let quoted = create(&ada, "Launch").key(&format!("\"{KEY}\"")).status(201).await;
    assert_eq!(create(&ada, "Launch").key(KEY).status(201).await.text, quoted.text);
    create(&ada, "Longest").key(&"x".repeat(255)).status(201).await;
}

#[tokio::test]
async fn a_replay_costs_no_more_trips_than_the_first_time() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let first = create(&ada, "Launch").key(KEY).status(201).await;
    let again = create(&ada, "Launch").key(KEY).status(201).await;
    assert!(first.trips() <= 2 && again.trips() <= 2, "{} {}", first.trips(), again.trips());
}

#[tokio::test]
async fn keys_do_not_hold_passwords() {
    let world = World::new().await;
    let body = json!({ "email": "ada@example.com", "password": PASSWORD });
    world.anonymous().post("/auth/register").json(body).key(KEY).status(201).await;
    let stored = json!(world.sql("SELECT * FROM idempotency_keys", &[]).await).to_string();
    assert!(!stored.contains(PASSWORD) && !stored.contains("argon2"), "{stored}");
}

#[tokio::test]
async fn a_kept_answer_cannot_be_read_in_the_database() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let create = || ada.post("/projects").json(json!({ "name": "Aardvark" })).header("idempotency-key", "one");
    let first = create().status(201).await;
    let kept = world.one("SELECT answer FROM idempotency_keys", &[]).await;
    assert!(!kept.as_str().unwrap().contains("Aardvark") && !kept.as_str().unwrap().contains('{'), "{kept}");
    assert_eq!(create().status(201).await.text, first.text);
}

#[tokio::test]
async fn an_answer_that_can_be_read_no_more_is_not_given_and_nothing_happens_again() {
    let other = [("SESSION_SECRET", "aT4nQ8zK2xW6cR1mB9yL5hJ3dF7gS0pB")];
    let world = World::set_up().isolates(&[&[], &other]).open().await;
    let ada = world.sign_up("ada").await;
    create(&ada, "Launch").key(KEY).status(201).await;
    let since = ada.through(1);
    create(&since, "Launch").key(KEY).refused_with(409, "IDEMPOTENCY_ANSWER_OVER").await;
    create(&since, "Other").key(KEY).refused_with(422, "IDEMPOTENCY_KEY_REUSED").await;
    create(&since, "Other").key("another").status(201).await;
    assert_eq!(ada.get("/projects").await.total(), 2);
}
