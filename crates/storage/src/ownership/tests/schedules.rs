//! Whatever happens, in whatever order: never two owners, never a needless change, always an owner at last.

use super::{
    database::{Database, Taken, Way},
    process::{LEASE, Process, pass, times},
};
use crate::DatabaseTimes;
use proptest::prelude::*;
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::time::Instant;

const CONTENDERS: usize = 3;
const TICK: Duration = Duration::from_millis(50);

#[derive(Debug, Clone)]
enum Event {
    Pause(usize),
    Resume(usize),
    /// Kills a process and starts another in its place.
    Restart(usize),
    Release(usize),
    Away,
    Back,
    Requests(usize, Way),
    Answers(usize, Way),
    Delay(usize, u64),
}

fn event() -> impl Strategy<Value = Event> {
    let who = 0..CONTENDERS;
    let way = prop_oneof![3 => Just(Way::Open), 1 => Just(Way::Loses), 1 => Just(Way::Holds)];
    prop_oneof![
        2 => who.clone().prop_map(Event::Pause),
        3 => who.clone().prop_map(Event::Resume),
        1 => who.clone().prop_map(Event::Restart),
        1 => who.clone().prop_map(Event::Release),
        1 => Just(Event::Away),
        2 => Just(Event::Back),
        2 => (who.clone(), way.clone()).prop_map(|(who, way)| Event::Requests(who, way)),
        2 => (who.clone(), way).prop_map(|(who, way)| Event::Answers(who, way)),
        1 => (who, 0..600_u64).prop_map(|(who, delay)| Event::Delay(who, delay)),
    ]
}

/// Events, each with the tenths of a lease that pass before it.
fn schedule() -> impl Strategy<Value = Vec<(u32, Event)>> {
    prop::collection::vec((0..15_u32, event()), 1..60)
}

struct World {
    database: Arc<Database>,
    processes: Vec<Process>,
    /// Killed ones: what they sent may still arrive.
    dead: Vec<Process>,
    started: usize,
    rates: [i32; CONTENDERS],
    /// When each process was last kept from renewing; absent: never.
    disturbed: HashMap<String, Instant>,
    names: Vec<String>,
    paused: [bool; CONTENDERS],
    is_away: bool,
}

impl World {
    fn new(rates: [i32; CONTENDERS]) -> Self {
        let mut world = Self {
            database: Database::new(),
            processes: Vec::new(),
            dead: Vec::new(),
            started: 0,
            rates,
            disturbed: HashMap::new(),
            names: Vec::new(),
            paused: [false; CONTENDERS],
            is_away: false,
        };
        for who in 0..CONTENDERS {
            let process = world.spawn(who);
            world.processes.push(process);
        }
        world
    }

    fn spawn(&mut self, who: usize) -> Process {
        self.started += 1;
        let name = format!("{who}, start {}", self.started);
        // An outage may last longer than a start waits by default.
        let times = DatabaseTimes { start: Duration::MAX, ..times(LEASE) };
        let process = Process::with(&self.database, &name, times, self.rates[who]);
        self.names.resize(self.names.len().max(who + 1), String::new());
        self.names[who] = name;
        process
    }

    fn restart(&mut self, who: usize) {
        self.processes[who].kill();
        self.disturbed.insert(self.names[who].clone(), far_ahead());
        let next = self.spawn(who);
        let last = std::mem::replace(&mut self.processes[who], next);
        self.dead.push(last);
        self.paused[who] = false;
    }

    fn happen(&mut self, event: &Event) {
        match *event {
            Event::Pause(who) => self.set_paused(who, true),
            Event::Resume(who) => self.set_paused(who, false),
            Event::Restart(who) => self.restart(who),
            Event::Release(who) => {
                if let Some(lease) = self.processes[who].lease().filter(|_| !self.paused[who]) {
                    let lease = lease.clone();
                    tokio::spawn(async move { lease.release().await });
                    self.disturbed.insert(self.names[who].clone(), far_ahead());
                }
            }
            Event::Away => self.set_away(true),
            Event::Back => self.set_away(false),
            Event::Requests(who, way) => {
                self.processes[who].line.requests.send_replace(way);
            }
            Event::Answers(who, way) => {
                self.processes[who].line.answers.send_replace(way);
            }
            Event::Delay(who, delay) => {
                let delay = Duration::from_millis(delay);
                self.processes[who].line.delay.send_replace(delay);
            }
        }
    }

