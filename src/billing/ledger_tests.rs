//! Recorded histories, in every order and doubled: they end in the same state.

use serde_json::{Value, json};

use super::history::{State, Status};
use super::ledger::{Checkout, Decision, Ledger, Record};
use super::plans::{Catalog, OFFERS, Offer};
use super::snapshot::{Cycle, Snapshot};
use super::subscription::Row;
use crate::db::{DAY, HOUR, MINUTE, SECOND, Time};
use crate::limits::Tier;

/// 2025-11-19 11:09:30, when the recorded purchase was made.
const BOUGHT: Time = Time::from_millis(1_763_550_570_000);

fn catalog() -> Catalog {
    let variants = [1_090_954, 1_090_955, 2_000_001, 2_000_002];
    Catalog(std::array::from_fn(|i| {
        let (tier, cycle, _) = OFFERS.get(i).copied().unwrap_or((Tier::Pro, Cycle::Monthly, ""));
        Offer { variant: variants.get(i).copied().unwrap_or_default(), tier, cycle, price: None }
    }))
}

/// The recorded resource with some attributes changed, as written down `after` the purchase.
fn recorded(after: i64, changes: Value) -> Snapshot {
    let text = include_str!("../../standin/recorded/subscription_created.json");
    let mut body: Value = serde_json::from_str(text).unwrap_or_default();
    let at = BOUGHT.plus(after);
    let expires = at.plus(6 * HOUR + SECOND).millis() / SECOND;
    let portal = format!("https://store.lemonsqueezy.com/billing?expires={expires}&test_mode=1");
    let mut set = |path: &str, value: Value| {
        if let Some(there) = body.pointer_mut(&format!("/data/attributes/{path}")) {
            *there = value;
        }
    };
    set("updated_at", json!(at.text()));
    set("first_subscription_item/updated_at", json!(at.plus(SECOND).text()));
    set("urls/customer_portal", json!(portal));
    for (name, value) in changes.as_object().into_iter().flatten() {
        set(name, value.clone());
    }
    let read = body.get("data").and_then(Snapshot::read);
    read.unwrap_or_else(|| recorded(after, json!({})))
}

fn record(source: &str, snapshot: Option<Snapshot>) -> Record {
    Record {
        subscription_id: "1652029".into(),
        source: source.into(),
        snapshot,
        claimed_user: Some(42),
        reference: Some("reference".into()),
        received_at: BOUGHT,
    }
}

fn ledger() -> Ledger {
    let checkout = Checkout { reference: "reference".into(), user_id: 42, subscription_id: None };
    Ledger { subscription_id: "1652029".into(), checkouts: vec![checkout], ..Ledger::default() }
}

fn row(state: &State) -> Row {
    Row {
        subscription_id: "1652029".into(),
        user_id: 42,
        tier: state.tier,
        billing_cycle: state.cycle,
        status: state.status,
        renews_at: state.renews_at,
        ends_at: state.ends_at,
        access_until: state.access_until,
        revision: 1,
        created_at: state.created_at,
    }
}

/// What a consumer makes of these, one after the other; asked, the provider tells `truth`.
fn lived(order: &[Snapshot], truth: &Snapshot, now: Time) -> Option<Row> {
    let mut ledger = ledger();
    for snapshot in order {
        ledger.records.push(record("webhook", Some(snapshot.clone())));
        if ledger.decide(&catalog(), now) == Decision::Ask {
            ledger.records.push(record("api", Some(truth.clone())));
        }
        if let Decision::Write { state, .. } = ledger.decide(&catalog(), now) {
            ledger.row = Some(row(&state));
        }
    }
    ledger.row
}

fn permutations<T: Clone>(items: &[T]) -> Vec<Vec<T>> {
    let Some((first, rest)) = items.split_first() else {
        return vec![Vec::new()];
    };
    permutations(rest)
        .into_iter()
        .flat_map(|rest| {
            (0..=rest.len()).map(move |at| {
                let mut all = rest.clone();
                all.insert(at, first.clone());
                all
            })
        })
        .collect()
}

