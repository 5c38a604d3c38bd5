//! Tickets: what opens one socket, once, so that no token stands in an address.

use base64ct::{Base64UrlUnpadded, Encoding};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::auth::token::{Claims, Keys};
use crate::db::{Id, SECOND, Time};
use crate::limits::Tier;

/// Seconds a ticket is good for.
pub const LIFE_SECONDS: i64 = 30;

const PURPOSE: &str = "socket ticket";

/// Nonce, session, user, tier and end, before the seal.
const SIGNED: usize = 16 + 16 + 8 + 1 + 8;

/// Opens one WebSocket.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Ticket {
    /// For `GET /ws?ticket=…`; good once.
    #[schemars(example = &"AZjF8n06fEGbUh8OairZdw…")]
    pub ticket: String,
    /// Seconds.
    #[schemars(example = 30)]
    pub expires_in: i64,
}

/// A ticket somebody came with. That it is used once is for the user's sockets to see to.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    pub claims: Claims,
    pub nonce: Id,
    pub until: Time,
}

impl Ticket {
    pub fn make(claims: &Claims, nonce: &Id, keys: &Keys, now: Time) -> Ticket {
        let mut bytes = Vec::with_capacity(SIGNED + 32);
        bytes.extend(nonce.bytes());
        bytes.extend(claims.session.bytes());
        bytes.extend(claims.user.to_be_bytes());
        bytes.push(claims.tier.rank());
        bytes.extend(now.plus(LIFE_SECONDS * SECOND).millis().to_be_bytes());
        bytes.extend(keys.digest(PURPOSE, &[&bytes]));
        Ticket { ticket: Base64UrlUnpadded::encode_string(&bytes), expires_in: LIFE_SECONDS }
    }
}

impl Shown {
    /// `None` for what is none of ours, or too old.
    pub fn read(ticket: &str, keys: &Keys, now: Time) -> Option<Self> {
        let bytes = Base64UrlUnpadded::decode_vec(ticket).ok()?;
        let (signed, seal) = bytes.split_at_checked(SIGNED)?;
        if !keys.digest_is(PURPOSE, &[signed], seal) {
            return None;
        }
        let (nonce, rest) = signed.split_first_chunk::<16>()?;
        let (session, rest) = rest.split_first_chunk::<16>()?;
        let (user, rest) = rest.split_first_chunk::<8>()?;
        let (tier, until) = rest.split_first()?;
        let until = Time::from_millis(i64::from_be_bytes(until.try_into().ok()?));
        let claims = Claims {
            user: i64::from_be_bytes(*user),
            session: Id::from_bytes(*session),
            tier: Tier::from_rank(*tier)?,
        };
        (now < until).then(|| Shown { claims, nonce: Id::from_bytes(*nonce), until })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_ours_and_in_time_or_nothing() {
        let keys = |session| Keys::new("kV3pQ9zX7rT1mB5nL8wY2cF6hJ4dS0gA", None, session);
        let (ours, others) = (keys("G5tR8nK2vX6qZ1wM4bJ7yC3fP9hL0sDa"), keys("zR8kW1vN4qT7yB2mC5xJ9dF3hL6pS0aG"));
        let now = Time::from_millis(1_772_357_400_000);
        let nonce = Id::new(now, [1; 10]);
        let claims = Claims { user: 42, session: Id::new(now, [3; 10]), tier: Tier::Pro };
        let Ticket { ticket, .. } = Ticket::make(&claims, &nonce, &ours, now);
        let shown = Shown { claims, nonce, until: now.plus(30 * SECOND) };
        assert_eq!(Shown::read(&ticket, &ours, now.plus(29 * SECOND)), Some(shown));
        assert_eq!(Shown::read(&ticket, &ours, now.plus(30 * SECOND)), None);
        assert_eq!(Shown::read(&ticket, &others, now), None);
        for bad in ["", "AAAA", "!", ticket.get(1..).unwrap_or_default()] {
            assert_eq!(Shown::read(bad, &ours, now), None, "{bad}");
        }
    }
}
