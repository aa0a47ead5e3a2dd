//! What stands at the other end of a connection, and whether it will do.

use super::{
    connector::Connector,
    failure::{Failure, Kind, POOLER},
    session::Session,
};

/// The oldest version that is supported, as the server numbers them.
const OLDEST: i32 = 130_000;

/// A server that will do.
pub struct Server {
    /// As it calls itself.
    pub version: String,
    /// Where an acknowledgement is worth less than it should be.
    pub warnings: Vec<String>,
}

/// Looks at the server.
///
/// # Errors
/// [`Kind::Setup`] where it will not do; [`Kind::Unavailable`] where it may do later.
pub async fn examine(connector: &Connector, session: &mut Session) -> Result<Server, Failure> {
    let look = "SELECT current_setting('server_version_num')::int, current_setting('server_version'), \
        current_setting('fsync'), current_setting('full_page_writes'), \
        current_setting('transaction_read_only')";
    let rows = session.once(look, &[]).await?;
    let row = &rows[0];
    let (number, version): (i32, String) = (row.get(0), row.get(1));
    if number < OLDEST {
        let text = format!("PostgreSQL is of version {version}; the broker needs 13 or newer");
        return Err(Failure { kind: Kind::Setup, text });
    }
    if row.get::<_, &str>(4) == "on" {
        return Err(Failure::away("PostgreSQL takes no writes here (read-only, or a standby)"));
    }
    let mut warnings = Vec::new();
    if row.get::<_, &str>(2) == "off" {
        warnings.push(
            "PostgreSQL runs with fsync = off: acknowledged messages can be lost when its machine \
             fails; set fsync = on"
                .to_owned(),
        );
    }
    if row.get::<_, &str>(3) == "off" {
        warnings.push(
            "PostgreSQL runs with full_page_writes = off: a failure of its machine can damage \
             acknowledged messages; set full_page_writes = on"
                .to_owned(),
        );
    }
    refuse_transaction_pooling(connector, session).await?;
    Ok(Server { version, warnings })
}

/// Two connections that are open have two sessions, unless a pooler lends sessions for transactions.
async fn refuse_transaction_pooling(
    connector: &Connector,
    session: &mut Session,
) -> Result<(), Failure> {
    let mut other = connector.connect().await?;
    let before = process(session).await?;
    // While the other one holds a session, this one would get another.
    other.batch("BEGIN").await?;
    let of_other = process(&mut other).await?;
    let during = process(session).await?;
    other.batch("COMMIT").await?;
    if before != during || of_other == during {
        return Err(Failure { kind: Kind::Setup, text: POOLER.into() });
    }
    Ok(())
}

async fn process(session: &mut Session) -> Result<i32, Failure> {
    let rows = session.once("SELECT pg_backend_pid()", &[]).await?;
    Ok(rows[0].get(0))
}