fn histories() -> Vec<(&'static str, Vec<Snapshot>)> {
    let status = |after: i64, status: &str| recorded(after, json!({ "status": status }));
    let ends = json!({ "status": "cancelled", "cancelled": true, "ends_at": BOUGHT.plus(30 * DAY).text() });
    let bought = || {
        [
            recorded(0, json!({})),
            recorded(0, json!({ "first_subscription_item": { "updated_at": BOUGHT.plus(31 * SECOND).text() } })),
        ]
    };
    let [created, updated] = bought();
    vec![
        ("bought", vec![created.clone(), updated.clone()]),
        (
            "failed and recovered",
            vec![
                created.clone(),
                updated.clone(),
                status(DAY, "past_due"),
                status(3 * DAY, "past_due"),
                status(4 * DAY, "active"),
            ],
        ),
        (
            "given up",
            vec![
                created.clone(),
                status(DAY, "past_due"),
                status(3 * DAY, "past_due"),
                status(14 * DAY, "unpaid"),
                status(20 * DAY, "expired"),
            ],
        ),
        (
            "still failing",
            vec![
                created.clone(),
                updated.clone(),
                status(DAY, "past_due"),
                status(2 * DAY, "past_due"),
                status(5 * DAY, "past_due"),
            ],
        ),
        ("canceled", vec![created.clone(), updated.clone(), recorded(DAY, ends.clone())]),
        (
            "canceled, resumed and another plan",
            vec![
                created.clone(),
                recorded(DAY, ends.clone()),
                status(2 * DAY, "active"),
                recorded(3 * DAY, json!({ "variant_id": 2_000_002 })),
            ],
        ),
        (
            "paused",
            vec![
                created.clone(),
                recorded(DAY, json!({ "status": "paused", "pause": { "mode": "void" } })),
                status(2 * DAY, "active"),
                recorded(3 * DAY, json!({ "status": "paused", "pause": { "mode": "free" } })),
            ],
        ),
        ("on trial", vec![status(0, "on_trial"), status(7 * DAY, "active"), status(7 * DAY + MINUTE, "active")]),
        // Two changes within one second: only the provider knows which was the later one.
        ("tied", vec![created.clone(), recorded(DAY, ends), recorded(DAY, json!({ "status": "active" }))]),
        (
            "from the future",
            vec![
                created,
                status(DAY, "asleep"),
                recorded(2 * DAY, json!({ "variant_id": 7 })),
                status(3 * DAY, "active"),
            ],
        ),
    ]
}

#[test]
fn every_order_of_a_history_ends_in_the_same_state() {
    for (name, history) in histories() {
        let now = BOUGHT.plus(6 * DAY);
        let truth = history.last().cloned().unwrap_or_else(|| recorded(0, json!({})));
        let asked = Snapshot { generated: Some(now), ..truth.clone() };
        let end = lived(&history, &asked, now);
        assert!(end.is_some(), "{name}");
        let mut orders = 0;
        for order in permutations(&history) {
            assert_eq!(lived(&order, &asked, now), end, "{name}");
            let doubled: Vec<Snapshot> =
                order.iter().flat_map(|snapshot| [snapshot.clone(), snapshot.clone()]).collect();
            assert_eq!(lived(&doubled, &asked, now), end, "{name}, doubled");
            let again: Vec<Snapshot> = order.iter().chain(order.iter().rev()).cloned().collect();
            assert_eq!(lived(&again, &asked, now), end, "{name}, and back again");
            orders += 1;
        }
        assert_eq!(orders, (1..=history.len()).product::<usize>(), "{name}");
    }
}

#[test]
fn the_recorded_tie_is_told_apart_by_its_item() {
    let (_, bought) = histories().swap_remove(0);
    let versions: Vec<_> = bought.iter().map(Snapshot::version).collect();
    assert!(versions.first() < versions.last(), "{versions:?}");
}

fn state_of(snapshots: &[Snapshot], now: Time) -> Option<State> {
    let mut ledger = ledger();
    ledger.records = snapshots.iter().map(|snapshot| record("webhook", Some(snapshot.clone()))).collect();
    match ledger.decide(&catalog(), now) {
        Decision::Write { state, .. } => Some(state),
        _ => None,
    }
}

