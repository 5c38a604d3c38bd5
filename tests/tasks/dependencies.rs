use super::*;

impl Team {
    async fn some(&self, count: usize) -> Vec<Value> {
        join_all((0..count).map(|i| self.create(json!({ "title": format!("task {i}") })))).await
    }

    fn edge(&self, from: &Value, to: &Value) -> String {
        format!("{}/depends-on/{}", self.path(from), id(to))
    }

    /// How many tasks wait for themselves, if over others.
    async fn circles(&self) -> Value {
        let reach = "WITH RECURSIVE reach (a, b) AS (
                       SELECT task_id, depends_on_task_id FROM task_dependencies
                       UNION SELECT a, depends_on_task_id FROM reach JOIN task_dependencies ON task_id = b)
                     SELECT count(*) FROM reach WHERE a = b";
        self.world.one(reach, &[]).await
    }
}

#[tokio::test]
async fn a_task_waits_for_others_until_it_does_not() {
    let team = Team::new().await;
    let [a, b, c] = &team.some(3).await[..] else { panic!("three tasks") };
    team.bob.post(&team.edge(a, b)).status(200).await;
    let both = team.ada.post(&team.edge(a, c)).status(200).await;
    let mut expected = [id(b), id(c)];
    expected.sort_unstable();
    assert_eq!((&both.data()["depends_on"], &both.data()["version"]), (&json!(expected), &json!(3)));
    assert_eq!((both.header("etag"), both.trips()), ("\"3\"", 2));
    assert_eq!(team.read(a).await, *both.data());
    assert_eq!(team.read(b).await, *b);

    team.bob.delete(&team.edge(a, b)).status(204).await;
    team.bob.delete(&team.edge(a, b)).refused_with(404, "DEPENDENCY_NOT_FOUND").await;
    team.bob.delete(&team.edge(c, a)).refused_with(404, "DEPENDENCY_NOT_FOUND").await;
    let now = team.read(a).await;
    assert_eq!((&now["depends_on"], &now["version"]), (&json!([id(c)]), &json!(4)));
    let [added, _] = &team.events("task.dependency_added").await[..] else { panic!("two events") };
    let [removed] = &team.events("task.dependency_removed").await[..] else { panic!("one event") };
    for event in [added, removed] {
        assert_eq!(said(event), json!({ "depends_on": id(b) }));
        assert_eq!(
            (&event["task_id"], &event["entity_id"], &event["actor_id"]),
            (&a["id"], &a["id"], &json!(team.bob.id()))
        );
        assert_eq!(event["project_id"], team.project);
    }
    team.world.drain().await;
}

#[tokio::test]
async fn adding_a_dependency_again_changes_nothing() {
    let team = Team::new().await;
    let [a, b] = &team.some(2).await[..] else { panic!("two tasks") };
    let add = || team.ada.post(&team.edge(a, b)).status(200);
    for reply in join_all((0..6).map(|_| add())).await {
        assert_eq!((&reply.data()["depends_on"], &reply.data()["version"]), (&json!([id(b)]), &json!(2)));
    }
    assert_eq!(add().await.data()["version"], 2);
    assert_eq!(team.events("task.dependency_added").await.len(), 1);
}

#[tokio::test]
async fn a_task_does_not_wait_for_itself_directly_or_over_others() {
    let team = Team::new().await;
    let tasks = team.some(5).await;
    team.ada.post(&team.edge(&tasks[0], &tasks[0])).refused_with(409, "DEPENDENCY_CYCLE").await;
    for pair in tasks.windows(2) {
        team.ada.post(&team.edge(&pair[0], &pair[1])).await;
    }
    for waits in 1..5 {
        for on in 0..waits {
            team.ada.post(&team.edge(&tasks[waits], &tasks[on])).refused_with(409, "DEPENDENCY_CYCLE").await;
        }
    }
    // Two ways to the same task are no circle.
    team.ada.post(&team.edge(&tasks[0], &tasks[4])).status(200).await;
    // What is cut open may be closed the other way.
    team.ada.delete(&team.edge(&tasks[0], &tasks[4])).await;
    team.ada.delete(&team.edge(&tasks[2], &tasks[3])).await;
    team.ada.post(&team.edge(&tasks[4], &tasks[0])).status(200).await;
    assert_eq!(team.circles().await, 0);
}

