use std::ops::Deref;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use base64ct::{Base64, Encoding};
use serde_json::{Map, Value, json};

use super::clock::Clock;
use super::{Person, Socket, runtime};

/// A Worker with its own D1, KV, R2, Queue and Durable Objects. Ends with its last user.
#[derive(Clone)]
pub struct World(Arc<Inner>);

pub struct Inner {
    name: String,
    urls: RwLock<Vec<String>>,
    pub client: reqwest::Client,
    clock: Clock,
}

/// How a world's Worker is set up, where it is not as usual.
#[derive(Default)]
pub struct Setup(Map<String, Value>);

impl Setup {
    pub fn var(self, name: &str, value: &str) -> Self {
        self.with_var(name, value.into())
    }

    /// For what a setup leaves open.
    pub fn usual_var(mut self, name: &str, value: &str) -> Self {
        self.list("vars", json!({})).as_object_mut().unwrap().entry(name).or_insert(value.into());
        self
    }

    fn with_var(mut self, name: &str, value: Value) -> Self {
        self.list("vars", json!({}))[name] = value;
        self
    }

    fn list(&mut self, name: &str, empty: Value) -> &mut Value {
        self.0.entry(name).or_insert(empty)
    }

    /// Leaves a variable or a binding out.
    pub fn without(mut self, name: &str) -> Self {
        self.list("without", json!([])).as_array_mut().unwrap().push(name.into());
        self.with_var(name, Value::Null)
    }

    /// One isolate for each set of variables, over the same data.
    pub fn isolates(mut self, each: &[&[(&str, &str)]]) -> Self {
        let vars = |vars: &&[(&str, &str)]| vars.iter().map(|(name, value)| (name.to_string(), json!(value))).collect();
        let each: Vec<Map<String, Value>> = each.iter().map(vars).collect();
        self.0.insert("isolates".into(), json!(each));
        self
    }

    /// The rate limiter's Durable Object fails.
    pub fn broken_limiter(mut self) -> Self {
        self.0.insert("broken".into(), json!(true));
        self
    }

    /// Channels can be jammed.
    pub fn jammable(mut self) -> Self {
        self.0.insert("jammable".into(), json!(true));
        self
    }

    /// The account's own models are bound, and think at this address.
    pub fn models(mut self, url: &str) -> Self {
        self.0.insert("models".into(), json!(url));
        self
    }

    /// The static files are served, too.
    pub fn assets(mut self) -> Self {
        self.0.insert("assets".into(), json!(true));
        self
    }

    /// In a process of its own, with its memory to be looked at.
    pub fn inspected(mut self) -> Self {
        self.0.insert("inspected".into(), json!(true));
        self
    }

    /// The database got there step by step, which takes longer and is the same.
    pub fn migrated(mut self) -> Self {
        self.0.insert("migrated".into(), json!(true));
        self
    }

    pub async fn open(self) -> World {
        let opened = runtime::run("open", Value::Object(self.0)).await;
        let urls = opened["urls"].as_array().unwrap().iter().map(|url| url.as_str().unwrap().to_owned());
        World(Arc::new(Inner {
            name: opened["world"].as_str().unwrap().into(),
            urls: RwLock::new(urls.collect()),
            client: client(),
            clock: Clock::default(),
        }))
    }
}

fn client() -> reqwest::Client {
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    client.timeout(Duration::from_secs(60)).build().unwrap()
}

/// What every Worker's variables are unless its world says otherwise.
pub fn usual_vars() -> Value {
    const MANY: &str = "100000";
    json!({
        "JWT_SECRET": JWT_SECRET,
        "SESSION_SECRET": "vT4nQ8zK2xW6cR1mB9yL5hJ3dF7gS0pA",
        "WORKER_CALLBACK_SECRET": WORKER_SECRET,
        "PREVIEW_TOKEN_SECRET": PREVIEW_SECRET,
        "TEST_CLOCK": "allow",
        "RATE_LIMIT_AUTH": MANY,
        "RATE_LIMIT_ANONYMOUS": MANY,
        "RATE_LIMIT_FREE": MANY,
        "RATE_LIMIT_PRO": MANY,
        "RATE_LIMIT_PREMIUM": MANY,
        "RATE_LIMIT_WEBHOOK": MANY,
        "RATE_LIMIT_WORKER": MANY,
        "RATE_LIMIT_PREVIEW": MANY,
        "LIMIT_PROJECTS_FREE": MANY,
        "LIMIT_MEMBERS_FREE": MANY,
        "LIMIT_API_KEYS_FREE": MANY,
        "LIMIT_WEBHOOKS_FREE": MANY,
        "WEBHOOKS_ALLOW_LOOPBACK": "true",
    })
}

