use super::*;

async fn node(world: &World) -> Value {
    world.sql("SELECT * FROM worker_nodes", &[]).await[0].clone()
}

#[tokio::test]
async fn a_heartbeat_makes_a_node_known() {
    let world = World::new().await;
    let machine = Machine::new(&world, "m-1");
    let reply = machine.heartbeat(&[]).await;
    assert_eq!((reply.data(), reply.trips()), (&json!({ "draining": false, "canceled": [] }), 1));
    machine.post("/workers/heartbeat", json!({ "type": "gpu", "metrics": { "load": 1, "memory_bytes": 5e9 } })).await;
    let node = node(&world).await;
    assert_eq!((&node["id"], &node["type"], &node["status"]), (&json!("m-1"), &json!("gpu"), &json!("healthy")));
    assert!(node["metrics"].as_str().unwrap().contains("memory_bytes"));
    assert_eq!(
        world.one("SELECT count(*) FROM events WHERE kind = 'worker.registered' AND entity_id = 'm-1'", &[]).await,
        1
    );
    for (body, field) in [
        (json!({ "type": "tpu" }), "type"),
        (json!({ "type": "cpu", "metrics": { "A b": 1 } }), "metrics"),
        (json!({ "type": "cpu", "metrics": { "load": "high" } }), "metrics.load"),
        (json!({ "type": "cpu", "running": ["x"] }), "running[0]"),
    ] {
        let reply = machine.post("/workers/heartbeat", body).refused_with(422, "VALIDATION_ERROR").await;
        assert_eq!(reply.fields(), [field]);
    }
}

#[tokio::test]
async fn silence_is_a_warning_then_announced_once_and_ended_by_a_heartbeat() {
    let world = World::new().await;
    let machine = Machine::new(&world, "m-1");
    machine.heartbeat(&[]).await;
    let silent = async || world.one("SELECT count(*) FROM events WHERE kind = 'worker.silent'", &[]).await;
    for (seconds, status, announced) in
        [(50, "healthy", 0), (20, "warning", 0), (60, "critical", 1), (600, "critical", 1)]
    {
        world.clock().advance(Duration::from_secs(seconds));
        world.cron().await;
        assert_eq!(
            (node(&world).await["status"].clone(), silent().await),
            (json!(status), json!(announced)),
            "{seconds}"
        );
    }
    machine.heartbeat(&[]).await;
    assert_eq!(node(&world).await["status"], "healthy");
    world.clock().advance(Duration::from_secs(121));
    world.cron().await;
    assert_eq!(silent().await, 2);
    // After a week it is forgotten, and another one if it comes back.
    world.clock().advance(Duration::from_secs(6 * 24 * 60 * 60));
    world.cron().await;
    assert_eq!(node(&world).await["status"], "critical");
    world.clock().advance(Duration::from_secs(24 * 60 * 60));
    world.cron().await;
    assert_eq!(world.one("SELECT count(*) FROM worker_nodes", &[]).await, 0);
    machine.heartbeat(&[]).await;
    let registered = "SELECT count(*) FROM events WHERE kind = 'worker.registered'";
    assert_eq!(world.one(registered, &[]).await, 2);
}

