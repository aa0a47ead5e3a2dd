//! What an operator on the broker's own machine does to the process.

use crate::support::{PATIENCE, raw};
use broker_server::{
    Controls, LogControl, LogLevels, Profile, ProfileError, Profiler, Server, ServerConfig,
};
use futures_util::{FutureExt, future::BoxFuture};
use serde_json::{Value, json};
use std::{
    future::ready,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

/// A log whose level may be what begins with "d".
#[derive(Default)]
struct Log(Mutex<Vec<(String, SocketAddr)>>);

impl LogControl for Log {
    fn levels(&self) -> LogLevels {
        let now = self.0.lock().unwrap().last().map_or("info".into(), |(level, _)| level.clone());
        LogLevels { now, start: "info".into() }
    }

    fn change(&self, level: &str, by: SocketAddr) -> Result<LogLevels, String> {
        if !level.starts_with('d') {
            return Err("what begins with d".into());
        }
        self.0.lock().unwrap().push((level.to_owned(), by));
        Ok(self.levels())
    }
}

/// Answers how long it was asked for, or why not.
struct Watch;

impl Profiler for Watch {
    fn cpu(&self, time: Duration) -> BoxFuture<'static, Result<Profile, ProfileError>> {
        let answer = match time.as_secs() {
            1 => Err(ProfileError::Off("--profiles true")),
            2 => Err(ProfileError::Busy),
            3 => Err(ProfileError::Unable("no processor here".into())),
            more => Ok(Profile { media_type: "image/svg+xml", bytes: format!("{more}").into() }),
        };
        ready(answer).boxed()
    }

    fn heap(&self, _: Duration) -> BoxFuture<'static, Result<Profile, ProfileError>> {
        ready(Ok(Profile { media_type: "application/octet-stream", bytes: vec![31, 139] })).boxed()
    }
}

/// A server that is not open: the process can be asked all the same.
async fn server(at: &str) -> (Server, SocketAddr) {
    let free = format!("{at}:0").parse().unwrap();
    let config = ServerConfig {
        listen: free,
        admin_listen: free,
        web_origins: Vec::new(),
        grace: PATIENCE,
        limits: Default::default(),
    };
    let server = Server::bind(config).await.unwrap();
    let admin = server.admin_address().unwrap();
    (server, admin)
}

/// The head and the body of an answer.
async fn ask(admin: SocketAddr, path: &str, body: &Value) -> (String, String) {
    let body = body.to_string();
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: b\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer = raw::http1(admin, request.as_bytes()).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_ascii_lowercase(), body.to_owned())
}

async fn post(admin: SocketAddr, path: &str, body: Value) -> (u16, Value) {
    let (head, body) = ask(admin, path, &body).await;
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(&body).unwrap())
}

#[tokio::test]
async fn the_level_of_the_log_is_told_and_changed() {
    let log = Arc::new(Log::default());
    for at in ["127.0.0.1", "127.0.0.2"] {
        let (server, admin) = server(at).await;
        let controls = Controls { metrics: None, log: Some(log.clone()), profiler: None };
        let _server = server.controlled_by(controls);
        let path = "/v1/log-level";
        let told = json!({"level": log.levels().now, "start": "info"});
        assert_eq!(post(admin, path, json!({})).await, (200, told.clone()));
        for wrong in [json!("loud"), json!(7), json!("")] {
            let (status, refused) = post(admin, path, json!({"level": wrong})).await;
            let error = &refused["error"];
            assert_eq!((status, &error["reason"]), (400, &json!("INVALID_LOG_LEVEL")));
            assert_eq!(error["field"], "level");
            assert!(error["message"].as_str().unwrap().starts_with("level is "), "{refused}");
        }
        let (status, refused) = post(admin, path, json!({"levle": "debug"})).await;
        assert_eq!((status, &refused["error"]["reason"]), (400, &json!("UNKNOWN_FIELD")));
        assert_eq!(post(admin, path, json!({"level": null})).await.1, told);
        let changed = json!({"level": "debug", "start": "info"});
        assert_eq!(post(admin, path, json!({"level": "debug"})).await, (200, changed));
        let (level, by) = log.0.lock().unwrap().last().unwrap().clone();
        assert!(level == "debug" && by.ip().is_loopback() && by != admin, "{by}");
    }
}

#[tokio::test]
async fn profiles_are_bytes_or_a_reason() {
    let (server, admin) = server("127.0.0.1").await;
    let _server = server.controlled_by(Controls {
        metrics: None,
        log: None,
        profiler: Some(Arc::new(Watch)),
    });
    let (head, body) = ask(admin, "/v1/profile/cpu", &json!({"seconds": 60})).await;
    assert!(head.contains("content-type: image/svg+xml"), "{head}");
    assert_eq!(body, "60");
    assert_eq!(ask(admin, "/v1/profile/cpu", &json!({})).await.1, "10");
    for (seconds, status, reason) in [
        (0, 400, "INVALID_NUMBER"),
        (61, 400, "INVALID_NUMBER"),
        (1, 404, "PROFILES_OFF"),
        (2, 409, "PROFILE_RUNNING"),
        (3, 501, "PROFILE_UNAVAILABLE"),
    ] {
        let refused = post(admin, "/v1/profile/cpu", json!({"seconds": seconds})).await;
        assert_eq!((refused.0, &refused.1["error"]["reason"]), (status, &json!(reason)));
    }
    let (status, refused) = post(admin, "/v1/log-level", json!({})).await;
    assert_eq!((status, &refused["error"]["reason"]), (404, &json!("UNKNOWN_CALL")));
}

#[tokio::test]
async fn before_there_is_anything_to_control_it_is_refused() {
    let (_server, admin) = server("127.0.0.1").await;
    for path in ["/v1/log-level", "/v1/profile/cpu", "/v1/profile/heap"] {
        let (status, refused) = post(admin, path, json!({})).await;
        assert_eq!((status, &refused["error"]["reason"]), (503, &json!("STARTING")));
    }
    let (status, refused) = post(admin, "/v1/profile", json!({})).await;
    assert_eq!(status, 404);
    assert!(refused["error"]["message"].as_str().unwrap().contains("/v1/log-level"), "{refused}");
}
