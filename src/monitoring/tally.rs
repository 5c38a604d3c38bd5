//! Counts of requests. An isolate keeps them in memory, and adds them to the minute's row behind an answer, at most
//! once in a while: no request waits for them. What an isolate has not told when it ends is not counted.

use std::cell::{Cell, RefCell};

use serde::Deserialize;

use crate::app::{App, Change};
use crate::db::{DAY, SECOND, Stmt, Time};
use crate::error::Result;
use crate::host;
use crate::http::NoContent;
use crate::sql;

use super::Answered;

/// How often an isolate tells at most.
const TOLD_EVERY: i64 = 10 * SECOND;

/// How long a minute is kept.
const KEPT: i64 = 8 * DAY;

/// Bounds of the latencies, in milliseconds; the last column counts what fits into none.
pub const BOUNDS: [i64; 9] = [10, 25, 50, 100, 250, 500, 1000, 2500, 5000];

#[derive(Clone, Copy, Default)]
struct Counts {
    /// By the first digit of the status, from 2 on; what switches others protocol counts as done.
    classes: [i64; 4],
    switched: i64,
    trips: i64,
    milliseconds: i64,
    within: [i64; BOUNDS.len()],
}

thread_local! {
    static COUNTS: RefCell<Counts> = RefCell::default();
    static TOLD_AT: Cell<Option<Time>> = const { Cell::new(None) };
}

impl Counts {
    fn of(answered: &Answered, trips: u32) -> Self {
        let class = answered.status / 100;
        Counts {
            classes: [2, 3, 4, 5].map(|digit| i64::from(class.max(2) == digit)),
            switched: i64::from(answered.is_switched()),
            trips: trips.into(),
            milliseconds: answered.milliseconds,
            within: BOUNDS.map(|bound| i64::from(answered.milliseconds <= bound)),
        }
    }

    fn add(&mut self, other: Counts) {
        let Counts { classes, switched, trips, milliseconds, within } = other;
        self.classes.iter_mut().zip(classes).for_each(|(sum, more)| *sum += more);
        self.within.iter_mut().zip(within).for_each(|(sum, more)| *sum += more);
        self.switched += switched;
        self.trips += trips;
        self.milliseconds += milliseconds;
    }

    /// Adds them to the minute, and to all there ever were.
    fn store(self, now: Time) -> Stmt {
        let Counts { classes: [s2xx, s3xx, s4xx, s5xx], switched, trips, milliseconds, within } = self;
        let [ms_10, ms_25, ms_50, ms_100, ms_250, ms_500, ms_1000, ms_2500, ms_5000] = within;
        sql!(
            "INSERT INTO request_counts
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17),
                    ('all', ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)
             ON CONFLICT (minute) DO UPDATE SET
               s2xx = s2xx + excluded.s2xx, s3xx = s3xx + excluded.s3xx, s4xx = s4xx + excluded.s4xx,
               s5xx = s5xx + excluded.s5xx, switched = switched + excluded.switched, trips = trips + excluded.trips,
               ms = ms + excluded.ms, ms_10 = ms_10 + excluded.ms_10, ms_25 = ms_25 + excluded.ms_25,
               ms_50 = ms_50 + excluded.ms_50, ms_100 = ms_100 + excluded.ms_100, ms_250 = ms_250 + excluded.ms_250,
               ms_500 = ms_500 + excluded.ms_500, ms_1000 = ms_1000 + excluded.ms_1000,
               ms_2500 = ms_2500 + excluded.ms_2500, ms_5000 = ms_5000 + excluded.ms_5000",
            minute(now),
            s2xx,
            s3xx,
            s4xx,
            s5xx,
            switched,
            trips,
            milliseconds,
            ms_10,
            ms_25,
            ms_50,
            ms_100,
            ms_250,
            ms_500,
            ms_1000,
            ms_2500,
            ms_5000,
        )
    }
}

/// A row, or the sum of some.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Counted {
    pub s2xx: i64,
    pub s3xx: i64,
    pub s4xx: i64,
    pub s5xx: i64,
    pub switched: i64,
    pub trips: i64,
    pub ms: i64,
    ms_10: i64,
    ms_25: i64,
    ms_50: i64,
    ms_100: i64,
    ms_250: i64,
    ms_500: i64,
    ms_1000: i64,
    ms_2500: i64,
    ms_5000: i64,
}

impl Counted {
    pub fn requests(&self) -> i64 {
        self.s2xx + self.s3xx + self.s4xx + self.s5xx
    }

    /// For each of `BOUNDS`.
    pub fn within(&self) -> [i64; BOUNDS.len()] {
        [
            self.ms_10,
            self.ms_25,
            self.ms_50,
            self.ms_100,
            self.ms_250,
            self.ms_500,
            self.ms_1000,
            self.ms_2500,
            self.ms_5000,
        ]
    }
}

/// All there ever were.
pub fn all() -> Stmt {
    sql!("SELECT * FROM request_counts WHERE minute = 'all'")
}

/// As the rows are named: the moment the minute began.
pub fn minute(at: Time) -> String {
    Time::from_millis(at.millis() - at.millis().rem_euclid(60 * SECOND)).text()
}

pub fn count(app: &App, answered: &Answered) {
    COUNTS.with_borrow_mut(|counts| counts.add(Counts::of(answered, app.trips())));
    let now = app.now();
    if TOLD_AT.get().is_some_and(|at| at <= now && now < at.plus(TOLD_EVERY)) {
        return;
    }
    TOLD_AT.set(Some(now));
    let (counts, behind) = (COUNTS.take(), app.behind("tally"));
    app.host().later(async move {
        let told: Result<NoContent> = behind.commit(Change::to(()).run(counts.store(behind.now()))).await;
        if let Err(error) = told {
            COUNTS.with_borrow_mut(|kept| kept.add(counts));
            host::log("tally", error.cause().unwrap_or(error.message()));
        }
    });
}

pub fn forget_old(now: Time) -> Stmt {
    sql!("DELETE FROM request_counts WHERE minute < ?1", minute(now.plus(-KEPT)))
}
