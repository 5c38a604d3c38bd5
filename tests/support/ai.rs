//! A world with an AI provider: its stand-in beside the Worker.

use ai_stand_in::StandIn;

use super::World;
use super::world::Setup;

pub struct Thinking {
    pub world: World,
    pub ai: StandIn,
}

impl Thinking {
    pub async fn open() -> Thinking {
        Thinking::with(World::set_up()).await
    }

    /// For faults that take time: an answer has three seconds, and one from a piece to the next.
    pub async fn hasty() -> Thinking {
        let setup = World::set_up().usual_var("AI_TIMEOUT_SECONDS", "3").usual_var("AI_SILENCE_SECONDS", "1");
        Thinking::with(setup).await
    }

    pub async fn with(setup: Setup) -> Thinking {
        let ai = StandIn::start(0).expect("a free port");
        let setup = setup
            .usual_var("AI_BASE_URL", &ai.base_url())
            .usual_var("AI_API_KEY", "sk-stand-in")
            .usual_var("AI_MODEL", "stand-in");
        Thinking { world: setup.open().await, ai }
    }

    /// With the account's own models in place of a server.
    pub async fn bound() -> Thinking {
        let ai = StandIn::start(0).expect("a free port");
        let setup = World::set_up().models(&ai.run_url());
        let setup = setup.var("AI_TIMEOUT_SECONDS", "3").var("AI_SILENCE_SECONDS", "1");
        Thinking { world: setup.open().await, ai }
    }
}
