//! An operator's calls on the process itself. They need no broker, and are answered to who is on the same
//! machine: there is no authentication yet, and what they change or show is nobody else's business.
//!
//! | call | fields | answer |
//! | --- | --- | --- |
//! | `/v1/log-level` | `level` | `level` in force now, and `start`: the one of the start |
//! | `/v1/profile/cpu` | `seconds` | an image: where the processors' time went |
//! | `/v1/profile/heap` | `seconds` | a profile for pprof: what was allocated and not freed |

use super::{
    answer::Answer,
    controls::{Controls, LogLevels, Profile, ProfileError, Profiler},
    fields::Fields,
    refusal::Refusal,
};
use futures_util::future::BoxFuture;
use http::Request;
use serde::Serialize;
use std::{net::SocketAddr, time::Duration};

/// Where the calls are.
pub const PATHS: [&str; 3] = ["/v1/log-level", "/v1/profile/cpu", "/v1/profile/heap"];

/// How long a profile takes, in seconds, where nobody says.
const PROFILE: u64 = 10;

/// The longest profile, in seconds.
const LONGEST_PROFILE: u64 = 60;

/// One of the calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProcessCall {
    LogLevel,
    CpuProfile,
    HeapProfile,
}

/// The other end of a request's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

impl ProcessCall {
    /// The call at a path.
    pub fn at(path: &str) -> Option<Self> {
        let calls = [Self::LogLevel, Self::CpuProfile, Self::HeapProfile];
        PATHS.iter().position(|known| *known == path).map(|at| calls[at])
    }
}

/// Whoever asks, if that is somebody on this machine.
pub fn local_peer<B>(request: &Request<B>) -> Result<SocketAddr, Refusal> {
    let peer = request.extensions().get::<Peer>().map(|peer| peer.0);
    peer.filter(|peer| peer.ip().to_canonical().is_loopback()).ok_or_else(Refusal::not_local)
}

/// Does what is asked for.
pub async fn answer(
    controls: &Controls,
    call: ProcessCall,
    by: SocketAddr,
    fields: Fields,
) -> Result<Answer, Refusal> {
    match call {
        ProcessCall::LogLevel => log_level(controls, by, fields),
        ProcessCall::CpuProfile => profile(controls, fields, Profiler::cpu).await,
        ProcessCall::HeapProfile => profile(controls, fields, Profiler::heap).await,
    }
}

fn log_level(controls: &Controls, by: SocketAddr, mut fields: Fields) -> Result<Answer, Refusal> {
    #[derive(Serialize)]
    struct Levels {
        level: String,
        start: String,
    }
    let wanted = fields.text("level", "INVALID_LOG_LEVEL")?;
    fields.finish(&["level"])?;
    let log = controls.log.as_ref().ok_or_else(|| Refusal::absent("log"))?;
    let LogLevels { now, start } = match wanted {
        None => log.levels(),
        Some(level) => log.change(&level, by).map_err(|allowed| {
            // Foreign text, cut so that the answer stays small.
            let level: String = level.chars().take(64).collect();
            let why = format!("level is {level:?}, and must be {allowed}");
            Refusal::field("INVALID_LOG_LEVEL", "level", why)
        })?,
    };
    // Texts always have a form in JSON.
    Ok(Answer::json(serde_json::to_vec(&Levels { level: now, start }).unwrap_or_default()))
}

async fn profile(
    controls: &Controls,
    mut fields: Fields,
    take: fn(
        &(dyn Profiler + 'static),
        Duration,
    ) -> BoxFuture<'static, Result<Profile, ProfileError>>,
) -> Result<Answer, Refusal> {
    let seconds = fields.number("seconds", 1..=LONGEST_PROFILE)?.unwrap_or(PROFILE);
    fields.finish(&["seconds"])?;
    let profiler = controls.profiler.as_deref().ok_or_else(|| Refusal::absent("profiler"))?;
    let taken = take(profiler, Duration::from_secs(seconds)).await;
    let Profile { media_type, bytes } = taken.map_err(Refusal::profile)?;
    Ok(Answer { media_type, bytes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_local() {
        for (peer, is_local) in [
            (Some("127.0.0.1:1"), true),
            (Some("127.1.2.3:1"), true),
            (Some("[::1]:1"), true),
            (Some("[::ffff:127.0.0.1]:1"), true),
            (Some("10.0.0.1:1"), false),
            (Some("[::ffff:10.0.0.1]:1"), false),
            (Some("[fe80::1]:1"), false),
            (None, false),
        ] {
            let mut request = Request::new(());
            if let Some(peer) = peer {
                request.extensions_mut().insert(Peer(peer.parse().unwrap()));
            }
            assert_eq!(local_peer(&request).is_ok(), is_local, "{peer:?}");
        }
        assert_eq!(local_peer(&Request::new(())), Err(Refusal::not_local()));
    }
}
