//! Whether a command runs only because of what it did itself.
//!
//! When a command runs is left to the caller, and so are the changes. Invariant: a change that comes while no command runs always
//! admits the next run.

/// How many runs in a row, each for nothing but what changed during the run before it, show that a command feeds itself.
const RUNS_MAX: u32 = 3;

/// Counts the runs of a command that nothing but its own changes led to.
#[derive(Debug, Default)]
pub struct Feedback {
    is_running: bool,
    /// Whether something has come at rest since the last run began.
    is_disturbed: bool,
    fed: u32,
}

impl Feedback {
    /// A change has come.
    pub fn handle_change(&mut self) {
        self.is_disturbed |= !self.is_running;
    }

    /// The command has ended, and all that changed while it ran has come.
    pub fn handle_end(&mut self) {
        self.is_running = false;
    }

    /// Says whether the command may run for what has come. If so, it begins to.
    pub fn admits_run(&mut self) -> bool {
        match std::mem::take(&mut self.is_disturbed) {
            true => self.fed = 0,
            false if self.fed == RUNS_MAX => return false,
            false => self.fed += 1,
        }
        self.is_running = true;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_feeds_itself_runs_four_times_and_waits_for_a_change_at_rest() {
        let mut feedback = Feedback::default();
        for _ in 0..2 {
            feedback.handle_change();
            for _ in 0..=RUNS_MAX {
                assert!(feedback.admits_run());
                feedback.handle_change();
                feedback.handle_end();
            }
            assert!(!feedback.admits_run());
            assert!(!feedback.admits_run(), "and goes on waiting");
        }
    }

    #[test]
    fn a_change_at_rest_between_two_runs_begins_the_count_anew() {
        let mut feedback = Feedback::default();
        for _ in 0..100 {
            feedback.handle_change();
            assert!(feedback.admits_run());
            feedback.handle_change();
            feedback.handle_end();
        }
    }
}
