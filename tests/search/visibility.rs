use super::*;

const KINDS: [&str; 3] = ["projects", "tasks", "comments"];

/// A project with a task and a comment, all about the launch; their ids begin at `from`.
async fn launch_of(world: &World, person: &Person, from: u32) -> String {
    let project = person.project("Launch").await;
    world.add_tasks(&project, from, &[("Launch", "it")]).await;
    world.add_comments(&project, from, person, &["launch it"]).await;
    project
}

async fn found(person: &Person, q: &str) -> [i64; 3] {
    let mut totals = [0; 3];
    for (total, kind) in totals.iter_mut().zip(KINDS) {
        let reply = person.search(kind, q).await;
        assert_eq!(reply.items().len() as i64, reply.total());
        *total = reply.total();
    }
    totals
}

#[tokio::test]
async fn of_two_worlds_each_finds_its_own() {
    let world = World::new().await;
    let (ada, bob) = (world.sign_up("ada").await, world.sign_up("bob").await);
    let (hers, his) = (launch_of(&world, &ada, 1).await, launch_of(&world, &bob, 101).await);
    for (person, project, number) in [(&ada, &hers, 1), (&bob, &his, 101)] {
        for q in ["launch", "la", "launch it"] {
            if q != "launch it" {
                let projects = person.search("projects", q).await;
                assert_eq!((pluck(projects.items(), "id"), projects.total()), (vec![&**project], 1));
            }
            for kind in ["tasks", "comments"] {
                let reply = person.search(kind, q).await;
                assert_eq!((pluck(reply.items(), "id"), reply.total()), (vec![&*id(number)], 1), "{kind} {q}");
                assert_eq!(pluck(reply.items(), "project_id"), [project]);
            }
        }
    }
}

/// The index tells projects apart by 24 bits of their ids only.
#[tokio::test]
async fn projects_that_the_index_takes_for_one_are_kept_apart_all_the_same() {
    let world = World::new().await;
    let (ada, bob) = (world.sign_up("ada").await, world.sign_up("bob").await);
    let (hers, his) = (ada.project("Launch A").await, ada.project("Launch B").await);
    let twin = format!("{}{}", &his[..30], &hers[30..]);
    world
        .sql(
            "INSERT INTO projects (id, owner_id, name, created_at, updated_at) VALUES (?1, ?2, 'Launch C', ?3, ?3)",
            &[json!(twin), json!(bob.id()), json!(WHEN)],
        )
        .await;
    world
        .sql(
            "INSERT INTO team_members (project_id, user_id, role, joined_at) VALUES (?1, ?2, 'owner', ?3)",
            &[json!(twin), json!(bob.id()), json!(WHEN)],
        )
        .await;
    assert_eq!(
        world.one("SELECT count(DISTINCT slot) FROM projects WHERE id IN (?1, ?2)", &[json!(hers), json!(twin)]).await,
        1
    );
    for (project, from) in [(&hers, 1), (&twin, 101), (&hers, 2), (&twin, 102)] {
        world.add_tasks(project, from, &[("Launch", "it")]).await;
        world.add_comments(project, from, &ada, &["launch it"]).await;
    }
    for q in ["launch", "la"] {
        assert_eq!(found(&ada, q).await, [2, 2, 2], "{q}");
        assert_eq!(found(&bob, q).await, [1, 2, 2], "{q}");
        for kind in ["tasks", "comments"] {
            assert_eq!(pluck(bob.search(kind, q).await.items(), "project_id"), [&*twin, &*twin]);
            let filtered = ada.search_with(kind, q, &format!("&project_id={twin}")).await;
            assert_eq!((filtered.items().len(), filtered.total()), (0, 0));
        }
    }
    assert_eq!(bob.get("/projects?search=launch").await.total(), 1);
}

#[tokio::test]
async fn members_find_what_the_team_wrote_until_they_leave_it() {
    let world = World::new().await;
    let (ada, bob) = (world.sign_up("ada").await, world.sign_up("bob").await);
    let project = launch_of(&world, &ada, 1).await;
    assert_eq!(found(&bob, "launch").await, [0, 0, 0]);
    world.add_member(&project, &bob).await;
    for q in ["launch", "la"] {
        assert_eq!(found(&bob, q).await, [1, 1, 1]);
    }
    assert_eq!(bob.search("projects", "launch").await.items()[0]["role"], "member");
    world.sql("DELETE FROM team_members WHERE user_id = ?1", &[json!(bob.id())]).await;
    for q in ["launch", "la"] {
        assert_eq!(found(&bob, q).await, [0, 0, 0]);
    }
}

#[tokio::test]
async fn asking_for_somebody_elses_project_finds_nothing() {
    let world = World::new().await;
    let (ada, bob) = (world.sign_up("ada").await, world.sign_up("bob").await);
    let (_, his) = (launch_of(&world, &ada, 1).await, launch_of(&world, &bob, 101).await);
    for kind in ["tasks", "comments"] {
        for q in ["launch", "la"] {
            let reply = ada.search_with(kind, q, &format!("&project_id={his}")).await;
            assert_eq!((reply.items().len(), reply.total()), (0, 0), "{kind} {q}");
        }
    }
}
