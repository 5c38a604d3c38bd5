use std::sync::Mutex;
use std::time::{Duration, SystemTime};

/// The time requests carry: the real one until it is touched.
#[derive(Default)]
pub struct Clock(Mutex<Hands>);

#[derive(Default)]
struct Hands {
    ahead: i64,
    stopped_at: Option<i64>,
    touched: bool,
}

impl Clock {
    pub fn advance(&self, by: Duration) {
        let mut hands = self.0.lock().unwrap();
        let by = by.as_millis() as i64;
        hands.touched = true;
        match &mut hands.stopped_at {
            Some(at) => *at += by,
            None => hands.ahead += by,
        }
    }

    /// From here on time passes only by `advance`.
    pub fn stop(&self) {
        let now = self.now();
        *self.0.lock().unwrap() = Hands { stopped_at: Some(now), ahead: 0, touched: true };
    }

    /// In milliseconds since 1970.
    pub fn now(&self) -> i64 {
        let hands = self.0.lock().unwrap();
        let real = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis() as i64;
        hands.stopped_at.unwrap_or(real + hands.ahead)
    }

    pub fn header(&self) -> Option<String> {
        let touched = self.0.lock().unwrap().touched;
        touched.then(|| self.now().to_string())
    }
}