pub const WORKER_SECRET: &str = "hB6nT2yM9qV4kX1wR8cZ5jL3fD7gP0sE";

pub const PREVIEW_SECRET: &str = "rQ7mW3tK9bN5xH1vJ8zC4yG6dF2pL0sA";

pub const JWT_SECRET: &str = "kV3pQ9zX7rT1mB5nL8wY2cF6hJ4dS0gA";

impl Deref for World {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        runtime::tell("close", json!({ "world": self.name }));
    }
}

impl World {
    pub async fn new() -> World {
        Setup::default().open().await
    }

    pub fn set_up() -> Setup {
        Setup::default()
    }

    pub async fn with(vars: &[(&str, &str)]) -> World {
        vars.iter().fold(Setup::default(), |setup, (name, value)| setup.var(name, value)).open().await
    }

    /// Registers someone and logs them in, from a network and a device of their own.
    pub async fn sign_up(&self, name: &str) -> Person {
        let mut person = self.stranger(name);
        person.register().await;
        person.log_in().await;
        person
    }

    /// Someone who runs the service.
    pub async fn operator(&self, name: &str) -> Person {
        let person = self.sign_up(name).await;
        self.sql("UPDATE users SET is_admin = 1 WHERE id = ?1", &[json!(person.id())]).await;
        person
    }

    /// Someone with a name and an email address, but no account yet.
    pub fn stranger(&self, name: &str) -> Person {
        Person::new(self.clone(), name, fresh_ip())
    }

    /// Somebody opens a socket without saying who they are, but for what stands in the path.
    pub async fn anonymous_at(&self, path: &str) -> Result<Socket, u16> {
        self.anonymous().open(path, &[]).await
    }

    pub fn anonymous(&self) -> Person {
        self.stranger("someone")
    }
}

/// In a /24 of its own.
pub fn fresh_ip() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let [.., high, low] = NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    format!("10.{high}.{low}.7")
}

impl Inner {
    pub fn url(&self, isolate: usize) -> String {
        self.urls.read().unwrap()[isolate].clone()
    }

    /// Ends the runtime's process and starts it anew. For worlds that were set up: others share theirs.
    pub async fn restart(&self) {
        let urls = self.run("restart", json!({})).await;
        *self.urls.write().unwrap() = serde_json::from_value(urls).unwrap();
    }

    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    pub(super) async fn run(&self, command: &str, mut arguments: Value) -> Value {
        arguments["world"] = json!(self.name);
        runtime::run(command, arguments).await
    }

    /// The rows a statement gives.
    pub async fn sql(&self, sql: &str, params: &[Value]) -> Vec<Value> {
        match self.run("sql", json!({ "sql": sql, "params": params })).await {
            Value::Array(rows) => rows,
            other => panic!("no rows: {other}"),
        }
    }

    /// The first column of the only row.
    pub async fn one(&self, sql: &str, params: &[Value]) -> Value {
        let rows = self.sql(sql, params).await;
        assert_eq!(rows.len(), 1, "{sql} gave {rows:?}");
        rows[0].as_object().unwrap().values().next().unwrap().clone()
    }

    pub async fn kv(&self, key: &str) -> Option<String> {
        self.run("kv_get", json!({ "key": key })).await.as_str().map(Into::into)
    }

    /// The names KV knows below a prefix.
    pub async fn kv_list(&self, prefix: &str) -> Vec<String> {
        let found = self.run("kv_list", json!({ "prefix": prefix })).await;
        found.as_array().unwrap().iter().map(|key| key["name"].as_str().unwrap().into()).collect()
    }

    /// Makes KV forget, as an edge that was told nothing yet.
    pub async fn kv_clear(&self, prefix: &str) {
        self.run("kv_clear", json!({ "prefix": prefix })).await;
    }

    /// The keys of all stored files, but for what the audit log puts aside.
    pub async fn files(&self) -> Vec<String> {
        let mut found = self.files_below("").await;
        found.retain(|key| !key.starts_with("audit/"));
        found
    }

    /// The keys of stored files that begin so.
    pub async fn files_below(&self, prefix: &str) -> Vec<String> {
        let found = self.run("r2_list", json!({ "prefix": prefix })).await;
        found.as_array().unwrap().iter().map(|object| object["key"].as_str().unwrap().into()).collect()
    }

