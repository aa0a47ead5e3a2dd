//! What must hold between the settings of a database. Those of another store are not looked at: they
//! may stand in a file that several brokers share.

use super::access;
use crate::settings::{
    choices::StorageKind, entry::Entry, relations::describe, values::Settings, wrong::Wrong,
};

/// Adds a sentence for each relation that does not hold.
pub fn check(settings: &Settings, entries: &[Entry], wrong: &mut Wrong) {
    let Some(access) = settings.access() else { return };
    let named = |name: &str| describe(entries, name);
    let of_store = |name: &str| named(&format!("{}-{name}", settings.storage()));
    let times = settings.times;
    for (name, time) in [
        ("database-connect-timeout", times.connect),
        ("database-statement-timeout", times.statement),
    ] {
        if time >= times.lease {
            wrong.say(format!(
                "{} must be shorter than {}, or the lease could pass while the database is asked",
                named(name),
                named("lease"),
            ));
        }
    }
    if access.ca.is_some() && !access.is_encrypted {
        let (ca, tls) = (of_store("ca"), of_store("tls"));
        wrong.say(format!("{ca} has no use while {tls}; write verify-full there"));
    }
    let has_password = access.password.is_some() || access.password_file.is_some();
    if has_password && !has_user(settings) {
        let user = of_store("user");
        wrong.say(format!("there is a password and no user; set {user} too"));
    }
}

/// Reads the password from its file, if that is where it is.
pub fn read_password(settings: &mut Settings, entries: &[Entry], wrong: &mut Wrong) {
    let store = settings.storage();
    let Some(access) = settings.access_mut() else { return };
    let Some(path) = &access.password_file else { return };
    let file = describe(entries, &format!("{store}-password-file"));
    if access.password.is_some() {
        let password = describe(entries, &format!("{store}-password"));
        wrong.say(format!("{password} and {file} are both set; leave one of them out"));
        return;
    }
    match access::password(path) {
        Ok(password) => access.password = Some(password),
        Err(why) => wrong.say(format!("{file} names a file {why}")),
    }
}

fn has_user(settings: &Settings) -> bool {
    match settings.storage {
        #[cfg(feature = "cassandra")]
        StorageKind::Cassandra => settings.cassandra.config.user.is_some(),
        #[cfg(feature = "postgres")]
        StorageKind::Postgres => true,
        StorageKind::Memory | StorageKind::Local => true,
    }
}
