//! What starts work without being a route of an API, in a fixed order.

use crate::{
    estate::{Estate, MachineId, Source, Target},
    model::{BucketId, EntryPoint, FunctionId},
};

/// The entry points of an estate that are no routes, in the order of [`super::usage::Usage::others`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryPoints(Vec<EntryPoint>);

impl EntryPoints {
    /// Those of an estate.
    pub fn of(estate: &Estate) -> EntryPoints {
        let schedules = (0..)
            .zip(&estate.schedules)
            .filter(|(_, schedule)| matches!(schedule.target, Target::Function(_)))
            .map(|(index, _)| EntryPoint::Schedule(index));
        let sources = estate.event_sources.iter().map(|own| match own.source {
            Source::Queue(queue) => EntryPoint::Queue(queue),
            Source::Stream(table) => EntryPoint::Stream(table),
        });
        let buckets = (0..)
            .zip(&estate.buckets)
            .filter(|(_, bucket)| !bucket.notifications.is_empty())
            .map(|(index, _)| EntryPoint::Bucket(BucketId(index)));
        let machines = (0..estate.state_machines.len() as u16)
            .map(|index| EntryPoint::Machine(MachineId(index)));
        EntryPoints(
            schedules
                .chain(sources)
                .chain(buckets)
                .chain(machines)
                .collect(),
        )
    }

    /// All of them.
    pub fn all(&self) -> &[EntryPoint] {
        &self.0
    }

    /// The place of one; none for a route.
    pub fn place(&self, of: EntryPoint) -> Option<usize> {
        self.0.iter().position(|own| *own == of)
    }
}

impl EntryPoint {
    /// What kind it is, as the truth tells it.
    pub fn kind(self) -> &'static str {
        match self {
            EntryPoint::Route(_) => "route",
            EntryPoint::Schedule(_) => "schedule",
            EntryPoint::Queue(_) => "queue",
            EntryPoint::Stream(_) => "dynamodb-stream",
            EntryPoint::Bucket(_) => "s3-event",
            EntryPoint::Machine(_) => "state-machine",
        }
    }

    /// Its name: of the schedule, queue, table, bucket or state machine; a route's key.
    pub fn name(self, estate: &Estate) -> String {
        match self {
            EntryPoint::Route(route) => estate.routes[usize::from(route.0)].key(),
            EntryPoint::Schedule(index) => estate.schedules[usize::from(index)].name.to_owned(),
            EntryPoint::Queue(queue) => estate.queues[usize::from(queue.0)].name.to_owned(),
            EntryPoint::Stream(table) => estate.table(table).name.to_owned(),
            EntryPoint::Bucket(bucket) => estate.buckets[usize::from(bucket.0)].name.to_owned(),
            EntryPoint::Machine(machine) => estate.machine(machine).name.to_owned(),
        }
    }

    /// The function that it invokes; none for a state machine, which invokes several.
    pub fn function(self, estate: &Estate) -> Option<FunctionId> {
        let of_source = |source| {
            let own = estate.event_sources.iter().find(|own| own.source == source);
            own.map(|own| own.function)
        };
        match self {
            EntryPoint::Route(route) => Some(estate.routes[usize::from(route.0)].function),
            EntryPoint::Schedule(index) => match estate.schedules[usize::from(index)].target {
                Target::Function(function) => Some(function),
                Target::Machine(_) => None,
            },
            EntryPoint::Queue(queue) => of_source(Source::Queue(queue)),
            EntryPoint::Stream(table) => of_source(Source::Stream(table)),
            EntryPoint::Bucket(bucket) => {
                let notifications = estate.buckets[usize::from(bucket.0)].notifications;
                notifications.first().map(|own| own.function)
            }
            EntryPoint::Machine(_) => None,
        }
    }
}