    /// What a stored file says.
    pub async fn file(&self, key: &str) -> String {
        String::from_utf8(self.file_bytes(key).await).unwrap()
    }

    /// What is in a stored file.
    pub async fn file_bytes(&self, key: &str) -> Vec<u8> {
        let content = self.run("r2_get", json!({ "key": key })).await;
        Base64::decode_vec(content.as_str().unwrap_or_else(|| panic!("there is no {key}"))).unwrap()
    }

    /// Stores files behind the Worker's back.
    pub async fn plant_files(&self, keys: &[String]) {
        self.run("r2_put", json!({ "keys": keys })).await;
    }

    /// Loses files behind the Worker's back.
    pub async fn lose_files(&self, keys: &[String]) {
        self.run("r2_delete", json!({ "keys": keys })).await;
    }

    /// Puts a message into the queue behind the Worker's back.
    pub async fn enqueue(&self, body: Value) {
        self.run("send", json!({ "body": body })).await;
    }

    /// Hands the consumer a batch: `{outcome, acked, retried}`.
    pub async fn consume(&self, bodies: &[Value]) -> Value {
        self.run("consume", json!({ "bodies": bodies })).await
    }

    /// Hands a lane's consumer a batch of jobs: `{outcome, acked, retried}`.
    pub async fn run_jobs(&self, jobs: &[&str]) -> Value {
        self.run("consume", json!({ "bodies": jobs, "queue": "-ai-high" })).await
    }

    pub async fn cron(&self) {
        let outcome = self.run("cron", json!({ "cron": "* * * * *", "time": self.clock.now() })).await;
        assert_eq!(outcome, "ok");
    }

    /// Bytes the isolate of an inspected world holds.
    pub async fn memory(&self) -> usize {
        self.run("memory", json!({})).await.as_u64().unwrap() as usize
    }

    /// What the Worker logged, other worlds' lines among it.
    pub async fn logs(&self) -> Vec<String> {
        let lines = self.run("logs", json!({})).await;
        lines.as_array().unwrap().iter().map(|line| line["message"].as_str().unwrap().into()).collect()
    }

    /// Waits until nothing is left to deliver.
    pub async fn drain(&self) {
        let waiting = "SELECT count(*) FROM events WHERE delivered_at IS NULL";
        self.eventually("every event is delivered", async || self.one(waiting, &[]).await == 0).await;
    }

    pub async fn eventually(&self, what: &str, holds: impl AsyncFn() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !holds().await {
            assert!(Instant::now() < deadline, "within 30 s: {what}");
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    }

    pub async fn set_tier(&self, person: &Person, tier: &str) {
        self.sql("UPDATE users SET tier = ?1 WHERE id = ?2", &[json!(tier), json!(person.id())]).await;
    }

    /// Invites by email, and gives the invite's id.
    pub async fn invite(&self, owner: &Person, project: &str, person: &Person) -> String {
        let body = json!({ "email": person.email });
        let invite = owner.post(&format!("/projects/{project}/team/invite")).json(body).status(201).await;
        invite.data()["id"].as_str().unwrap().into()
    }

    /// A task behind the Worker's back.
    pub async fn plant_task(&self, project: &str, title: &str) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let id = format!("0198c5f2-7d3a-7c41-9b52-{:012x}", NEXT.fetch_add(1, Ordering::Relaxed));
        let insert = "INSERT INTO tasks (id, project_id, title, created_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?4)";
        self.sql(insert, &[json!(id), json!(project), json!(title), json!("2026-11-01T00:00:00.000Z")]).await;
        id
    }

    /// A job that waits, which nobody has requested.
    pub async fn plant_doc(&self, project: &str) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let id = format!("0198c5f2-7d3a-7c42-9b52-{:012x}", NEXT.fetch_add(1, Ordering::Relaxed));
        let insert = "INSERT INTO jobs (id, kind, project_id, tier, request, created_at, queued_at) VALUES (?1, 'ai_doc', ?2, 'free', ?3, ?4, ?4)";
        let wish =
            json!({ "path": "a.rs", "style": "short", "format": "doc", "language": null, "bytes": 7 }).to_string();
        self.sql(insert, &[json!(id), json!(project), json!(wish), json!("2026-11-01T00:00:00.000Z")]).await;
        id
    }

    pub async fn add_member(&self, project: &str, person: &Person) {
        let joined = "INSERT INTO team_members (project_id, user_id, role, joined_at) VALUES (?1, ?2, 'member', ?3)";
        self.sql(joined, &[json!(project), json!(person.id()), json!("2026-11-01T00:00:00.000Z")]).await;
    }
}
