//! The binary, run as a user runs it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// A folder with a configuration and, later, a lake.
pub struct Place {
    folder: TempDir,
}

/// What a run left.
#[derive(Debug)]
pub struct Run {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl From<Output> for Run {
    fn from(output: Output) -> Run {
        Run {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Run {
    /// Checks the exit code and that every text is in what was printed.
    #[track_caller]
    pub fn expect(&self, code: i32, texts: &[&str]) -> &Run {
        assert_eq!(self.code, Some(code), "{self:#?}");
        let printed = format!("{}\n{}", self.stdout, self.stderr);
        for text in texts {
            assert!(printed.contains(text), "`{text}` was not said:\n{printed}");
        }
        assert!(!printed.contains("panicked"), "{printed}");
        self
    }
}

impl Place {
    pub fn new() -> Place {
        Place {
            folder: tempfile::tempdir().expect("a folder"),
        }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn lake(&self) -> PathBuf {
        self.path().join("lake")
    }

    /// Writes `millicent.toml`.
    pub fn configure(&self, text: &str) -> &Place {
        std::fs::write(self.path().join("millicent.toml"), text).expect("a configuration");
        self
    }

    /// A configuration that collects from an endpoint.
    pub fn configure_endpoint(&self, endpoint: &str, history: &str) -> &Place {
        self.configure(&format!(
            "[aws]\nregion = \"eu-central-1\"\nendpoint_url = \"{endpoint}\"\n\
             [collect]\nhistory = \"{history}\"\n\
             [traces]\nsampling_rate = 0.02\nbackfill_sampling_rate = 0.02\n"
        ))
    }

    /// The binary in this folder, with credentials and nothing else of AWS in its environment.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_millicent"));
        self.prepare(&mut command);
        command.args(arguments);
        command
    }

    /// Gives a command this folder and an environment of its own.
    pub fn prepare(&self, command: &mut Command) {
        command
            .current_dir(self.path())
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin")
            .env("HOME", self.path())
            .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
            .env("AWS_SECRET_ACCESS_KEY", "example")
            .env("AWS_EC2_METADATA_DISABLED", "true");
    }

    /// Runs it to its end.
    pub fn run(&self, arguments: &[&str]) -> Run {
        self.command(arguments)
            .output()
            .expect("the binary runs")
            .into()
    }

    /// The first column of the first row of a query.
    #[track_caller]
    pub fn ask(&self, sql: &str) -> String {
        let run = self.run(&["sql", "--format", "csv", sql]);
        assert_eq!(run.code, Some(0), "{run:#?}");
        run.stdout.lines().nth(1).unwrap_or_default().to_owned()
    }
}
