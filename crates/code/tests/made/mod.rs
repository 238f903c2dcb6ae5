//! A repository made by git itself, for tests that read it without: those of `code`, and those of the program.

#![allow(dead_code, clippy::unwrap_used)]

use std::path::PathBuf;
use std::process::Command;

/// A repository that goes when the test ends.
pub struct Made(pub PathBuf);

impl Made {
    pub fn new(name: &str) -> Made {
        let folder = std::env::temp_dir().join(format!("why500-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let made = Made(folder);
        made.git(1_790_000_000, &["init", "-q", "-b", "main"]);
        made
    }

    /// Runs git at a time, with nobody's own configuration; gives what it says.
    pub fn git(&self, at_s: i64, words: &[&str]) -> String {
        let date = format!("{at_s} +0000");
        let done = Command::new("git")
            .args(words)
            .current_dir(&self.0)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .envs([
                ("GIT_CONFIG_NOSYSTEM", "1"),
                ("GIT_CONFIG_GLOBAL", "/dev/null"),
                ("HOME", "/nonexistent"),
            ])
            .envs([("GIT_AUTHOR_DATE", date.as_str()), ("GIT_COMMITTER_DATE", date.as_str())])
            .envs([("GIT_AUTHOR_NAME", "Ada"), ("GIT_AUTHOR_EMAIL", "ada@shop.example")])
            .envs([("GIT_COMMITTER_NAME", "CI"), ("GIT_COMMITTER_EMAIL", "ci@shop.example")])
            .output()
            .unwrap();
        assert!(done.status.success(), "{words:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8_lossy(&done.stdout).trim().to_owned()
    }

    pub fn commit(&self, at_s: i64, path: &str, text: &str, subject: &str) -> String {
        let file = self.0.join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
        self.git(at_s, &["add", "-A"]);
        self.git(at_s, &["commit", "-q", "-m", subject]);
        self.git(at_s, &["rev-parse", "HEAD"])
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
