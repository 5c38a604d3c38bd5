use base64ct::{Base64, Encoding};

use super::*;

#[tokio::test]
async fn no_secret_lies_in_the_database() {
    let (world, ada, project) = launch().await;
    let body = json!({ "project_id": project, "url": "https://example.com/", "events": ["*"] });
    let create = || ada.post("/webhooks").json(body.clone()).header("idempotency-key", "one").status(201);
    let (first, again) = (create().await, create().await);
    assert_eq!((again.header("idempotency-replayed"), &again.text), ("true", &first.text));
    let secret = first.data()["secret"].as_str().unwrap();
    let bytes = Base64::decode_vec(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    for table in ["webhook_endpoints", "idempotency_keys", "events"] {
        let rows = json!(world.sql(&format!("SELECT * FROM {table}"), &[]).await).to_string();
        for sign in [secret, &secret[6..40], &hex] {
            assert!(!rows.contains(sign), "{table}");
        }
    }
    let path = format!("/webhooks/{}", first.data()["id"].as_str().unwrap());
    for path in [&path, &format!("{path}/deliveries"), &format!("/webhooks?project_id={project}")] {
        assert!(!ada.get(path).await.text.contains("whsec_"));
    }
}

#[tokio::test]
async fn a_secret_that_is_replaced_signs_until_its_time_is_over() {
    let (world, ada, project) = launch().await;
    let receiver = Receiver::good().await;
    let hook = Hook::on(&ada, &project, &receiver.url, &["task.created"]).await;
    let rotate = async |seconds: u64| {
        let body = json!({ "overlap_seconds": seconds });
        let made = ada.post(&format!("{}/rotate-secret", hook.path())).json(body).status(201).await;
        made.data()["secret"].as_str().unwrap().to_owned()
    };
    let second = rotate(HOUR).await;
    assert_ne!(second, hook.secret);
    ada.task(&project, "One").await;
    let [both] = &receiver.wait_for(1).await[..] else { panic!() };
    assert!(both.is_signed_by(&second) && both.is_signed_by(&hook.secret));
    assert_eq!(both.signatures().len(), 2);

    // An answer that was lost is asked for again: no secret somebody may have is lost by that.
    let third = rotate(HOUR).await;
    ada.task(&project, "Two").await;
    let all = &receiver.wait_for(2).await[1];
    assert!([&hook.secret, &second, &third].iter().all(|secret| all.is_signed_by(secret)));

    let shorten = "UPDATE webhook_endpoints SET old_secrets =
        json_set(old_secrets, '$[0].until', '2020-01-01T00:00:00.000Z', '$[1].until', '2020-01-01T00:00:00.000Z')";
    world.sql(shorten, &[]).await;
    ada.task(&project, "Three").await;
    let last = &receiver.wait_for(3).await[2];
    assert!(last.is_signed_by(&third) && last.signatures().len() == 1);

    let path = format!("{}/rotate-secret", hook.path());
    ada.post(&path).json(json!({ "overlap_second": 0 })).refused(422).await;
    let fourth = rotate(0).await;
    ada.task(&project, "Four").await;
    let last = &receiver.wait_for(4).await[3];
    assert!(last.is_signed_by(&fourth) && last.signatures().len() == 1);
}

#[tokio::test]
async fn rotations_at_once_lose_no_secret_and_are_bounded() {
    let (_, ada, project) = launch().await;
    let receiver = Receiver::good().await;
    let hook = Hook::on(&ada, &project, &receiver.url, &["task.created"]).await;
    let path = format!("{}/rotate-secret", hook.path());
    let rotated = join_all((0..8).map(|_| ada.post(&path).json(json!({})).any())).await;
    let made: Vec<&str> = rotated.iter().filter_map(|reply| reply.json["data"]["secret"].as_str()).collect();
    assert_eq!(made.len(), 5, "{rotated:?}");
    assert!(rotated.iter().all(|reply| reply.status == 201 || reply.code() == "TOO_MANY"));
    ada.task(&project, "One").await;
    let [one] = &receiver.wait_for(1).await[..] else { panic!() };
    assert!(one.is_signed_by(&hook.secret) && made.iter().all(|secret| one.is_signed_by(secret)));
    let again = || ada.post(&path).json(json!({})).header("idempotency-key", "again").any();
    assert_eq!(again().await.code(), "TOO_MANY");
}

/// As after a change of `SESSION_SECRET`: what was sealed before can be read no more.
#[tokio::test]
async fn a_secret_that_cannot_be_read_is_a_failure_until_it_is_rotated() {
    let (world, ada, project) = launch().await;
    let receiver = Receiver::good().await;
    let hook = Hook::on(&ada, &project, &receiver.url, &["*"]).await;
    world.sql("UPDATE webhook_endpoints SET secret = 'sealed otherwise'", &[]).await;
    ada.task(&project, "One").await;
    let attempt = hook.tried(&world, 1).await.remove(0);
    let why = "The secret cannot be read any more: rotate it.";
    assert_eq!((&attempt["status"], &attempt["error"]), (&Value::Null, &json!(why)));
    let row = hook.row(&world).await;
    assert!(row["failures"].as_i64() >= Some(1) && row["failing_since"].is_string(), "{row}");
    assert!(row["due_at"].as_str() > attempt["at"].as_str(), "{row}");
    let test = format!("{}/test", hook.path());
    let failed = ada.post(&test).refused_with(502, "WEBHOOK_DELIVERY_FAILED").await;
    assert_eq!(failed.json["error"]["details"]["error"], why);
    assert!(receiver.received().is_empty());

    let made = ada.post(&format!("{}/rotate-secret", hook.path())).json(json!({})).status(201).await;
    let secret = made.data()["secret"].as_str().unwrap();
    ada.post(&test).await;
    later(&world, 10 * MINUTE).await;
    for received in receiver.wait_for(2).await {
        assert!(received.is_signed_by(secret) && received.signatures().len() == 1);
    }
}