#[tokio::test]
async fn circles_of_two_are_not_closed_from_both_sides_at_once() {
    let team = Team::of(World::set_up().isolates(&[&[], &[]]).open().await).await;
    let tasks = team.some(20).await;
    let add = |from: usize, to: usize| team.ada.through(from % 2).post(&team.edge(&tasks[from], &tasks[to])).any();
    let pairs = (0..10).map(|i| (2 * i, 2 * i + 1));
    let replies = join_all(pairs.clone().chain(pairs.map(|(a, b)| (b, a))).map(|(a, b)| add(a, b))).await;
    for i in 0..10 {
        assert_eq!(statuses(&[replies[i].clone(), replies[i + 10].clone()]), [200, 409], "pair {i}");
    }
    assert_eq!((team.circles().await, team.events("task.dependency_added").await.len()), (json!(0), 10));
}

#[tokio::test]
async fn circles_of_five_are_not_closed_from_all_sides_at_once() {
    let team = Team::of(World::set_up().isolates(&[&[], &[]]).open().await).await;
    let tasks = team.some(25).await;
    // Five rings of five, an edge of each at a time.
    let edges = (0..25).map(|i| (5 * (i % 5) + i / 5, 5 * (i % 5) + (i / 5 + 1) % 5));
    let add = |(from, to): (usize, usize)| team.bob.through(from % 2).post(&team.edge(&tasks[from], &tasks[to])).any();
    let replies = join_all(edges.map(add)).await;
    let refused: Vec<&Reply> = replies.iter().filter(|reply| reply.status != 200).collect();
    assert_eq!(refused.iter().map(|reply| reply.code()).collect::<Vec<_>>(), ["DEPENDENCY_CYCLE"; 5]);
    assert_eq!((team.circles().await, team.events("task.dependency_added").await.len()), (json!(0), 20));
}

#[tokio::test]
async fn whatever_is_asked_at_once_there_is_never_a_circle() {
    let team = Team::new().await;
    let tasks = team.some(6).await;
    let edges = (0..36).filter(|i| i / 6 != i % 6);
    let replies = join_all(edges.map(|i| team.ada.post(&team.edge(&tasks[i / 6], &tasks[i % 6])).any())).await;
    assert_eq!(team.circles().await, 0);
    // Of each two tasks one waits for the other by now.
    let added = replies.iter().filter(|reply| reply.status == 200).count();
    assert!((5..=15).contains(&added), "{added}");
    assert_eq!(team.world.one("SELECT count(*) FROM task_dependencies", &[]).await, added);
}

#[tokio::test]
async fn a_dependency_is_within_one_project() {
    let team = Team::new().await;
    let here = team.create(json!({ "title": "here" })).await;
    let other = team.ada.project("Other").await;
    let there = json!({ "id": team.ada.task(&other, "there").await });
    let nowhere = json!({ "id": NOWHERE });
    for (from, to) in [(&here, &there), (&there, &here), (&here, &nowhere), (&nowhere, &here)] {
        team.ada.post(&team.edge(from, to)).refused_with(404, "TASK_NOT_FOUND").await;
        team.ada.delete(&team.edge(from, to)).refused_with(404, "TASK_NOT_FOUND").await;
    }
    let eve = team.world.sign_up("eve").await;
    eve.post(&team.edge(&here, &here)).refused_with(404, "PROJECT_NOT_FOUND").await;
    assert_eq!(team.world.one("SELECT count(*) FROM task_dependencies", &[]).await, 0);
}

#[tokio::test]
async fn a_task_waits_for_100_others_at_most() {
    let team = Team::new().await;
    let [a, b] = &team.some(2).await[..] else { panic!("two tasks") };
    for fill in [
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 100)
         INSERT INTO tasks (id, project_id, title, created_at, updated_at)
         SELECT printf('0198c5f2-7d3a-7c41-9b52-%012x', i), ?1, 'filler', '2026', '2026' FROM n WHERE ?2 <> ''",
        "INSERT INTO task_dependencies (task_id, depends_on_task_id, created_at)
         SELECT ?2, id, '2026' FROM tasks WHERE project_id = ?1 AND title = 'filler'",
    ] {
        team.world.sql(fill, &[json!(team.project), a["id"].clone()]).await;
    }
    let filler = json!({ "id": "0198c5f2-7d3a-7c41-9b52-000000000001" });
    team.ada.post(&team.edge(a, b)).refused_with(409, "TOO_MANY").await;
    team.ada.post(&team.edge(a, &filler)).status(200).await;
    team.ada.delete(&team.edge(a, &filler)).status(204).await;
    team.ada.post(&team.edge(a, b)).status(200).await;
}
