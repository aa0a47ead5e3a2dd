//! A network between the broker and its database that fails at random points.

use crate::{
    audit::Auditor,
    calls,
    chance::{self, Chance},
    database::{Kind, SLACK, over_both, text},
    process::Broker,
    run::Run,
    waiting::{PATIENCE, within},
};
use broker_test_servers::{Direction, Proxy};
use std::time::Duration;

over_both!(a_failing_network_loses_nothing);

const FAULTS: u64 = 12;
const OUTCOME_TIMEOUT: Duration = Duration::from_millis(1_500);
/// Messages between two faults.
const BETWEEN: u64 = 100;

async fn a_failing_network_loses_nothing(kind: Kind) {
    let (seed, mut auditor) = (chance::seed(), Auditor::default());
    let mut chance = Chance::new(seed);
    let proxy = Proxy::before(kind.shared()).await;
    let launch = kind.launch(proxy.address()).with("--outcome-timeout", text(OUTCOME_TIMEOUT));
    let broker = Broker::start(&launch).await;
    let mut run = Run::start(&broker, 1, &mut chance).await;
    for number in 0..FAULTS {
        within(PATIENCE, "messages", run.load.acked_more(chance.between(5, BETWEEN))).await;
        let fault = Fault::of(number, &mut chance);
        println!("fault {number}: {fault:?}, slowest so far {:?}", run.load.slowest());
        fault.happen(&proxy, &run).await;
        within(PATIENCE, &format!("seed {seed}: it works after {fault:?}"), async {
            run.load.acked_more(BETWEEN).await;
        })
        .await;
    }
    let (unknown, slowest) = (run.load.unknown(), run.load.slowest());
    run.stop(&mut auditor).await;
    let verdict = auditor.audit(&calls::connect(broker.address).await).await;
    println!("{unknown} unknown, slowest {slowest:?}: {verdict}");
    assert!(verdict.is_good(), "seed {seed}: {verdict}");
    assert!(slowest < OUTCOME_TIMEOUT + SLACK, "seed {seed}: an answer came after {slowest:?}");
}

/// What goes wrong, and is over when publishers have noticed it.
#[derive(Debug, Clone, Copy)]
enum Fault {
    /// All connections are cut.
    Cut,
    /// All connections are cut after so many bytes more.
    CutAfter(Direction, u64),
    /// Bytes are lost until somebody hears of it; then the connections are cut.
    Swallowed(Direction),
    /// Bytes are late, and come all the same.
    Held(Direction),
    /// The connections are cut and no new one is to be had.
    Away,
    /// Every answer is late.
    Slow(Duration),
}

impl Fault {
    /// Each kind has its turn.
    fn of(number: u64, chance: &mut Chance) -> Self {
        let direction = *chance.of(&[Direction::Up, Direction::Down]);
        match number % 6 {
            0 => Self::CutAfter(direction, chance.between(1, 30_000)),
            1 => Self::Swallowed(direction),
            2 => Self::Cut,
            3 => Self::Held(direction),
            4 => Self::Away,
            _ => Self::Slow(chance.millis(20, 200)),
        }
    }

    async fn happen(self, proxy: &Proxy, run: &Run) {
        match self {
            Self::Cut => proxy.cut(),
            Self::CutAfter(direction, bytes) => proxy.cut_after_next(direction, bytes),
            Self::Swallowed(direction) => {
                proxy.swallow(direction);
                fails(run).await;
                // What went missing in a connection's middle is missing for good.
                proxy.cut();
                proxy.pass(direction);
            }
            Self::Held(direction) => {
                proxy.hold(direction);
                fails(run).await;
                proxy.pass(direction);
            }
            Self::Away => {
                proxy.go_away().await;
                fails(run).await;
                proxy.accept().await;
            }
            Self::Slow(by) => {
                proxy.delay(Direction::Down, by);
                within(PATIENCE, "messages go on slowly", run.load.acked_more(BETWEEN)).await;
                proxy.delay(Direction::Down, Duration::ZERO);
            }
        }
    }
}

async fn fails(run: &Run) {
    within(PATIENCE, "publishers hear of it", run.load.failed_more(1)).await;
}