    fn set_paused(&mut self, who: usize, is_paused: bool) {
        self.paused[who] = is_paused;
        self.processes[who].set_running(!is_paused);
    }

    fn set_away(&mut self, is_away: bool) {
        self.is_away = is_away;
        self.database.set_up(!is_away);
    }

    /// Lets time pass and checks at every moment that there are not two owners.
    async fn pass(&mut self, span: Duration) {
        let end = Instant::now() + span;
        while Instant::now() < end {
            let now = Instant::now();
            for (who, process) in self.processes.iter().enumerate() {
                let line = &process.line;
                let is_open = |way: &Way| *way == Way::Open;
                let is_cut = !is_open(&line.requests.borrow()) || !is_open(&line.answers.borrow());
                if self.paused[who] || self.is_away || is_cut {
                    let last = self.disturbed.entry(self.names[who].clone()).or_insert(now);
                    *last = now.max(*last);
                }
            }
            let all = self.processes.iter().chain(&self.dead);
            let valid = all.filter(|process| process.is_valid()).count();
            assert!(valid <= 1, "{valid} owners at once");
            pass(TICK).await;
        }
    }

    fn heal(&mut self) {
        self.set_away(false);
        for who in 0..CONTENDERS {
            self.set_paused(who, false);
            let line = &self.processes[who].line;
            line.requests.send_replace(Way::Open);
            line.answers.send_replace(Way::Open);
            line.delay.send_replace(Duration::ZERO);
        }
    }

    /// As those do who watch over processes that end.
    fn restart_ended(&mut self) {
        for who in 0..CONTENDERS {
            if self.processes[who].lease().is_some_and(|lease| lease.tenure.is_over()) {
                self.restart(who);
            }
        }
    }

    /// No owner that lives was replaced without having been kept from renewing within the lease before.
    /// One that never heard that it took the row is none.
    fn check(&self, taken: &Taken) {
        let from = &taken.from;
        let knows =
            |process: &Process| process.lease().is_some_and(|lease| lease.epoch() == from.epoch);
        let mut all = self.names.iter().zip(&self.processes);
        if from.is_free || !all.any(|(name, process)| *name == from.owner && knows(process)) {
            return;
        }
        let last = self.disturbed.get(&from.owner);
        let last = last.unwrap_or_else(|| panic!("{taken:?} without need"));
        let quiet = taken.at.saturating_duration_since(*last);
        assert!(quiet <= LEASE, "{taken:?}, although it could renew for {quiet:?}");
    }
}

/// An owner that is dead or gave up is no owner: whoever replaces it does right.
fn far_ahead() -> Instant {
    Instant::now() + LEASE * 1_000_000
}

async fn run(rates: [i32; CONTENDERS], schedule: Vec<(u32, Event)>) {
    let mut world = World::new(rates);
    let mut known = 0;
    for (tenths, event) in schedule {
        world.pass(LEASE * tenths / 10).await;
        let taken = world.database.taken();
        taken[known..].iter().for_each(|taken| world.check(taken));
        known = taken.len();
        world.happen(&event);
    }
    world.heal();
    // Who was replaced hears of it.
    world.pass(LEASE).await;
    world.restart_ended();
    world.pass(LEASE * 4).await;
    let valid = world.processes.iter().filter(|process| process.is_valid()).count();
    assert_eq!(valid, 1, "nobody owns the store: {:?}", world.database.row());
    let owner = world.database.row();
    world.pass(LEASE * 5).await;
    assert_eq!(world.database.row().epoch, owner.epoch, "an owner that lives was replaced");
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 96,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn there_is_one_owner_whatever_happens(
        rates in prop::array::uniform3(-10..=10_i32),
        schedule in schedule(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
        runtime.block_on(run(rates, schedule));
    }
}
