use std::time::Instant;

use super::*;
use crate::previews::page;

async fn wide() -> Studio {
    let limits = ["CONCURRENT_PREVIEWS", "PREVIEWS_PER_HOUR", "PREVIEWS_PER_DAY"];
    let limits = limits.iter().flat_map(|name| ["FREE", "PRO", "PREMIUM"].map(|tier| format!("LIMIT_{name}_{tier}")));
    let setup = limits.fold(World::set_up(), |setup, name| setup.var(&name, "1000"));
    Studio::at(setup.open().await).await
}

#[tokio::test]
async fn of_two_who_claim_at_once_each_gets_a_job_of_its_own() {
    let studio = wide().await;
    for _ in 0..6 {
        studio.request().await;
    }
    let machines: Vec<Machine> = (0..12).map(|i| Machine::new(&studio.world, &format!("m-{i}"))).collect();
    let replies = join_all(machines.iter().map(|machine| machine.claim(0).any())).await;
    let mut jobs: Vec<&str> = replies.iter().filter_map(|reply| reply.json["data"]["job_id"].as_str()).collect();
    jobs.sort_unstable();
    jobs.dedup();
    assert_eq!(jobs.len(), 6);
    assert_eq!(replies.iter().filter(|reply| reply.status == 204).count(), 6);
}

/// The tiers of the jobs that are handed out, where so many of each wait.
async fn handed_out(studio: &Studio, waiting: [(&str, usize); 3], claims: usize) -> Vec<String> {
    for (tier, jobs) in waiting {
        let person = studio.world.sign_up(tier).await;
        studio.world.add_member(&studio.project, &person).await;
        studio.world.set_tier(&person, tier).await;
        for _ in 0..jobs {
            studio.ask(&person, page()).status(201).await;
        }
    }
    let mut order = Vec::new();
    for _ in 0..claims {
        order.push(studio.machine.take().await["tier"].as_str().unwrap().to_owned());
    }
    order
}

#[tokio::test]
async fn no_lane_starves_however_full_the_others_are() {
    let order = handed_out(&wide().await, [("free", 6), ("premium", 31), ("pro", 6)], 40).await;
    let of = |tier: &str| (0..40).filter(|at| order[*at] == tier).collect::<Vec<_>>();
    assert_eq!((of("free"), of("pro")), (vec![3, 11, 19, 27, 35], vec![7, 15, 23, 31, 39]), "{order:?}");
}

/// Paid jobs first, but every fourth claim is of a lane that would starve.
#[tokio::test]
async fn free_jobs_wait_behind_paid_ones_and_never_starve() {
    let order = handed_out(&wide().await, [("free", 9), ("pro", 9), ("premium", 9)], 27).await;
    let starving: Vec<usize> = (3..27).step_by(4).collect();
    let reserved: Vec<&str> = starving.iter().map(|at| order[*at].as_str()).collect();
    assert_eq!(reserved, ["free", "pro", "free", "free", "free", "free"], "{order:?}");
    let others: Vec<&str> =
        order.iter().enumerate().filter(|(at, _)| !starving.contains(at)).map(|(_, tier)| tier.as_str()).collect();
    let mut sorted = others.clone();
    sorted.sort_by_key(|tier| ["premium", "pro", "free"].iter().position(|name| name == tier));
    assert_eq!(others, sorted);
}

#[tokio::test]
async fn who_waits_is_woken_by_a_job() {
    let studio = Studio::new().await;
    let start = Instant::now();
    let (claimed, job) = futures::join!(studio.machine.claim(20).into_future(), async {
        tokio::time::sleep(Duration::from_millis(800)).await;
        studio.request().await
    });
    assert_eq!(claimed.data()["job_id"], json!(job));
    assert!((Duration::from_millis(700)..Duration::from_secs(10)).contains(&start.elapsed()), "{:?}", start.elapsed());
    // It looked twice, however long it waited.
    assert!(claimed.trips() <= 3, "{}", claimed.trips());
}

#[tokio::test]
async fn a_wait_ends() {
    let studio = Studio::new().await;
    let start = Instant::now();
    let reply = studio.machine.claim(2).status(204).await;
    assert!((Duration::from_millis(1900)..Duration::from_secs(8)).contains(&start.elapsed()), "{:?}", start.elapsed());
    assert_eq!(reply.trips(), 2);
    studio.machine.claim(26).refused_with(422, "VALIDATION_ERROR").await;
    let kinds = |kinds: Value| studio.machine.post("/workers/claim", json!({ "kinds": kinds }));
    kinds(json!([])).refused_with(422, "VALIDATION_ERROR").await;
    kinds(json!(["ai_doc"])).refused_with(422, "VALIDATION_ERROR").await;
}

#[tokio::test]
async fn a_draining_worker_gets_nothing() {
    let studio = Studio::new().await;
    studio.machine.heartbeat(&[]).await;
    studio.world.sql("UPDATE worker_nodes SET draining = 1", &[]).await;
    studio.request().await;
    studio.machine.claim(0).status(204).await;
    assert_eq!(studio.machine.heartbeat(&[]).await.data()["draining"], true);
    Machine::new(&studio.world, "machine-2").take().await;
}

#[tokio::test]
async fn while_previews_are_switched_off_nobody_gets_one() {
    let studio = Studio::new().await;
    let job = studio.request().await;
    studio.world.sql("UPDATE switches SET is_on = 0 WHERE name = 'previews'", &[]).await;
    studio.machine.claim(0).status(204).await;
    studio.world.sql("UPDATE switches SET is_on = 1 WHERE name = 'previews'", &[]).await;
    assert_eq!(studio.machine.take().await["job_id"], json!(job));
}

#[tokio::test]
async fn a_link_to_a_file_is_good_as_it_was_made() {
    let studio = Studio::new().await;
    studio.request().await;
    let claimed = studio.machine.take().await;
    let link = crate::previews::below(&claimed["files"][0]["url"]);
    let anyone = studio.world.anonymous();
    assert_eq!(anyone.get(&link).await.trips(), 0);
    for bad in [
        link.replace("start=0", "start=1"),
        link.replace("bytes=15", "bytes=16"),
        link.replace("signature=", "signature=A"),
    ] {
        anyone.get(&bad).refused_with(403, "LINK_INVALID").await;
    }
    studio.world.clock().advance(Duration::from_secs(601));
    anyone.get(&link).refused_with(410, "LINK_EXPIRED").await;
}