#[tokio::test]
async fn what_nothing_follows_from_sends_no_message() {
    // In a process of its own: what others deliver is not among its logs.
    let world = World::set_up().inspected().open().await;
    let machine = Machine::new(&world, "m-1");
    let deliveries = async || world.logs().await.iter().filter(|line| line.contains("\"about\":\"queue\"")).count();
    machine.heartbeat(&[]).await;
    world.drain().await;
    world.eventually("the worker is announced", async || deliveries().await == 1).await;
    for _ in 0..3 {
        machine.heartbeat(&[]).await;
        machine.claim(0).status(204).await;
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(deliveries().await, 1);
}

#[tokio::test]
async fn a_worker_that_dies_loses_its_job_to_another() {
    let studio = Studio::new().await;
    let (world, machine) = (&studio.world, &studio.machine);
    let job = studio.request().await;
    machine.heartbeat(&[]).await;
    let lost = machine.take().await;
    let late = machine.draw(&lost).await;
    for _ in 0..3 {
        world.clock().advance(Duration::from_secs(50));
        machine.heartbeat(&[&job]).await;
        world.cron().await;
        assert_eq!(studio.status(&job).await, "running", "its heartbeats keep it");
    }
    world.clock().advance(Duration::from_secs(61));
    world.cron().await;
    assert_eq!((studio.status(&job).await, studio.get(&job).await["attempt"].clone()), ("queued".into(), json!(2)));

    machine.tell(late.clone()).refused_with(409, "ATTEMPT_OVER").await;
    let other = Machine::new(world, "machine-2");
    let again = other.take().await;
    assert_eq!((&again["job_id"], &again["attempt"]), (&json!(job), &json!(2)));
    assert_ne!(again["attempt_token"], lost["attempt_token"]);
    assert_eq!(machine.heartbeat(&[&job]).await.data()["canceled"], json!([job]));
    machine.tell(late).refused_with(409, "ATTEMPT_OVER").await;
    machine.bring(&lost, "layout.json", b"{}").refused_with(409, "ATTEMPT_OVER").await;
    let success = other.draw(&again).await;
    other.tell(success).await;
    assert_eq!(studio.status(&job).await, "completed");
    assert_eq!(studio.steps(&job).await, ["requested", "started", "retried", "started", "completed"]);
    let figures = world.sql("SELECT completed, timed_out FROM worker_nodes WHERE id = 'machine-1'", &[]).await;
    assert_eq!(figures, [json!({ "completed": 0, "timed_out": 1 })]);
}

#[tokio::test]
async fn what_is_lost_twice_has_failed() {
    let studio = Studio::new().await;
    let job = studio.request().await;
    for _ in 0..2 {
        studio.machine.take().await;
        studio.world.clock().advance(Duration::from_secs(61));
        studio.world.cron().await;
    }
    let preview = studio.get(&job).await;
    assert_eq!(
        (&preview["status"], &preview["error"]["code"], &preview["attempt"]),
        (&json!("failed"), &json!("timeout"), &json!(2))
    );
    studio.machine.claim(0).status(204).await;
}

#[tokio::test]
async fn an_attempt_ends_after_ten_minutes_however_alive_its_worker_is() {
    let studio = Studio::new().await;
    let job = studio.request().await;
    studio.machine.take().await;
    for _ in 0..13 {
        studio.world.clock().advance(Duration::from_secs(47));
        studio.machine.heartbeat(&[&job]).await;
        studio.world.cron().await;
    }
    let preview = studio.get(&job).await;
    assert_eq!((&preview["status"], &preview["error"]["code"]), (&json!("failed"), &json!("stuck_timeout")));
    assert_eq!(studio.machine.heartbeat(&[&job]).await.data()["canceled"], json!([job]));
}

#[tokio::test]
async fn a_retry_waits_anew() {
    let mut studio = Studio::new().await;
    let job = studio.request().await;
    studio.later(50 * 60).await;
    studio.machine.take().await;
    studio.world.clock().advance(Duration::from_secs(61));
    studio.world.cron().await;
    studio.later(20 * 60).await;
    studio.world.cron().await;
    assert_eq!(studio.status(&job).await, "queued");
    let root = studio.world.operator("root").await;
    let queues = root.get("/admin/queues").await;
    let oldest = queues.items()[1]["oldest_seconds"].as_i64().unwrap();
    assert!((1200..1300).contains(&oldest), "{oldest}");
    assert_eq!(studio.machine.take().await["attempt"], 2);
    let longest = root.get("/admin/queues").await.items()[1]["longest_waits"]["free"].as_f64().unwrap();
    assert!((1200.0..1300.0).contains(&longest), "{longest}");
}

#[tokio::test]
async fn what_nobody_comes_for_fails_after_an_hour() {
    let mut studio = Studio::new().await;
    let job = studio.request().await;
    studio.later(3601).await;
    studio.world.cron().await;
    assert_eq!(studio.get(&job).await["error"]["code"], "queue_timeout");
    studio.request().await;
}
