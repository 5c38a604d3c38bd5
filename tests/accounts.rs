use std::time::Instant;

use crate::support::*;

fn account(email: &str) -> Value {
    json!({ "email": email, "password": PASSWORD })
}

#[tokio::test]
async fn whoever_registers_can_log_in_and_is_themselves() {
    let world = World::new().await;
    let ada = world.stranger("ada");
    let body =
        json!({ "email": "ada@example.com", "password": PASSWORD, "username": "ada", "display_name": "Ada Lovelace" });
    let registered = ada.post("/auth/register").json(body).status(201).await;
    let user = registered.data();
    assert_eq!(
        keys(user),
        ["avatar_url", "created_at", "display_name", "email", "id", "tier", "updated_at", "username"]
    );
    assert!(user["id"].is_i64(), "{user}");
    assert_eq!(
        [&user["email"], &user["username"], &user["display_name"], &user["tier"]],
        ["ada@example.com", "ada", "Ada Lovelace", "free"]
    );

    let login = ada.try_password(PASSWORD).status(200).await;
    let data = login.data();
    assert_eq!(keys(data), ["access_token", "expires_in", "refresh_token", "token_type", "user"]);
    assert_eq!(&data["user"], user);
    assert_eq!((&data["token_type"], &data["expires_in"]), (&json!("Bearer"), &json!(900)));

    let ada = ada.bearing(data["access_token"].as_str().unwrap());
    assert_eq!(ada.get("/auth/me").await.data(), user);
}

#[tokio::test]
async fn users_have_different_ids() {
    let world = World::new().await;
    let (ada, bob) = (world.sign_up("ada").await, world.sign_up("bob").await);
    assert_ne!(ada.id(), bob.id());
    assert_eq!(bob.get("/auth/me").await.data()["email"], "bob@example.com");
}

#[tokio::test]
async fn a_name_and_a_display_name_are_optional() {
    let world = World::new().await;
    let reply = world.anonymous().post("/auth/register").json(account("ada@example.com")).status(201).await;
    assert_eq!((&reply.data()["username"], &reply.data()["display_name"]), (&Value::Null, &Value::Null));
}

#[tokio::test]
async fn an_email_belongs_to_one_account_whatever_its_case() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let taken = world.anonymous().post("/auth/register").json(account("ADA@Example.COM"));
    taken.refused_with(409, "EMAIL_TAKEN").await;
    let login = json!({ "email": "Ada@EXAMPLE.com", "password": PASSWORD });
    let reply = world.anonymous().post("/auth/login").json(login).await;
    assert_eq!(reply.data()["user"]["id"], ada.id());
}

#[tokio::test]
async fn a_username_belongs_to_one_account_whatever_its_case() {
    let world = World::new().await;
    let register = |email: &str, username: &str| {
        let body = json!({ "email": email, "password": PASSWORD, "username": username });
        world.anonymous().post("/auth/register").json(body)
    };
    register("a@example.com", "Ada").status(201).await;
    register("b@example.com", "aDA").refused_with(409, "USERNAME_TAKEN").await;
    assert_eq!(world.one("SELECT count(*) FROM users", &[]).await, 1);
}

#[tokio::test]
async fn of_many_who_register_one_email_at_once_one_gets_it() {
    let world = World::new().await;
    let all = (0..8).map(|_| world.anonymous().post("/auth/register").json(account("ada@example.com")).any());
    let replies = join_all(all).await;
    let mut statuses: Vec<u16> = replies.iter().map(|reply| reply.status.as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409, 409, 409, 409, 409]);
    assert_eq!(world.one("SELECT count(*) FROM users", &[]).await, 1);
    assert_eq!(world.one("SELECT count(*) FROM events WHERE kind = 'user.registered'", &[]).await, 1);
}

#[tokio::test]
async fn what_does_not_make_an_account_is_refused_by_field() {
    let world = World::new().await;
    let (long, short) = ("x".repeat(257), "x".repeat(7));
    for (body, field) in [
        (json!({ "password": PASSWORD }), "email"),
        (json!({ "email": "ada@example.com" }), "password"),
        (json!({ "email": "ada", "password": PASSWORD }), "email"),
        (json!({ "email": "ada@nowhere", "password": PASSWORD }), "email"),
        (json!({ "email": "a da@example.com", "password": PASSWORD }), "email"),
        (json!({ "email": "", "password": PASSWORD }), "email"),
        (json!({ "email": 7, "password": PASSWORD }), "email"),
        (json!({ "email": "ada@example.com", "password": short }), "password"),
        (json!({ "email": "ada@example.com", "password": long }), "password"),
        (json!({ "email": "ada@example.com", "password": null }), "password"),
        (json!({ "email": "ada@example.com", "password": PASSWORD, "username": "a" }), "username"),
        (json!({ "email": "ada@example.com", "password": PASSWORD, "username": "a b c" }), "username"),
        (json!({ "email": "ada@example.com", "password": PASSWORD, "username": "x".repeat(65) }), "username"),
        (json!({ "email": "ada@example.com", "password": PASSWORD, "display_name": "" }), "display_name"),
        (json!({ "email": "ada@example.com", "password": PASSWORD, "display_name": ["Ada"] }), "display_name"),
    ] {
        let reply = world.anonymous().post("/auth/register").json(body.clone()).refused_with(422, "VALIDATION_ERROR");
        assert_eq!(reply.await.fields(), [field], "{body}");
    }
    assert_eq!(world.one("SELECT count(*) FROM users", &[]).await, 0);
}

