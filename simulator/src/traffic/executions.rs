//! Executions of state machines: those that functions start, and those of schedules.

use rand::{Rng, RngCore};
use rand_chacha::ChaCha8Rng;

use super::{
    Generator,
    invocation::{Asked, Course},
    profile,
    sampling::Sampling,
    shape,
};
use crate::{
    estate::{self, MachineId},
    metrics::events::{Event, visit},
    model::{Doing, Execution, Micros, Target, TaskRun, Work},
};

impl Generator {
    /// Executions that schedules start in the minute.
    pub(super) fn scheduled_executions(
        &self,
        rng: &mut ChaCha8Rng,
        minute: i64,
        cold: &[f64],
    ) -> Vec<Work> {
        let mut starts = Vec::new();
        for schedule in &self.estate.schedules {
            let due = minute.rem_euclid(i64::from(schedule.every_min)) == 0;
            if let (true, estate::Target::Machine(machine)) = (due, schedule.target) {
                let offset = rng.random_range(2_000_000..9_000_000);
                starts.push((shape::start_of(minute) + offset, machine));
            }
        }
        self.executions(rng, starts, cold)
    }

    /// Executions that the work's functions start.
    pub(super) fn started_executions(
        &self,
        rng: &mut ChaCha8Rng,
        work: &[Work],
        cold: &[f64],
    ) -> Vec<Work> {
        let mut starts = Vec::new();
        for work in work {
            visit(work, &mut |_, event| {
                if let Event::Call(call) = event
                    && let (Target::Machine { machine }, false) = (&call.target, call.failed)
                {
                    starts.push((call.start + call.duration_us, *machine));
                }
            });
        }
        self.executions(rng, starts, cold)
    }

    /// Executions in the order of their starts.
    fn executions(
        &self,
        rng: &mut ChaCha8Rng,
        mut starts: Vec<(Micros, MachineId)>,
        cold: &[f64],
    ) -> Vec<Work> {
        starts.sort_unstable();
        let mut sampling = Sampling::new();
        starts
            .into_iter()
            .map(|(start, machine)| {
                let id = (u128::from(rng.next_u64()) << 64) | u128::from(rng.next_u64());
                let execution = self.execution(rng, machine, start, cold);
                let sampled = sampling.takes(rng, machine, start);
                Work {
                    id,
                    start,
                    sampled,
                    doing: Doing::Execution(execution),
                }
            })
            .collect()
    }

    fn execution(
        &self,
        rng: &mut ChaCha8Rng,
        machine: MachineId,
        start: Micros,
        cold: &[f64],
    ) -> Execution {
        let mut tasks = Vec::new();
        let mut failed = false;
        let mut at = start + rng.random_range(20_000..60_000);
        for task in self.estate.machine(machine).tasks {
            let Some(behaviour) = profile::without_api(task.function) else {
                continue;
            };
            failed = rng.random::<f64>() < behaviour.error;
            let asked = Asked {
                function: task.function,
                start: at + rng.random_range(12_000..40_000),
                behaviour,
                course: if failed { Course::Error } else { Course::Usual },
                records: 1,
            };
            let invocation = self.invocation(rng, &asked, cold);
            let end = invocation.end() + rng.random_range(8_000..25_000);
            tasks.push(TaskRun {
                start: at,
                end,
                invocation,
            });
            at = end + rng.random_range(5_000..20_000);
            if failed {
                break;
            }
        }
        Execution {
            machine,
            tasks,
            end: at,
            failed,
        }
    }
}
