//! What must hold between settings.

use super::{entry::Entry, source::Source, values::Settings, wrong::Wrong};

/// Adds a sentence for each relation that does not hold.
pub fn check(settings: &Settings, entries: &[Entry], wrong: &mut Wrong) {
    let named = |name: &str| describe(entries, name);
    let (calls, pages) = (settings.server.listen, settings.server.admin_listen);
    if calls == pages && calls.port() != 0 {
        let (calls, pages) = (named("listen"), named("admin-listen"));
        wrong.say(format!("{calls} and {pages} are the same; give each a port of its own"));
    }
    let (core, door) = (&settings.limits, &settings.server.limits);
    if door.calls <= core.subscriptions.saturating_add(door.publish_streams) {
        wrong.say(format!(
            "{} must be more than {} and {} together, or other calls would find no room",
            named("max-calls"),
            named("max-subscriptions"),
            named("max-publish-streams"),
        ));
    }
    // Only publish streams are ever left unread, and small frames that stand unread count against
    // half of the connection's window.
    let streams = door.publish_streams.min(door.streams_per_connection as usize);
    let unread = (streams as u64).saturating_mul(door.stream_window.into());
    if unread.saturating_mul(2) > u64::from(door.connection_window) {
        wrong.say(format!(
            "{} must be at least twice {} times the smaller of {} and {}, or a connection could \
             be closed for what it has sent",
            named("connection-window"),
            named("stream-window"),
            named("max-publish-streams"),
            named("max-connection-calls"),
        ));
    }
}

/// The setting as it was written, with its value.
pub fn describe(entries: &[Entry], name: &str) -> String {
    let Some(entry) = entries.iter().find(|entry| entry.setting.name == name) else {
        return name.to_owned();
    };
    let value = match (entry.value(), &entry.source) {
        (Some(value), _) if !entry.setting.secret => value,
        (_, Source::Default) => return name.to_owned(),
        (_, source) => return source.written(name),
    };
    match &entry.source {
        Source::Default => format!("{name} ({value} by default)"),
        source => format!("{} ({value})", source.written(name)),
    }
}