#[tokio::test]
async fn nobody_registers_with_more_rights_than_others() {
    let world = World::new().await;
    let body =
        json!({ "email": "ada@example.com", "password": PASSWORD, "tier": "premium", "id": 1000, "status": "admin" });
    let reply = world.anonymous().post("/auth/register").json(body).any().await;
    if reply.status == 201 {
        assert_eq!(reply.data()["tier"], "free");
        assert_ne!(reply.data()["id"], 1000);
    } else {
        assert_eq!(reply.code(), "VALIDATION_ERROR");
    }
}

#[tokio::test]
async fn passwords_of_8_and_of_256_characters_work() {
    let world = World::new().await;
    for (name, password) in [("eight", "ünïcödé8".to_owned()), ("long", "ß".repeat(256))] {
        let person = world.stranger(name);
        let body = json!({ "email": person.email, "password": password });
        person.post("/auth/register").json(body).status(201).await;
        person.try_password(&password).status(200).await;
        let mut almost = password;
        almost.pop();
        almost.push('x');
        person.try_password(&almost).refused(401).await;
    }
}

#[tokio::test]
async fn passwords_are_stored_as_argon2id_with_a_salt_each() {
    let world = World::new().await;
    world.sign_up("ada").await;
    world.sign_up("bob").await;
    let rows = world.sql("SELECT password_hash FROM users", &[]).await;
    let hashes = pluck(&rows, "password_hash");
    for hash in &hashes {
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
    }
    let salts: Vec<_> = hashes.iter().map(|hash| hash.split('$').nth(4).unwrap()).collect();
    assert_ne!(salts[0], salts[1]);
    assert!(salts[0].len() >= 22, "128 bits at least: {}", salts[0]);
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_email_get_the_same_answer() {
    let world = World::new().await;
    world.sign_up("ada").await;
    let wrong =
        world.stranger("ada").try_password("something else").refused_with(401, "AUTH_INVALID_CREDENTIALS").await;
    let unknown = world.stranger("eve").try_password(PASSWORD).refused_with(401, "AUTH_INVALID_CREDENTIALS").await;
    assert_eq!(wrong.json["error"], unknown.json["error"]);
    let names = |reply: &Reply| {
        let mut names: Vec<_> = reply.headers.keys().map(ToString::to_string).collect();
        names.sort_unstable();
        names
    };
    assert_eq!(names(&wrong), names(&unknown));
    assert_eq!(wrong.trips(), unknown.trips());
}

#[tokio::test]
async fn an_unknown_email_takes_as_long_as_a_wrong_password() {
    let world = World::new().await;
    world.sign_up("ada").await;
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..9 {
        for (name, times) in ["ada", "nobody"].iter().zip(&mut times) {
            let start = Instant::now();
            world.stranger(name).try_password("something else").refused(401).await;
            times.push(start.elapsed());
        }
    }
    // The quickest of each: what a busy machine adds is no difference.
    let [wrong, unknown] = times.map(|times| times.iter().min().unwrap().as_secs_f64());
    assert!((0.6..1.7).contains(&(unknown / wrong)), "wrong password {wrong:.3} s, unknown email {unknown:.3} s");
}

#[tokio::test]
async fn a_suspended_user_can_neither_log_in_nor_act() {
    let world = World::new().await;
    let mut ada = world.sign_up("ada").await;
    world.sql("UPDATE users SET status = 'suspended'", &[]).await;
    ada.get("/projects").refused_with(403, "ACCOUNT_SUSPENDED").await;
    ada.get("/auth/me").refused_with(403, "ACCOUNT_SUSPENDED").await;
    ada.try_password(PASSWORD).refused_with(403, "ACCOUNT_SUSPENDED").await;
    ada.try_refresh(&ada.refresh_token).refused_with(403, "ACCOUNT_SUSPENDED").await;
    let refused = "SELECT count(*) FROM events WHERE kind = 'login.refused' AND data ->> '$.reason' = 'suspended'";
    world.eventually("it is written down", async || world.one(refused, &[]).await == 1).await;
    ada.try_password("something else").refused_with(401, "AUTH_INVALID_CREDENTIALS").await;

    world.sql("UPDATE users SET status = 'active'", &[]).await;
    ada.log_in().await;
    ada.get("/projects").await;
}

#[tokio::test]
async fn no_answer_holds_a_password_or_its_hash() {
    let world = World::new().await;
    let mut ada = world.stranger("ada");
    let (registered, logged_in) = (ada.register().await, ada.log_in().await);
    for reply in
        [registered, logged_in, ada.get("/auth/me").await, ada.get("/profile").await, ada.get("/user/me").await]
    {
        assert!(!reply.text.contains("argon2") && !reply.text.contains("password"), "{}", reply.text);
        assert!(!reply.text.contains(PASSWORD), "{}", reply.text);
    }
    let bad = ada.post("/auth/register").json(json!({ "email": "x", "password": PASSWORD })).refused(422).await;
    assert!(!bad.text.contains(PASSWORD), "{}", bad.text);
}

#[tokio::test]
async fn times_are_utc_with_milliseconds() {
    let world = World::new().await;
    world.clock().stop();
    let reply = world.anonymous().post("/auth/register").json(account("ada@example.com")).status(201).await;
    let created = reply.data()["created_at"].as_str().unwrap();
    let shape: String = created.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    assert_eq!(shape, "0000-00-00T00:00:00.000Z");
    assert_eq!(chrono::DateTime::parse_from_rfc3339(created).unwrap().timestamp_millis(), world.clock().now());
}
