//! Health and reflection: the services beside the broker.

use crate::health::Health;
use http::{Request, Response};
use std::convert::Infallible;
use tonic::body::Body;
use tonic_health::pb::health_server::HealthServer;
use tower::{ServiceExt, util::BoxCloneSyncService};

/// Their requests are small.
const MAX_SIDE_REQUEST: usize = 64 * 1024;

type Boxed = BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>;

/// A call of a service beside the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SideMethod {
    Check,
    Watch,
    Reflection,
    ReflectionAlpha,
}

/// The services beside the broker.
pub struct Side {
    health: Boxed,
    reflection: Boxed,
    reflection_alpha: Boxed,
}

impl Side {
    /// Reflection speaks of all that is served here, in both versions that tools ask for.
    ///
    /// # Errors
    /// When the descriptors that were built in cannot be read.
    pub fn new(health: Health) -> Result<Self, tonic_reflection::server::Error> {
        let reflection = || {
            tonic_reflection::server::Builder::configure()
                .register_encoded_file_descriptor_set(broker_proto::DESCRIPTORS)
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        };
        let health = HealthServer::new(health).max_decoding_message_size(MAX_SIDE_REQUEST);
        let latest = reflection().build_v1()?.max_decoding_message_size(MAX_SIDE_REQUEST);
        let alpha = reflection().build_v1alpha()?.max_decoding_message_size(MAX_SIDE_REQUEST);
        Ok(Self {
            health: BoxCloneSyncService::new(health),
            reflection: BoxCloneSyncService::new(latest),
            reflection_alpha: BoxCloneSyncService::new(alpha),
        })
    }

    pub async fn answer(&self, method: SideMethod, request: Request<Body>) -> Response<Body> {
        let service = match method {
            SideMethod::Check | SideMethod::Watch => &self.health,
            SideMethod::Reflection => &self.reflection,
            SideMethod::ReflectionAlpha => &self.reflection_alpha,
        };
        service.clone().oneshot(request).await.unwrap_or_else(|never| match never {})
    }
}