#[test]
fn grace_counts_from_the_first_failure() {
    let failing = [1, 3, 5].map(|days| recorded(days * DAY, json!({ "status": "past_due" })));
    let state = state_of(&failing, BOUGHT.plus(6 * DAY));
    assert_eq!(state.as_ref().map(|state| state.status), Some(Status::PastDue));
    // The item's time is a second later than the subscription's.
    assert_eq!(state.and_then(|state| state.access_until), Some(BOUGHT.plus(15 * DAY + SECOND)));
    assert_eq!(state_of(&failing, BOUGHT.plus(16 * DAY)).map(|state| state.access_until), Some(None));
}

#[test]
fn of_two_answers_within_a_second_the_later_one_counts() {
    let mut ledger = ledger();
    let canceled = recorded(DAY, json!({ "status": "cancelled", "ends_at": BOUGHT.plus(30 * DAY).text() }));
    let resumed = recorded(DAY, json!({ "status": "active" }));
    for (snapshot, at) in [(&canceled, 0), (&resumed, 400), (&canceled, 800), (&resumed, 900)] {
        ledger.records.push(Record::asked("1652029", snapshot.clone(), BOUGHT.plus(DAY + at)));
    }
    ledger.records.push(record("webhook", Some(canceled)));
    let decided = ledger.decide(&catalog(), BOUGHT.plus(2 * DAY));
    assert!(matches!(decided, Decision::Write { state, .. } if state.status == Status::Active));
}

#[test]
fn only_the_same_users_lower_or_later_plans_are_superseded() {
    let bought = State {
        tier: Tier::Pro,
        cycle: Cycle::Monthly,
        status: Status::Active,
        renews_at: None,
        ends_at: None,
        access_until: Some(Time::NEVER),
        created_at: BOUGHT,
    };
    let other = |id: &str, user: i64, tier: Tier, days: i64, status: Status| Row {
        subscription_id: id.into(),
        user_id: user,
        tier,
        status,
        created_at: bought.created_at.plus(days * DAY),
        ..row(&bought)
    };
    let mut ledger = ledger();
    ledger.others = vec![
        other("a stranger's", 7, Tier::Pro, 1, Status::Active),
        other("later", 42, Tier::Pro, 1, Status::Active),
        other("over", 42, Tier::Pro, 1, Status::Expired),
        other("canceled", 42, Tier::Pro, 1, Status::Canceled),
    ];
    assert_eq!(ledger.superseded(42, &bought), ["later"]);
    ledger.others.push(other("earlier", 42, Tier::Pro, -1, Status::PastDue));
    assert_eq!(ledger.superseded(42, &bought), ["later", "earlier"]);
    ledger.others.push(other("higher", 42, Tier::Premium, 1, Status::Active));
    assert_eq!(ledger.superseded(42, &bought), ["1652029", "later", "earlier"]);
    assert_eq!(ledger.superseded(42, &State { status: Status::Canceled, ..bought.clone() }), [""; 0]);
}

#[test]
fn a_plan_sold_no_more_ends_like_any_other() {
    let mut ledger = ledger();
    ledger.records.push(record("webhook", Some(recorded(0, json!({ "variant_id": 7 })))));
    assert!(matches!(ledger.decide(&catalog(), BOUGHT), Decision::Done(_, "unknown_variant")));
    let bought = state_of(&[recorded(0, json!({}))], BOUGHT);
    ledger.row = bought.as_ref().map(row);
    ledger.records.push(record("webhook", Some(recorded(DAY, json!({ "variant_id": 7, "status": "expired" })))));
    let decided = ledger.decide(&catalog(), BOUGHT.plus(2 * DAY));
    assert!(
        matches!(decided, Decision::Write { state, .. } if state.status == Status::Expired && state.access_until.is_none())
    );
}

#[test]
fn what_the_provider_writes_loosely_is_read() {
    let strings = recorded(0, json!({ "variant_id": "1090954", "pause": null, "renews_at": null, "card_brand": null }));
    assert_eq!((strings.content.variant, strings.content.renews_at), (1_090_954, None));
    let bare = json!({ "attributes": { "status": "active", "variant_id": 1, "updated_at": "2025-11-19T11:09:30.000000Z", "first_subscription_item": null } });
    let bare = Snapshot::read(&bare);
    assert_eq!(bare.map(|snapshot| (snapshot.updated, snapshot.generated)), Some((BOUGHT, None)));
    assert_eq!(Snapshot::read(&json!({ "attributes": { "status": "active" } })), None);
}
