//! Faults that a test names one by one.

use super::{Faults, ReadPlan, WritePlan};
use crate::Operation;
use broker_core::{Message, MessageId, Subject};
use parking_lot::Mutex;
use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
};

/// A list of what happens to the coming calls, operation by operation. Calls that it says nothing
/// of work.
#[derive(Debug, Default)]
pub struct Script(Mutex<Lines>);

#[derive(Debug, Default)]
struct Lines {
    writes: HashMap<Operation, VecDeque<WritePlan>>,
    reads: HashMap<Operation, VecDeque<ReadPlan>>,
    every_write: HashMap<Operation, WritePlan>,
    every_read: HashMap<Operation, ReadPlan>,
    damaged: HashSet<(Subject, MessageId)>,
}

impl Script {
    /// Says what happens to the next writing call of that kind of which nothing is said yet.
    pub fn then_write(&self, operation: Operation, plan: WritePlan) {
        self.0.lock().writes.entry(operation).or_default().push_back(plan);
    }

    /// Says what happens to the next reading call of that kind of which nothing is said yet.
    pub fn then_read(&self, operation: Operation, plan: ReadPlan) {
        self.0.lock().reads.entry(operation).or_default().push_back(plan);
    }

    /// Says what happens to every writing call of that kind, after those named one by one.
    pub fn every_write(&self, operation: Operation, plan: WritePlan) {
        self.0.lock().every_write.insert(operation, plan);
    }

    /// Says what happens to every reading call of that kind, after those named one by one.
    pub fn every_read(&self, operation: Operation, plan: ReadPlan) {
        self.0.lock().every_read.insert(operation, plan);
    }

    /// From now on that message cannot be read as it was written.
    pub fn damage(&self, subject: &Subject, id: MessageId) {
        self.0.lock().damaged.insert((subject.clone(), id));
    }

    /// Takes back all that was said.
    pub fn clear(&self) {
        *self.0.lock() = Lines::default();
    }
}

impl Faults for Script {
    fn write(&self, operation: Operation, _: &[Arc<Message>]) -> WritePlan {
        let mut lines = self.0.lock();
        let next = lines.writes.get_mut(&operation).and_then(VecDeque::pop_front);
        next.or_else(|| lines.every_write.get(&operation).cloned()).unwrap_or_default()
    }

    fn read(&self, operation: Operation) -> ReadPlan {
        let mut lines = self.0.lock();
        let next = lines.reads.get_mut(&operation).and_then(VecDeque::pop_front);
        next.or_else(|| lines.every_read.get(&operation).cloned()).unwrap_or_default()
    }

    fn is_damaged(&self, subject: &Subject, id: MessageId) -> bool {
        let lines = self.0.lock();
        !lines.damaged.is_empty() && lines.damaged.contains(&(subject.clone(), id))
    }
}
